//! Which types fit where, and what open types turn out to be.

use std::collections::HashMap;

use super::types::Type;
use crate::cel::declared::Simple;

/// What is known of open types.
#[derive(Clone, Debug, Default)]
pub(super) struct Bindings {
    bound: HashMap<u32, Type>,
}

impl Bindings {
    /// Whether all of `given` can be where `wanted` is; what that takes is kept if they can.
    pub(super) fn all_fit(&mut self, given: &[Type], wanted: &[Type]) -> bool {
        if given.len() != wanted.len() {
            return false;
        }
        let mut tried = self.clone();
        let fit = given
            .iter()
            .zip(wanted)
            .all(|(given, wanted)| tried.unify(given, wanted));
        if fit {
            *self = tried;
        }
        fit
    }

    pub(super) fn fits(&mut self, given: &Type, wanted: &Type) -> bool {
        self.all_fit(std::slice::from_ref(given), std::slice::from_ref(wanted))
    }

    fn unify(&mut self, one: &Type, other: &Type) -> bool {
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
            (Type::List(one), Type::List(other)) | (Type::Optional(one), Type::Optional(other)) => {
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
                self.bound.insert(number, general);
            }
            return Bound::Fits;
        }
        if self.mentions(ty, number) {
            return Bound::Never;
        }
        self.bound.insert(number, ty.clone());
        Bound::Fits
    }

    fn mentions(&self, ty: &Type, number: u32) -> bool {
        match ty {
            Type::Open(other) if *other == number => true,
            Type::Open(other) => self
                .bound
                .get(other)
                .is_some_and(|bound| self.mentions(bound, number)),
            Type::List(of) | Type::Optional(of) | Type::Of(of) => self.mentions(of, number),
            Type::Map(keys, values) => self.mentions(keys, number) || self.mentions(values, number),
            Type::Simple(_) | Type::Object(_) => false,
        }
    }

    /// The type with what is known of open types; what is still open is anything if it is `closed`.
    pub(super) fn resolve(&self, ty: &Type, closed: bool) -> Type {
        match ty {
            Type::Open(number) => match self.bound.get(number) {
                Some(bound) => self.resolve(bound, closed),
                None if closed => super::types::DYN,
                None => ty.clone(),
            },
            Type::List(of) => Type::list(self.resolve(of, closed)),
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
        one.clone()
    } else {
        other.clone()
    }
}

fn says_less(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (one, _) if one.is_dyn() || matches!(one, Type::Open(_)) => true,
        (_, other) if other.is_dyn() || matches!(other, Type::Open(_)) => false,
        (Type::List(one), Type::List(other)) | (Type::Optional(one), Type::Optional(other)) => {
            says_less(one, other)
        }
        (Type::Map(keys, values), Type::Map(other_keys, other_values)) => {
            says_less(keys, other_keys) && says_less(values, other_values)
        }
        (Type::Of(_), Type::Of(_)) => true,
        (one, other) => one == other,
    }
}
