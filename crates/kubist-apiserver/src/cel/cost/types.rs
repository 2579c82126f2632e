//! The types of expressions, as far as the cost of a call depends on them.

use std::rc::Rc;

use crate::cel::declared::{Declared, Shape, Simple};

/// The type of an expression.
#[derive(Clone, Debug)]
pub(super) enum Type<'a> {
    Simple(Simple),
    List(Rc<Type<'a>>),
    Map {
        keys: Rc<Type<'a>>,
        values: Rc<Type<'a>>,
    },
    Object(&'a Declared),
    Optional(Rc<Type<'a>>),
}

pub(super) const DYN: Type<'_> = Type::Simple(Simple::Dyn);

impl<'a> Type<'a> {
    pub(super) fn of(declared: &'a Declared) -> Type<'a> {
        match &declared.shape {
            Shape::Simple(simple) => Type::Simple(*simple),
            Shape::List(items, _) => Type::List(Rc::new(Type::of(items))),
            Shape::Map { keys, values } => Type::Map {
                keys: Rc::new(Type::of(keys)),
                values: Rc::new(Type::of(values)),
            },
            Shape::Object(_) => Type::Object(declared),
        }
    }

    pub(super) fn is(&self, simple: Simple) -> bool {
        matches!(self, Type::Simple(of) if *of == simple)
    }

    pub(super) fn is_dyn(&self) -> bool {
        self.is(Simple::Dyn)
    }

    /// Whether all of its values have the same size.
    pub(super) fn is_scalar(&self) -> bool {
        match self {
            Type::Simple(simple) => matches!(
                simple,
                Simple::Bool
                    | Simple::Double
                    | Simple::Duration
                    | Simple::Int
                    | Simple::Timestamp
                    | Simple::Uint
            ),
            Type::Optional(of) => of.is_scalar(),
            _ => false,
        }
    }

    /// What is in a list or, under its keys, in a map.
    pub(super) fn element(&self) -> Type<'a> {
        match self {
            Type::List(of) | Type::Map { values: of, .. } => of.as_ref().clone(),
            Type::Optional(of) => Type::Optional(Rc::new(of.element())),
            _ => DYN,
        }
    }

    /// What a loop with one variable goes through.
    pub(super) fn iterated(&self) -> Type<'a> {
        match self {
            Type::List(of) | Type::Map { keys: of, .. } => of.as_ref().clone(),
            _ => DYN,
        }
    }

    pub(super) fn field(&self, name: &str) -> Type<'a> {
        match self {
            Type::Object(declared) => match &declared.shape {
                Shape::Object(fields) => fields.get(name).map_or(DYN, Type::of),
                _ => DYN,
            },
            Type::Map { values, .. } => values.as_ref().clone(),
            Type::Optional(of) => Type::Optional(Rc::new(of.field(name))),
            _ => DYN,
        }
    }

    /// What an optional value holds.
    pub(super) fn held(&self) -> Type<'a> {
        match self {
            Type::Optional(of) => of.as_ref().clone(),
            _ => DYN,
        }
    }

    pub(super) fn optional(self) -> Type<'a> {
        match self {
            Type::Optional(_) => self,
            of => Type::Optional(Rc::new(of)),
        }
    }

    /// What is known of either of two.
    pub(super) fn or(self, other: Type<'a>) -> Type<'a> {
        if self.is_dyn() || self.is(Simple::Null) {
            other
        } else {
            self
        }
    }
}

