//! Whether an object fits the OpenAPI schema of its version.
//!
//! The order and the messages are those of `k8s.io/kube-openapi/pkg/validation`, as a real server
//! passes them on.

mod lists;
mod number;
mod schema;

use serde_json::Value;

use super::{Custom, ratchet};
use crate::http::fields::FieldError;
use schema::Report;

/// What does not fit.
pub(crate) fn validate(
    custom: &Custom,
    new: &Value,
    old: Option<&Value>,
    subresource: &str,
) -> Vec<FieldError> {
    let mut errors = if subresource == "status" {
        // The status alone is looked at, and messages name paths inside it.
        let of = |object: &'_ Value| object.get("status").cloned();
        match (custom.schema.pointer("/properties/status"), of(new)) {
            (Some(schema), Some(status)) => {
                let old = old.and_then(of);
                let report = Report::of(schema, &status, old.as_ref(), "", false);
                let errors = report.errors.into_iter();
                errors.map(|error| error.below("status")).collect()
            }
            _ => Vec::new(),
        }
    } else {
        Report::of(&custom.schema, new, old, "", true).errors
    };
    if let Some(scale) = &custom.scale {
        if subresource != "status" {
            replicas(new, &scale.spec_replicas, &mut errors);
        }
        replicas(new, &scale.status_replicas, &mut errors);
        if let Some(path) = &scale.selector
            && let Some(value) =
                crate::object::meta::at(new, path).filter(|value| !value.is_string() && !value.is_null())
        {
            let detail = accessor(path, value, "string");
            errors.push(FieldError::invalid_text(path, "", &detail));
        }
    }
    // An object that had such items already may keep some.
    let had = old.is_some_and(|old| !lists::validate(&custom.schema, old, "").is_empty());
    if !had {
        errors.extend(lists::validate(&custom.schema, new, ""));
    }
    errors
}

/// What of a value does not fit a schema.
pub(super) fn fits(schema: &Value, value: &Value) -> Vec<FieldError> {
    let mut errors = Report::of(schema, value, None, "", false).errors;
    errors.extend(lists::validate(schema, value, ""));
    errors
}

/// What is wrong with a count that the `scale` subresource shows.
fn replicas(object: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match crate::object::meta::at(object, path) {
        None | Some(Value::Null) => {}
        Some(value) => match value.as_i64() {
            None => errors.push(FieldError::invalid(
                path,
                &0.into(),
                &accessor(path, value, "int64"),
            )),
            Some(count) if count < 0 => {
                errors.push(FieldError::invalid(
                    path,
                    &count.into(),
                    "should be a non-negative integer",
                ));
            }
            Some(count) if count > i64::from(i32::MAX) => {
                let detail = format!("should be less than or equal to {}", i32::MAX);
                errors.push(FieldError::invalid(path, &count.into(), &detail));
            }
            Some(_) => {}
        },
    }
}

fn accessor(path: &str, value: &Value, wanted: &str) -> String {
    let found = match value {
        Value::String(_) => "string",
        Value::Number(_) => "float64",
        Value::Bool(_) => "bool",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Null => "<nil>",
    };
    let shown = kubist_merge::go_value(value);
    format!("{path} accessor error: {shown} is of the type {found}, expected {wanted}")
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.into()
    } else {
        format!("{path}.{key}")
    }
}
