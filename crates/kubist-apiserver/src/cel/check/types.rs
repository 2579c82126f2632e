//! The types of expressions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::cel::declared::{Declared, ListKind, Shape, Simple};

/// The type of an expression.
// What is one and the same is equal without a look inside, as long as there is `Eq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Simple(Simple),
    List(Arc<Type>, ListKind),
    Map(Arc<Type>, Arc<Type>),
    Object(Arc<Object>),
    Optional(Arc<Type>),
    /// The type of a name that stands for a type.
    Of(Arc<Type>),
    /// To be found out; in a declaration, whatever an argument is.
    Open(u32),
}

/// A type with fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) name: String,
    /// Nothing where any field may be set.
    pub(crate) fields: Option<BTreeMap<String, Type>>,
}

pub(crate) const DYN: Type = Type::Simple(Simple::Dyn);
pub(crate) const BOOL: Type = Type::Simple(Simple::Bool);
pub(crate) const INT: Type = Type::Simple(Simple::Int);
pub(crate) const STRING: Type = Type::Simple(Simple::String);
pub(super) const ERROR: Type = Type::Simple(Simple::Error);

const COMPOSED: &str = "kubernetes.variables";

impl Type {
    pub(crate) fn list(of: Type) -> Type {
        Type::List(Arc::new(of), ListKind::Atomic)
    }

    pub(crate) fn map(keys: Type, values: Type) -> Type {
        Type::Map(Arc::new(keys), Arc::new(values))
    }

    pub(crate) fn optional(of: Type) -> Type {
        Type::Optional(Arc::new(of))
    }

