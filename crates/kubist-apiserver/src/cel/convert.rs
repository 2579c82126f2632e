//! Values of expressions, made from JSON.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::{Value, objects};
use serde_json::Value as Json;

use super::escape::escape;
use super::unseen::Unseen;

/// A value of no particular type: keys stay as they are.
pub(crate) fn to_cel(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number_of(number),
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Json::Object(map) => map_of(map.iter().map(|(key, value)| (key.clone(), to_cel(value)))),
    }
}

/// A value as its OpenAPI schema types it: times are times, names of fields are escaped.
pub(crate) fn typed(value: &Json, schema: &Json) -> Value {
    match value {
        Json::Null | Json::Bool(_) => to_cel(value),
        Json::Number(number) => match schema.get("type").and_then(Json::as_str) {
            Some("number") => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            _ => number_of(number),
        },
        Json::String(text) => text_of(text, schema),
        Json::Array(items) => {
            let of = schema.get("items").unwrap_or(&Json::Null);
            Value::List(Arc::new(items.iter().map(|item| typed(item, of)).collect()))
        }
        Json::Object(map) => object_of(map, schema),
    }
}

fn object_of(map: &serde_json::Map<String, Json>, schema: &Json) -> Value {
    let properties = schema.get("properties");
    if let Some(additional) = schema
        .get("additionalProperties")
        .filter(|schema| schema.is_object())
    {
        return map_of(
            map.iter()
                .map(|(key, value)| (key.clone(), typed(value, additional))),
        );
    }
    let embedded = schema.get("x-kubernetes-embedded-resource") == Some(&Json::Bool(true));
    let seen = map.iter().filter_map(|(key, value)| {
        let property = properties.and_then(|properties| properties.get(key));
        let always = embedded && matches!(key.as_str(), "apiVersion" | "kind" | "metadata");
        match property {
            // Of these a schema says nothing that changes what they are.
            _ if always => Some((escape(key).into_owned(), to_cel(value))),
            // What is null is not there for rules.
            Some(_) if value.is_null() => None,
            Some(property) => Some((escape(key).into_owned(), typed(value, property))),
            // Fields that the schema does not name are there, but rules cannot see them.
            None => None,
        }
    });
    let mut fields: HashMap<Key, Value> = seen
        .map(|(key, value)| (Key::String(Arc::new(key)), value))
        .collect();
    if fields.len() < map.len() {
        let is_unseen = |key: &str| {
            let is_known = properties.is_some_and(|properties| properties.get(key).is_some());
            let is_always = embedded && matches!(key, "apiVersion" | "kind" | "metadata");
            !(is_known || is_always)
        };
        let unseen = map.iter().filter(|(key, _)| is_unseen(key));
        let unseen = unseen.map(|(key, value)| (key.clone(), value.clone())).collect();
        fields.insert(Unseen::KEY, Unseen::value(map.len(), unseen));
    }
    Value::Map(Map {
        map: Arc::new(fields),
    })
}

fn map_of(entries: impl Iterator<Item = (String, Value)>) -> Value {
    let map: HashMap<Key, Value> = entries
        .map(|(key, value)| (Key::String(Arc::new(key)), value))
        .collect();
    Value::Map(Map { map: Arc::new(map) })
}

fn number_of(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_f64()) {
        (Some(number), _) => Value::Int(number),
        (None, number) => Value::Float(number.unwrap_or(f64::NAN)),
    }
}

fn text_of(text: &str, schema: &Json) -> Value {
    let plain = || Value::String(Arc::new(text.to_owned()));
    match schema.get("format").and_then(Json::as_str) {
        Some("date-time") => evaluated("timestamp", text).unwrap_or_else(plain),
        Some("date") => evaluated("timestamp", &format!("{text}T00:00:00Z")).unwrap_or_else(plain),
        Some("duration") => evaluated("duration", text).unwrap_or_else(plain),
        Some("byte") => match base64::engine::general_purpose::STANDARD.decode(text) {
            Ok(bytes) => Value::Bytes(Arc::new(bytes)),
            Err(_) => plain(),
        },
        _ => plain(),
    }
}

/// What CEL's own function makes of a text.
fn evaluated(function: &str, text: &str) -> Option<Value> {
    let mut context = kube_cel::cel::Context::default();
    context.add_variable_from_value("text", text);
    let program = kube_cel::cel::Program::compile(&format!("{function}(text)")).ok()?;
    program.execute(&context).ok()
}

/// An optional value, as `oldSelf` is under `optionalOldSelf`.
pub(crate) fn optional(value: Option<Value>) -> Value {
    Value::Opaque(Arc::new(match value {
        Some(value) => objects::OptionalValue::of(value),
        None => objects::OptionalValue::none(),
    }))
}
