//! Defaults of limit ranges.

use serde_json::{Map, Value};

use super::{meta_child, text};

/// A container may have as much as it may have at most, and asks for what it may have or else for the least.
pub(super) fn limit(map: &mut Map<String, Value>) {
    if text(map, "type") != "Container" {
        return;
    }
    for (from, to) in [
        ("max", "default"),
        ("default", "defaultRequest"),
        ("min", "defaultRequest"),
    ] {
        let Some(Value::Object(from)) = map.get(from).cloned() else {
            continue;
        };
        let amounts = meta_child(map, to);
        for (name, amount) in from {
            amounts.entry(name).or_insert(amount);
        }
    }
}
