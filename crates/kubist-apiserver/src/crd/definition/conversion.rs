//! How objects are converted between the versions of a definition.

use serde_json::Value;

use super::one_of;
use crate::http::fields::FieldError;
use crate::kinds::rules::client_config;
use crate::object::member::text;
use crate::object::meta;
use crate::object::metavalidate::{NameRule, name_problems};
use crate::webhook::is_bundle;

/// What is wrong with `spec.conversion`.
pub(super) fn validate(conversion: &Value) -> Vec<FieldError> {
    if !conversion.is_object() {
        return Vec::new();
    }
    let strategy = text(conversion, "strategy");
    let mut errors: Vec<FieldError> = one_of("spec.conversion.strategy", strategy, &["None", "Webhook"])
        .into_iter()
        .collect();
    // Upstream's internal type has no object around these two.
    let (config, versions) = (
        "spec.conversion.webhookClientConfig",
        "spec.conversion.conversionReviewVersions",
    );
    let webhook = &conversion["webhook"];
    let client = webhook.get("clientConfig").filter(|config| config.is_object());
    let reviewed = meta::strings(webhook.get("conversionReviewVersions"));
    if strategy == "Webhook" {
        match client {
            None => errors.push(FieldError::required(
                config,
                "required when strategy is set to Webhook",
            )),
            Some(client) => errors.extend(called(client, config)),
        }
        errors.extend(reviewable(&reviewed, versions));
    } else {
        let detail = "should not be set when strategy is not set to Webhook";
        if client.is_some() {
            errors.push(FieldError::forbidden(config, detail));
        }
        if !reviewed.is_empty() {
            errors.push(FieldError::forbidden(versions, detail));
        }
    }
    errors
}

/// What is wrong with how a webhook is called.
fn called(client: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    client_config(client, path, &mut errors);
    let bundle = text(client, "caBundle");
    let pem = crate::object::decode::base64(bundle).unwrap_or_default();
    if !bundle.is_empty() && !is_bundle(&pem) {
        let detail = "unable to load root certificates: unable to parse bytes as PEM block";
        errors.push(FieldError::invalid_text(
            format!("{path}.caBundle"),
            bundle,
            detail,
        ));
    }
    errors
}

/// What is wrong with the versions of the reviews that a webhook reads.
fn reviewable(versions: &[&str], path: &str) -> Vec<FieldError> {
    if versions.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let mut errors = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        let field = format!("{path}[{at}]");
        if versions.iter().take(at).any(|before| before == version) {
            errors.push(FieldError::invalid_text(field, version, "duplicate version"));
            continue;
        }
        for problem in name_problems(NameRule::Label1035, version) {
            errors.push(FieldError::invalid_text(&field, version, &problem));
        }
    }
    if !versions
        .iter()
        .any(|version| matches!(*version, "v1" | "v1beta1"))
    {
        let detail = "must include at least one of v1, v1beta1";
        errors.push(FieldError::invalid(path, &versions.into(), detail));
    }
    errors
}
