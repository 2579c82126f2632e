//! The rules for definitions themselves.

use serde_json::Value;

use super::structural::{Place, structural};
use crate::http::fields::FieldError;
use crate::kinds::rules::client_config;
use crate::object::meta;
use crate::object::metavalidate::{NameRule, name_problems};
use crate::webhook::is_bundle;

/// What is wrong with a definition.
pub(crate) fn validate(crd: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &crd["spec"];
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let (group, plural) = (text(spec, "group"), text(&spec["names"], "plural"));
    if meta::name(crd) != format!("{plural}.{group}") {
        errors.push(FieldError::invalid_text(
            "metadata.name",
            meta::name(crd),
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    if group.is_empty() {
        errors.push(FieldError::required("spec.group", ""));
    } else {
        for problem in name_problems(NameRule::Subdomain, &group) {
            errors.push(FieldError::invalid_text("spec.group", &group, &problem));
        }
        if !group.contains('.') {
            errors.push(FieldError::invalid_text(
                "spec.group",
                &group,
                "should be a domain with at least one dot",
            ));
        }
    }
    match text(spec, "scope").as_str() {
        "" => errors.push(FieldError::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        other => {
            let supported = ["Cluster", "Namespaced"];
            errors.push(FieldError::not_supported("spec.scope", &other.into(), &supported));
        }
    }
    names(&spec["names"], &mut errors);
    versions(spec, old, &mut errors);
    if let Some(old) = old {
        let established = super::has_condition(old, "Established");
        for (path, value, before) in [
            ("spec.group", &spec["group"], &old["spec"]["group"]),
            ("spec.scope", &spec["scope"], &old["spec"]["scope"]),
            (
                "spec.names.kind",
                &spec["names"]["kind"],
                &old["spec"]["names"]["kind"],
            ),
            (
                "spec.names.plural",
                &spec["names"]["plural"],
                &old["spec"]["names"]["plural"],
            ),
        ] {
            if value != before && (established || matches!(path, "spec.group" | "spec.names.plural")) {
                errors.push(FieldError::immutable(path, value));
            }
        }
    }
    errors
}

fn names(names: &Value, errors: &mut Vec<FieldError>) {
    let text = |key: &str| names.get(key).and_then(Value::as_str).unwrap_or("");
    for key in ["plural", "singular", "kind", "listKind"] {
        let value = text(key);
        let field = format!("spec.names.{key}");
        if value.is_empty() {
            errors.push(FieldError::required(field, ""));
            continue;
        }
        for problem in name_problems(NameRule::Label1035, &value.to_lowercase()) {
            errors.push(FieldError::invalid_text(&field, value, &problem));
        }
        if matches!(key, "plural" | "singular") && value != value.to_lowercase() {
            for problem in name_problems(NameRule::Label1035, value) {
                errors.push(FieldError::invalid_text(&field, value, &problem));
            }
        }
    }
    if !text("kind").is_empty() && text("kind") == text("listKind") {
        let detail = "kind and listKind may not be the same";
        errors.push(FieldError::invalid_text(
            "spec.names.listKind",
            text("listKind"),
            detail,
        ));
    }
    for (list, rule) in [
        ("shortNames", NameRule::Label1035),
        ("categories", NameRule::Label1035),
    ] {
        for (at, name) in meta::strings(names.get(list)).into_iter().enumerate() {
            for problem in name_problems(rule, name) {
                errors.push(FieldError::invalid_text(
                    format!("spec.names.{list}[{at}]"),
                    name,
                    &problem,
                ));
            }
        }
    }
}

fn versions(spec: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let versions = spec
        .get("versions")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if versions.is_empty() {
        errors.push(FieldError::invalid(
            "spec.versions",
            &Value::Null,
            "must have exactly one version marked as storage version",
        ));
    } else if versions
        .iter()
        .filter(|version| version["storage"] == true)
        .count()
        != 1
    {
        let shown = Value::Array(versions.iter().map(|version| version["name"].clone()).collect());
        let detail = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid("spec.versions", &shown, detail));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        let name = version["name"].as_str().unwrap_or("");
        if seen.contains(&name) {
            let field = format!("spec.versions[{at}].name");
            errors.push(FieldError::duplicate(field, &name.into()));
        }
        seen.push(name);
        for problem in name_problems(NameRule::Label1035, name) {
            errors.push(FieldError::invalid_text(
                format!("spec.versions[{at}].name"),
                name,
                &problem,
            ));
        }
    }
    // A server keeps one schema for all versions where they agree, and tells errors from there.
    let same = versions
        .windows(2)
        .all(|pair| pair[0].get("schema") == pair[1].get("schema"));
    for (at, version) in versions.iter().enumerate() {
        if same && at > 0 {
            break;
        }
        let base = if same {
            "spec.validation".to_owned()
        } else {
            format!("spec.versions[{at}].schema")
        };
        match version
            .get("schema")
            .and_then(|schema| schema.get("openAPIV3Schema"))
            .filter(|s| s.is_object())
        {
            None => {
                let field = format!("spec.versions[{at}].schema.openAPIV3Schema");
                errors.push(FieldError::required(field, "schemas are required"));
            }
            Some(schema) => {
                let path = format!("{base}.openAPIV3Schema");
                let before = errors.len();
                structural(schema, &path, Place::Root, errors);
                // Rules are compiled once the schema is sound.
                if errors.len() == before && super::has_rules(schema) {
                    let unchanged = before_in(old, version).is_some_and(|before| before == schema);
                    errors.extend(super::rule_checks::validate(schema, &path, unchanged));
                }
            }
        }
    }
    let strategy = spec["conversion"]["strategy"].as_str().unwrap_or("None");
    match strategy {
        "None" => {
            if spec["conversion"]
                .get("webhook")
                .is_some_and(|webhook| !webhook.is_null())
            {
                let detail = "should not be set when strategy is not set to Webhook";
                errors.push(FieldError::forbidden("spec.conversion.webhook", detail));
            }
        }
        "Webhook" => {
            if spec["conversion"].get("webhook").is_none_or(Value::is_null) {
                let detail = "required when strategy is set to Webhook";
                errors.push(FieldError::required("spec.conversion.webhook", detail));
            } else {
                webhook(&spec["conversion"]["webhook"], errors);
            }
        }
        other => {
            let supported = ["None", "Webhook"];
            errors.push(FieldError::not_supported(
                "spec.conversion.strategy",
                &other.into(),
                &supported,
            ));
        }
    }
}

/// The schema that a version had in the definition that is updated.
fn before_in<'a>(old: Option<&'a Value>, version: &Value) -> Option<&'a Value> {
    let versions = old?.get("spec")?.get("versions")?.as_array()?;
    let before = versions.iter().find(|before| before["name"] == version["name"])?;
    before.get("schema")?.get("openAPIV3Schema")
}

/// What is wrong with how a webhook that converts is called.
fn webhook(webhook: &Value, errors: &mut Vec<FieldError>) {
    let path = "spec.conversion.webhook";
    match webhook.get("clientConfig").filter(|config| config.is_object()) {
        None => {
            let detail = "required when strategy is set to Webhook";
            errors.push(FieldError::required(format!("{path}.clientConfig"), detail));
        }
        Some(config) => {
            let path = format!("{path}.clientConfig");
            client_config(config, &path, errors);
            let bundle = config.get("caBundle").and_then(Value::as_str).unwrap_or("");
            let pem = crate::object::decode::base64(bundle).unwrap_or_default();
            if !bundle.is_empty() && !is_bundle(&pem) {
                let detail = "unable to load root certificates: unable to parse bytes as PEM block";
                errors.push(FieldError::invalid_text(
                    format!("{path}.caBundle"),
                    bundle,
                    detail,
                ));
            }
        }
    }
    let path = format!("{path}.conversionReviewVersions");
    let versions = meta::strings(webhook.get("conversionReviewVersions"));
    if versions.is_empty() {
        errors.push(FieldError::required(path, "must specify one of v1, v1beta1"));
    } else if !versions
        .iter()
        .any(|version| matches!(*version, "v1" | "v1beta1"))
    {
        let detail = "must include at least one of v1, v1beta1";
        errors.push(FieldError::invalid(path, &versions.into(), detail));
    }
}
