//! Removing fields from an object.

use serde_json::{Map, Value};

use crate::walk::item_element;
use crate::{Atom, FieldSet, ListKind, PathElement, Shape};

/// What is left of `value` without the fields of `set`; nothing if nothing is left.
pub fn remove_items(shape: Shape<'_>, value: &Value, set: &FieldSet) -> Option<Value> {
    match (shape.atom(value), value) {
        (Atom::List { kind, items }, Value::Array(list)) => {
            if kind == ListKind::Atomic {
                return None;
            }
            let mut left = Vec::new();
            for item in list {
                match item_element(&kind, items, item) {
                    Ok(element) if set.has(&element) => {}
                    Ok(element) => match set.below(&element) {
                        Some(below) => left.extend(remove_items(items, item, below)),
                        None => left.push(item.clone()),
                    },
                    Err(_) => left.push(item.clone()),
                }
            }
            (!left.is_empty()).then_some(Value::Array(left))
        }
        (Atom::Map { atomic: false }, Value::Object(map)) => {
            let mut left = Map::new();
            for (key, value) in map {
                let element = PathElement::Field(key.clone());
                if set.has(&element) {
                    continue;
                }
                match set.below(&element) {
                    Some(below) => {
                        let child = shape.child(key).map_or_else(Shape::untyped, |(child, _)| child);
                        if let Some(value) = remove_items(child, value, below) {
                            left.insert(key.clone(), value);
                        }
                    }
                    None => {
                        left.insert(key.clone(), value.clone());
                    }
                }
            }
            (!left.is_empty()).then_some(Value::Object(left))
        }
        (Atom::Map { atomic: true }, _) => None,
        _ => Some(value.clone()),
    }
}
