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

/// Whether a value is what it was: of lists of type `map` the order does not count, and what has
/// fields that the schema does not name is never taken for unchanged.
pub(crate) fn is_unchanged(schema: &Value, new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Array(items), Value::Array(before)) => {
            if items.len() != before.len() {
                return false;
            }
            let (Some(matched), Some(of)) = (correlated(schema, items, Some(old)), schema.get("items"))
            else {
                return items == before;
            };
            let mut pairs = items.iter().zip(matched);
            pairs.all(|(item, before)| before.is_some_and(|before| is_unchanged(of, item, before)))
        }
        (Value::Object(fields), Value::Object(before)) => {
            let properties = schema.get("properties");
            let values = schema.get("additionalProperties").filter(|of| of.is_object());
            fields.len() == before.len()
                && fields.iter().all(|(name, value)| {
                    let of = properties.and_then(|properties| properties.get(name)).or(values);
                    match (of, before.get(name)) {
                        (Some(of), Some(before)) => is_unchanged(of, value, before),
                        _ => false,
                    }
                })
        }
        (new, old) => new == old,
    }
}
