//! What a structural schema does to an object: pruning and defaulting.

use kubist_schema::Message;
use serde_json::{Map, Value};

use crate::object::decode;

/// Reads an object of a custom kind; gives it pruned, with the paths of what was pruned.
///
/// # Errors
///
/// The text of Go's decoding error, for `metadata`.
pub(crate) fn decode(schema: &Value, mut value: Value) -> Result<(Value, Vec<String>), String> {
    drop_nulls(schema, &mut value);
    decode_applied(schema, value)
}

/// Reads what an apply made of an object: [`decode`] for objects whose nulls are meant.
pub(crate) fn decode_applied(schema: &Value, mut value: Value) -> Result<(Value, Vec<String>), String> {
    let mut unknown = Vec::new();
    if let (Some(slot), Some(message)) = (value.get_mut("metadata"), object_meta()) {
        let (metadata, extra) = decode::decode(message, slot.take())?;
        *slot = metadata;
        unknown.extend(extra.into_iter().map(|path| format!("metadata.{path}")));
    }
    let mut pruned = Vec::new();
    prune_object(schema, &mut value, "", &mut pruned, true);
    pruned.sort();
    unknown.append(&mut pruned);
    embedded(schema, &mut value, "", &mut unknown)?;
    Ok((value, unknown))
}

fn object_meta() -> Option<&'static Message> {
    kubist_schema::message("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta")
}

/// Removes what the schema does not specify.
pub(crate) fn prune(schema: &Value, value: &mut Value) {
    prune_object(schema, value, "", &mut Vec::new(), true);
}

fn is(schema: &Value, extension: &str) -> bool {
    schema.get(extension) == Some(&Value::Bool(true))
}

fn prune_object(schema: &Value, value: &mut Value, path: &str, unknown: &mut Vec<String>, root: bool) {
    let Value::Object(map) = value else { return };
    let keep = |key: &str| root && matches!(key, "apiVersion" | "kind" | "metadata");
    prune_map(schema, map, path, unknown, &keep);
}

fn prune_map(
    schema: &Value,
    map: &mut Map<String, Value>,
    path: &str,
    unknown: &mut Vec<String>,
    keep: &dyn Fn(&str) -> bool,
) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let additional = schema.get("additionalProperties");
    let preserve = is(schema, "x-kubernetes-preserve-unknown-fields");
    map.retain(|key, value| {
        if keep(key) {
            return true;
        }
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if let Some(property) = properties.and_then(|properties| properties.get(key)) {
            prune_value(property, value, &path, unknown);
            return true;
        }
        match additional {
            Some(additional @ Value::Object(_)) => {
                prune_value(additional, value, &path, unknown);
                true
            }
            Some(Value::Bool(true)) => true,
            _ if preserve => true,
            _ => {
                unknown.push(path);
                false
            }
        }
    });
}

fn prune_value(schema: &Value, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let embedded = is(schema, "x-kubernetes-embedded-resource");
            let keep = |key: &str| embedded && matches!(key, "apiVersion" | "kind" | "metadata");
            prune_map(schema, map, path, unknown, &keep);
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for (at, item) in items.iter_mut().enumerate() {
                    prune_value(schema, item, &format!("{path}[{at}]"), unknown);
                }
            }
        }
        _ => {}
    }
}

/// Fills in the schema's defaults.
pub(crate) fn default(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            for (key, property) in properties.into_iter().flatten() {
                if let Some(default) = property.get("default") {
                    let nullable = is(property, "nullable");
                    match map.get(key) {
                        None => {
                            map.insert(key.clone(), default.clone());
                        }
                        Some(Value::Null) if !nullable => {
                            map.insert(key.clone(), default.clone());
                        }
                        Some(_) => {}
                    }
                }
            }
            let additional = schema
                .get("additionalProperties")
                .filter(|schema| schema.is_object());
            for (key, value) in map.iter_mut() {
                match properties.and_then(|properties| properties.get(key)) {
                    Some(property) => self::default(property, value),
                    None => {
                        if let Some(additional) = additional {
                            replace_null(additional, value);
                            self::default(additional, value);
                        }
                    }
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    replace_null(schema, item);
                    default(schema, item);
                }
            }
        }
        _ => {}
    }
}

