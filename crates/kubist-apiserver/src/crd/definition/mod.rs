//! The rules for definitions themselves.
//!
//! They come in the order of upstream's `pkg/apis/apiextensions/validation`. What all versions
//! have alike is checked once, and named as upstream's internal type keeps it: at the top.

mod approval;
mod conversion;
mod defaults;
mod names;
mod openapi;
mod parts;
mod structural;
mod versions;

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::member::text;
use crate::object::meta;
use crate::object::metavalidate::{NameRule, name_problems};

/// What is wrong with a definition.
pub(crate) fn validate(crd: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let spec = &crd["spec"];
    let group = text(spec, "group");
    let required = format!("{}.{group}", text(&spec["names"], "plural"));
    if old.is_none() && meta::name(crd) != required {
        errors.push(FieldError::invalid_text(
            "metadata.name",
            meta::name(crd),
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    let problems = name_problems(NameRule::Subdomain, group);
    if group.is_empty() {
        errors.push(FieldError::required("spec.group", ""));
    } else if !problems.is_empty() {
        let detail = problems.join(",");
        errors.push(FieldError::invalid_text("spec.group", group, &detail));
    } else if !group.contains('.') {
        let detail = "should be a domain with at least one dot";
        errors.push(FieldError::invalid_text("spec.group", group, detail));
    }
    errors.extend(one_of(
        "spec.scope",
        text(spec, "scope"),
        &["Cluster", "Namespaced"],
    ));
    errors.extend(versions::validate(spec, old));
    errors.extend(names::validate(&spec["names"]));
    errors.extend(parts::shared(spec, old));
    errors.extend(conversion::validate(&spec["conversion"]));
    if let Some(old) = old {
        errors.extend(unchangeable(spec, old));
    }
    errors.extend(approval::validate(crd, old));
    let preserves = |crd: &Value| crd["spec"]["preserveUnknownFields"] == true;
    if preserves(crd) && !old.is_some_and(preserves) {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema \
                      instead";
        errors.push(FieldError::invalid(
            "spec.preserveUnknownFields",
            &true.into(),
            detail,
        ));
    }
    errors
}

/// What of a definition may not change.
fn unchangeable(spec: &Value, old: &Value) -> Vec<FieldError> {
    let established = super::has_condition(old, "Established");
    let old = &old["spec"];
    let mut errors = Vec::new();
    for (path, value, before, always) in [
        ("spec.scope", &spec["scope"], &old["scope"], false),
        (
            "spec.names.kind",
            &spec["names"]["kind"],
            &old["names"]["kind"],
            false,
        ),
        ("spec.group", &spec["group"], &old["group"], true),
        (
            "spec.names.plural",
            &spec["names"]["plural"],
            &old["names"]["plural"],
            true,
        ),
    ] {
        if value != before && (established || always) {
            errors.push(FieldError::immutable(path, value));
        }
    }
    errors
}

fn one_of(path: &str, value: &str, accepted: &[&str]) -> Option<FieldError> {
    if value.is_empty() {
        Some(FieldError::required(path, ""))
    } else if accepted.contains(&value) {
        None
    } else {
        Some(FieldError::not_supported(path, &value.into(), accepted))
    }
}
