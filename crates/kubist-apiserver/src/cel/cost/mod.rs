//! What an expression can cost at most, before it runs.
//!
//! The rules are those of cel-go's `checker/cost.go` with the estimates of Kubernetes for its
//! own functions, oddities included: an estimate decides which definitions are accepted.

mod calls;
mod range;
mod types;

use std::collections::HashMap;

use kube_cel::cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

use super::declared::{Declared, Shape, Simple};
use calls::Call;
use range::Range;
pub(super) use range::scaled;
use types::{DYN, Type};

/// What naming a variable or selecting a field costs.
const STEP: Range = Range::exactly(1);
const NEW_LIST: Range = Range::exactly(10);
const NEW_MAP: Range = Range::exactly(30);
const NEW_STRUCT: Range = Range::exactly(40);

/// The most that an expression can cost whose `self`, and `oldSelf`, is of this type.
pub(super) fn most(expression: &IdedExpr, root: &Declared, optional_old_self: bool) -> u64 {
    let mut coster = Coster {
        root,
        optional_old_self,
        locals: Vec::new(),
        known: HashMap::new(),
    };
    coster.cost(expression).most
}

/// Where a value is in what is declared.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    /// It is not a part of a variable.
    Nowhere,
    /// The part that a path leads to, if it leads to one.
    At(Option<&'a Declared>),
}

/// A step from a place to a part of it.
enum Step<'n> {
    Field(&'n str),
    Values,
    Keys,
}

/// What is known about an expression.
#[derive(Clone, Debug)]
struct Known<'a> {
    ty: Type<'a>,
    place: Place<'a>,
    size: Option<Range>,
    /// The sizes of what is in a list or a map.
    entries: Option<Entries>,
}

#[derive(Clone, Copy, Debug)]
struct Entries {
    is_list: bool,
    keys: Range,
    values: Range,
}

impl Entries {
    fn or(self, other: Entries) -> Entries {
        Entries {
            is_list: self.is_list,
            keys: self.keys.or(other.keys),
            values: self.values.or(other.values),
        }
    }
}

/// A variable of a loop.
#[derive(Debug)]
struct Local<'a> {
    name: String,
    known: Known<'a>,
}

struct Coster<'a> {
    root: &'a Declared,
    optional_old_self: bool,
    locals: Vec<Local<'a>>,
    /// By the ids of the expressions.
    known: HashMap<u64, Known<'a>>,
}

impl<'a> Coster<'a> {
    fn cost(&mut self, expression: &IdedExpr) -> Range {
        let (cost, known) = match &expression.expr {
            Expr::Unspecified => (Range::NONE, self.nowhere(DYN)),
            Expr::Literal(literal) => (Range::NONE, self.literal(literal)),
            Expr::Ident(name) => (STEP, self.variable(name)),
            Expr::Select(select) => {
                let cost = self.cost(&select.operand);
                let operand = self.known(&select.operand);
                if select.test {
                    // The field itself is not read.
                    (cost, self.nowhere(Type::Simple(Simple::Bool)))
                } else {
                    let read = match operand.ty {
                        Type::Map { .. } | Type::Object(_) => STEP,
                        _ => Range::NONE,
                    };
                    let place = self.step(operand.place, &Step::Field(&select.field));
                    let known = Known {
                        place,
                        ..self.nowhere(operand.ty.field(&select.field))
                    };
                    (cost.plus(read), known)
                }
            }
            Expr::List(list) => {
                let (mut cost, mut values) = (NEW_LIST, Range::EMPTY);
                let mut ty = DYN;
                for element in &list.elements {
                    cost = cost.plus(self.cost(element));
                    values = values.or(self.size_of(element));
                    ty = ty.or(self.known(element).ty);
                }
                if list.elements.is_empty() {
                    values.least = 0;
                }
                let known = Known {
                    size: Some(Range::exactly(list.elements.len() as u64)),
                    entries: Some(Entries {
                        is_list: true,
                        keys: Range::exactly(1),
                        values,
                    }),
                    ..self.nowhere(Type::List(ty.into()))
                };
                (cost, known)
            }
            Expr::Map(map) => self.map(map.entries.iter().map(|entry| &entry.expr)),
            Expr::Struct(structure) => {
                let mut cost = NEW_STRUCT;
                for entry in &structure.entries {
                    if let EntryExpr::StructField(field) = &entry.expr {
                        cost = cost.plus(self.cost(&field.value));
                    }
                }
                (cost, self.nowhere(DYN))
            }
            Expr::Call(call) => self.call(&Call::new(call)),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        };
        self.known.insert(expression.id, known);
        cost
    }

