//! Removing fields from an object.

use serde_json::{Map, Value};

use crate::walk::item_element;
use crate::{Atom, FieldSet, ListKind, PathElement, Shape};

/// What is left of `value` without the fields of `set`; nothing if nothing is left.
///
/// A map or list that is no field of the set itself stays when it loses all that is in it.
pub fn remove_items(shape: Shape<'_>, value: &Value, set: &FieldSet) -> Option<Value> {
    match (shape.atom(value), value) {
        (Atom::List { kind, items }, Value::Array(list)) => {
            if kind == ListKind::Atomic {
                return None;
            }
            let (mut left, mut matched) = (Vec::new(), false);
            for item in list {
                match item_element(&kind, items, item) {
                    Ok(element) if set.has(&element) => {}
                    Ok(element) => match set.below(&element) {
                        Some(below) => {
                            matched = true;
                            left.push(remove_items(items, item, below).unwrap_or_else(|| emptied(item)));
                        }
                        None => left.push(item.clone()),
                    },
                    Err(_) => left.push(item.clone()),
                }
            }
            (matched || !left.is_empty()).then_some(Value::Array(left))
        }
        (Atom::Map { atomic: false }, Value::Object(map)) => {
            let (mut left, mut matched) = (Map::new(), false);
            for (key, value) in map {
                let element = PathElement::Field(key.clone());
                if set.has(&element) {
                    continue;
                }
                match set.below(&element) {
                    Some(below) => {
                        let child = shape.child(key).map_or_else(Shape::untyped, |(child, _)| child);
                        matched = true;
                        let value = remove_items(child, value, below).unwrap_or_else(|| emptied(value));
                        left.insert(key.clone(), value);
                    }
                    None => {
                        left.insert(key.clone(), value.clone());
                    }
                }
            }
            (matched || !left.is_empty()).then_some(Value::Object(left))
        }
        (Atom::Map { atomic: true }, _) => None,
        _ => Some(value.clone()),
    }
}

/// What stays of a value that lost all that was in it.
fn emptied(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Object(Map::new()),
        Value::Array(_) => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}
