//! Values as Go's `%v` prints them, for messages that upstream builds that way.

use std::fmt::Write as _;

use serde_json::Value;

/// Prints `value` as Go's `%v` prints the same decoded JSON.
pub fn go_value(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

/// Prints `value` as Go's `%#v` prints the same decoded JSON.
pub(crate) fn go_syntax(value: &Value) -> String {
    let list = |parts: Vec<String>| format!("{}{{{}}}", go_type(value), parts.join(", "));
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::Array(items) => list(items.iter().map(go_syntax).collect()),
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let entry = |key: &String| format!("{key:?}:{}", go_syntax(&map[key]));
            list(keys.into_iter().map(entry).collect())
        }
        value => value.to_string(),
    }
}

/// The type of the same decoded JSON in Go.
pub(crate) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => {
            let _ = write!(out, "{value}");
        }
        Value::String(value) => out.push_str(value),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push_str("map[");
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                let _ = write!(out, "{key}:");
                write_value(out, &map[key]);
            }
            out.push(']');
        }
    }
}
