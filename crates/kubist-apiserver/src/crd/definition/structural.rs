//! Whether a schema is structural.

use regex::Regex;
use serde_json::{Value, json};

use crate::http::fields::FieldError;
use crate::object::member::{list, text};

/// Where in a schema we are: each place has its own rules.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Property,
    Items,
}

/// What of a schema is not structural, in the order of the messages.
pub(super) fn structural(schema: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    invariants(schema, path, Place::Root, &mut errors);
    errors.sort_by_cached_key(ToString::to_string);
    errors
}

fn is(schema: &Value, extension: &str) -> bool {
    schema.get(extension) == Some(&Value::Bool(true))
}

fn invariants(schema: &Value, path: &str, place: Place, errors: &mut Vec<FieldError>) {
    let field = |key: &str| format!("{path}.{key}");
    let ty = text(schema, "type");
    match schema.get("items") {
        Some(items @ Value::Object(_)) => invariants(items, &field("items"), Place::Items, errors),
        Some(Value::Array(_)) => {}
        _ if ty == "array" => errors.push(FieldError::required(field("items"), "must be specified")),
        _ => {}
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        // The metadata of an object has rules of its own.
        if !(place == Place::Root && name == "metadata") {
            let path = format!("{path}.properties[{name}]");
            invariants(property, &path, Place::Property, errors);
        }
    }
    if let Some(values) = schema
        .get("additionalProperties")
        .filter(|values| !values.is_null())
    {
        if place == Place::Root {
            let detail = "must not be used at the root";
            errors.push(FieldError::forbidden(field("additionalProperties"), detail));
        }
        if values.is_object() {
            invariants(values, &field("additionalProperties"), Place::Property, errors);
        }
    }
    extensions(schema, path, errors);
    validation(schema, path, errors);
    types(schema, ty, path, place, errors);
    common(schema, path, place, errors);
}

fn extensions(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if !is(schema, "x-kubernetes-int-or-string") {
        return;
    }
    for extension in [
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-embedded-resource",
    ] {
        if is(schema, extension) {
            let detail = "must be false if x-kubernetes-int-or-string is true";
            errors.push(FieldError::invalid(
                format!("{path}.{extension}"),
                &true.into(),
                detail,
            ));
        }
    }
    let ty = text(schema, "type");
    if !ty.is_empty() {
        let detail = "must be empty if x-kubernetes-int-or-string is true";
        errors.push(FieldError::invalid_text(format!("{path}.type"), ty, detail));
    }
}

fn types(schema: &Value, ty: &str, path: &str, place: Place, errors: &mut Vec<FieldError>) {
    let field = format!("{path}.type");
    let any = is(schema, "x-kubernetes-int-or-string") || is(schema, "x-kubernetes-preserve-unknown-fields");
    let embedded = is(schema, "x-kubernetes-embedded-resource");
    if embedded && ty != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(if ty.is_empty() {
            FieldError::required(&field, detail)
        } else {
            FieldError::invalid_text(&field, ty, detail)
        });
    } else if ty.is_empty() && (!any || place == Place::Root) {
        let detail = match place {
            Place::Root => "must not be empty at the root",
            Place::Items => "must not be empty for specified array items",
            Place::Property => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(&field, detail));
    }
    if embedded
        && schema
            .get("additionalProperties")
            .is_some_and(|values| !values.is_null())
    {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(FieldError::forbidden(
            format!("{path}.additionalProperties"),
            detail,
        ));
    }
    if place == Place::Root && !ty.is_empty() && ty != "object" {
        let detail = "must be object at the root";
        errors.push(FieldError::invalid_text(&field, ty, detail));
    }
}

