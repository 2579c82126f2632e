//! What a call costs.

use kube_cel::cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};

use super::range::Range;
use super::types::{self, DYN, Type};
use super::{Coster, Entries, Known, NEW_LIST, STEP, Step};
use crate::cel::declared::Simple;

/// For every character that is looked at once.
const TRAVERSAL: f64 = 0.1;
/// For every character of a regular expression.
const REGEX: f64 = 0.25;
/// The longest regular expression of a named format.
const FORMAT_REGEX: f64 = 128.0;
/// Addresses are compared byte by byte.
const ADDRESS: Range = Range { least: 4, most: 16 };
/// What stands before the name of a function and is no value.
const NAMESPACES: [&str; 8] = [
    "cel",
    "format",
    "ip",
    "jsonpatch",
    "lists",
    "optional",
    "sets",
    "strings",
];

/// A call, with its name in full.
pub(super) struct Call<'e> {
    name: String,
    target: Option<&'e IdedExpr>,
    arguments: &'e [IdedExpr],
}

impl<'e> Call<'e> {
    pub(super) fn new(call: &'e CallExpr) -> Call<'e> {
        let (name, target) = match call.target.as_deref() {
            Some(IdedExpr {
                expr: Expr::Ident(namespace),
                ..
            }) if NAMESPACES.contains(&namespace.as_str()) => {
                (format!("{namespace}.{}", call.func_name), None)
            }
            target => (call.func_name.clone(), target),
        };
        Call {
            name,
            target,
            arguments: &call.args,
        }
    }
}

/// What a call costs beside its arguments, and the size of what it gives.
struct Estimate {
    cost: Range,
    size: Option<Range>,
}

impl Estimate {
    fn cost(cost: Range) -> Estimate {
        Estimate { cost, size: None }
    }

    fn sized(cost: Range, size: Range) -> Estimate {
        Estimate {
            cost,
            size: Some(size),
        }
    }

    /// Either of two functions of the same name.
    fn or(self, other: Estimate) -> Estimate {
        let size = match (self.size, other.size) {
            (Some(one), Some(other)) => Some(one.or(other)),
            (one, other) => one.or(other),
        };
        Estimate {
            cost: self.cost.or(other.cost),
            size,
        }
    }
}

impl<'a> Coster<'a> {
    pub(super) fn call(&mut self, call: &Call<'_>) -> (Range, Known<'a>) {
        let costs: Vec<Range> = call.arguments.iter().map(|part| self.cost(part)).collect();
        let sum = costs.iter().fold(Range::NONE, |sum, cost| sum.plus(*cost));
        let arguments: Vec<Known<'a>> = call.arguments.iter().map(|part| self.known(part)).collect();
        if let ("dyn", [of]) = (call.name.as_str(), arguments.as_slice()) {
            let known = Known {
                size: self.computed(of),
                entries: of.entries,
                ..self.nowhere(DYN)
            };
            return (STEP.plus(sum), known);
        }
        let before = call.target.map_or(Range::NONE, |target| self.cost(target));
        let target = call.target.map(|target| self.known(target));
        let types: Vec<Type<'a>> = arguments.iter().map(|known| known.ty.clone()).collect();
        let ty = types::result(&call.name, target.as_ref().map(|known| &known.ty), &types);
        let mut known = self.nowhere(ty);
        if let ("_[?_]", [of, ..], [_, field]) = (call.name.as_str(), arguments.as_slice(), call.arguments)
            && let Expr::Literal(LiteralValue::String(field)) = &field.expr
            && !matches!(of.ty, Type::List(_))
        {
            known.ty = of.ty.field(field.inner()).optional();
        }
        let cost = match (call.name.as_str(), costs.as_slice(), arguments.as_slice()) {
            ("_&&_" | "_||_", [left, right], _) => Range {
                // The right side may not be looked at.
                least: left.least,
                most: left.plus(*right).most,
            },
            ("_?_:_", [condition, yes, no], [_, one, other]) => {
                known.size = Some(self.sized(one).or(self.sized(other)));
                known.entries = both(one.entries, other.entries);
                condition.plus(yes.or(*no))
            }
            ("_[_]", _, [of, _]) => {
                known.place = self.step(of.place, &Step::Values);
                known.size = of.entries.map(|entries| entries.values);
                sum.plus(STEP)
            }
            (name, _, _) => {
                if let ("_+_", [left, right]) = (name, arguments.as_slice()) {
                    known.entries = both(left.entries, right.entries);
                }
                let literals: Vec<Option<u64>> = call.arguments.iter().map(literal).collect();
                let estimate = self.estimate(name, target.as_ref(), &arguments, &literals);
                known.size = estimate.size;
                sum.plus(estimate.cost)
            }
        };
        (before.plus(cost), known)
    }

    fn sized(&self, known: &Known<'a>) -> Range {
        self.computed(known).unwrap_or(Range::UNKNOWN)
    }