/// Gives the default for a null that is not allowed.
fn replace_null(schema: &Value, value: &mut Value) {
    if value.is_null()
        && !is(schema, "nullable")
        && let Some(default) = schema.get("default")
    {
        *value = default.clone();
    }
}

/// Drops nulls where the schema neither allows them nor has a default that replaces them:
/// such a field counts as not given.
fn drop_nulls(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let values = schema
                .get("additionalProperties")
                .filter(|values| values.is_object());
            map.retain(|key, value| {
                let property = properties.and_then(|properties| properties.get(key));
                let Some(of) = property.or(values) else {
                    return true;
                };
                if value.is_null() && !is(of, "nullable") && of.get("default").is_none() {
                    return false;
                }
                drop_nulls(of, value);
                true
            });
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| drop_nulls(schema, item));
            }
        }
        _ => {}
    }
}

/// Reads the metadata of the resources inside of an object.
fn embedded(schema: &Value, value: &mut Value, path: &str, unknown: &mut Vec<String>) -> Result<(), String> {
    match value {
        Value::Object(map) => {
            if is(schema, "x-kubernetes-embedded-resource")
                && let (Some(slot), Some(message)) = (map.get_mut("metadata"), object_meta())
            {
                let place = format!("{path}.metadata");
                let shown = slot.to_string();
                let (metadata, extra) = decode::decode(message, slot.take())
                    .map_err(|why| format!("{place}: Invalid value: {shown}: {why}"))?;
                *slot = metadata;
                unknown.extend(extra.into_iter().map(|extra| format!("{place}.{extra}")));
            }
            let properties = schema.get("properties").and_then(Value::as_object);
            let values = schema
                .get("additionalProperties")
                .filter(|values| values.is_object());
            for (key, value) in map.iter_mut() {
                let property = properties.and_then(|properties| properties.get(key));
                if let Some(of) = property.or(values) {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    embedded(of, value, &path, unknown)?;
                }
            }
        }
        Value::Array(items) => {
            if let Some(of) = schema.get("items") {
                for (at, item) in items.iter_mut().enumerate() {
                    embedded(of, item, &format!("{path}[{at}]"), unknown)?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "color": {"type": "string", "default": "red"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "list": {"type": "array", "items": {"type": "object", "properties": {
                "a": {"type": "integer", "default": 1}}}},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"b": {"type": "string"}}}},
            "nul": {"type": "string", "nullable": true, "default": "x"},
        }}}})
    }

    #[test]
    fn unknown_fields_are_pruned_and_named() {
        let object = json!({"apiVersion": "v", "kind": "K", "metadata": {"name": "n", "odd": 1}, "extra": 1,
            "spec": {"nope": 1, "free": {"x": 1}, "list": [{"z": 1}], "map": {"k": {"b": "", "c": 1}}}});
        let (pruned, unknown) = decode(&schema(), object).unwrap();
        assert_eq!(
            unknown,
            [
                "metadata.odd",
                "extra",
                "spec.list[0].z",
                "spec.map.k.c",
                "spec.nope"
            ]
        );
        assert_eq!(
            pruned["spec"],
            json!({"free": {"x": 1}, "list": [{}], "map": {"k": {"b": ""}}})
        );
    }

    #[test]
    fn defaults_fill_what_is_absent_or_null_but_nullable_nulls_stay() {
        let mut object = json!({"spec": {"list": [{}, {"a": 2}], "nul": null, "color": null}});
        default(&schema(), &mut object);
        assert_eq!(
            object,
            json!({"spec": {"color": "red", "list": [{"a": 1}, {"a": 2}], "nul": null}})
        );
    }

    #[test]
    fn defaults_do_not_make_their_parents() {
        let mut object = json!({});
        default(&schema(), &mut object);
        assert_eq!(object, json!({}));
    }
}
