//! What macros and lowered expressions call.

use std::cmp::Ordering;
use std::sync::Arc;

use kube_cel::cel::extractors::This;
use kube_cel::cel::objects::{Key, OptionalValue};
use kube_cel::cel::{Context, ExecutionError, Value};

use super::no_such;
use crate::cel::lower::{ENTRIES, HAS, ITERATED};
use crate::cel::macros::{HELD, SORT_BY};
use crate::cel::structure::Structure;
use crate::cel::unseen::Unseen;

type Result = std::result::Result<Value, ExecutionError>;

pub(super) fn register(context: &mut Context<'_>) {
    context.add_function(ENTRIES, |of: Value| pairs(&of));
    context.add_function(ITERATED, |of: Value| iterated(of));
    context.add_function(HAS, |of: Value, field: Arc<String>| {
        has(&of, &field).map(Value::Bool).ok_or_else(|| no_such(HAS))
    });
    context.add_function(SORT_BY, |This(of): This<Value>, by: Value| sorted(&of, &by));
    context.add_function("sort", |This(of): This<Value>| sorted(&of, &of));
    context.add_function(HELD, |of: Value| unwrap(&Value::List(Arc::new(vec![of]))));
    context.add_function("optional.unwrap", |of: Value| unwrap(&of));
    context.add_function("unwrapOpt", |This(of): This<Value>| unwrap(&of));
}

/// The keys of a map in their order, or the indexes of a list, with what is there.
pub(in crate::cel) fn entries(of: &Value) -> std::result::Result<Vec<(Value, Value)>, ExecutionError> {
    match of {
        Value::List(items) => Ok(items
            .iter()
            .zip(0_i64..)
            .map(|(item, at)| (Value::Int(at), item.clone()))
            .collect()),
        Value::Map(map) => {
            let seen = map.map.iter().filter(|(_, value)| !Unseen::is(value));
            let mut entries: Vec<(&Key, &Value)> = seen.collect();
            entries.sort_by(|one, other| one.0.cmp(other.0));
            Ok(entries
                .into_iter()
                .map(|(key, value)| (of_key(key), value.clone()))
                .collect())
        }
        _ => Err(no_such(ENTRIES)),
    }
}

/// As [`entries`], as a list of pairs.
fn pairs(of: &Value) -> Result {
    let pairs = entries(of)?.into_iter();
    let pairs = pairs.map(|(key, value)| Value::List(Arc::new(vec![key, value])));
    Ok(Value::List(Arc::new(pairs.collect())))
}

/// A map has no order of its own, and answers must not depend on chance.
fn iterated(of: Value) -> Result {
    let Value::Map(map) = of else { return Ok(of) };
    let seen = map.map.iter().filter(|(_, value)| !Unseen::is(value));
    let mut keys: Vec<&Key> = seen.map(|(key, _)| key).collect();
    keys.sort();
    Ok(Value::List(Arc::new(keys.into_iter().map(of_key).collect())))
}

fn of_key(key: &Key) -> Value {
    match key {
        Key::Int(number) => Value::Int(*number),
        Key::Uint(number) => Value::UInt(*number),
        Key::Bool(value) => Value::Bool(*value),
        Key::String(text) => Value::String(Arc::clone(text)),
    }
}

/// Whether there is a field; nothing where there can be none.
fn has(of: &Value, field: &str) -> Option<bool> {
    match of {
        Value::Map(map) => Some(map.map.contains_key(&Key::String(Arc::new(field.to_owned())))),
        Value::Opaque(opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(optional) => optional.value().map_or(Some(false), |value| has(value, field)),
            None => Structure::of(of).map(|structure| structure.field(field).is_some()),
        },
        _ => None,
    }
}

/// The list in the order of another list.
fn sorted(of: &Value, by: &Value) -> Result {
    let (Value::List(items), Value::List(keys)) = (of, by) else {
        return Err(no_such("sortBy"));
    };
    // What has no order must not be sorted: sorting panics when it finds that out.
    let is_like = |one: &Value, other: &Value| {
        std::mem::discriminant(one) == std::mem::discriminant(other) && order(other, other).is_some()
    };
    if let [first, _, ..] = keys.as_slice()
        && !keys.iter().all(|key| is_like(first, key))
    {
        return Err(no_such("sortBy"));
    }
    let mut pairs: Vec<(&Value, &Value)> = keys.iter().zip(items.iter()).collect();
    pairs.sort_by(|one, other| order(one.0, other.0).unwrap_or(Ordering::Equal));
    Ok(Value::List(Arc::new(
        pairs.into_iter().map(|(_, item)| item.clone()).collect(),
    )))
}

/// The order of two values of one type, if it has one; not a number has none to itself.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Bytes(one), Value::Bytes(other)) => Some(one.cmp(other)),
        (one, other) => one.partial_cmp(other),
    }
}

/// The values of the optional values in a list that have one.
fn unwrap(of: &Value) -> Result {
    let Value::List(items) = of else {
        return Err(no_such("unwrapOpt"));
    };
    let values = items.iter().filter_map(|item| match item {
        Value::Opaque(opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(optional) => optional.value().cloned(),
            None => Some(item.clone()),
        },
        // The interpreter forgets that an item is optional, once it was copied.
        item => Some(item.clone()),
    });
    Ok(Value::List(Arc::new(values.collect())))
}
