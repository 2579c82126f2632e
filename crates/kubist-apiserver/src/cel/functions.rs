//! Functions that the libraries do not bring, and the names of all that there are.

mod conversions;
mod formats;
mod loops;

use std::sync::Arc;

use kube_cel::cel::extractors::This;
use kube_cel::cel::{Context, ExecutionError, Value};

/// The types that `type(x)` can be compared with.
const TYPES: [&str; 11] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "timestamp",
    "uint",
];

pub(super) fn register(context: &mut Context<'_>) {
    // What a call has no target for, its first argument is.
    context.add_function(
        "dyn",
        |This(value): This<Value>| -> Result<Value, ExecutionError> { Ok(value) },
    );
    context.add_function(
        "type",
        |This(value): This<Value>| -> Result<Value, ExecutionError> { Ok(named(type_of(&value))) },
    );
    conversions::register(context);
    formats::register(context);
    loops::register(context);
    for name in TYPES {
        context.add_variable_from_value(name, named(name));
    }
}

fn named(name: &str) -> Value {
    // Not what any text is equal to.
    Value::String(Arc::new(format!("@type:{name}")))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Duration(_) => "duration",
        Value::Timestamp(_) => "timestamp",
        Value::Null => "null_type",
        _ => "opaque",
    }
}
