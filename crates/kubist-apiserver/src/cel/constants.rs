//! Conversions of literals, which are made when an expression is compiled.

use kube_cel::cel::common::ast::{Expr, IdedExpr};

use super::macros::parts_mut;
use super::{Budget, Deep, Evaluator, Failure, words};

/// The functions that upstream's planner calls for a literal.
const CONVERSIONS: [&str; 8] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "int",
    "string",
    "timestamp",
    "uint",
];

/// Why a conversion in a lowered expression cannot be made, if there is such a one.
pub(super) fn unconvertible(deep: Deep, expression: &mut IdedExpr) -> Option<String> {
    let mut found = Vec::new();
    find(expression, &mut found);
    if found.is_empty() {
        return None;
    }
    let evaluator = Evaluator::new(deep);
    found.iter().find_map(|conversion| {
        let scope = evaluator.context.new_inner_scope();
        match evaluator.run(&Budget::new(1_000), 0, || scope.resolve(conversion)) {
            Err(Failure::Error(error)) => Some(words(&error)),
            _ => None,
        }
    })
}

fn find(expression: &mut IdedExpr, found: &mut Vec<IdedExpr>) {
    if let Expr::Call(call) = &expression.expr
        && CONVERSIONS.contains(&call.func_name.as_str())
    {
        let mut arguments = call.target.iter().map(AsRef::as_ref).chain(&call.args);
        let only = arguments.next().filter(|_| arguments.next().is_none());
        if only.is_some_and(|argument| matches!(argument.expr, Expr::Literal(_))) {
            found.push(expression.clone());
        }
    }
    let _: Result<(), ()> = parts_mut(expression, &mut |part| {
        find(part, found);
        Ok(())
    });
}
