//! Sets of fields, as `managedFields` hold them, and what of a value is in one.
//!
//! ([format](https://github.com/kubernetes-sigs/structured-merge-diff/blob/master/fieldpath/serialize-pe.go))

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::{Map, Value};

/// A set of fields: what is below each path element. One without members is a field owned as a whole.
#[derive(Clone, Copy)]
pub(super) struct FieldSet<'a>(&'a Map<String, Value>);

/// A path element that has no meaning.
#[derive(Debug, PartialEq)]
pub(super) struct Unknown(pub(super) String);

/// The path element that stands for the place itself.
const ITSELF: &str = ".";

impl<'a> FieldSet<'a> {
    /// The set of an entry, where it has one.
    pub(super) fn of(entry: &'a ManagedFieldsEntry) -> Option<Self> {
        Self::new(&entry.fields_v1.as_ref()?.0)
    }

    fn new(set: &'a Value) -> Option<Self> {
        set.as_object().map(FieldSet)
    }

    /// What of a value is in this set; `None` where nothing is.
    ///
    /// `others` are the sets of other owners at the same place. A set says a map is owned in the same way
    /// whether it is owned with all that is in it or only as a map: that others own what is in it tells.
    pub(super) fn of_value(self, value: &Value, others: &[FieldSet<'_>]) -> Result<Option<Value>, Unknown> {
        if self.is_leaf() {
            return Ok(Some(if others.iter().all(|other| other.is_leaf()) {
                value.clone()
            } else {
                empty(value)
            }));
        }
        let owned = match value {
            Value::Object(map) => Value::Object(self.of_map(map, others)?),
            Value::Array(list) => Value::Array(self.of_list(list, others)?),
            _ => return Ok(None),
        };
        let nothing =
            owned.as_object().is_some_and(Map::is_empty) || owned.as_array().is_some_and(Vec::is_empty);
        Ok((!nothing || self.0.contains_key(ITSELF)).then_some(owned))
    }

    fn of_map(
        self,
        map: &Map<String, Value>,
        others: &[FieldSet<'_>],
    ) -> Result<Map<String, Value>, Unknown> {
        let mut owned = Map::new();
        for (element, below) in self.members() {
            let (Some(name), Some(below)) = (element.strip_prefix("f:"), FieldSet::new(below)) else {
                return Err(Unknown(element.clone()));
            };
            if let Some(value) = map.get(name)
                && let Some(value) = below.of_value(value, &below_all(others, element))?
            {
                owned.insert(name.to_owned(), value);
            }
        }
        Ok(owned)
    }

    /// The items of a list keep their order, which means something to whoever applied them.
    fn of_list(self, list: &[Value], others: &[FieldSet<'_>]) -> Result<Vec<Value>, Unknown> {
        let members = self
            .members()
            .map(|(element, below)| Ok((Item::parse(element)?, element, below)))
            .collect::<Result<Vec<_>, Unknown>>()?;
        let mut owned = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let Some((item, element, below)) = members.iter().find(|(item, ..)| item.is(index, value)) else {
                continue;
            };
            let Some(below) = FieldSet::new(below) else {
                return Err(Unknown((*element).clone()));
            };
            if let Some(value) = below.of_value(value, &below_all(others, element))? {
                owned.push(item.identify(value));
            }
        }
        Ok(owned)
    }

    fn is_leaf(self) -> bool {
        self.members().next().is_none()
    }

    fn members(self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.0.iter().filter(|(element, _)| *element != ITSELF)
    }
}

/// A map or list with nothing in it; anything else as it is.
fn empty(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Object(Map::new()),
        Value::Array(_) => Value::Array(Vec::new()),
        scalar => scalar.clone(),
    }
}

fn below_all<'a>(sets: &[FieldSet<'a>], element: &str) -> Vec<FieldSet<'a>> {
    sets.iter()
        .filter_map(|set| set.0.get(element).and_then(FieldSet::new))
        .collect()
}

/// Which item of a list a path element means.
enum Item {
    /// The one with these keys.
    Keys(Map<String, Value>),
    /// The one that is this value.
    Value(Value),
    /// The one at this place.
    Index(usize),
}

impl Item {
    fn parse(element: &str) -> Result<Self, Unknown> {
        let parsed = match element.split_once(':') {
            Some(("k", keys)) => serde_json::from_str(keys).ok().map(Item::Keys),
            Some(("v", value)) => serde_json::from_str(value).ok().map(Item::Value),
            Some(("i", index)) => index.parse().ok().map(Item::Index),
            _ => None,
        };
        parsed.ok_or_else(|| Unknown(element.to_owned()))
    }

    fn is(&self, index: usize, value: &Value) -> bool {
        match self {
            Item::Keys(keys) => keys.iter().all(|(name, key)| value.get(name) == Some(key)),
            Item::Value(expected) => value == expected,
            Item::Index(expected) => index == *expected,
        }
    }

    /// An item is nothing without its keys, whoever owns them.
    fn identify(&self, mut value: Value) -> Value {
        if let (Item::Keys(keys), Value::Object(item)) = (self, &mut value) {
            for (name, key) in keys {
                item.entry(name.clone()).or_insert_with(|| key.clone());
            }
        }
        value
    }
}
