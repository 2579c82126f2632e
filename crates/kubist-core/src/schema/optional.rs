//! Options: a schema or null.

use schemars::{
    Schema,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

use super::INT_OR_STRING;

/// Makes an `Option` of an enum a nullable enum.
///
/// schemars describes `Option<LogLevel>` as any of the enum and null:
///
/// ```json
/// { "anyOf": [{ "enum": ["Debug", "Info"], "type": "string" }, { "enum": [null], "nullable": true }] }
/// ```
///
/// This makes of it what servers take:
///
/// ```json
/// { "enum": ["Debug", "Info"], "type": "string", "nullable": true }
/// ```
#[derive(Debug, Clone, Default)]
pub struct OptionalEnum;

impl Transform for OptionalEnum {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(schema) = schema.as_object_mut() {
            collapse(schema, |some| {
                some.contains_key("enum") || some.contains_key("oneOf")
            });
        }
    }
}

/// Makes an `Option` of an integer or string nullable.
///
/// schemars describes `Option<Quantity>` as any of the two and null:
///
/// ```json
/// { "anyOf": [{ "x-kubernetes-int-or-string": true }, { "enum": [null], "nullable": true }] }
/// ```
///
/// This makes of it what servers take:
///
/// ```json
/// { "x-kubernetes-int-or-string": true, "nullable": true }
/// ```
#[derive(Debug, Clone, Default)]
pub struct OptionalIntOrString;

impl Transform for OptionalIntOrString {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(schema) = schema.as_object_mut() {
            collapse(schema, |some| some.contains_key(INT_OR_STRING));
            mark_unrequired(schema);
        }
    }
}

/// Newer versions of schemars say nothing of null where a schema without a type takes it anyway:
/// then an `Option` is what nothing requires and nothing defaults.
fn mark_unrequired(schema: &mut Map<String, Value>) {
    let mut required = Vec::new();
    collect_required(schema, &mut required);
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    for (name, property) in properties {
        if let Value::Object(property) = property
            && property.contains_key(INT_OR_STRING)
            && !property.contains_key("default")
            && !required.contains(name)
        {
            property.insert("nullable".to_owned(), json!(true));
        }
    }
}

/// The names that a schema or one of its variants requires.
fn collect_required(schema: &Map<String, Value>, required: &mut Vec<String>) {
    let names = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    required.extend(names.filter_map(Value::as_str).map(str::to_owned));
    for junctor in ["allOf", "anyOf", "oneOf"] {
        let variants = schema
            .get(junctor)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        variants
            .filter_map(Value::as_object)
            .for_each(|variant| collect_required(variant, required));
    }
}

/// Turns any of a schema and null into a nullable schema, if the schema is `wanted`.
pub(super) fn collapse(schema: &mut Map<String, Value>, wanted: impl Fn(&Map<String, Value>) -> bool) {
    let Some(Value::Array(variants)) = schema.get("anyOf") else {
        return;
    };
    let some = match variants.as_slice() {
        [Value::Object(some), null] | [null, Value::Object(some)] if is_null(null) && wanted(some) => {
            some.clone()
        }
        _ => return,
    };
    schema.remove("anyOf");
    for (key, value) in some {
        // What the field says of itself goes before what its type says.
        schema.entry(key).or_insert(value);
    }
    schema.insert("nullable".to_owned(), json!(true));
}

/// Whether a schema takes null alone.
pub(super) fn is_null(schema: &Value) -> bool {
    let Value::Object(schema) = schema else {
        return false;
    };
    let null = json!([null]);
    let says_null = schema.get("enum") == Some(&null)
        || schema.get("const") == Some(&Value::Null)
        || schema.get("type") == Some(&json!("null"));
    says_null
        && schema.keys().all(|key| {
            [
                "enum",
                "const",
                "type",
                "nullable",
                "description",
                "title",
                "default",
            ]
            .contains(&key.as_str())
        })
}
