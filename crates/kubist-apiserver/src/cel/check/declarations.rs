//! What functions there are, read from the list beside this file.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::types::{Object, Type};
use crate::cel::declared::Simple;

/// One way to call a function.
#[derive(Debug)]
pub(super) struct Overload {
    /// Whether the first argument stands before a dot.
    pub(super) is_method: bool,
    pub(super) arguments: Vec<Type>,
    pub(super) result: Type,
}

/// How many open types a declaration has at most.
pub(super) const OPEN: u32 = 2;

/// The ways to call a function; nothing if there is none of that name.
pub(super) fn overloads(name: &str) -> Option<&'static [Overload]> {
    let name = match name {
        "_<_" | "_<=_" | "_>_" | "_>=_" => "@compare",
        // It is not to be called by that name.
        "@compare" => return None,
        name => name,
    };
    FUNCTIONS.get(name).map(Vec::as_slice)
}

/// The type that a name in an expression stands for, as `int` does in `type(x) == int`.
pub(super) fn type_named(name: &str) -> Option<Type> {
    Some(match name {
        "list" => Type::list(super::types::DYN),
        "map" => Type::map(super::types::DYN, super::types::DYN),
        "null_type" => Type::Simple(Simple::Null),
        "optional_type" => Type::optional(super::types::DYN),
        "bool" | "bytes" | "double" | "dyn" | "int" | "string" | "type" | "uint" => {
            Type::Simple(simple(name)?)
        }
        "google.protobuf.Timestamp" => Type::Simple(Simple::Timestamp),
        "google.protobuf.Duration" => Type::Simple(Simple::Duration),
        _ => return None,
    })
}

static FUNCTIONS: LazyLock<HashMap<&'static str, Vec<Overload>>> = LazyLock::new(|| {
    let lines = include_str!("functions.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (name, ways) = line.split_once(' ')?;
            let ways = ways.split("; ").filter_map(overload);
            Some((name, ways.collect()))
        })
        .collect()
});

/// Reads `string.(int, int) string`, or the same without what is before the dot.
fn overload(text: &str) -> Option<Overload> {
    let (before, after) = match text.split_once(".(") {
        Some((target, rest)) => (Some(target), rest),
        None => (None, text.strip_prefix('(')?),
    };
    let (inside, result) = after.rsplit_once(") ")?;
    // A result may have brackets of its own.
    let (inside, result) = match after.find(") ") {
        Some(at) if balanced(after.get(..at)?) => (after.get(..at)?, after.get(at + 2..)?),
        _ => (inside, result),
    };
    let mut arguments: Vec<Type> = before.and_then(ty).into_iter().collect();
    arguments.extend(parts(inside).into_iter().filter_map(ty));
    Some(Overload {
        is_method: before.is_some(),
        arguments,
        result: ty(result)?,
    })
}

fn balanced(text: &str) -> bool {
    text.matches('(').count() == text.matches(')').count()
}

/// Splits at the commas that are in no brackets.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn ty(text: &str) -> Option<Type> {
    let text = text.trim();
    if let Some((name, inside)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let mut inside = parts(inside).into_iter().map(ty);
        let mut next = || inside.next().flatten();
        return Some(match name {
            "list" => Type::list(next()?),
            "map" => Type::map(next()?, next()?),
            "optional" => Type::optional(next()?),
            "type" => Type::Of(next()?.into()),
            _ => return None,
        });
    }
    match text {
        "A" => Some(Type::Open(0)),
        "B" => Some(Type::Open(1)),
        name => simple(name).map(Type::Simple),
    }
}

fn simple(name: &str) -> Option<Simple> {
    Some(match name {
        "authorizer" => Simple::Authorizer,
        "bool" => Simple::Bool,
        "bytes" => Simple::Bytes,
        "cidr" => Simple::Cidr,
        "decision" => Simple::Decision,
        "double" => Simple::Double,
        "duration" => Simple::Duration,
        "dyn" => Simple::Dyn,
        "format" => Simple::Format,
        "groupCheck" => Simple::GroupCheck,
        "int" => Simple::Int,
        "ip" => Simple::Ip,
        "pathCheck" => Simple::PathCheck,
        "quantity" => Simple::Quantity,
        "resourceCheck" => Simple::ResourceCheck,
        "semver" => Simple::Semver,
        "string" => Simple::String,
        "timestamp" => Simple::Timestamp,
        "type" => Simple::Type,
        "uint" => Simple::Uint,
        "url" => Simple::Url,
        _ => return None,
    })
}

/// A declaration with open types of its own, numbered from `first`.
pub(super) fn fresh(ty: &Type, first: u32) -> Type {
    match ty {
        Type::Open(number) => Type::Open(first + number),
        Type::List(of, kind) => Type::List(fresh(of, first).into(), kind.clone()),
        Type::Map(keys, values) => Type::map(fresh(keys, first), fresh(values, first)),
        Type::Optional(of) => Type::optional(fresh(of, first)),
        Type::Of(of) => Type::Of(fresh(of, first).into()),
        Type::Object(object) => Type::Object(std::sync::Arc::<Object>::clone(object)),
        Type::Simple(simple) => Type::Simple(*simple),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_declares_what_it_says() {
        let lines = include_str!("functions.txt").lines();
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, ways) = line.split_once(' ').expect("a name and ways");
            let ways: Vec<&str> = ways.split("; ").collect();
            let read = FUNCTIONS.get(name).expect(name);
            assert_eq!(read.len(), ways.len(), "{line}");
            for (way, overload) in ways.into_iter().zip(read) {
                assert_eq!(overload.is_method, way.contains(".("), "{line}");
            }
        }
        let replace = overloads("replace").expect("declared");
        assert_eq!(
            replace.iter().map(|way| way.arguments.len()).collect::<Vec<_>>(),
            [3, 4]
        );
    }
}
