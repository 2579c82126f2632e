//! Quantifiers that an error does not end, and negation that does not overflow.
//!
//! To cel-go an error inside of `all` or `exists` is a value: it is forgotten once another
//! element decides. The interpreter has no such values, so that loops keep their errors
//! themselves until they are over.

use std::sync::Arc;

use kube_cel::cel::objects::Opaque;
use kube_cel::cel::{Context, ExecutionError, FunctionContext, Value};

use super::no_such;

/// `accumulated || next`, and the same for `&&`.
pub(in crate::cel) const ANY: &str = "@any";
pub(in crate::cel) const EVERY: &str = "@every";
/// What was accumulated, or the error that was.
pub(in crate::cel) const SETTLE: &str = "@settle";
pub(in crate::cel) const EQUAL: &str = "@equal";
pub(in crate::cel) const NEGATE: &str = "@negate";

type Result = std::result::Result<Value, ExecutionError>;

/// An error that was kept.
#[derive(Debug)]
struct Kept(ExecutionError);

impl PartialEq for Kept {
    fn eq(&self, other: &Kept) -> bool {
        self.0 == other.0
    }
}

impl Eq for Kept {}

impl Opaque for Kept {
    fn runtime_type_name(&self) -> &'static str {
        "error"
    }
}

pub(super) fn register(context: &mut Context<'_>) {
    context.add_function(ANY, |function: &FunctionContext<'_, '_>| step(function, true));
    context.add_function(EVERY, |function: &FunctionContext<'_, '_>| step(function, false));
    context.add_function(SETTLE, |value: Value| -> Result {
        match &value {
            Value::Opaque(opaque) => match opaque.downcast_ref::<Kept>() {
                Some(Kept(error)) => Err(error.clone()),
                None => Ok(value),
            },
            _ => Ok(value),
        }
    });
    context.add_function(EQUAL, |one: Value, other: Value| one == other);
    context.add_function(NEGATE, |value: Value| -> Result {
        let error = |why: &str| Err(ExecutionError::function_error("", why));
        match value {
            Value::Int(number) => match number.checked_neg() {
                Some(number) => Ok(Value::Int(number)),
                None => error("integer overflow"),
            },
            Value::Float(number) => Ok(Value::Float(-number)),
            _ => error("no such overload"),
        }
    });
}

/// What a step of a loop accumulates; `decisive` is what ends it.
fn step(function: &FunctionContext<'_, '_>, decisive: bool) -> Result {
    let [accumulated, next] = function.args else {
        return Err(no_such(""));
    };
    let accumulated = function.ptx.resolve(accumulated)?;
    if accumulated == Value::Bool(decisive) {
        return Ok(accumulated);
    }
    let error = match function.ptx.resolve(next) {
        Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(decisive)),
        Ok(Value::Bool(_)) => return Ok(accumulated),
        Ok(_) => no_such(""),
        Err(error) => error,
    };
    Ok(match accumulated {
        // The first error is told.
        Value::Opaque(_) => accumulated,
        _ => Value::Opaque(Arc::new(Kept(error))),
    })
}
