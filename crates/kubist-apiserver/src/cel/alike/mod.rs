//! Lists that are sets or maps by `x-kubernetes-list-type`: what is equal to them, and what they
//! are with another list added.
//!
//! Values do not know their schema, but the checker does: an expression whose type has such lists
//! in it is lowered to a call that brings the type along. As in cel-go, the left side decides.
//!
//! <https://kubernetes.io/docs/reference/using-api/cel/#cel-options-language-features-and-libraries>

mod calls;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kube_cel::cel::extractors::This;
use kube_cel::cel::objects::{Key, Map, Opaque, OptionalValue};
use kube_cel::cel::{Context, ExecutionError, Value};

use crate::cel::check::{DYN, Type};
use crate::cel::declared::ListKind;
use crate::cel::functions::growing::pay_for_items;
use crate::cel::functions::no_such;
use crate::cel::meter::Budget;

pub(super) use calls::{Likes, comparison};

/// `a == b`.
const ALIKE: &str = "@alike";
/// `a + b`.
const MERGE: &str = "@merge";
/// `a in b`.
const WITHIN: &str = "@within";
/// What functions of lists become that compare items.
const FUNCTIONS: [(&str, &str); 6] = [
    ("sets.contains", "@alikeContains"),
    ("sets.equivalent", "@alikeEquivalent"),
    ("sets.intersects", "@alikeIntersects"),
    ("indexOf", "@alikeIndexOf"),
    ("lastIndexOf", "@alikeLastIndexOf"),
    ("distinct", "@alikeDistinct"),
];

type Result<T = Value> = std::result::Result<T, ExecutionError>;
/// What tells an item from others.
type Id = Vec<Option<Key>>;

/// The type that values are compared by, as a value.
#[derive(Debug, PartialEq, Eq)]
struct Like(Type);

impl Opaque for Like {
    fn runtime_type_name(&self) -> &'static str {
        "type"
    }
}

/// A type that calls bring along.
fn value_of(ty: Type) -> Value {
    Value::Opaque(Arc::new(Like(ty)))
}

fn read(like: &Value) -> &Type {
    match like {
        Value::Opaque(opaque) => opaque.downcast_ref::<Like>().map_or(&DYN, |Like(ty)| ty),
        _ => &DYN,
    }
}

pub(super) fn register(context: &mut Context<'_>, budget: &Budget) {
    context.add_function(ALIKE, |one: Value, other: Value, like: Value| -> Result {
        alike(&one, &other, read(&like)).map(Value::Bool)
    });
    let meter = budget.clone();
    context.add_function(
        MERGE,
        move |left: Arc<Vec<Value>>, right: Arc<Vec<Value>>, like: Value| -> Result {
            pay_for_items(&meter, left.len().saturating_add(right.len()))?;
            merged(&left, &right, read(&like))
        },
    );
    context.add_function(
        WITHIN,
        |item: Value, list: Arc<Vec<Value>>, like: Value| -> Result {
            Ok(Value::Bool(place(list.iter(), &item, read(&like))?.is_some()))
        },
    );
    for (name, function) in FUNCTIONS {
        match name {
            "indexOf" => context.add_function(
                function,
                |This(list): This<Arc<Vec<Value>>>, item: Value, like: Value| -> Result {
                    Ok(index(place(list.iter(), &item, read(&like))?))
                },
            ),
            "lastIndexOf" => context.add_function(
                function,
                |This(list): This<Arc<Vec<Value>>>, item: Value, like: Value| -> Result {
                    let found = place(list.iter().rev(), &item, read(&like))?;
                    Ok(index(found.map(|after| list.len() - 1 - after)))
                },
            ),
            "distinct" => {
                let meter = budget.clone();
                context.add_function(
                    function,
                    move |This(list): This<Arc<Vec<Value>>>, like: Value| -> Result {
                        pay_for_items(&meter, list.len())?;
                        distinct(&list, read(&like))
                    },
                );
            }
            _ => context.add_function(
                function,
                move |one: Arc<Vec<Value>>, other: Arc<Vec<Value>>, like: Value| -> Result {
                    let like = read(&like);
                    Ok(Value::Bool(match name {
                        "sets.contains" => contains(&one, &other, like)?,
                        "sets.equivalent" => contains(&one, &other, like)? && contains(&other, &one, like)?,
                        _ => {
                            let mut found = false;
                            for item in one.iter() {
                                found = found || place(other.iter(), item, like)?.is_some();
                            }
                            found
                        }
                    }))
                },
            ),
        }
    }
}