/// The fields that every resource has.
fn common(schema: &Value, path: &str, place: Place, errors: &mut Vec<FieldError>) {
    let embedded = is(schema, "x-kubernetes-embedded-resource");
    let is_resource = place == Place::Root || embedded;
    let properties = schema.get("properties").and_then(Value::as_object);
    let property = |name: &str| properties.and_then(|properties| properties.get(name));
    for name in ["kind", "apiVersion"] {
        if let Some(property) = property(name).filter(|_| is_resource)
            && text(property, "type") != "string"
        {
            errors.push(FieldError::invalid_text(
                format!("{path}.properties[{name}].type"),
                text(property, "type"),
                "must be string",
            ));
        }
    }
    if let Some(metadata) = property("metadata") {
        let path = format!("{path}.properties[metadata]");
        if is_resource && text(metadata, "type") != "object" {
            errors.push(FieldError::invalid_text(
                format!("{path}.type"),
                text(metadata, "type"),
                "must be object",
            ));
        }
        if place == Place::Root && !is_plain_metadata(metadata) {
            errors.push(FieldError::forbidden(
                path,
                "must not specify anything other than name and generateName, but metadata is implicitly specified",
            ));
        }
    }
    let is_empty = properties.is_none_or(serde_json::Map::is_empty);
    if embedded && !is(schema, "x-kubernetes-preserve-unknown-fields") && is_empty {
        errors.push(FieldError::required(
            format!("{path}.properties"),
            "must not be empty if x-kubernetes-embedded-resource is true without \
             x-kubernetes-preserve-unknown-fields",
        ));
    }
}

/// Whether a schema for metadata says nothing but how names are.
fn is_plain_metadata(metadata: &Value) -> bool {
    let fields = metadata.as_object().into_iter().flatten();
    fields
        .filter(|(_, value)| !value.is_null() && **value != "")
        .all(|(key, value)| match key.as_str() {
            "type" | "default" => true,
            "properties" => value.as_object().is_some_and(|properties| {
                let mut names = properties.keys();
                names.all(|name| matches!(name.as_str(), "name" | "generateName"))
            }),
            _ => false,
        })
}

/// What a schema says of values beside their structure.
fn validation(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    // The one way to say that both are allowed.
    let int_or_string = json!([{"type": "integer"}, {"type": "string"}]);
    let says_both = |schema: &Value| schema.get("anyOf") == Some(&int_or_string);
    for key in ["anyOf", "allOf", "oneOf"] {
        if key == "anyOf" && says_both(schema) {
            continue;
        }
        for (at, part) in list(schema, key).iter().enumerate() {
            let path = format!("{path}.{key}[{at}]");
            if key == "allOf" && at == 0 && says_both(part) {
                let mut rest = part.clone();
                rest.as_object_mut().map(|rest| rest.remove("anyOf"));
                nested(&rest, &path, errors);
            } else {
                nested(part, &path, errors);
            }
        }
    }
    if let Some(not) = schema.get("not").filter(|not| not.is_object()) {
        nested(not, &format!("{path}.not"), errors);
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && let Err(error) = Regex::new(pattern)
    {
        let detail = format!(
            "must be a valid regular expression, but isn't: error parsing regexp: {}",
            complaint(&error)
        );
        errors.push(FieldError::invalid_text(
            format!("{path}.pattern"),
            pattern,
            &detail,
        ));
    }
}

/// What the compiler of patterns says, in one line.
fn complaint(error: &regex::Error) -> String {
    let told = error.to_string();
    let last = told.lines().last().unwrap_or("");
    last.trim_start_matches("error: ").to_owned()
}

/// Inside logical junctors only validation is allowed, no structure.
fn nested(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    validation(schema, path, errors);
    if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
        nested(items, &format!("{path}.items"), errors);
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        nested(property, &format!("{path}.properties[{name}]"), errors);
    }
    for (key, must) in [
        ("type", "be empty"),
        ("additionalProperties", "be undefined"),
        ("default", "be undefined"),
        ("title", "be empty"),
        ("description", "be empty"),
        ("nullable", "be false"),
        ("x-kubernetes-preserve-unknown-fields", "be false"),
        ("x-kubernetes-embedded-resource", "be false"),
        ("x-kubernetes-int-or-string", "be false"),
        ("x-kubernetes-list-map-keys", "be empty"),
        ("x-kubernetes-list-type", "be undefined"),
        ("x-kubernetes-map-type", "be undefined"),
        ("x-kubernetes-validations", "be empty"),
    ] {
        let set = schema
            .get(key)
            .is_some_and(|value| !value.is_null() && *value != "" && *value != false && *value != json!([]));
        if set {
            let detail = format!("must {must} to be structural");
            errors.push(FieldError::forbidden(format!("{path}.{key}"), &detail));
        }
    }
    if properties.is_some_and(|properties| properties.contains_key("metadata")) {
        let detail = "must not be specified in a nested context";
        errors.push(FieldError::forbidden(
            format!("{path}.properties[metadata]"),
            detail,
        ));
    }
}
