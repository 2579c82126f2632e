//! Which types fit where, and what open types turn out to be.

use std::cell::Cell;
use std::collections::HashMap;

use super::types::{ERROR, Type};
use crate::cel::declared::{ListKind, Simple};

/// How many parts a type may have. A type can name another more than once, so that a few lines
/// could make one that no memory holds.
const SIZE: usize = 200;
/// How many parts of types are looked at for one expression.
const STEPS: u64 = 2_000_000;

/// What is known of open types.
#[derive(Debug)]
pub(super) struct Bindings {
    bound: HashMap<u32, Type>,
    /// What was bound by what is being tried, with what was known before.
    tried: Vec<(u32, Option<Type>)>,
    /// How many more parts may be looked at.
    left: Cell<u64>,
}

impl Default for Bindings {
    fn default() -> Bindings {
        Bindings {
            bound: HashMap::new(),
            tried: Vec::new(),
            left: Cell::new(STEPS),
        }
    }
}

impl Bindings {
    /// Whether there was more to look at than there may be: answers mean nothing from then on.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    fn step(&self) -> bool {
        self.left.set(self.left.get().saturating_sub(1));
        !self.is_exhausted()
    }

    /// Whether a type has more parts than a type may.
    pub(super) fn is_too_large(&self, ty: &Type) -> bool {
        let mut left = SIZE;
        !self.count(ty, &mut left)
    }

    fn count(&self, ty: &Type, left: &mut usize) -> bool {
        if *left == 0 || !self.step() {
            return false;
        }
        *left -= 1;
        match ty {
            Type::Open(number) => self.bound.get(number).is_none_or(|bound| self.count(bound, left)),
            Type::List(of, _) | Type::Optional(of) | Type::Of(of) => self.count(of, left),
            Type::Map(keys, values) => self.count(keys, left) && self.count(values, left),
            Type::Simple(_) | Type::Object(_) => true,
        }
    }

    /// Whether all of `given` can be where `wanted` is; what that takes is kept if they can.
    pub(super) fn all_fit(&mut self, given: &[Type], wanted: &[Type]) -> bool {
        if given.len() != wanted.len() {
            return false;
        }
        let fit = given
            .iter()
            .zip(wanted)
            .all(|(given, wanted)| self.unify(given, wanted));
        for (number, before) in self.tried.drain(..).rev() {
            match before {
                _ if fit => {}
                Some(before) => {
                    self.bound.insert(number, before);
                }
                None => {
                    self.bound.remove(&number);
                }
            }
        }
        fit
    }

    fn set(&mut self, number: u32, ty: Type) {
        let before = self.bound.insert(number, ty);
        self.tried.push((number, before));
    }

    pub(super) fn fits(&mut self, given: &Type, wanted: &Type) -> bool {
        self.all_fit(std::slice::from_ref(given), std::slice::from_ref(wanted))
    }

    fn unify(&mut self, one: &Type, other: &Type) -> bool {
        if !self.step() {
            return true;
        }
        if let Type::Open(number) = other {
            match self.bind(*number, one) {
                Bound::Fits => return true,
                Bound::Not => return false,
                Bound::Never => {}
            }
        }
        if let Type::Open(number) = one {
            return matches!(self.bind(*number, other), Bound::Fits);
        }
        if one.is_dyn_or_error() || other.is_dyn_or_error() {
            return true;
        }
        match (one, other) {
            (Type::Simple(Simple::Null), of) | (of, Type::Simple(Simple::Null)) => can_be_null(of),
            (Type::Simple(one), Type::Simple(other)) => one == other,
            (Type::Object(one), Type::Object(other)) => one.name == other.name,
            (Type::Of(_) | Type::Simple(Simple::Type), Type::Of(_))
            | (Type::Of(_), Type::Simple(Simple::Type)) => true,
            (Type::List(one, _), Type::List(other, _)) | (Type::Optional(one), Type::Optional(other)) => {
                self.unify(one, other)
            }
            (Type::Map(keys, values), Type::Map(other_keys, other_values)) => {
                self.unify(keys, other_keys) && self.unify(values, other_values)
            }
            _ => false,
        }
    }

    /// Lets an open type be `ty`, or what both it and `ty` can be.
    fn bind(&mut self, number: u32, ty: &Type) -> Bound {
        if *ty == Type::Open(number) {
            return Bound::Fits;
        }
        if let Some(known) = self.bound.get(&number).cloned() {
            if *ty == known {
                return Bound::Fits;
            }
            if !self.unify(ty, &known) {
                return Bound::Not;
            }
            let general = general(ty, &known);
            if !self.mentions(&general, number) {
                self.set(number, general);
            }
            return Bound::Fits;
        }
        if self.mentions(ty, number) {
            return Bound::Never;
        }
        self.set(number, ty.clone());
        Bound::Fits
    }

    fn mentions(&self, ty: &Type, number: u32) -> bool {
        if !self.step() {
            return true;
        }
        match ty {
            Type::Open(other) if *other == number => true,
            Type::Open(other) => self
                .bound
                .get(other)
                .is_some_and(|bound| self.mentions(bound, number)),
            Type::List(of, _) | Type::Optional(of) | Type::Of(of) => self.mentions(of, number),
            Type::Map(keys, values) => self.mentions(keys, number) || self.mentions(values, number),
            Type::Simple(_) | Type::Object(_) => false,
        }
    }

    /// The type with what is known of open types; what is still open is anything if it is `closed`.
    pub(super) fn resolve(&self, ty: &Type, closed: bool) -> Type {
        if !self.step() {
            return ERROR;
        }
        match ty {
            Type::Open(number) => match self.bound.get(number) {
                Some(bound) => self.resolve(bound, closed),
                None if closed => super::types::DYN,
                None => ty.clone(),
            },
            Type::List(of, kind) => Type::List(self.resolve(of, closed).into(), kind.clone()),
            Type::Optional(of) => Type::optional(self.resolve(of, closed)),
            Type::Of(of) => Type::Of(self.resolve(of, closed).into()),
            Type::Map(keys, values) => Type::map(self.resolve(keys, closed), self.resolve(values, closed)),
            Type::Simple(_) | Type::Object(_) => ty.clone(),
        }
    }
}

