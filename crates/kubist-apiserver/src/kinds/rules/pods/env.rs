//! The rules of environments.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::kinds::rules::common::required_text;
use crate::object::member::{given, list, text};

const SOURCES: [&str; 5] = [
    "fieldRef",
    "resourceFieldRef",
    "configMapKeyRef",
    "secretKeyRef",
    "fileKeyRef",
];

/// What of a pod its containers can be told in a variable.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

pub(super) fn validate(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (at, variable) in list(container, "env").iter().enumerate() {
        let path = format!("{path}.env[{at}]");
        required_text(variable, &path, "name", errors);
        if let Some(from) = given(variable, "valueFrom") {
            let has_value = !text(variable, "value").is_empty();
            source(from, has_value, &format!("{path}.valueFrom"), errors);
        }
    }
    for (at, from) in list(container, "envFrom").iter().enumerate() {
        let path = format!("{path}.envFrom[{at}]");
        let sources = ["configMapRef", "secretRef"];
        let found: Vec<_> = sources
            .into_iter()
            .filter(|source| given(from, source).is_some())
            .collect();
        for source in &found {
            required_text(&from[source], &format!("{path}.{source}"), "name", errors);
        }
        let detail = match found.len() {
            0 => "must specify one of: `configMapRef` or `secretRef`",
            1 => continue,
            _ => "may not have more than one field specified at a time",
        };
        errors.push(FieldError::invalid_text(path, "", detail));
    }
}

fn source(from: &Value, has_value: bool, path: &str, errors: &mut Vec<FieldError>) {
    let found: Vec<_> = SOURCES
        .into_iter()
        .filter(|source| given(from, source).is_some())
        .collect();
    if let Some(field) = given(from, "fieldRef") {
        field_reference(field, &format!("{path}.fieldRef"), errors);
    }
    if let Some(resource) = given(from, "resourceFieldRef") {
        required_text(resource, &format!("{path}.resourceFieldRef"), "resource", errors);
    }
    for source in ["configMapKeyRef", "secretKeyRef"] {
        if let Some(key) = given(from, source) {
            for field in ["name", "key"] {
                required_text(key, &format!("{path}.{source}"), field, errors);
            }
        }
    }
    let detail = match found.len() {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        _ if has_value => "may not be specified when `value` is not empty",
        1 => return,
        _ => "may not have more than one field specified at a time",
    };
    errors.push(FieldError::invalid_text(path, "", detail));
}

fn field_reference(field: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let wanted = text(field, "fieldPath");
    if wanted.is_empty() {
        errors.push(FieldError::required(format!("{path}.fieldPath"), ""));
        return;
    }
    let (base, key) = match wanted.split_once("['") {
        Some((base, key)) => (base, key.strip_suffix("']")),
        None => (wanted, None),
    };
    let is_entry = matches!(base, "metadata.labels" | "metadata.annotations");
    if !(is_entry && key.is_some() || FIELDS.contains(&wanted)) {
        let detail = if is_entry {
            "Unsupported value".to_owned()
        } else {
            format!("error converting fieldPath: field label not supported: {wanted}")
        };
        errors.push(FieldError::invalid_text(
            format!("{path}.fieldPath"),
            wanted,
            &detail,
        ));
    }
}
