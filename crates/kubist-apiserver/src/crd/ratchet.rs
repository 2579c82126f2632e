//! What an update lets pass: old errors in values that did not change (KEP-4008).

use std::collections::HashMap;

use serde_json::Value;

use crate::object::meta;

/// For each item of a list its old version, if the list can tell which one that is.
///
/// Only lists of type `map` can; nothing for others.
pub(crate) fn correlated<'a>(
    schema: &Value,
    items: &[Value],
    old: Option<&'a Value>,
) -> Option<Vec<Option<&'a Value>>> {
    if schema.get("x-kubernetes-list-type").is_none_or(|ty| ty != "map") {
        return None;
    }
    let keys = meta::strings(schema.get("x-kubernetes-list-map-keys"));
    let key_of = |item: &Value| -> String {
        let values: Vec<&Value> = keys
            .iter()
            .map(|key| item.get(*key).unwrap_or(&Value::Null))
            .collect();
        serde_json::to_string(&values).unwrap_or_default()
    };
    let old = old
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let by_key: HashMap<String, &Value> = old.iter().map(|item| (key_of(item), item)).collect();
    Some(
        items
            .iter()
            .map(|item| by_key.get(&key_of(item)).copied())
            .collect(),
    )
}
