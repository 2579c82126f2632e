//! JSON in the order in which a Go server writes it.
//!
//! Only messages show it: what a patch left alone keeps the order of the struct, what it
//! touched is sorted.

use kubist_schema::{Field, Message};
use serde_json::Value;

use crate::kinds::kind::{Kind, Schema};

/// A patched object as an error shows it.
pub(crate) fn patched(kind: &Kind, before: &Value, after: &Value) -> String {
    let mut out = String::new();
    match &kind.schema {
        Schema::Builtin(message) => write(&mut out, Some((message, false)), Some(before), after),
        Schema::Custom(_) => write(&mut out, None, None, after),
    }
    out
}

/// The metadata of an object as an error shows it.
pub(crate) fn metadata(value: &Value) -> String {
    let message = kubist_schema::message("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    let mut out = String::new();
    write(
        &mut out,
        message.map(|message| (message, false)),
        Some(value),
        value,
    );
    out
}

/// A type, and whether the value is a list or map of it.
type Of = Option<(&'static Message, bool)>;

fn write(out: &mut String, of: Of, before: Option<&Value>, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let message = of
                .filter(|(message, plural)| !plural && message.special.is_none())
                .map(|(message, _)| message);
            if let (Some(message), true) = (message, before == Some(value)) {
                keys.sort_by_key(|key| position(message, key));
            }
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                let below = match (of, message) {
                    // A value of a map.
                    (Some((message, true)), _) => Some((message, false)),
                    (_, Some(message)) => message.field(key).and_then(inner),
                    _ => None,
                };
                write(out, below, before.and_then(|before| before.get(key)), &map[key]);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                let below = of.map(|(message, _)| (message, false));
                write(out, below, before.and_then(|before| before.get(at)), item);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn inner(field: &'static Field) -> Of {
    field
        .message()
        .map(|message| (message, field.map || field.repeated))
}

/// Where the struct has a field, counting inside inline structs.
fn position(message: &'static Message, key: &str) -> (usize, usize) {
    for (at, field) in message.fields.iter().enumerate() {
        if field.json == key {
            return (at, 0);
        }
        let inline = field.message().filter(|_| field.inline);
        if let Some(below) =
            inline.and_then(|inline| inline.fields.iter().position(|field| field.json == key))
        {
            return (at, below);
        }
    }
    (usize::MAX, 0)
}
