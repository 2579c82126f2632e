//! Conversions between types, where the library's differ from cel-go's.

use std::sync::Arc;

use kube_cel::cel::extractors::This;
use kube_cel::cel::{Context, ExecutionError, Value};

use super::{library, no_such};

type Result = std::result::Result<Value, ExecutionError>;

const NANOS: i64 = 1_000_000_000;

pub(super) fn register(context: &mut Context<'_>) {
    context.add_function("size", |This(value): This<Value>| size(&value));
    context.add_function("bool", |This(value): This<Value>| bool(value));
    context.add_function("string", |This(value): This<Value>| string(value));
    context.add_function("int", |This(value): This<Value>| int(value));
    context.add_function("timestamp", |This(value): This<Value>| timestamp(value));
}

/// An error that is told without the function's name.
fn error(why: impl std::fmt::Display) -> ExecutionError {
    ExecutionError::function_error("", why.to_string())
}

/// Characters are counted, not bytes.
fn size(value: &Value) -> Result {
    let size = match value {
        Value::List(list) => list.len(),
        Value::Map(map) => map.map.len(),
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        _ => return Err(no_such("size")),
    };
    i64::try_from(size)
        .map(Value::Int)
        .map_err(|_| error("integer overflow"))
}

fn bool(value: Value) -> Result {
    match &value {
        Value::Bool(_) => Ok(value),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(Value::Bool(false)),
            _ => Err(error("type conversion error from 'string' to 'bool'")),
        },
        _ => Err(no_such("bool")),
    }
}

pub(super) fn string(value: Value) -> Result {
    let text = match &value {
        Value::String(_) => return Ok(value),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::UInt(value) => value.to_string(),
        Value::Float(value) => float(*value),
        Value::Timestamp(time) => time.to_rfc3339().replace("+00:00", "Z"),
        Value::Duration(duration) => {
            let nanos = duration.num_nanoseconds().unwrap_or(i64::MAX);
            let (whole, rest) = (nanos / NANOS, (nanos % NANOS).abs());
            let sign = if nanos < 0 && whole == 0 { "-" } else { "" };
            let rest = format!("{rest:09}");
            match rest.trim_end_matches('0') {
                "" => format!("{whole}s"),
                rest => format!("{sign}{whole}.{rest}s"),
            }
        }
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                return Err(error("invalid UTF-8 in bytes, cannot convert to string"));
            }
        },
        Value::Opaque(_) => return library::method("string", value, &[]).map_err(|_| no_such("string")),
        _ => return Err(no_such("string")),
    };
    Ok(Value::String(Arc::new(text)))
}

/// A number as Go's `%g` writes it.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn int(value: Value) -> Result {
    let overflow = || error("integer overflow");
    match value {
        Value::Int(_) => Ok(value),
        Value::UInt(value) => i64::try_from(value).map(Value::Int).map_err(|_| overflow()),
        Value::Float(value) if value > i64::MIN as f64 && value < i64::MAX as f64 => {
            Ok(Value::Int(value as i64))
        }
        Value::Float(_) => Err(overflow()),
        Value::Timestamp(time) => Ok(Value::Int(time.timestamp())),
        Value::Duration(duration) => duration.num_nanoseconds().map(Value::Int).ok_or_else(overflow),
        Value::String(text) => text
            .parse()
            .map(Value::Int)
            .map_err(|_| error("type conversion error from 'string' to 'int'")),
        _ => Err(no_such("int")),
    }
}

fn timestamp(value: Value) -> Result {
    let of_text = |text: &str| {
        let parsed = text.parse().map(Value::Timestamp);
        parsed.map_err(|_| error("type conversion error from 'string' to 'timestamp'"))
    };
    match &value {
        Value::Timestamp(_) => Ok(value),
        Value::String(text) => of_text(text),
        Value::Int(seconds) => match jiff::Timestamp::from_second(*seconds) {
            Ok(time) => of_text(&time.to_string()),
            Err(_) => Err(error("timestamp overflow")),
        },
        _ => Err(no_such("timestamp")),
    }
}
