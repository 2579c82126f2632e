//! What can be said about the types in a rule before it runs.
//!
//! The schema types what is selected from `self`, and literals type themselves. Where both sides
//! of an operator are known, they must fit; what is not known is left to the evaluation.

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use serde_json::Value;

use super::expressions::typed;

/// The operators that are checked, with the sign that they are written with.
const OPERATORS: [(&str, &str); 11] = [
    ("_==_", "=="),
    ("_!=_", "!="),
    ("_<=_", "<="),
    ("_>=_", ">="),
    ("_<_", "<"),
    ("_>_", ">"),
    ("_+_", "+"),
    ("_-_", "-"),
    ("_*_", "*"),
    ("_/_", "/"),
    ("_%_", "%"),
];

/// An operator between types that it has no meaning for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    operator: &'static str,
    /// The sign that the operator is written with.
    pub(super) sign: &'static str,
    left: &'static str,
    /// Nothing for an operator with one side.
    right: Option<&'static str>,
}

impl Mismatch {
    /// The complaint, as cel-go words it.
    pub(super) fn complaint(&self) -> String {
        let right = self.right.map(|right| format!(", {right}")).unwrap_or_default();
        format!(
            "found no matching overload for '{}' applied to '({}{right})'",
            self.operator, self.left
        )
    }
}

/// The type of an expression's value, where it is known.
pub(super) fn type_of(expression: &IdedExpr, schema: &Value) -> Option<&'static str> {
    match &expression.expr {
        Expr::Literal(literal) => Some(match literal {
            LiteralValue::Boolean(_) => "bool",
            LiteralValue::Bytes(_) => "bytes",
            LiteralValue::Double(_) => "double",
            LiteralValue::Int(_) => "int",
            LiteralValue::Null => "null",
            LiteralValue::String(_) => "string",
            LiteralValue::UInt(_) => "uint",
        }),
        Expr::Select(select) if select.test => Some("bool"),
        Expr::Ident(_) | Expr::Select(_) => of_schema(typed(expression, schema)?),
        Expr::Call(call) => match call.func_name.as_str() {
            "_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_" | "!_" | "@in" | "_&&_" | "_||_"
            | "startsWith" | "endsWith" | "contains" | "matches" => Some("bool"),
            "size" => Some("int"),
            "_+_" | "_-_" | "_*_" | "_/_" => {
                let mut sides = call.args.iter().map(|side| type_of(side, schema));
                let left = sides.next().flatten()?;
                let right = sides.next().flatten()?;
                (left == right).then_some(left)
            }
            _ => None,
        },
        _ => None,
    }
}

fn of_schema(schema: &Value) -> Option<&'static str> {
    let text = |field: &str| schema.get(field).and_then(Value::as_str).unwrap_or("");
    let is = |field: &str| schema.get(field) == Some(&Value::Bool(true));
    if is("x-kubernetes-int-or-string") || is("x-kubernetes-preserve-unknown-fields") {
        return None;
    }
    Some(match (text("type"), text("format")) {
        ("boolean", _) => "bool",
        ("integer", _) => "int",
        ("number", _) => "double",
        ("string", "" | "password" | "uuid" | "hostname" | "email" | "uri" | "ipv4" | "ipv6") => "string",
        _ => return None,
    })
}

/// The first operator whose sides do not fit.
pub(super) fn mismatch(expression: &IdedExpr, schema: &Value) -> Option<Mismatch> {
    let below = |part: &IdedExpr| mismatch(part, schema);
    match &expression.expr {
        Expr::Call(call) => {
            let parts = call.target.iter().map(AsRef::as_ref).chain(&call.args);
            if let Some(found) = parts.into_iter().find_map(below) {
                return Some(found);
            }
            if let [side] = call.args.as_slice() {
                return one_sided(&call.func_name, type_of(side, schema)?);
            }
            let (operator, sign) = *OPERATORS.iter().find(|(name, _)| *name == call.func_name)?;
            let [left, right] = call.args.as_slice() else {
                return None;
            };
            let (left, right) = (type_of(left, schema)?, type_of(right, schema)?);
            (!fits(operator, left, right)).then_some(Mismatch {
                operator,
                sign,
                left,
                right: Some(right),
            })
        }
        Expr::Comprehension(c) => [&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result]
            .into_iter()
            .find_map(below),
        Expr::List(list) => list.elements.iter().find_map(below),
        Expr::Map(map) => map.entries.iter().find_map(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => below(&entry.key).or_else(|| below(&entry.value)),
            EntryExpr::StructField(field) => below(&field.value),
        }),
        Expr::Select(select) => below(&select.operand),
        _ => None,
    }
}

/// What is wrong with an operator that has one side.
fn one_sided(operator: &str, left: &'static str) -> Option<Mismatch> {
    let (operator, sign, fits) = match operator {
        "!_" => ("!_", "!", left == "bool"),
        "-_" => ("-_", "-", matches!(left, "int" | "double")),
        _ => return None,
    };
    (!fits).then_some(Mismatch {
        operator,
        sign,
        left,
        right: None,
    })
}

fn fits(operator: &str, left: &str, right: &str) -> bool {
    let is_number = |ty: &str| matches!(ty, "int" | "uint" | "double");
    match operator {
        "_==_" | "_!=_" => left == right || is_number(left) && is_number(right),
        "_<_" | "_<=_" | "_>_" | "_>=_" => {
            is_number(left) && is_number(right) || left == right && left != "null"
        }
        "_+_" => left == right && (is_number(left) || matches!(left, "string" | "bytes")),
        "_%_" => left == right && matches!(left, "int" | "uint"),
        _ => left == right && is_number(left),
    }
}
