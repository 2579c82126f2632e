//! Functions of lists and texts, where the library's differ from upstream's.

use std::sync::Arc;

use kube_cel::cel::extractors::{Arguments, This};
use kube_cel::cel::{Context, ExecutionError, Value};

use super::no_such;

type Result = std::result::Result<Value, ExecutionError>;

pub(super) fn register(context: &mut Context<'_>) {
    context.add_function("sum", |This(list): This<Arc<Vec<Value>>>| sum(&list));
    context.add_function("min", |This(list): This<Arc<Vec<Value>>>| {
        extreme("min", &list, std::cmp::Ordering::Less)
    });
    context.add_function("max", |This(list): This<Arc<Vec<Value>>>| {
        extreme("max", &list, std::cmp::Ordering::Greater)
    });
    context.add_function(
        "slice",
        |This(list): This<Arc<Vec<Value>>>, start: i64, end: i64| slice(&list, start, end),
    );
    context.add_function("charAt", |This(text): This<Arc<String>>, at: i64| {
        let chars: Vec<char> = text.chars().collect();
        match usize::try_from(at) {
            Ok(at) if at < chars.len() => Ok(of(chars.get(at..=at).unwrap_or_default())),
            Ok(at) if at == chars.len() => Ok(of(&[])),
            _ => Err(error(format!("index out of range: {at}"))),
        }
    });
    context.add_function(
        "substring",
        |This(text): This<Arc<String>>, Arguments(ends): Arguments| substring(&text, &ends),
    );
    context.add_function(
        "split",
        |This(text): This<Arc<String>>, Arguments(arguments): Arguments| split(&text, &arguments),
    );
}

/// An error that is told without the function's name.
fn error(why: impl Into<String>) -> ExecutionError {
    ExecutionError::function_error("", why.into())
}

fn of(chars: &[char]) -> Value {
    Value::String(Arc::new(chars.iter().collect()))
}

fn sum(list: &[Value]) -> Result {
    let Some((first, rest)) = list.split_first() else {
        return Ok(Value::Int(0));
    };
    rest.iter()
        .try_fold(first.clone(), |sum, item| match (sum, item) {
            (Value::Int(sum), Value::Int(item)) => sum
                .checked_add(*item)
                .map(Value::Int)
                .ok_or_else(|| error("integer overflow")),
            (Value::UInt(sum), Value::UInt(item)) => sum
                .checked_add(*item)
                .map(Value::UInt)
                .ok_or_else(|| error("unsigned integer overflow")),
            (Value::Float(sum), Value::Float(item)) => Ok(Value::Float(sum + item)),
            (Value::Duration(sum), Value::Duration(item)) => sum
                .checked_add(item)
                .map(Value::Duration)
                .ok_or_else(|| error("duration overflow")),
            _ => Err(no_such("sum")),
        })
}

fn extreme(name: &str, list: &[Value], wanted: std::cmp::Ordering) -> Result {
    let Some((first, rest)) = list.split_first() else {
        return Err(error(format!("{name} called on empty list")));
    };
    let mut found = first;
    for item in rest {
        let order = item.partial_cmp(found).ok_or_else(|| no_such(name))?;
        if order == wanted {
            found = item;
        }
    }
    Ok(found.clone())
}

fn slice(list: &[Value], start: i64, end: i64) -> Result {
    let (Ok(from), Ok(to)) = (usize::try_from(start), usize::try_from(end)) else {
        return Err(error(format!(
            "cannot slice({start}, {end}), negative indexes not supported"
        )));
    };
    if from > to {
        return Err(error(format!(
            "cannot slice({start}, {end}), start index must be less than or equal to end index"
        )));
    }
    match list.get(from..to) {
        Some(items) => Ok(Value::List(Arc::new(items.to_vec()))),
        None => Err(error(format!(
            "cannot slice({start}, {end}), list is length {}",
            list.len()
        ))),
    }
}

fn substring(text: &str, ends: &[Value]) -> Result {
    let chars: Vec<char> = text.chars().collect();
    let (start, end) = match ends {
        [Value::Int(start)] => (*start, None),
        [Value::Int(start), Value::Int(end)] => (*start, Some(*end)),
        _ => return Err(no_such("substring")),
    };
    let within = |at: i64| {
        let found = usize::try_from(at).ok().filter(|at| *at <= chars.len());
        found.ok_or_else(|| error(format!("index out of range: {at}")))
    };
    if let Some(end) = end
        && start > end
    {
        return Err(error(format!(
            "invalid substring range. start: {start}, end: {end}"
        )));
    }
    let (from, to) = (within(start)?, end.map_or(Ok(chars.len()), within)?);
    Ok(of(chars.get(from..to).unwrap_or_default()))
}

fn split(text: &str, arguments: &[Value]) -> Result {
    let (separator, most) = match arguments {
        [Value::String(separator)] => (separator, -1),
        [Value::String(separator), Value::Int(most)] => (separator, *most),
        _ => return Err(no_such("split")),
    };
    let most = usize::try_from(most).ok();
    let parts: Vec<String> = match (separator.as_str(), most) {
        (_, Some(0)) => Vec::new(),
        ("", most) => {
            let chars: Vec<char> = text.chars().collect();
            let single = most.map_or(chars.len(), |most| (most - 1).min(chars.len()));
            let (single, rest) = chars.split_at(single);
            let mut parts: Vec<String> = single.iter().map(char::to_string).collect();
            if !rest.is_empty() {
                parts.push(rest.iter().collect());
            }
            parts
        }
        (separator, Some(most)) => text.splitn(most, separator).map(str::to_owned).collect(),
        (separator, None) => text.split(separator).map(str::to_owned).collect(),
    };
    let parts = parts.into_iter().map(|part| Value::String(Arc::new(part)));
    Ok(Value::List(Arc::new(parts.collect())))
}
