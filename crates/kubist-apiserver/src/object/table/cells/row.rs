//! An object, as cells look at it.

use jiff::Timestamp;
use serde_json::Value;

use super::age;
use crate::object::meta;

pub(super) struct Row<'a> {
    pub(super) object: &'a Value,
    pub(super) now: Timestamp,
}

impl<'a> Row<'a> {
    pub(super) fn at(&self, path: &str) -> Option<&'a Value> {
        meta::at(self.object, path)
    }

    /// A text, empty if it isn't there.
    pub(super) fn text(&self, path: &str) -> &'a str {
        self.at(path).and_then(Value::as_str).unwrap_or("")
    }

    pub(super) fn number(&self, path: &str) -> i64 {
        self.at(path).and_then(Value::as_i64).unwrap_or(0)
    }

    pub(super) fn flag(&self, path: &str) -> bool {
        self.at(path) == Some(&Value::Bool(true))
    }

    pub(super) fn list(&self, path: &str) -> &'a [Value] {
        self.at(path)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    pub(super) fn strings(&self, path: &str) -> Vec<&'a str> {
        meta::strings(self.at(path))
    }

    /// How many entries or items there are.
    pub(super) fn count(&self, path: &str) -> usize {
        match self.at(path) {
            Some(Value::Object(map)) => map.len(),
            Some(Value::Array(items)) => items.len(),
            _ => 0,
        }
    }

    /// How long ago the time at a path was.
    pub(super) fn since(&self, path: &str) -> String {
        age(self.text(path), self.now)
    }
}

pub(super) fn or(text: &str, otherwise: &str) -> String {
    if text.is_empty() { otherwise } else { text }.to_owned()
}

pub(super) fn or_none(text: &str) -> String {
    or(text, "<none>")
}

/// The first few of a list, and how many there are beyond.
pub(super) fn first(items: &[String], most: usize, separator: &str) -> String {
    let shown = items.get(..most).unwrap_or(items).join(separator);
    match items.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} + {more} more..."),
    }
}

/// Labels as text.
pub(super) fn pairs(map: Option<&Value>) -> String {
    let pairs: Vec<String> = map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    or_none(&pairs.join(","))
}

/// A selector of labels as text.
pub(super) fn selector(selector: Option<&Value>) -> String {
    let Some(selector) = selector else {
        return "<none>".into();
    };
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let mut parts: Vec<(&str, String)> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), format!("{key}={}", value.as_str().unwrap_or(""))))
        .collect();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or("");
        let mut values = meta::strings(expression.get("values"));
        values.sort_unstable();
        let values = values.join(",");
        let text = match expression["operator"].as_str().unwrap_or("") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return "<error>".into(),
        };
        parts.push((key, text));
    }
    parts.sort_by_key(|(key, _)| *key);
    let parts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
    or_none(&parts.join(","))
}

/// A field of each item.
pub(super) fn each(list: Option<&Value>, field: &str) -> String {
    let names: Vec<&str> = list
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| item[field].as_str())
        .collect();
    or_none(&names.join(","))
}
