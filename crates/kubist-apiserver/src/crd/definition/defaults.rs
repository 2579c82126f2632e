//! The defaults in a schema, which have to fit it.

use serde_json::{Map, Value};

use crate::crd::{structure, validate};
use crate::http::fields::FieldError;

/// What is wrong with the defaults in a schema.
pub(super) fn validate(schema: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(schema, path, true, &mut errors);
    errors
}

fn walk(schema: &Value, path: &str, root: bool, errors: &mut Vec<FieldError>) {
    if let Some(default) = schema.get("default").filter(|default| !default.is_null()) {
        errors.extend(check(schema, default, &format!("{path}.default")));
    }
    // Upstream does not look at the defaults of values under any key.
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        walk(items, &format!("{path}.items"), false, errors);
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        if !(root && matches!(name.as_str(), "metadata" | "apiVersion" | "kind")) {
            walk(property, &format!("{path}.properties[{name}]"), false, errors);
        }
    }
}

fn check(schema: &Value, default: &Value, place: &str) -> Vec<FieldError> {
    // What is pruned is a part of an object.
    let part = "default";
    let within = |value: &Value| Value::Object(Map::from_iter([(part.to_owned(), value.clone())]));
    let around = serde_json::json!({"type": "object", "properties": {part: schema}});
    let mut pruned = within(default);
    structure::prune(&around, &mut pruned);
    if pruned[part] != *default {
        return vec![FieldError::invalid(
            place,
            default,
            "must not have unknown fields",
        )];
    }
    let errors = validate::fits(schema, default).into_iter();
    errors.map(|error| error.below(place)).collect()
}