/// The type of what a call gives.
pub(super) fn result<'a>(name: &str, target: Option<&Type<'a>>, arguments: &[Type<'a>]) -> Type<'a> {
    let argument = |at: usize| arguments.get(at).cloned().unwrap_or(DYN);
    let subject = target.cloned().unwrap_or_else(|| argument(0));
    let simple = |simple: Simple| Type::Simple(simple);
    match name {
        "_+_" | "_-_" | "_*_" | "_/_" | "_%_" => sum(argument(0), argument(1)),
        "-_" => subject,
        "_?_:_" => argument(1).or(argument(2)),
        "_[_]" => subject.element(),
        "_[?_]" => subject.element().optional(),
        "optional.of" | "optional.ofNonZeroValue" => argument(0).optional(),
        "optional.none" => DYN.optional(),
        "or" => subject.or(argument(0)),
        "orValue" => subject.held().or(argument(0)),
        "value" => subject.held(),
        "first" | "last" => subject.element().optional(),
        "sum" | "min" | "max" => subject.element(),
        "sort" | "sortBy" | "reverse" | "distinct" | "slice" => subject,
        "flatten" => match subject.element() {
            nested @ Type::List(_) => nested,
            _ => subject,
        },
        "lists.range" => Type::List(Rc::new(simple(Simple::Int))),
        "split" | "findAll" => Type::List(Rc::new(simple(Simple::String))),
        "format.named" => simple(Simple::Format).optional(),
        "validate" => Type::List(Rc::new(simple(Simple::String))).optional(),
        "add" | "sub" => simple(Simple::Quantity),
        _ => simple(plain(name)),
    }
}

/// The type of a call that has the same for all of its arguments.
fn plain(name: &str) -> Simple {
    match name {
        "asInteger" | "compareTo" | "family" | "getDate" | "getDayOfMonth" | "getDayOfWeek"
        | "getDayOfYear" | "getFullYear" | "getHours" | "getMilliseconds" | "getMinutes" | "getMonth"
        | "getSeconds" | "indexOf" | "int" | "lastIndexOf" | "major" | "minor" | "patch" | "prefixLength"
        | "sign" | "size" => Simple::Int,
        "charAt" | "escapeKey" | "find" | "getEscapedPath" | "getHost" | "getHostname" | "getPort"
        | "getScheme" | "join" | "lowerAscii" | "replace" | "string" | "strings.quote" | "substring"
        | "trim" | "upperAscii" | "format" => Simple::String,
        "asApproximateFloat" | "double" => Simple::Double,
        "bytes" => Simple::Bytes,
        "cidr" | "masked" => Simple::Cidr,
        "duration" => Simple::Duration,
        "ip" => Simple::Ip,
        "quantity" => Simple::Quantity,
        "semver" => Simple::Semver,
        "timestamp" => Simple::Timestamp,
        "type" => Simple::Type,
        "uint" => Simple::Uint,
        "url" => Simple::Url,
        "_==_"
        | "_!=_"
        | "_<_"
        | "_<=_"
        | "_>_"
        | "_>=_"
        | "!_"
        | "@in"
        | "_&&_"
        | "_||_"
        | "@not_strictly_false"
        | "bool"
        | "contains"
        | "containsCIDR"
        | "containsIP"
        | "endsWith"
        | "hasValue"
        | "ip.isCanonical"
        | "isCIDR"
        | "isGlobalUnicast"
        | "isGreaterThan"
        | "isIP"
        | "isInteger"
        | "isLessThan"
        | "isLinkLocalMulticast"
        | "isLinkLocalUnicast"
        | "isLoopback"
        | "isQuantity"
        | "isSemver"
        | "isSorted"
        | "isURL"
        | "isUnspecified"
        | "matches"
        | "sets.contains"
        | "sets.equivalent"
        | "sets.intersects"
        | "startsWith" => Simple::Bool,
        _ => Simple::Dyn,
    }
}

fn sum<'a>(left: Type<'a>, right: Type<'a>) -> Type<'a> {
    match (&left, &right) {
        (Type::List(of), Type::List(_)) if !of.is_dyn() => left,
        (Type::List(_), Type::List(_)) => right,
        _ if right.is(Simple::Timestamp) && left.is(Simple::Duration) => right,
        _ if right.is(Simple::Timestamp) && left.is(Simple::Timestamp) => Type::Simple(Simple::Duration),
        _ => left.or(right),
    }
}
