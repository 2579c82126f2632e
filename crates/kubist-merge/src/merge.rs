//! Merging a configuration over an object.

use serde_json::{Map, Value};

use crate::walk::elements;
use crate::{Atom, ListKind, PathElement, Shape};

/// Merges `config` over `live`: what the configuration sets wins, lists merge by their type.
///
/// Items of sets and maps keep the live order as far as the configuration's own order allows.
pub fn merge(shape: Shape<'_>, live: Option<&Value>, config: Option<&Value>) -> Option<Value> {
    let (live, config) = match (live, config) {
        (live, None) => return live.cloned(),
        (None | Some(Value::Null), Some(config)) => return Some(config.clone()),
        (Some(live), Some(config)) => (live, config),
    };
    match (shape.atom(config), live, config) {
        (Atom::Map { atomic: false }, Value::Object(live), Value::Object(config)) => {
            let mut merged = live.clone();
            for (key, value) in config {
                let child = shape.child(key).map_or_else(Shape::untyped, |(child, _)| child);
                if let Some(value) = merge(child, live.get(key), Some(value)) {
                    merged.insert(key.clone(), value);
                }
            }
            Some(Value::Object(merged))
        }
        (Atom::List { kind, items }, Value::Array(live), Value::Array(config))
            if kind != ListKind::Atomic =>
        {
            Some(merge_lists(&kind, items, live, config).unwrap_or_else(|| Value::Array(config.clone())))
        }
        _ => Some(config.clone()),
    }
}

fn merge_lists(kind: &ListKind<'_>, items: Shape<'_>, live: &[Value], config: &[Value]) -> Option<Value> {
    let live = elements(kind, items, live)?;
    let config = elements(kind, items, config)?;
    let find = |list: &[(PathElement, &Value)], element: &PathElement| -> Option<Value> {
        list.iter()
            .find(|(known, _)| known == element)
            .map(|(_, item)| Value::clone(item))
    };
    let shared = |element: &PathElement| live.iter().any(|(known, _)| known == element);
    let mut order = config
        .iter()
        .map(|(element, _)| element)
        .filter(|element| shared(element));
    let mut next = order.next();

    let mut merged = Vec::with_capacity(live.len() + config.len());
    let mut taken: Vec<&PathElement> = Vec::new();
    let (mut l, mut c) = (0, 0);
    while l < live.len() || c < config.len() {
        if let (Some((ours, _)), Some((theirs, item))) = (live.get(l), config.get(c)) {
            if ours == theirs {
                taken.push(theirs);
                merged.extend(merge(items, find(&live, ours).as_ref(), Some(item)));
                (l, c) = (l + 1, c + 1);
                next = order.next();
                continue;
            }
            let in_config = config.iter().any(|(known, _)| known == ours);
            if in_config && next.is_some_and(|next| next != ours) {
                // Shared, but its turn comes later.
                l += 1;
                continue;
            }
        }
        if let Some((ours, item)) = live.get(l) {
            if !config.iter().any(|(known, _)| known == ours) {
                merged.push(Value::clone(item));
                l += 1;
                continue;
            }
            if taken.contains(&ours) {
                l += 1;
            }
        }
        if let Some((theirs, item)) = config.get(c) {
            taken.push(theirs);
            merged.extend(merge(items, find(&live, theirs).as_ref(), Some(item)));
            c += 1;
            if next == Some(theirs) {
                next = order.next();
            }
        }
    }
    Some(Value::Array(merged))
}

/// An empty object, for a merge over nothing.
pub(crate) fn nothing() -> Value {
    Value::Object(Map::new())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(live: Value, config: Value) -> Value {
        let schema = json!({"type": "object", "properties": {
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                "items": {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}},
            "atomic": {"type": "array", "items": {"type": "string"}},
        }});
        merge(Shape::object(&schema), Some(&live), Some(&config)).unwrap()
    }

    #[test]
    fn lists_merge_by_type() {
        assert_eq!(
            merged(json!({"set": ["a"]}), json!({"set": ["b"]})),
            json!({"set": ["a", "b"]})
        );
        assert_eq!(
            merged(json!({"atomic": ["a"]}), json!({"atomic": ["b"]})),
            json!({"atomic": ["b"]})
        );
        assert_eq!(
            merged(
                json!({"map": [{"k": "a", "v": 1}, {"k": "b", "v": 1}]}),
                json!({"map": [{"k": "b", "v": 2}]})
            ),
            json!({"map": [{"k": "a", "v": 1}, {"k": "b", "v": 2}]})
        );
    }

    #[test]
    fn the_order_of_the_configuration_wins_among_shared_items() {
        assert_eq!(
            merged(json!({"set": ["a", "b", "c"]}), json!({"set": ["c", "a"]})),
            json!({"set": ["b", "c", "a"]})
        );
    }
}