    fn estimate(
        &self,
        name: &str,
        target: Option<&Known<'a>>,
        arguments: &[Known<'a>],
        literals: &[Option<u64>],
    ) -> Estimate {
        let found = match (target, arguments) {
            (Some(target), _) => self.of_method(name, target, arguments, literals),
            (None, [of]) => self.of_one(name, of, literals),
            (None, [left, right]) => self.of_two(name, left, right),
            _ => None,
        };
        found.unwrap_or(Estimate::cost(STEP))
    }

    /// A function of one argument.
    fn of_one(&self, name: &str, of: &Known<'a>, literals: &[Option<u64>]) -> Option<Estimate> {
        let size = self.sized(of);
        let once = size.scaled(TRAVERSAL);
        Some(match name {
            "url" | "jsonpatch.escapeKey" => Estimate::sized(once, size),
            "cidr" | "isIP" | "isCIDR" | "ip" | "quantity" | "isQuantity" | "semver" | "isSemver" => {
                Estimate::cost(once)
            }
            "ip.isCanonical" => Estimate::cost(size.scaled(2.0 * TRAVERSAL)),
            "strings.quote" => {
                let quoted = Range {
                    least: size.least.saturating_add(2),
                    most: size.most.saturating_mul(2).saturating_add(2),
                };
                Estimate::sized(once, quoted)
            }
            "bytes" | "string" => {
                let (from, converted) = if name == "bytes" {
                    let most = size.most.saturating_mul(4);
                    (Simple::String, Range { most, ..size })
                } else {
                    let least = size.least / 4;
                    (Simple::Bytes, Range { least, ..size })
                };
                let conversion = Estimate::sized(once, converted);
                if of.ty.is(from) {
                    conversion
                } else if of.ty.is_dyn() {
                    conversion.or(Estimate::cost(STEP))
                } else {
                    return None;
                }
            }
            "lists.range" => {
                let length = Range::exactly(literals.first().copied().flatten().unwrap_or(u64::MAX));
                allocating(1.0, length)
            }
            _ => return None,
        })
    }

    /// An operator, or a function of two arguments.
    fn of_two(&self, name: &str, left: &Known<'a>, right: &Known<'a>) -> Option<Estimate> {
        let (one, other) = (self.sized(left), self.sized(right));
        let either = |test: &dyn Fn(&Type<'a>) -> bool| test(&left.ty) || test(&right.ty);
        let is_text = |ty: &Type<'a>| ty.is(Simple::String) || ty.is(Simple::Bytes);
        let is_open = left.ty.is_dyn() && right.ty.is_dyn();
        let smaller = one.most.min(other.most);
        let compared = Range {
            least: u64::from(smaller > 0),
            most: smaller,
        }
        .scaled(TRAVERSAL);
        Some(match name {
            "_==_" | "_!=_" => Estimate::cost(match (&left.ty, &right.ty) {
                (Type::Simple(Simple::Ip), Type::Simple(Simple::Ip))
                | (Type::Simple(Simple::Cidr), Type::Simple(Simple::Cidr))
                | (Type::Simple(Simple::Quantity), Type::Simple(Simple::Quantity))
                | (Type::Simple(Simple::Semver), Type::Simple(Simple::Semver))
                    if name == "_==_" =>
                {
                    STEP
                }
                _ => compared,
            }),
            "_<_" | "_<=_" | "_>_" | "_>=_" if either(&is_text) => Estimate::cost(compared),
            "_<_" | "_<=_" | "_>_" | "_>=_" if is_open => Estimate::cost(compared.or(STEP)),
            "_+_" => {
                let size = one.plus(other);
                let of_text = || Estimate::sized(size.scaled(TRAVERSAL), size);
                let of_lists = || Estimate::sized(STEP, size);
                if either(&is_text) {
                    of_text()
                } else if either(&|ty| matches!(ty, Type::List(_))) {
                    of_lists()
                } else if is_open {
                    of_text().or(of_lists())
                } else {
                    return None;
                }
            }
            "@in" => match right.ty {
                Type::List(_) => Estimate::cost(other),
                Type::Map { .. } => return None,
                _ => Estimate::cost(other.or(STEP)),
            },
            "sets.contains" | "sets.intersects" => Estimate::cost(one.times(other).plus(STEP)),
            "sets.equivalent" => Estimate::cost(one.times(other).scaled(2.0).plus(STEP)),
            _ => return None,
        })
    }

    /// A function that is called on a value.
    fn of_method(
        &self,
        name: &str,
        target: &Known<'a>,
        arguments: &[Known<'a>],
        literals: &[Option<u64>],
    ) -> Option<Estimate> {
        let size = self.sized(target);
        let once = size.scaled(TRAVERSAL);
        let first = || arguments.first().map(|known| self.sized(known));
        let matched = |size: Range, regex: Range| {
            let text = size.plus(Range::exactly(1)).scaled(TRAVERSAL);
            text.times(regex.scaled(REGEX))
        };
        Some(match name {
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
                Estimate::cost(match &target.ty {
                    Type::List(of) if of.is(Simple::String) || of.is(Simple::Bytes) => {
                        let items = self.items(target).scaled(TRAVERSAL);
                        size.times(items.plus(Range::exactly(1)))
                    }
                    Type::List(_) => size,
                    _ => once,
                })
            }
            "lowerAscii" | "upperAscii" | "substring" | "trim" => Estimate::sized(once, size),
            "replace" => {
                let twice = size.scaled(2.0 * TRAVERSAL);
                let [what, with, ..] = arguments else { return None };
                Estimate::sized(twice, replaced(size, self.sized(what), self.sized(with)))
            }
            "split" => {
                let most = literals.get(1).copied().flatten().unwrap_or(size.most);
                Estimate::sized(size.scaled(2.0 * TRAVERSAL), Range::at_most(most))
            }
            "join" => {
                let mut joined = match &target.ty {
                    Type::List(_) => size.times(self.items(target)),
                    _ => Range::NONE,
                };
                if let Some(separator) = first() {
                    let between = Range {
                        least: size.least.saturating_sub(1),
                        most: size.most.saturating_sub(1),
                    };
                    joined = joined.plus(separator.times(between));
                }
                Estimate::sized(joined.scaled(TRAVERSAL), joined)
            }
            "find" | "findAll" => Estimate::sized(matched(size, first()?), Range::at_most(size.most)),
            "matches" => Estimate::cost(matched(size, first()?)),
            "contains" => Estimate::cost(once.times(first()?.scaled(TRAVERSAL))),
            "startsWith" | "endsWith" => Estimate::cost(first()?.scaled(TRAVERSAL)),
            "format" => Estimate::cost(once),
            "validate" => Estimate::cost(first()?.scaled(TRAVERSAL).scaled(FORMAT_REGEX * REGEX)),
            "containsIP" | "containsCIDR" => {
                let mut cost = ADDRESS.plus(ADDRESS).scaled(TRAVERSAL);
                if name == "containsCIDR" {
                    cost = cost.plus(ADDRESS.scaled(TRAVERSAL)).plus(STEP);
                }
                // A text is read first.
                if arguments.first().is_some_and(|known| known.ty.is(Simple::String)) {
                    cost = cost.plus(first()?.scaled(TRAVERSAL));
                }
                Estimate::cost(cost)
            }
            "slice" => {
                let at = |at: usize, or: u64| literals.get(at).copied().flatten().unwrap_or(or);
                allocating(1.0, Range::exactly(at(1, size.most).saturating_sub(at(0, 0))))
            }
            "reverse" => allocating(1.0, size),
            "flatten" if arguments.is_empty() => allocating(1.0, size),
            "distinct" => allocating(2.0, size.times(size)),
            "sort" => {
                let is_text = target.ty.element().is(Simple::String);
                allocating(if is_text { 2.0 + TRAVERSAL } else { 2.0 }, size.times(size))
            }
            _ => return None,
        })
    }

    /// The size of what is in a list.
    fn items(&self, list: &Known<'a>) -> Range {
        let place = match list.place {
            super::Place::Nowhere => return Range::UNKNOWN,
            place => self.step(place, &Step::Values),
        };
        match place {
            super::Place::At(Some(declared)) => Range::at_most(declared.most),
            _ => Range::UNKNOWN,
        }
    }
}

/// A call that makes a list.
fn allocating(factor: f64, size: Range) -> Estimate {
    Estimate::sized(size.scaled(factor).plus(STEP).plus(NEW_LIST), size)
}

fn both(one: Option<Entries>, other: Option<Entries>) -> Option<Entries> {
    Some(one?.or(other?))
}

/// A number that is written down.
fn literal(expression: &IdedExpr) -> Option<u64> {
    match &expression.expr {
        Expr::Literal(LiteralValue::Int(number)) => u64::try_from(*number.inner()).ok(),
        _ => None,
    }
}

/// How long a text can be in which every `what` was replaced.
fn replaced(text: Range, what: Range, with: Range) -> Range {
    // An empty text is found between all characters.
    let (count_most, kept_most) = if what.least == 0 {
        (text.most.saturating_add(1), text.most)
    } else if with.most <= what.least {
        (0, text.most)
    } else {
        (text.most.div_ceil(what.least), 0)
    };
    let (count_least, kept_least) = if what.most == 0 {
        (text.least.saturating_add(1), text.least)
    } else if what.most <= with.least {
        (0, text.least)
    } else {
        (text.least.div_ceil(what.most), 0)
    };
    Range {
        least: count_least.saturating_mul(with.least).saturating_add(kept_least),
        most: count_most.saturating_mul(with.most).saturating_add(kept_most),
    }
}
