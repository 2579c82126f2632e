//! Literals that cannot be meant: texts that the function they are for cannot read, and lists and
//! maps of this and that.

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use regex::Regex;

use super::check::{Problem, Type, Types};
use super::macros::parts_mut;
use crate::crd::formats::fits_format;

/// What is wrong with the literals in an expression whose types fit.
pub(super) fn problems(expression: &mut IdedExpr, types: &Types) -> Vec<Problem> {
    let mut found = Vec::new();
    visit(expression, types, false, &mut found);
    found
}

/// `mixed`: whether literals may be of this and that, as the arguments of `format` are.
fn visit(expression: &mut IdedExpr, types: &Types, mixed: bool, found: &mut Vec<Problem>) {
    let mut mixed = mixed;
    let id = expression.id;
    match &expression.expr {
        Expr::Call(call) => {
            let text = match call.args.as_slice() {
                [argument] => Some(argument),
                [_, argument] if call.func_name == "matches" => Some(argument),
                _ => None,
            };
            found.extend(text.and_then(|text| unreadable(&call.func_name, text)));
            if let ("format", Some(target)) = (call.func_name.as_str(), &call.target) {
                found.extend(clauses(id, target, &call.args, types));
            }
            mixed = mixed || call.func_name == "format";
        }
        Expr::List(list) if !mixed => {
            let elements = list.elements.iter().enumerate();
            let of = elements.map(|(at, element)| (element, list.optional_indices.contains(&at)));
            found.extend(other_type(of, types));
        }
        Expr::Map(map) if !mixed => {
            let entries = || {
                map.entries.iter().filter_map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) => Some(entry),
                    EntryExpr::StructField(_) => None,
                })
            };
            found.extend(other_type(entries().map(|entry| (&entry.key, false)), types));
            found.extend(other_type(
                entries().map(|entry| (&entry.value, entry.optional)),
                types,
            ));
        }
        _ => {}
    }
    let _: Result<(), ()> = parts_mut(expression, &mut |part| {
        visit(part, types, mixed, found);
        Ok(())
    });
}

/// The first element of another type than those before it.
fn other_type<'e>(elements: impl Iterator<Item = (&'e IdedExpr, bool)>, types: &Types) -> Option<Problem> {
    let mut first: Option<Type> = None;
    for (element, optional) in elements {
        let ty = match types.of(element) {
            Type::Optional(of) if optional => of.as_ref().clone(),
            ty => ty.clone(),
        };
        match &first {
            None => first = Some(ty),
            Some(wanted) if *wanted != ty => {
                return Some(Problem {
                    at: element.id,
                    message: format!("expected type '{wanted}' but found '{ty}'"),
                });
            }
            Some(_) => {}
        }
    }
    None
}

/// What is wrong with the clauses of a text that is formatted.
fn clauses(id: u64, target: &IdedExpr, arguments: &[IdedExpr], types: &Types) -> Option<Problem> {
    let Expr::Literal(LiteralValue::String(text)) = &target.expr else {
        return None;
    };
    let mut given = match arguments {
        [
            IdedExpr {
                expr: Expr::List(list),
                ..
            },
        ] => list.elements.iter(),
        _ => return None,
    };
    let mut rest = text.inner();
    while let Some((_, clause)) = rest.split_once('%') {
        let clause = clause.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let sign = clause.chars().next();
        rest = clause.get(sign.map_or(0, char::len_utf8)..).unwrap_or("");
        let argument = match sign {
            Some('%') => continue,
            Some('s' | 'd' | 'f' | 'e' | 'b' | 'o' | 'x' | 'X') => given.next(),
            sign => {
                let sign = sign.map(String::from).unwrap_or_default();
                return Some(Problem {
                    at: id,
                    message: format!(
                        "could not parse formatting clause: unrecognized formatting clause {sign:?}"
                    ),
                });
            }
        };
        let fits = |ty: &Type| matches!(ty.to_string().as_str(), "int" | "uint" | "dyn");
        if let (Some('d'), Some(argument)) = (sign, argument)
            && !fits(types.of(argument))
        {
            return Some(Problem {
                at: argument.id,
                message: format!(
                    "error during formatting: decimal clause can only be used on integers, was given {}",
                    types.of(argument)
                ),
            });
        }
    }
    None
}

fn unreadable(function: &str, argument: &IdedExpr) -> Option<Problem> {
    let Expr::Literal(LiteralValue::String(text)) = &argument.expr else {
        return None;
    };
    let text = text.inner();
    let readable = match function {
        "matches" => Regex::new(text).is_ok(),
        "timestamp" => fits_format("date-time", text),
        "duration" => fits_format("duration", text),
        _ => true,
    };
    (!readable).then(|| Problem {
        at: argument.id,
        message: format!("invalid {function} argument"),
    })
}