    /// An object with these fields.
    pub(crate) fn object(name: &str, fields: impl IntoIterator<Item = (&'static str, Type)>) -> Type {
        let fields = fields.into_iter().map(|(name, ty)| (name.to_owned(), ty));
        Type::Object(Arc::new(Object {
            name: name.to_owned(),
            fields: Some(fields.collect()),
        }))
    }

    /// The type of what a policy declares; its fields are in the environment, which they are
    /// added to one by one.
    pub(super) fn composed() -> Type {
        Type::object(COMPOSED, [])
    }

    pub(super) fn is_composed(&self) -> bool {
        matches!(self, Type::Object(object) if object.name == COMPOSED)
    }

    /// As [`Type::object`], with names that are made up at run time.
    pub(crate) fn fields(name: &str, fields: &[(String, Type)]) -> Type {
        Type::Object(Arc::new(Object {
            name: name.to_owned(),
            fields: Some(fields.iter().cloned().collect()),
        }))
    }

    /// What is remembered of the type of a value that gets a name in a policy.
    pub(crate) fn kept(&self) -> Type {
        match self {
            Type::Simple(
                simple @ (Simple::Bool
                | Simple::Bytes
                | Simple::Double
                | Simple::Duration
                | Simple::Int
                | Simple::Null
                | Simple::String
                | Simple::Timestamp
                | Simple::Uint),
            ) => Type::Simple(*simple),
            Type::List(of, _) => Type::list(of.kept()),
            Type::Map(keys, values) => Type::map(keys.kept(), values.kept()),
            _ => DYN,
        }
    }

    /// An object that can have any field.
    pub(crate) fn open_object(name: &str) -> Type {
        Type::Object(Arc::new(Object {
            name: name.to_owned(),
            fields: None,
        }))
    }

    /// What a schema declares. Objects are named by their places in it, so that only what is at
    /// one place can be compared.
    pub(crate) fn of_declared(declared: &Declared, name: &str) -> Type {
        match &declared.shape {
            Shape::Simple(simple) => Type::Simple(*simple),
            Shape::List(items, kind) => {
                let items = Type::of_declared(items, &format!("{name}.@idx"));
                Type::List(Arc::new(items), kind.clone())
            }
            Shape::Map { keys, values } => Type::map(
                Type::of_declared(keys, name),
                Type::of_declared(values, &format!("{name}.@elem")),
            ),
            Shape::Object(fields) => Type::Object(Arc::new(Object {
                name: name.to_owned(),
                fields: Some(
                    fields
                        .iter()
                        .map(|(field, of)| (field.clone(), Type::of_declared(of, &format!("{name}.{field}"))))
                        .collect(),
                ),
            })),
        }
    }

    /// Whether it has lists in it that are not compared item by item.
    pub(crate) fn has_kinds(&self) -> bool {
        match self {
            Type::List(of, kind) => *kind != ListKind::Atomic || of.has_kinds(),
            Type::Map(_, values) => values.has_kinds(),
            Type::Optional(of) => of.has_kinds(),
            Type::Object(object) => object.fields.iter().flatten().any(|(_, field)| field.has_kinds()),
            Type::Simple(_) | Type::Of(_) | Type::Open(_) => false,
        }
    }

    pub(super) fn is(&self, simple: Simple) -> bool {
        matches!(self, Type::Simple(of) if *of == simple)
    }

    pub(super) fn is_dyn(&self) -> bool {
        self.is(Simple::Dyn)
    }

    pub(super) fn is_dyn_or_error(&self) -> bool {
        self.is_dyn() || self.is(Simple::Error)
    }

    /// The type of a field, if it can have that.
    pub(super) fn field(&self, name: &str) -> Option<Type> {
        match self {
            Type::Object(object) => match &object.fields {
                Some(fields) => fields.get(name).cloned(),
                None => Some(DYN),
            },
            _ => None,
        }
    }

    /// Whether it is an object for upstream's checker, though one without fields.
    pub(super) fn is_opaque_object(&self) -> bool {
        matches!(
            self,
            Type::Simple(
                Simple::Authorizer
                    | Simple::Decision
                    | Simple::Format
                    | Simple::GroupCheck
                    | Simple::PathCheck
                    | Simple::Quantity
                    | Simple::ResourceCheck
                    | Simple::Semver
                    | Simple::Url
            )
        )
    }

    /// The type as sentences about results of expressions name it.
    pub(crate) fn result_name(&self) -> String {
        match self {
            Type::Simple(Simple::Duration) => "google.protobuf.Duration".into(),
            Type::Simple(Simple::Timestamp) => "google.protobuf.Timestamp".into(),
            Type::Simple(Simple::Null) => "null_type".into(),
            Type::List(of, _) => format!("list({})", of.result_name()),
            Type::Map(keys, values) => format!("map({}, {})", keys.result_name(), values.result_name()),
            Type::Optional(of) => format!("optional_type({})", of.result_name()),
            Type::Of(of) => format!("type({})", of.result_name()),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Simple(simple) => f.write_str(name(*simple)),
            Type::List(of, _) => write!(f, "list({of})"),
            Type::Map(keys, values) => write!(f, "map({keys}, {values})"),
            Type::Object(object) => f.write_str(&object.name),
            Type::Optional(of) => write!(f, "optional_type({of})"),
            Type::Of(of) => write!(f, "type({of})"),
            Type::Open(_) => f.write_str("dyn"),
        }
    }
}

/// The names that complaints give to types.
fn name(simple: Simple) -> &'static str {
    match simple {
        Simple::Authorizer => "kubernetes.authorization.Authorizer",
        Simple::Bool => "bool",
        Simple::Bytes => "bytes",
        Simple::Cidr => "net.CIDR",
        Simple::Decision => "kubernetes.authorization.Decision",
        Simple::Double => "double",
        Simple::Duration => "duration",
        Simple::Dyn => "dyn",
        Simple::Error => "!error!",
        Simple::Format => "kubernetes.NamedFormat",
        Simple::GroupCheck => "kubernetes.authorization.GroupCheck",
        Simple::Int => "int",
        Simple::Ip => "net.IP",
        Simple::Null => "null",
        Simple::PathCheck => "kubernetes.authorization.PathCheck",
        Simple::Quantity => "kubernetes.Quantity",
        Simple::ResourceCheck => "kubernetes.authorization.ResourceCheck",
        Simple::Semver => "kubernetes.Semver",
        Simple::String => "string",
        Simple::Timestamp => "timestamp",
        Simple::Type => "type",
        Simple::Uint => "uint",
        Simple::Url => "kubernetes.URL",
    }
}
