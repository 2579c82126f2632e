//! What of OpenAPI a schema may use.

use serde_json::{Value, json};

use crate::http::fields::FieldError;
use crate::object::member::{list, text};
use crate::object::meta;

const UNSUPPORTED: [&str; 5] = [
    "id",
    "additionalItems",
    "patternProperties",
    "definitions",
    "dependencies",
];

/// Adds what is wrong with a schema, as far as that was not found already.
pub(super) fn validate(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut found = Vec::new();
    walk(schema, path, &mut found);
    for error in found {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
}

fn walk(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let is = |extension: &str| schema.get(extension) == Some(&Value::Bool(true));
    let field = |key: &str| format!("{path}.{key}");
    let ty = text(schema, "type");
    if !matches!(
        ty,
        "" | "object" | "array" | "string" | "integer" | "number" | "boolean"
    ) {
        let supported = ["array", "boolean", "integer", "number", "object", "string"];
        errors.push(FieldError::not_supported(field("type"), &ty.into(), &supported));
    }
    for key in UNSUPPORTED {
        if schema.get(key).is_some_and(|value| !value.is_null()) {
            errors.push(FieldError::forbidden(
                field(key),
                &format!("{key} is not supported"),
            ));
        }
    }
    if schema.get("$ref").is_some_and(|value| !value.is_null()) {
        errors.push(FieldError::forbidden(field("$ref"), "$ref is not supported"));
    }
    if schema.get("items").is_some_and(Value::is_array) {
        let detail = "items must be a schema object and not an array";
        errors.push(FieldError::forbidden(field("items"), detail));
    }
    if is("uniqueItems") {
        let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(field("uniqueItems"), detail));
    }
    below(schema, path, errors);
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        errors.push(FieldError::invalid(
            field("x-kubernetes-preserve-unknown-fields"),
            &false.into(),
            "must be true or undefined",
        ));
    }
    list_type(schema, path, errors);
}

fn below(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    if let Some(values) = schema.get("additionalProperties") {
        if properties.is_some_and(|properties| !properties.is_empty()) && *values != true {
            let detail = "additionalProperties and properties are mutual exclusive";
            errors.push(FieldError::forbidden(
                format!("{path}.additionalProperties"),
                detail,
            ));
        }
        if values.is_object() {
            walk(values, &format!("{path}.additionalProperties"), errors);
        }
    }
    for (name, property) in properties.into_iter().flatten() {
        walk(property, &format!("{path}.properties[{name}]"), errors);
    }
    if let Some(not) = schema.get("not").filter(|not| not.is_object()) {
        walk(not, &format!("{path}.not"), errors);
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        for (at, part) in list(schema, key).iter().enumerate() {
            walk(part, &format!("{path}.{key}[{at}]"), errors);
        }
    }
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        walk(items, &format!("{path}.items"), errors);
    }
}

fn list_type(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let field = |key: &str| format!("{path}.{key}");
    let (ty, list_type) = (text(schema, "type"), text(schema, "x-kubernetes-list-type"));
    let keys = meta::strings(schema.get("x-kubernetes-list-map-keys"));
    let items = schema.get("items").filter(|items| items.is_object());
    if !list_type.is_empty() && ty != "array" {
        let detail = "must be array if x-kubernetes-list-type is specified";
        errors.push(if ty.is_empty() {
            FieldError::required(field("type"), detail)
        } else {
            FieldError::invalid_text(field("type"), ty, detail)
        });
    } else if let (Some(items), "set") = (items, list_type) {
        let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
        let (key, atomic) = match text(items, "type") {
            "array" => ("x-kubernetes-list-type", true),
            "object" => ("x-kubernetes-map-type", false),
            _ => ("", false),
        };
        let given = items.get(key).filter(|given| !given.is_null());
        let is_atomic = given.map_or(atomic, |given| *given == "atomic");
        if !key.is_empty() && !is_atomic {
            let shown = items.get("x-kubernetes-list-type").unwrap_or(&Value::Null);
            errors.push(FieldError::invalid(field(&format!("items.{key}")), shown, detail));
        }
    }
    if !matches!(list_type, "" | "atomic" | "set" | "map") {
        let supported = ["atomic", "set", "map"];
        let field = field("x-kubernetes-list-type");
        errors.push(FieldError::not_supported(field, &list_type.into(), &supported));
    }
    if !keys.is_empty() && list_type != "map" {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        let field = field("x-kubernetes-list-type");
        errors.push(if list_type.is_empty() {
            FieldError::required(field, detail)
        } else {
            FieldError::invalid_text(field, list_type, detail)
        });
    }
    if list_type == "map" {
        map_keys(&keys, items, path, errors);
    }
    if let (Some(items), "set" | "map") = (items, list_type) {
        settled(&keys, items, list_type, path, errors);
    }
}

fn map_keys(keys: &[&str], items: Option<&Value>, path: &str, errors: &mut Vec<FieldError>) {
    let place = format!("{path}.x-kubernetes-list-map-keys");
    if keys.is_empty() {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        errors.push(FieldError::required(&place, detail));
    }
    let Some(items) = items else {
        let detail = "must have a schema if x-kubernetes-list-type is map";
        return errors.push(FieldError::required(format!("{path}.items"), detail));
    };
    let ty = text(items, "type");
    if ty != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        return errors.push(FieldError::invalid_text(format!("{path}.items.type"), ty, detail));
    }
    let shown = json!(keys);
    for (at, key) in keys.iter().enumerate() {
        match items.get("properties").and_then(|properties| properties.get(key)) {
            None => {
                let detail = "entries must all be names of item properties";
                errors.push(FieldError::invalid(&place, &shown, detail));
            }
            Some(property) if matches!(text(property, "type"), "array" | "object") => {
                let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                let field = format!("{path}.items.properties[{key}].type");
                errors.push(FieldError::invalid_text(field, ty, detail));
            }
            Some(_) => {}
        }
        if keys.iter().take(at).any(|before| before == key) {
            let detail = "must not contain duplicate entries";
            errors.push(FieldError::invalid(&place, &shown, detail));
        }
    }
}

/// What tells items apart is there in all of them.
fn settled(keys: &[&str], items: &Value, list_type: &str, path: &str, errors: &mut Vec<FieldError>) {
    let is_nullable = |schema: &Value| schema.get("nullable") == Some(&Value::Bool(true));
    if is_nullable(items) {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
        errors.push(FieldError::forbidden(format!("{path}.items.nullable"), &detail));
    }
    let required = meta::strings(items.get("required"));
    for key in keys.iter().filter(|_| list_type == "map") {
        let Some(property) = items.get("properties").and_then(|properties| properties.get(key)) else {
            continue;
        };
        let field = |name: &str| format!("{path}.items.properties[{key}].{name}");
        if !required.contains(key) && property.get("default").is_none() {
            errors.push(FieldError::required(
                field("default"),
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
            ));
        }
        if is_nullable(property) {
            errors.push(FieldError::forbidden(
                field("nullable"),
                "this property is in x-kubernetes-list-map-keys, so it cannot be nullable",
            ));
        }
    }
}
