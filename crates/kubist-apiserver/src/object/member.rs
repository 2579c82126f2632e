//! Reading the members of JSON objects.

use serde_json::Value;

/// A member that is there and not null.
pub(crate) fn given<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A text, empty if it isn't there.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or("")
}

/// A list, empty if it isn't there.
pub(crate) fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object
        .get(name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

pub(crate) fn integer(object: &Value, name: &str) -> Option<i64> {
    object.get(name).and_then(Value::as_i64)
}

/// A number, 0 if it isn't there.
pub(crate) fn number(object: &Value, name: &str) -> i64 {
    integer(object, name).unwrap_or(0)
}
