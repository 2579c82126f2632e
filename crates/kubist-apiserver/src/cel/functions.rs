//! Functions that the libraries do not bring, or that they bring otherwise.

mod addresses;
mod conversions;
mod formats;
pub(super) mod growing;
pub(super) mod library;
mod lists;
pub(super) mod logic;
pub(super) mod loops;
mod times;

use std::sync::Arc;

use kube_cel::cel::extractors::This;
use kube_cel::cel::{Context, ExecutionError, Value};

pub(super) use formats::format_name;

use super::meter::Budget;

/// The types that `type(x)` can be compared with.
const TYPES: [&str; 13] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "int",
    "list",
    "map",
    "null_type",
    "optional_type",
    "string",
    "timestamp",
    "type",
    "uint",
];

/// What names of types begin with, so that no text is equal to one.
const TYPE: &str = "@type:";

/// No function of that name takes what it was given, in cel-go's words.
pub(super) fn no_such(function: &str) -> ExecutionError {
    ExecutionError::function_error(function, "no such overload")
}

pub(super) fn register(context: &mut Context<'_>, budget: &Budget) {
    // What a call has no target for, its first argument is.
    context.add_function(
        "dyn",
        |This(value): This<Value>| -> Result<Value, ExecutionError> { Ok(value) },
    );
    context.add_function(
        "type",
        |This(value): This<Value>| -> Result<Value, ExecutionError> { Ok(named(type_of(&value))) },
    );
    addresses::register(context);
    conversions::register(context);
    growing::register(context, budget);
    formats::register(context);
    lists::register(context);
    logic::register(context);
    loops::register(context);
    times::register(context);
    for name in TYPES {
        context.add_variable_from_value(name, named(name));
    }
}

fn named(name: &str) -> Value {
    Value::String(Arc::new(format!("{TYPE}{name}")))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(text) if text.starts_with(TYPE) => "type",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Duration(_) => "duration",
        Value::Timestamp(_) => "timestamp",
        Value::Null => "null_type",
        Value::Opaque(opaque) if opaque.runtime_type_name() == "optional_type" => "optional_type",
        _ => "opaque",
    }
}
