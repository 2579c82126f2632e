//! Whether a schema is structural.

use regex::Regex;
use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::meta;

/// Where in a schema we are: each place has its own rules.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Property,
    Items,
}

pub(super) fn structural(schema: &Value, path: &str, place: Place, errors: &mut Vec<FieldError>) {
    let is = |extension: &str| schema.get(extension) == Some(&Value::Bool(true));
    let ty = schema.get("type").and_then(Value::as_str).unwrap_or("");
    let any = is("x-kubernetes-int-or-string") || is("x-kubernetes-preserve-unknown-fields");
    if ty.is_empty() {
        let detail = match place {
            Place::Root => Some("must not be empty at the root"),
            Place::Property if !any => Some("must not be empty for specified object fields"),
            Place::Items if !any => Some("must not be empty for specified array items"),
            _ => None,
        };
        if let Some(detail) = detail {
            errors.push(FieldError::required(format!("{path}.type"), detail));
        }
    } else if place == Place::Root && ty != "object" {
        errors.push(FieldError::invalid_text(
            format!("{path}.type"),
            ty,
            "must be object at the root",
        ));
    } else if !matches!(
        ty,
        "object" | "array" | "string" | "integer" | "number" | "boolean"
    ) {
        let supported = ["array", "boolean", "integer", "number", "object", "string"];
        errors.push(FieldError::not_supported(
            format!("{path}.type"),
            &ty.into(),
            &supported,
        ));
    }
    if is("x-kubernetes-int-or-string") && !ty.is_empty() {
        let detail = "must be empty if x-kubernetes-int-or-string is true";
        errors.push(FieldError::invalid_text(format!("{path}.type"), ty, detail));
    }
    if is("x-kubernetes-embedded-resource") && ty != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(FieldError::invalid_text(format!("{path}.type"), ty, detail));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && let Err(error) = Regex::new(pattern)
    {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        errors.push(FieldError::invalid_text(
            format!("{path}.pattern"),
            pattern,
            &detail,
        ));
    }
    if is("uniqueItems") {
        errors.push(FieldError::forbidden(
            format!("{path}.uniqueItems"),
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        ));
    }
    list_type(schema, path, ty, errors);
    if let (Some(_), Some(Value::Object(properties))) =
        (schema.get("additionalProperties"), schema.get("properties"))
        && !properties.is_empty()
    {
        errors.push(FieldError::forbidden(
            format!("{path}.additionalProperties"),
            "additionalProperties and properties are mutual exclusive",
        ));
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        for (at, part) in schema
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            value_validation(part, &format!("{path}.{key}[{at}]"), errors);
        }
    }
    if let Some(not) = schema.get("not").filter(|not| not.is_object()) {
        value_validation(not, &format!("{path}.not"), errors);
    }
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if place == Place::Root && name == "metadata" {
            continue;
        }
        structural(
            property,
            &format!("{path}.properties[{name}]"),
            Place::Property,
            errors,
        );
    }
    if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
        structural(
            values,
            &format!("{path}.additionalProperties"),
            Place::Property,
            errors,
        );
    }
    match schema.get("items") {
        Some(items @ Value::Object(_)) => structural(items, &format!("{path}.items"), Place::Items, errors),
        _ if ty == "array" => errors.push(FieldError::required(format!("{path}.items"), "must be specified")),
        _ => {}
    }
}

fn list_type(schema: &Value, path: &str, ty: &str, errors: &mut Vec<FieldError>) {
    let keys = meta::strings(schema.get("x-kubernetes-list-map-keys"));
    match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        None => {}
        Some(_) if ty != "array" => {
            let detail = "must be array if x-kubernetes-list-type is specified";
            errors.push(FieldError::invalid_text(format!("{path}.type"), ty, detail));
        }
        Some("map") if keys.is_empty() => errors.push(FieldError::required(
            format!("{path}.x-kubernetes-list-map-keys"),
            "must not be empty if x-kubernetes-list-type is map",
        )),
        Some("atomic" | "set" | "map") => {}
        Some(other) => {
            let supported = ["atomic", "map", "set"];
            errors.push(FieldError::not_supported(
                format!("{path}.x-kubernetes-list-type"),
                &other.into(),
                &supported,
            ));
        }
    }
    let items = schema.get("items");
    let properties = items.and_then(|items| items.get("properties"));
    let required = items
        .map(|items| meta::strings(items.get("required")))
        .unwrap_or_default();
    for (at, key) in keys.into_iter().enumerate() {
        let field = format!("{path}.x-kubernetes-list-map-keys[{at}]");
        match properties.and_then(|properties| properties.get(key)) {
            None => errors.push(FieldError::invalid_text(
                field,
                key,
                "must be the name of a property of the items",
            )),
            Some(property) if property.get("default").is_none() && !required.contains(&key) => {
                errors.push(FieldError::required(
                    format!("{path}.items.properties[{key}].default"),
                    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
                ));
            }
            Some(_) => {}
        }
    }
}

/// Inside logical junctors only validation is allowed, no structure.
fn value_validation(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for key in [
        "type",
        "default",
        "description",
        "nullable",
        "additionalProperties",
    ] {
        let set = schema
            .get(key)
            .is_some_and(|value| !value.is_null() && *value != "" && *value != false);
        if set
            && !(key == "type"
                && schema
                    .get("type")
                    .is_some_and(|ty| ty == "integer" || ty == "string"))
        {
            errors.push(FieldError::forbidden(
                format!("{path}.{key}"),
                "must be empty to be structural",
            ));
        }
    }
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        value_validation(property, &format!("{path}.properties[{name}]"), errors);
    }
    if let Some(items @ Value::Object(_)) = schema.get("items") {
        value_validation(items, &format!("{path}.items"), errors);
    }
}
