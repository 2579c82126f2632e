//! Types as structured merges see them: scalars, lists and maps.
//!
//! A built-in kind has its type in [`kubist_schema`], a custom resource in the OpenAPI schema
//! of its CRD, and what neither describes is typed by what is found there. [`Shape`] is one
//! cheap handle for all three.

use kubist_schema::{Field, ListType, Message, Special, Type};
use serde_json::Value;

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a>(Inner<'a>);

#[derive(Clone, Copy, Debug)]
enum Inner<'a> {
    Message(&'static Message),
    /// A field as a whole: a list, a map, or one value.
    Field(&'static Field),
    /// An item of a list field, or a value of a map field.
    Element(&'static Field),
    /// A JSON schema; `object` says that `apiVersion`, `kind` and `metadata` are there too.
    OpenApi {
        schema: &'a Value,
        object: bool,
    },
    Scalar(ScalarKind),
    Untyped,
}

/// What a shape is, given a value of it.
#[derive(Clone, Debug)]
pub enum Atom<'a> {
    /// One value.
    Scalar(ScalarKind),
    /// A list.
    List {
        /// How it merges.
        kind: ListKind<'a>,
        /// The type of its items.
        items: Shape<'a>,
    },
    /// A map or a struct; ask [`Shape::child`] for its fields.
    Map {
        /// Whether it is replaced as a whole.
        atomic: bool,
    },
}

/// How a list merges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind<'a> {
    /// As one value.
    Atomic,
    /// As a set of scalars.
    Set,
    /// As a map by these keys.
    Map(Vec<&'a str>),
}

/// What a scalar may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarKind {
    /// Text.
    String,
    /// A number.
    Number,
    /// A boolean.
    Boolean,
    /// Any of them.
    Any,
}

impl<'a> Shape<'a> {
    /// The type of a built-in kind or of a part of one.
    pub fn message(message: &'static Message) -> Shape<'a> {
        Shape(Inner::Message(message))
    }

    /// The type of a custom resource with this OpenAPI v3 schema.
    pub fn object(schema: &'a Value) -> Shape<'a> {
        Shape(Inner::OpenApi { schema, object: true })
    }

    /// A type that is told from the values found.
    pub fn untyped() -> Shape<'a> {
        Shape(Inner::Untyped)
    }

    /// What the shape is, for this value of it.
    pub fn atom(self, value: &Value) -> Atom<'a> {
        match self.0 {
            Inner::Message(message) => message_atom(message, value),
            Inner::Element(field) => match field.message() {
                Some(message) => message_atom(message, value),
                None => scalar_atom(field.ty, value),
            },
            Inner::Field(field) if field.repeated => Atom::List {
                kind: match field.list_type {
                    ListType::Atomic => ListKind::Atomic,
                    ListType::Set => ListKind::Set,
                    ListType::Map => ListKind::Map(field.list_map_keys.clone()),
                },
                items: Shape(Inner::Element(field)),
            },
            Inner::Field(field) if field.map => Atom::Map { atomic: field.atomic },
            Inner::Field(field) => match field.message() {
                Some(_) if field.atomic => Atom::Map { atomic: true },
                Some(message) => message_atom(message, value),
                None => scalar_atom(field.ty, value),
            },
            Inner::OpenApi { schema, .. } => openapi_atom(schema, value),
            Inner::Scalar(kind) => Atom::Scalar(kind),
            Inner::Untyped => deduced(value),
        }
    }

    /// The type of the field or entry `key` of a map, and whether the type declares it by
    /// name. Nothing if there can be no such field.
    pub fn child(self, key: &str) -> Option<(Shape<'a>, bool)> {
        match self.0 {
            Inner::Message(message) => message_child(message, key),
            Inner::Element(field) => field.message().and_then(|message| message_child(message, key)),
            Inner::Field(field) if field.map => Some((Shape(Inner::Element(field)), false)),
            Inner::Field(field) => field.message().and_then(|message| message_child(message, key)),
            Inner::OpenApi { schema, object } => openapi_child(schema, object, key),
            Inner::Scalar(_) => None,
            Inner::Untyped => Some((Shape(Inner::Untyped), false)),
        }
    }

    /// The type of the items of a list; nothing if it is no list.
    pub fn items(self) -> Option<Shape<'a>> {
        match self.0 {
            Inner::Field(field) if field.repeated => Some(Shape(Inner::Element(field))),
            Inner::OpenApi { schema, .. } => {
                let items = schema.get("items")?;
                Some(Shape(Inner::OpenApi {
                    schema: items,
                    object: is_embedded(items),
                }))
            }
            _ => None,
        }
    }

    /// The default of the field `key`, for keys of lists.
    pub fn default_of(self, key: &str) -> Option<Value> {
        match self.0 {
            Inner::Message(message) => message_default(message, key),
            Inner::Element(field) | Inner::Field(field) => message_default(field.message()?, key),
            Inner::OpenApi { schema, .. } => schema.get("properties")?.get(key)?.get("default").cloned(),
            Inner::Scalar(_) | Inner::Untyped => None,
        }
    }
}

