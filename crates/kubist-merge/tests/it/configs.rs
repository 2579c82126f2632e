//! Configurations of every shape.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Every way in which a schema can merge.
pub(crate) fn schema() -> Value {
    let item = json!({
        "type": "object", "required": ["name"],
        "properties": {
            "name": {"type": "string"}, "value": {"type": "string"},
            "inner": {"type": "object", "additionalProperties": {"type": "string"}},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        },
    });
    json!({
        "type": "object",
        "properties": {
            "scalar": {"type": "string"},
            "number": {"type": "integer"},
            "struct": {"type": "object", "properties": {
                "a": {"type": "string"},
                "b": {"type": "object", "properties": {"c": {"type": "boolean"}, "d": {"type": "string"}}},
            }},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
            "atomicMap": {
                "type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"},
            },
            "atomicList": {"type": "array", "items": {"type": "string"}},
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "items": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": item,
            },
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        },
    })
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["x", "y", "z", "w"]).prop_map(str::to_owned)
}

fn words() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(word(), word(), 0..4).prop_map(|map| {
        map.into_iter()
            .map(|(key, value)| (key, Value::from(value)))
            .collect()
    })
}

fn set() -> impl Strategy<Value = Value> {
    prop::collection::btree_set(word(), 0..4).prop_map(|set| set.into_iter().map(Value::from).collect())
}

fn item() -> impl Strategy<Value = Map<String, Value>> {
    let tags = prop::collection::btree_set(word(), 1..4);
    let fields = (
        prop::option::of(word()),
        prop::option::of(words()),
        prop::option::of(tags),
    );
    fields.prop_map(|(value, inner, tags)| {
        let mut item = Map::new();
        item.extend(tags.map(|tags| ("tags".to_owned(), tags.into_iter().map(Value::from).collect())));
        item.extend(value.map(|value| ("value".to_owned(), value.into())));
        item.extend(inner.map(|inner| ("inner".to_owned(), inner)));
        item
    })
}

pub(crate) fn items() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(word(), item(), 0..4).prop_map(|items| {
        let named = |(name, mut item): (String, Map<String, Value>)| {
            item.insert("name".into(), name.into());
            Value::Object(item)
        };
        items.into_iter().map(named).collect()
    })
}

fn structure() -> impl Strategy<Value = Value> {
    let inner = (prop::option::of(any::<bool>()), prop::option::of(word())).prop_map(|(c, d)| {
        let mut inner = Map::new();
        inner.extend(c.map(|c| ("c".to_owned(), c.into())));
        inner.extend(d.map(|d| ("d".to_owned(), d.into())));
        Value::Object(inner)
    });
    (prop::option::of(word()), prop::option::of(inner)).prop_map(|(a, b)| {
        let mut structure = Map::new();
        structure.extend(a.map(|a| ("a".to_owned(), a.into())));
        structure.extend(b.map(|b| ("b".to_owned(), b)));
        Value::Object(structure)
    })
}

/// Any configuration that fits the schema.
pub(crate) fn config() -> impl Strategy<Value = Value> {
    let free = (prop::option::of(word()), prop::option::of(words())).prop_map(|(k, m)| {
        let mut free = Map::new();
        free.extend(k.map(|k| ("k".to_owned(), k.into())));
        free.extend(m.map(|m| ("m".to_owned(), m)));
        Value::Object(free)
    });
    let fields = (
        prop::option::of(word().prop_map(Value::from)),
        prop::option::of((0..3_i64).prop_map(Value::from)),
        prop::option::of(structure()),
        prop::option::of(words()),
        prop::option::of(words()),
        prop::option::of(prop::collection::vec(word(), 0..3).prop_map(Value::from)),
        prop::option::of(set()),
        prop::option::of(items()),
        prop::option::of(free),
    );
    fields.prop_map(
        |(scalar, number, structure, map, atomic_map, atomic_list, set, items, free)| {
            let fields = [
                ("scalar", scalar),
                ("number", number),
                ("struct", structure),
                ("map", map),
                ("atomicMap", atomic_map),
                ("atomicList", atomic_list),
                ("set", set),
                ("items", items),
                ("free", free),
            ];
            let given = fields
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?)));
            Value::Object(given.collect())
        },
    )
}