/// Whether two values are equal to who compares lists as `like` says.
fn alike(one: &Value, other: &Value, like: &Type) -> Result<bool> {
    match (like, one, other) {
        (Type::List(of, kind), Value::List(one), Value::List(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            match kind {
                ListKind::Atomic => all(one.iter().zip(other.iter()), |(one, other)| alike(one, other, of)),
                ListKind::Set | ListKind::Map(_) => alike_by_id(one, other, of, kind),
            }
        }
        (Type::Map(_, of), Value::Map(one), Value::Map(other)) => alike_maps(one, other, |_| of),
        (Type::Object(object), Value::Map(one), Value::Map(other)) => alike_maps(one, other, |key| {
            let fields = object.fields.as_ref();
            let field = match key {
                Key::String(name) => fields.and_then(|fields| fields.get(name.as_str())),
                _ => None,
            };
            field.unwrap_or(&DYN)
        }),
        (Type::Optional(of), one, other) => match (held(one), held(other)) {
            (Some(one), Some(other)) => alike(one, other, of),
            (one, other) => Ok(one.is_none() && other.is_none()),
        },
        (_, one, other) => Ok(one == other),
    }
}

fn all<T>(items: impl Iterator<Item = T>, mut holds: impl FnMut(T) -> Result<bool>) -> Result<bool> {
    for item in items {
        if !holds(item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn alike_maps<'t>(one: &Map, other: &Map, like: impl Fn(&Key) -> &'t Type) -> Result<bool> {
    if one.map.len() != other.map.len() {
        return Ok(false);
    }
    all(one.map.iter(), |(key, value)| match other.map.get(key) {
        Some(other) => alike(value, other, like(key)),
        None => Ok(false),
    })
}

/// Lists of one length whose items have ids.
fn alike_by_id(one: &[Value], other: &[Value], of: &Type, kind: &ListKind) -> Result<bool> {
    let mut by_id: HashMap<Id, &Value> = HashMap::with_capacity(one.len());
    for item in one {
        by_id.insert(id(item, kind)?, item);
    }
    let mut seen = HashSet::with_capacity(by_id.len());
    for item in other {
        let id = id(item, kind)?;
        match by_id.get(&id) {
            Some(known) if *kind == ListKind::Set || alike(known, item, of)? => seen.insert(id),
            _ => return Ok(false),
        };
    }
    Ok(seen.len() == by_id.len())
}

/// What an optional value holds; the interpreter forgets of some that they are optional.
fn held(value: &Value) -> Option<&Value> {
    match value {
        Value::Opaque(opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(optional) => optional.value(),
            None => Some(value),
        },
        value => Some(value),
    }
}

/// The left list with what is new in the right one, and for maps what is newer.
fn merged(left: &[Value], right: &[Value], like: &Type) -> Result {
    let Type::List(_, kind) = like else {
        return Err(no_such(MERGE));
    };
    let mut items = left.to_vec();
    let mut places = HashMap::with_capacity(items.len());
    for (at, item) in left.iter().enumerate() {
        places.insert(id(item, kind)?, at);
    }
    for item in right {
        let id = id(item, kind)?;
        match places.get(&id).and_then(|at| items.get_mut(*at)) {
            Some(known) if *kind != ListKind::Set => *known = item.clone(),
            Some(_) => {}
            None => {
                // What a list has twice is merged with the first of the two.
                places.insert(id, items.len());
                items.push(item.clone());
            }
        }
    }
    Ok(Value::List(Arc::new(items)))
}

/// What an item is known by in a list of a kind.
fn id(item: &Value, kind: &ListKind) -> Result<Id> {
    match kind {
        ListKind::Map(keys) => {
            let Value::Map(fields) = item else {
                return Err(no_such(MERGE));
            };
            keys.iter()
                .map(|key| fields.get(&Key::from(key.as_str())).map(scalar).transpose())
                .collect()
        }
        ListKind::Set | ListKind::Atomic => Ok(vec![Some(scalar(item)?)]),
    }
}

/// A value as a key, unless it has parts; the words are those of a real server, which cannot tell
/// such items of sets apart either.
#[allow(clippy::cast_possible_truncation)]
fn scalar(value: &Value) -> Result<Key> {
    let unhashable = |ty: &str| {
        let why = format!("internal error: runtime error: hash of unhashable type {ty}");
        Err(ExecutionError::function_error("", why))
    };
    Ok(match value {
        Value::String(text) => Key::String(Arc::clone(text)),
        Value::Int(number) => Key::Int(*number),
        Value::UInt(number) => Key::Uint(*number),
        Value::Bool(value) => Key::Bool(*value),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Key::Int(*number as i64),
        Value::Float(number) => Key::Uint(number.to_bits()),
        Value::List(_) => return unhashable("[]interface {}"),
        Value::Map(_) => return unhashable("map[string]interface {}"),
        // Times and bytes; all items of a list are of one type.
        value => Key::String(Arc::new(format!("{value:?}"))),
    })
}

/// How many items are before one that is equal.
fn place<'v>(items: impl Iterator<Item = &'v Value>, wanted: &Value, like: &Type) -> Result<Option<usize>> {
    for (at, item) in items.enumerate() {
        if alike(item, wanted, like)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn index(place: Option<usize>) -> Value {
    Value::Int(place.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1))
}

fn contains(list: &[Value], wanted: &[Value], like: &Type) -> Result<bool> {
    all(
        wanted.iter(),
        |item| Ok(place(list.iter(), item, like)?.is_some()),
    )
}

fn distinct(list: &[Value], like: &Type) -> Result {
    let mut items: Vec<Value> = Vec::new();
    for item in list {
        if place(items.iter(), item, like)?.is_none() {
            items.push(item.clone());
        }
    }
    Ok(Value::List(Arc::new(items)))
}
