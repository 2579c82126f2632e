//! The calls that pay by what they are given, and how they come to.

use kube_cel::cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use kube_cel::cel::{ExecutionError, Value};

use super::PRICED;
use crate::cel::check::{Type, Types};
use crate::cel::declared::Simple;

/// Functions whose price depends on what they are given.
const FUNCTIONS: [&str; 44] = [
    "bytes",
    "cidr",
    "contains",
    "containsCIDR",
    "containsIP",
    "distinct",
    "endsWith",
    "fieldSelector",
    "find",
    "findAll",
    "flatten",
    "format",
    "indexOf",
    "ip",
    "ip.isCanonical",
    "isCIDR",
    "isIP",
    "isQuantity",
    "isSemver",
    "isSorted",
    "join",
    "jsonpatch.escapeKey",
    "labelSelector",
    "lastIndexOf",
    "lists.range",
    "lowerAscii",
    "matches",
    "max",
    "min",
    "quantity",
    "replace",
    "reverse",
    "semver",
    "sets.contains",
    "sets.equivalent",
    "sets.intersects",
    "slice",
    "sort",
    "split",
    "startsWith",
    "string",
    "substring",
    "sum",
    "trim",
];
const OTHERS: [&str; 4] = ["@sortByAssociatedKeys", "upperAscii", "url", "validate"];
/// What functions are in that are no methods of a value.
const NAMESPACES: [&str; 8] = [
    "base64",
    "format",
    "ip",
    "jsonpatch",
    "lists",
    "math",
    "optional",
    "sets",
];
/// The longest text that is compared at the price of a character.
const SHORT: usize = 10;

/// Whether a call pays when it has run, which does not cost what others do.
pub(in crate::cel) fn is_priced(expression: &IdedExpr, types: &Types) -> Option<String> {
    let Expr::Call(call) = &expression.expr else {
        return None;
    };
    let name = full_name(call);
    let is_priced = match (name.as_str(), call.args.as_slice()) {
        (operators::EQUALS | operators::NOT_EQUALS, [one, other]) => {
            has_size(one, types) && has_size(other, types)
        }
        (
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
            [one, other],
        ) => has_size(one, types) && has_size(other, types),
        (operators::ADD, [one, other]) => {
            let is_text = |part: &IdedExpr| {
                matches!(
                    types.of(part),
                    Type::Simple(Simple::String | Simple::Bytes | Simple::Dyn)
                )
            };
            is_text(one) && is_text(other)
        }
        (operators::IN, [_, list]) => !matches!(types.of(list), Type::Map(..)),
        (name, _) => FUNCTIONS.contains(&name) || OTHERS.contains(&name),
    };
    is_priced.then_some(name)
}

/// Whether how large a value is can matter to what comparing it costs.
fn has_size(part: &IdedExpr, types: &Types) -> bool {
    match &part.expr {
        Expr::Literal(LiteralValue::String(text)) => {
            let text = text.inner();
            return text.is_empty() || text.len() > SHORT;
        }
        Expr::Literal(_) => return false,
        _ => {}
    }
    match types.of(part) {
        Type::Simple(simple) => matches!(simple, Simple::String | Simple::Bytes | Simple::Dyn),
        Type::List(..) | Type::Map(..) | Type::Optional(_) => true,
        Type::Object(_) | Type::Of(_) | Type::Open(_) => false,
    }
}

fn full_name(call: &CallExpr) -> String {
    match call.target.as_deref() {
        Some(target) if is_namespace(target, &call.func_name) => match &target.expr {
            Expr::Ident(space) => format!("{space}.{}", call.func_name),
            _ => call.func_name.clone(),
        },
        _ => call.func_name.clone(),
    }
}

fn is_namespace(target: &IdedExpr, function: &str) -> bool {
    let Expr::Ident(space) = &target.expr else {
        return false;
    };
    let whole = format!("{space}.{function}");
    NAMESPACES.contains(&space.as_str()) && FUNCTIONS.contains(&whole.as_str())
}

/// Lets a call that is lowered pay.
pub(in crate::cel) fn pay_for(expression: &mut IdedExpr, name: String) {
    let id = expression.id;
    let of = |expr: Expr| IdedExpr { id, expr };
    let mut operands = Vec::new();
    take(expression, &mut operands);
    let call = std::mem::take(expression);
    let mut args = vec![of(Expr::Literal(LiteralValue::String(name.into()))), call];
    args.append(&mut operands);
    *expression = of(Expr::Call(CallExpr {
        func_name: PRICED.into(),
        target: None,
        args,
    }));
}

/// Takes the parts of a call, and leaves names for them.
fn take(expression: &mut IdedExpr, operands: &mut Vec<IdedExpr>) {
    let Expr::Call(call) = &mut expression.expr else {
        return;
    };
    // What is not equal is what is not so.
    if call.func_name == operators::LOGICAL_NOT {
        return call.args.iter_mut().for_each(|part| take(part, operands));
    }
    let function = call.func_name.clone();
    let target = call.target.as_deref_mut();
    let target = target.filter(|target| !is_namespace(target, &function));
    for part in target.into_iter().chain(&mut call.args) {
        let name = placeholder(operands.len());
        let id = part.id;
        let named = IdedExpr {
            id,
            expr: Expr::Ident(name),
        };
        operands.push(std::mem::replace(part, named));
    }
}

pub(super) fn placeholder(at: usize) -> String {
    format!("@{at}")
}

pub(super) fn name(part: &IdedExpr) -> &str {
    match &part.expr {
        Expr::Literal(LiteralValue::String(name)) => name.inner(),
        _ => "",
    }
}

/// What needs no function of the library.
pub(super) fn run(name: &str, operands: &[Value]) -> Option<Result<Value, ExecutionError>> {
    let [Value::String(one), Value::String(other)] = operands else {
        return None;
    };
    Some(Ok(Value::Bool(match name {
        operators::EQUALS => one == other,
        operators::NOT_EQUALS => one != other,
        "contains" => one.contains(other.as_str()),
        "startsWith" => one.starts_with(other.as_str()),
        "endsWith" => one.ends_with(other.as_str()),
        _ => return None,
    })))
}
