//! Paths to fields.

use std::fmt;

use serde_json::{Map, Value};

/// One step to a field.
///
/// Keys and values are kept as canonical JSON, which is how they are compared and written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathElement {
    /// A field of a struct or an entry of a map.
    Field(String),
    /// The item of a list that has these keys.
    Key(String),
    /// The item of a set that is this value.
    Value(String),
    /// The item at this position.
    Index(i64),
}

impl PathElement {
    /// The item with these keys.
    pub fn key(keys: &Map<String, Value>) -> PathElement {
        let mut sorted: Vec<(&String, &Value)> = keys.iter().collect();
        sorted.sort_by_key(|(name, _)| *name);
        let entries: Vec<String> = sorted
            .into_iter()
            .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
            .collect();
        PathElement::Key(format!("{{{}}}", entries.join(",")))
    }

    /// The item that is this value.
    pub fn value(value: &Value) -> PathElement {
        PathElement::Value(value.to_string())
    }

    /// Reads the form that `FieldsV1` has.
    pub(crate) fn read(text: &str) -> Option<PathElement> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(PathElement::Field(rest.to_owned())),
            "k" => match serde_json::from_str(rest).ok()? {
                Value::Object(keys) => Some(PathElement::key(&keys)),
                _ => None,
            },
            "v" => serde_json::from_str(rest)
                .ok()
                .map(|value: Value| PathElement::value(&value)),
            "i" => rest.parse().ok().map(PathElement::Index),
            _ => None,
        }
    }

    /// The form that `FieldsV1` has.
    pub(crate) fn write(&self) -> String {
        match self {
            PathElement::Field(name) => ["f:", name].concat(),
            PathElement::Key(keys) => ["k:", keys].concat(),
            PathElement::Value(value) => ["v:", value].concat(),
            PathElement::Index(at) => format!("i:{at}"),
        }
    }
}

impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathElement::Field(name) => write!(f, ".{name}"),
            PathElement::Key(keys) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let mut keys: Vec<String> = keys
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                keys.sort();
                write!(f, "[{}]", keys.join(","))
            }
            PathElement::Value(value) => write!(f, "[={value}]"),
            PathElement::Index(at) => write!(f, "[{at}]"),
        }
    }
}

/// A way from the root of an object to a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<PathElement>);

impl Path {
    /// A path of field names.
    pub fn of(fields: &[&str]) -> Path {
        Path(
            fields
                .iter()
                .map(|field| PathElement::Field((*field).to_owned()))
                .collect(),
        )
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| write!(f, "{element}"))
    }
}
