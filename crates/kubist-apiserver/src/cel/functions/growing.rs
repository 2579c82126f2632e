//! Functions whose values can be larger than what they are made of: that costs.
//!
//! Otherwise a few lines could ask for more memory than there is.

use std::sync::Arc;

use kube_cel::cel::extractors::{Arguments, This};
use kube_cel::cel::objects::{Key, OptionalValue};
use kube_cel::cel::{Context, ExecutionError, Value};

use super::conversions::string;
use super::library;
use crate::cel::meter::Budget;
use crate::cel::structure::Structure;

pub(in crate::cel) const ADD: &str = "@add";

/// How many bytes are made for one step's cost.
const BYTES: usize = 50;
/// How many items.
const ITEMS: usize = 5;
/// How many digits a number can be shown with.
const DIGITS: usize = 3;

type Result = std::result::Result<Value, ExecutionError>;

pub(super) fn register(context: &mut Context<'_>, budget: &Budget) {
    let meter = budget.clone();
    context.add_function(ADD, move |left: Value, right: Value| -> Result {
        let (bytes, items) = match (&left, &right) {
            (Value::String(left), Value::String(right)) => (left.len() + right.len(), 0),
            (Value::Bytes(left), Value::Bytes(right)) => (left.len() + right.len(), 0),
            (Value::List(left), Value::List(right)) => (0, left.len() + right.len()),
            _ => (0, 0),
        };
        spend(&meter, bytes, items)?;
        left + right
    });
    let meter = budget.clone();
    context.add_function("lists.range", move |most: i64| -> Result {
        let count = usize::try_from(most).unwrap_or(0);
        spend(&meter, 0, count)?;
        Ok(Value::List(Arc::new((0..most).map(Value::Int).collect())))
    });
    let meter = budget.clone();
    context.add_function(
        "replace",
        move |This(text): This<Arc<String>>, Arguments(arguments): Arguments| -> Result {
            if let [Value::String(what), Value::String(with), ..] = arguments.as_slice() {
                let count = match what.as_str() {
                    "" => text.len() + 1,
                    what => text.matches(what).count(),
                };
                spend(
                    &meter,
                    count.saturating_mul(with.len()).saturating_add(text.len()),
                    0,
                )?;
            }
            library::method("replace", Value::String(text), &arguments)
        },
    );
    let meter = budget.clone();
    context.add_function(
        "join",
        move |This(list): This<Arc<Vec<Value>>>, Arguments(arguments): Arguments| -> Result {
            let separator = match arguments.first() {
                Some(Value::String(separator)) => separator.len(),
                _ => 0,
            };
            let texts = list.iter().map(|item| match item {
                Value::String(text) => text.len(),
                _ => 0,
            });
            let bytes = texts.fold(separator.saturating_mul(list.len()), usize::saturating_add);
            spend(&meter, bytes, 0)?;
            library::method("join", Value::List(list), &arguments)
        },
    );
    let meter = budget.clone();
    context.add_function(
        "format",
        move |This(text): This<Arc<String>>, Arguments(arguments): Arguments| -> Result {
            if asks_for_many_digits(&text) {
                return Err(ExecutionError::function_error("", "the precision is too large"));
            }
            let sizes = arguments.iter().map(size);
            spend(&meter, sizes.fold(text.len(), usize::saturating_add), 0)?;
            let shown = arguments
                .iter()
                .map(shown)
                .collect::<std::result::Result<Vec<Value>, _>>()?;
            library::method("format", Value::String(text), &shown)
        },
    );
}

/// What is formatted, with times as texts.
fn shown(value: &Value) -> Result {
    match value {
        Value::List(items) => Ok(Value::List(Arc::new(
            items.iter().map(shown).collect::<std::result::Result<_, _>>()?,
        ))),
        Value::Duration(_) | Value::Timestamp(_) => string(value.clone()),
        value => Ok(value.clone()),
    }
}

/// Pays for a list that is about to be made.
pub(in crate::cel) fn pay_for_items(
    budget: &Budget,
    items: usize,
) -> std::result::Result<(), ExecutionError> {
    spend(budget, 0, items)
}

/// Pays for what is about to be made.
fn spend(budget: &Budget, bytes: usize, items: usize) -> std::result::Result<(), ExecutionError> {
    let cost = bytes / BYTES + items / ITEMS;
    if cost == 0 || budget.hold(cost as u64) {
        Ok(())
    } else {
        Err(ExecutionError::function_error("", "budget exceeded"))
    }
}

/// Whether a clause has a precision that fills pages.
fn asks_for_many_digits(text: &str) -> bool {
    text.split('%').skip(1).any(|clause| {
        let digits = clause.strip_prefix('.').unwrap_or("");
        digits.chars().take_while(char::is_ascii_digit).count() > DIGITS
    })
}

/// What it costs to copy a value.
pub(in crate::cel) fn weight(value: &Value) -> u64 {
    (size(value) / BYTES) as u64
}

/// How many bytes a value is taken for: parts without a size are worth as much as an item.
fn size(value: &Value) -> usize {
    const ITEM: usize = BYTES / ITEMS;
    let all = |sizes: &mut dyn Iterator<Item = usize>| {
        sizes.fold(0_usize, |sum, size| sum.saturating_add(size).saturating_add(ITEM))
    };
    match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => all(&mut items.iter().map(size)),
        Value::Map(map) => all(&mut map.map.iter().map(|(key, value)| match key {
            Key::String(key) => key.len().saturating_add(size(value)),
            _ => size(value),
        })),
        Value::Opaque(opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(optional) => optional.value().map_or(0, size),
            None => Structure::of(value).map_or(0, |structure| {
                all(&mut structure.fields.iter().map(|(_, value)| size(value)))
            }),
        },
        _ => 0,
    }
}
