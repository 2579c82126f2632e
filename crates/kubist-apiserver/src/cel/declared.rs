//! The types that a schema declares, with how large their values can get.
//!
//! The bounds are those of `k8s.io/apiserver/pkg/cel/common`: what a schema leaves open is
//! bounded by the size of a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::escape::escape;

/// How large a request may be; a constant of the estimates, whatever a server allows.
pub(crate) const MAX_REQUEST: u64 = 3 * 1024 * 1024;

/// The largest duration or time, as JSON.
const MAX_TIME: u64 = 32;

/// A type, as a schema declares it.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(super) shape: Shape,
    /// How many elements, entries, characters or bytes there can be; none where there is
    /// nothing to count.
    pub(super) most: u64,
    /// The size of the smallest value, as JSON.
    smallest: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    Simple(Simple),
    List(Box<Declared>, ListKind),
    Map {
        keys: Box<Declared>,
        values: Box<Declared>,
    },
    /// By the names that expressions use.
    Object(BTreeMap<String, Declared>),
}

/// What makes two items of a list one: `x-kubernetes-list-type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// Nothing does: lists are compared item by item.
    Atomic,
    Set,
    /// These keys, by the names that expressions use.
    Map(Arc<[String]>),
}

impl ListKind {
    fn of(schema: &Value) -> ListKind {
        match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => ListKind::Set,
            Some("map") => {
                let keys = crate::object::meta::strings(schema.get("x-kubernetes-list-map-keys"));
                ListKind::Map(keys.into_iter().map(|key| escape(key).into_owned()).collect())
            }
            _ => ListKind::Atomic,
        }
    }
}

/// A type without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Simple {
    Authorizer,
    Bool,
    Bytes,
    Cidr,
    Decision,
    Double,
    Duration,
    Dyn,
    /// What an error was found in already.
    Error,
    Format,
    GroupCheck,
    Int,
    Ip,
    Null,
    PathCheck,
    Quantity,
    ResourceCheck,
    Semver,
    String,
    Timestamp,
    Type,
    Uint,
    Url,
}

impl Declared {
    /// What a schema declares; nothing where expressions cannot see it.
    pub(crate) fn of(schema: &Value) -> Option<Declared> {
        let bound = |key: &str| schema.get(key).and_then(Value::as_i64).map(at_least_zero);
        if is(schema, "x-kubernetes-int-or-string") {
            let most = bound("maxLength").map_or(MAX_REQUEST - 2, |length| length.saturating_mul(4));
            return Some(Declared::simple(Simple::Dyn, most, 1));
        }
        match schema.get("type").and_then(Value::as_str)? {
            "array" => {
                let items = Declared::of(schema.get("items")?)?;
                let most = bound("maxItems").unwrap_or((MAX_REQUEST - 2) / (items.smallest + 1));
                let shape = Shape::List(Box::new(items), ListKind::of(schema));
                Some(Declared {
                    shape,
                    most,
                    smallest: 2,
                })
            }
            "object" => match schema
                .get("additionalProperties")
                .filter(|values| values.is_object())
            {
                Some(values) => {
                    let values = Box::new(Declared::of(values)?);
                    // The shortest key, its quotes, a colon and a comma.
                    let most = bound("maxProperties").unwrap_or((MAX_REQUEST - 2) / (values.smallest + 6));
                    let keys = Box::new(Declared::simple(Simple::String, 0, 2));
                    let shape = Shape::Map { keys, values };
                    Some(Declared {
                        shape,
                        most,
                        smallest: 2,
                    })
                }
                None => Some(Declared::object(schema)),
            },
            "string" => Some(Declared::text(schema, bound("maxLength"))),
            "boolean" => Some(Declared::simple(Simple::Bool, 0, 4)),
            "number" => Some(Declared::simple(Simple::Double, 0, 1)),
            "integer" => Some(Declared::simple(Simple::Int, 0, 1)),
            _ => None,
        }
    }

    /// How often a value can be in a request that is full of them.
    pub(crate) fn cardinality(&self) -> u64 {
        MAX_REQUEST / (self.smallest + 1)
    }

    fn simple(simple: Simple, most: u64, smallest: u64) -> Declared {
        Declared {
            shape: Shape::Simple(simple),
            most,
            smallest,
        }
    }

    fn object(schema: &Value) -> Declared {
        let mut fields = BTreeMap::new();
        let mut smallest = 2;
        let mut properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        if is(schema, "x-kubernetes-embedded-resource") {
            properties.extend(resource());
        }
        let required = crate::object::meta::strings(schema.get("required"));
        for (name, property) in &properties {
            let Some(declared) = Declared::of(property) else {
                continue;
            };
            if required.contains(&name.as_str()) && property.get("default").is_none() {
                smallest += name.len() as u64 + declared.smallest + 4;
            }
            fields.insert(escape(name).into_owned(), declared);
        }
        Declared {
            shape: Shape::Object(fields),
            most: 0,
            smallest,
        }
    }

    fn text(schema: &Value, longest: Option<u64>) -> Declared {
        match schema.get("format").and_then(Value::as_str) {
            Some("byte") => Declared::simple(Simple::Bytes, longest.unwrap_or(MAX_REQUEST - 2), 2),
            Some("duration") => Declared::simple(Simple::Duration, MAX_TIME, 3),
            Some("date") => Declared::simple(Simple::Timestamp, 12, 12),
            Some("date-time") => Declared::simple(Simple::Timestamp, MAX_TIME, 21),
            _ => {
                let choices = schema.get("enum").and_then(Value::as_array);
                let choices = choices.filter(|choices| !choices.is_empty());
                let most = match (longest, choices) {
                    // A length counts characters, a request bytes.
                    (Some(longest), _) => longest.saturating_mul(4),
                    (None, Some(choices)) => {
                        let lengths = choices.iter().filter_map(Value::as_str).map(str::len);
                        lengths.max().unwrap_or(0) as u64
                    }
                    (None, None) => MAX_REQUEST - 2,
                };
                Declared::simple(Simple::String, most, 2)
            }
        }
    }
}

/// What every resource has for rules at its root.
pub(crate) fn resource() -> serde_json::Map<String, Value> {
    let text = serde_json::json!({"type": "string"});
    let metadata = serde_json::json!({"type": "object", "properties": {"name": text, "generateName": text}});
    [
        ("apiVersion".to_owned(), text.clone()),
        ("kind".to_owned(), text),
        ("metadata".to_owned(), metadata),
    ]
    .into_iter()
    .collect()
}

fn is(schema: &Value, extension: &str) -> bool {
    schema.get(extension) == Some(&Value::Bool(true))
}

fn at_least_zero(bound: i64) -> u64 {
    u64::try_from(bound).unwrap_or(0)
}