fn message_default(message: &'static Message, key: &str) -> Option<Value> {
    serde_json::from_str(message.field(key)?.default?).ok()
}

fn message_atom<'a>(message: &'static Message, value: &Value) -> Atom<'a> {
    match message.special {
        None => Atom::Map {
            atomic: message.atomic,
        },
        Some(
            Special::Time | Special::MicroTime | Special::Quantity | Special::IntOrString | Special::Duration,
        ) => Atom::Scalar(ScalarKind::Any),
        // An object whose type another program knows is one thing.
        Some(Special::RawExtension) if value.is_object() => Atom::Map { atomic: true },
        Some(_) => deduced(value),
    }
}

fn message_child<'a>(message: &'static Message, key: &str) -> Option<(Shape<'a>, bool)> {
    match message.special {
        None => message.field(key).map(|field| (Shape(Inner::Field(field)), true)),
        Some(_) => Some((Shape(Inner::Untyped), false)),
    }
}

fn scalar_atom<'a>(ty: Type, value: &Value) -> Atom<'a> {
    Atom::Scalar(match ty {
        Type::String | Type::Bytes => ScalarKind::String,
        Type::Int32 | Type::Int64 | Type::Double => ScalarKind::Number,
        Type::Bool => ScalarKind::Boolean,
        Type::StringList => {
            return Atom::List {
                kind: ListKind::Atomic,
                items: Shape(Inner::Scalar(ScalarKind::String)),
            };
        }
        _ => return deduced(value),
    })
}

fn deduced<'a>(value: &Value) -> Atom<'a> {
    match value {
        Value::Object(_) => Atom::Map { atomic: false },
        Value::Array(_) => Atom::List {
            kind: ListKind::Atomic,
            items: Shape(Inner::Untyped),
        },
        _ => Atom::Scalar(ScalarKind::Any),
    }
}

fn openapi_atom<'a>(schema: &'a Value, value: &Value) -> Atom<'a> {
    match schema.get("type").and_then(Value::as_str) {
        _ if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) => {
            Atom::Scalar(ScalarKind::Any)
        }
        Some("object") => Atom::Map {
            atomic: schema
                .get("x-kubernetes-map-type")
                .is_some_and(|kind| kind == "atomic"),
        },
        Some("array") => {
            let kind = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
                Some("set") => ListKind::Set,
                Some("map") => {
                    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                    ListKind::Map(keys.into_iter().flatten().filter_map(Value::as_str).collect())
                }
                _ => ListKind::Atomic,
            };
            let items = match schema.get("items") {
                Some(items) => Shape(Inner::OpenApi {
                    schema: items,
                    object: is_embedded(items),
                }),
                None => Shape(Inner::Untyped),
            };
            Atom::List { kind, items }
        }
        Some("string") => Atom::Scalar(ScalarKind::String),
        Some("integer" | "number") => Atom::Scalar(ScalarKind::Number),
        Some("boolean") => Atom::Scalar(ScalarKind::Boolean),
        _ => deduced(value),
    }
}

fn openapi_child<'a>(schema: &'a Value, object: bool, key: &str) -> Option<(Shape<'a>, bool)> {
    if object {
        match key {
            "apiVersion" | "kind" => return Some((Shape(Inner::Scalar(ScalarKind::String)), true)),
            "metadata" => return object_meta().map(|message| (Shape(Inner::Message(message)), true)),
            _ => {}
        }
    }
    let inner = |schema: &'a Value| {
        Shape(Inner::OpenApi {
            schema,
            object: is_embedded(schema),
        })
    };
    if let Some(property) = schema
        .get("properties")
        .and_then(|properties| properties.get(key))
    {
        return Some((inner(property), true));
    }
    match schema.get("additionalProperties") {
        Some(values @ Value::Object(_)) => return Some((inner(values), false)),
        Some(Value::Bool(true)) => return Some((Shape(Inner::Untyped), false)),
        _ => {}
    }
    let preserves = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    (preserves || schema.get("type").is_none()).then_some((Shape(Inner::Untyped), false))
}

fn is_embedded(schema: &Value) -> bool {
    schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true))
}

fn object_meta() -> Option<&'static Message> {
    kubist_schema::message("k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta")
}