enum Bound {
    Fits,
    /// It is something else already.
    Not,
    /// It would be within itself.
    Never,
}

fn can_be_null(ty: &Type) -> bool {
    match ty {
        Type::Simple(simple) => !matches!(
            simple,
            Simple::Bool | Simple::Bytes | Simple::Double | Simple::Int | Simple::String | Simple::Uint
        ),
        Type::Object(_) | Type::Optional(_) => true,
        _ => false,
    }
}

/// The type of the two that says less.
pub(super) fn general(one: &Type, other: &Type) -> Type {
    if says_less(one, other) {
        with_kinds(one, other)
    } else {
        with_kinds(other, one)
    }
}

/// `ty`, with what the other type knows of its lists: where a literal may stand for a list of a
/// schema, it is mostly an empty one.
fn with_kinds(ty: &Type, other: &Type) -> Type {
    match (ty, other) {
        (Type::List(of, kind), Type::List(other, other_kind)) => {
            let kind = if *kind == ListKind::Atomic {
                other_kind
            } else {
                kind
            };
            Type::List(with_kinds(of, other).into(), kind.clone())
        }
        (Type::Optional(of), Type::Optional(other)) => Type::optional(with_kinds(of, other)),
        (Type::Map(keys, values), Type::Map(_, other)) => {
            Type::map(keys.as_ref().clone(), with_kinds(values, other))
        }
        (ty, _) => ty.clone(),
    }
}

fn says_less(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (one, _) if one.is_dyn() || matches!(one, Type::Open(_)) => true,
        (_, other) if other.is_dyn() || matches!(other, Type::Open(_)) => false,
        (Type::List(one, _), Type::List(other, _)) | (Type::Optional(one), Type::Optional(other)) => {
            says_less(one, other)
        }
        (Type::Map(keys, values), Type::Map(other_keys, other_values)) => {
            says_less(keys, other_keys) && says_less(values, other_values)
        }
        (Type::Of(_), Type::Of(_)) => true,
        (one, other) => one == other,
    }
}