    fn nowhere(&self, ty: Type<'a>) -> Known<'a> {
        Known {
            ty,
            place: Place::Nowhere,
            size: None,
            entries: None,
        }
    }

    fn literal(&self, literal: &LiteralValue) -> Known<'a> {
        let (simple, size) = match literal {
            LiteralValue::Boolean(_) => (Simple::Bool, 1),
            LiteralValue::Bytes(bytes) => (Simple::Bytes, bytes.inner().len()),
            LiteralValue::Double(_) => (Simple::Double, 1),
            LiteralValue::Int(_) => (Simple::Int, 1),
            LiteralValue::Null => (Simple::Null, 1),
            LiteralValue::String(text) => (Simple::String, text.inner().chars().count()),
            LiteralValue::UInt(_) => (Simple::Uint, 1),
        };
        Known {
            size: Some(Range::exactly(size as u64)),
            ..self.nowhere(Type::Simple(simple))
        }
    }

    fn variable(&self, name: &str) -> Known<'a> {
        if let Some(local) = self.locals.iter().rev().find(|local| local.name == name) {
            return local.known.clone();
        }
        let root = Type::of(self.root);
        let ty = match name {
            "self" => root,
            "oldSelf" if self.optional_old_self => root.optional(),
            "oldSelf" => root,
            _ => Type::Simple(Simple::Type),
        };
        Known {
            place: Place::At(Some(self.root)),
            ..self.nowhere(ty)
        }
    }

    fn map<'e>(&mut self, entries: impl ExactSizeIterator<Item = &'e EntryExpr>) -> (Range, Known<'a>) {
        let size = Range::exactly(entries.len() as u64);
        let (mut cost, mut keys, mut values) = (NEW_MAP, Range::EMPTY, Range::EMPTY);
        let (mut key_type, mut value_type) = (DYN, DYN);
        for entry in entries {
            if let EntryExpr::MapEntry(entry) = entry {
                cost = cost.plus(self.cost(&entry.key)).plus(self.cost(&entry.value));
                keys = keys.or(self.size_of(&entry.key));
                values = values.or(self.size_of(&entry.value));
                key_type = key_type.or(self.known(&entry.key).ty);
                value_type = value_type.or(self.known(&entry.value).ty);
            }
        }
        if size.most == 0 {
            keys.least = 0;
            values.least = 0;
        }
        let ty = Type::Map {
            keys: key_type.into(),
            values: value_type.into(),
        };
        let known = Known {
            size: Some(size),
            entries: Some(Entries {
                is_list: false,
                keys,
                values,
            }),
            ..self.nowhere(ty)
        };
        (cost, known)
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> (Range, Known<'a>) {
        let start = self
            .cost(&comprehension.iter_range)
            .plus(self.cost(&comprehension.accu_init));
        let range = self.known(&comprehension.iter_range);
        let init = self.known(&comprehension.accu_init);
        let accumulated = Known {
            size: self.computed(&init),
            ..init.clone()
        };
        self.push(&comprehension.accu_var, accumulated);
        let outside = self.locals.len();
        match &comprehension.iter_var2 {
            None => {
                let iterated = self.iterated(&range);
                self.push(&comprehension.iter_var, iterated);
            }
            Some(second) => {
                let (key, value) = self.entry(&range);
                self.push(&comprehension.iter_var, key);
                self.push(second, value);
            }
        }
        let condition = self.cost(&comprehension.loop_cond);
        let step = self.cost(&comprehension.loop_step);
        self.locals.truncate(outside);
        // What is collected has the type of what a step makes of it.
        let stepped = self.known(&comprehension.loop_step);
        if let Some(accumulator) = self.locals.last_mut() {
            accumulator.known.ty = stepped.ty.clone();
        }
        let result = self.cost(&comprehension.result);
        let ty = self.known(&comprehension.result).ty;
        self.locals.pop();

        let count = self.computed(&range).unwrap_or(Range::UNKNOWN);
        let cost = start.plus(result).plus(count.times(step.plus(condition)));
        let mut known = self.nowhere(ty);
        match &comprehension.accu_init.expr {
            Expr::Literal(_) => known.size = init.size,
            Expr::List(_) | Expr::Map(_) => {
                known.size = Some(count);
                known.entries = stepped.entries;
            }
            _ => {}
        }
        (cost, known)
    }

    /// What a loop's variable is.
    fn iterated(&self, range: &Known<'a>) -> Known<'a> {
        let is_list = match range.entries {
            Some(entries) => entries.is_list,
            None => matches!(range.ty, Type::List(_)),
        };
        let (step, size) = if is_list {
            (Step::Values, range.entries.map(|entries| entries.values))
        } else {
            (Step::Keys, range.entries.map(|entries| entries.keys))
        };
        Known {
            ty: range.ty.iterated(),
            place: self.step(range.place, &step),
            size,
            entries: None,
        }
    }

    /// What the two variables of a loop are.
    fn entry(&self, range: &Known<'a>) -> (Known<'a>, Known<'a>) {
        let value = Known {
            ty: range.ty.element(),
            place: self.step(range.place, &Step::Values),
            size: range.entries.map(|entries| entries.values),
            entries: None,
        };
        let key = match &range.ty {
            Type::Map { keys, .. } => Known {
                ty: keys.as_ref().clone(),
                place: self.step(range.place, &Step::Keys),
                size: range.entries.map(|entries| entries.keys),
                entries: None,
            },
            _ => self.nowhere(Type::Simple(Simple::Int)),
        };
        (key, value)
    }

    fn push(&mut self, name: &str, mut known: Known<'a>) {
        // The place speaks for a variable before what was computed.
        if let Place::At(Some(declared)) = known.place {
            known.size = Some(Range::at_most(declared.most));
        }
        self.locals.push(Local {
            name: name.to_owned(),
            known,
        });
    }

    fn step(&self, place: Place<'a>, step: &Step<'_>) -> Place<'a> {
        let declared = match place {
            // A path that begins in the middle is read from the root.
            Place::Nowhere => Some(self.root),
            Place::At(declared) => declared.and_then(|declared| match (&declared.shape, step) {
                (Shape::List(items, _), Step::Values) => Some(items.as_ref()),
                (Shape::Map { values, .. }, Step::Values) => Some(values.as_ref()),
                (Shape::Map { keys, .. }, Step::Keys) => Some(keys.as_ref()),
                (Shape::Object(fields), Step::Field(name)) => fields.get(*name),
                _ => None,
            }),
        };
        Place::At(declared)
    }

    fn known(&self, expression: &IdedExpr) -> Known<'a> {
        let known = self.known.get(&expression.id).cloned();
        known.unwrap_or_else(|| self.nowhere(DYN))
    }

    /// The size of a value: what was computed, or what is declared where it is.
    fn computed(&self, known: &Known<'a>) -> Option<Range> {
        let declared = match known.place {
            Place::At(Some(declared)) => Some(Range::at_most(declared.most)),
            _ => None,
        };
        let scalar = known.ty.is_scalar().then_some(Range::exactly(1));
        known.size.or(declared).or(scalar)
    }

    fn size_of(&self, expression: &IdedExpr) -> Range {
        self.computed(&self.known(expression)).unwrap_or(Range::UNKNOWN)
    }
}
