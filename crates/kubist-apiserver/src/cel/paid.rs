//! Values that are copied: that costs what they weigh.
//!
//! The interpreter shares nothing: what a literal or a function's value is made of is copied into
//! it, so that a list of ten large objects is ten times as large.

use kube_cel::cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr};
use kube_cel::cel::{Context, ExecutionError, FunctionContext, Value};

use super::check::{Type, Types};
use super::declared::Simple;
use super::functions::growing::weight;
use super::meter::Budget;

/// Gives its argument, for what that weighs.
const PAID: &str = "@paid";
/// Functions that ask for their price before they make a value.
const ASKING: [&str; 4] = ["format", "join", "range", "replace"];

pub(super) fn register(context: &mut Context<'_>, budget: &Budget) {
    let meter = budget.clone();
    context.add_function(
        PAID,
        move |function: &FunctionContext<'_, '_>| -> Result<Value, ExecutionError> {
            let error = |why: &str| ExecutionError::function_error("", why);
            let [part] = function.args else {
                return Err(error("no such overload"));
            };
            let value = function.ptx.resolve(part)?;
            match weight(&value) {
                0 => Ok(value),
                weight if meter.hold(weight) => Ok(value),
                _ => Err(error("budget exceeded")),
            }
        },
    );
}

/// Lets a lowered expression pay for what it copies.
pub(super) fn pay(expression: &mut IdedExpr, types: &Types) {
    let pays = weighs(types.of(expression));
    match &mut expression.expr {
        Expr::List(list) => {
            for element in &mut list.elements {
                pay_part(element, types);
            }
        }
        Expr::Map(map) => {
            for entry in &mut map.entries {
                match &mut entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        pay_part(&mut entry.key, types);
                        pay_part(&mut entry.value, types);
                    }
                    EntryExpr::StructField(field) => pay_part(&mut field.value, types),
                }
            }
        }
        Expr::Call(call) if pays && is_function(call) => wrap(expression),
        _ => {}
    }
}

/// What is written out pays for its own parts.
fn pay_part(part: &mut IdedExpr, types: &Types) {
    let is_written_out = match &part.expr {
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => true,
        Expr::Call(call) => call.func_name == PAID,
        _ => false,
    };
    if !is_written_out && weighs(types.of(part)) {
        wrap(part);
    }
}

fn wrap(expression: &mut IdedExpr) {
    let id = expression.id;
    let value = std::mem::take(expression);
    *expression = IdedExpr {
        id,
        expr: Expr::Call(CallExpr {
            func_name: PAID.into(),
            target: None,
            args: vec![value],
        }),
    };
}

/// Whether a call is one of a function that makes a value, not of an operator.
fn is_function(call: &CallExpr) -> bool {
    let name = call.func_name.as_str();
    !name.contains(['_', '@']) && !ASKING.contains(&name)
}

/// Whether values of a type can be of any size.
fn weighs(ty: &Type) -> bool {
    match ty {
        Type::Simple(simple) => matches!(simple, Simple::Bytes | Simple::Dyn | Simple::String),
        Type::Of(_) => false,
        Type::List(..) | Type::Map(..) | Type::Object(_) | Type::Optional(_) | Type::Open(_) => true,
    }
}
