//! Walking a value by its type: which fields it sets, and whether it fits.

use serde_json::{Map, Value};

use crate::gofmt::{go_syntax, go_type, go_value};
use crate::{Atom, FieldSet, ListKind, Path, PathElement, ScalarKind, Shape, TypeError};

/// The fields that a value sets.
///
/// # Errors
///
/// [`TypeError`] where the value does not fit its type.
pub fn field_set(shape: Shape<'_>, value: &Value) -> Result<FieldSet, TypeError> {
    let mut walker = Walker {
        path: Vec::new(),
        set: FieldSet::default(),
    };
    walker.value(shape, value)?;
    Ok(walker.set)
}

struct Walker {
    path: Vec<PathElement>,
    set: FieldSet,
}

impl Walker {
    fn value(&mut self, shape: Shape<'_>, value: &Value) -> Result<(), TypeError> {
        match shape.atom(value) {
            Atom::Scalar(kind) => {
                self.scalar(kind, value)?;
                self.set.insert(&self.path);
            }
            Atom::List {
                kind: ListKind::Atomic,
                ..
            } => {
                self.is("list", value.is_array() || value.is_null(), value)?;
                self.set.insert(&self.path);
            }
            Atom::List { kind, items } => {
                self.is("list", value.is_array() || value.is_null(), value)?;
                let mut seen: Vec<PathElement> = Vec::new();
                for item in value.as_array().into_iter().flatten() {
                    let element = item_element(&kind, items, item).map_err(|reason| self.error(reason))?;
                    if seen.contains(&element) {
                        return Err(self.error(format!("duplicate entries for key {element}")));
                    }
                    seen.push(element.clone());
                    self.path.push(element);
                    self.value(items, item)?;
                    self.set.insert(&self.path);
                    self.path.pop();
                }
            }
            Atom::Map { atomic } => {
                self.is("map", value.is_object() || value.is_null(), value)?;
                if atomic {
                    self.set.insert(&self.path);
                    return Ok(());
                }
                for (key, value) in value.as_object().into_iter().flatten() {
                    self.path.push(PathElement::Field(key.clone()));
                    let Some((child, declared)) = shape.child(key) else {
                        return Err(self.error("field not declared in schema".into()));
                    };
                    self.value(child, value)?;
                    let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                    if empty || !declared {
                        self.set.insert(&self.path);
                    }
                    self.path.pop();
                }
            }
        }
        Ok(())
    }

    fn scalar(&self, kind: ScalarKind, value: &Value) -> Result<(), TypeError> {
        if value.is_null() {
            return Ok(());
        }
        let (wanted, fits) = match kind {
            ScalarKind::String => ("string", value.is_string()),
            ScalarKind::Boolean => ("boolean", value.is_boolean()),
            ScalarKind::Any => ("scalar", !value.is_array() && !value.is_object()),
            ScalarKind::Number if value.is_number() => return Ok(()),
            ScalarKind::Number => {
                let found = go_type(value);
                return Err(self.error(format!("expected numeric (int or float), got {found}")));
            }
        };
        if fits {
            return Ok(());
        }
        let found = go_syntax(value);
        Err(self.error(format!(
            "expected {wanted}, got &value.valueUnstructured{{Value:{found}}}"
        )))
    }

    fn is(&self, wanted: &str, fits: bool, value: &Value) -> Result<(), TypeError> {
        if fits {
            return Ok(());
        }
        Err(self.error(format!("expected {wanted}, got &{{{}}}", go_value(value))))
    }

    fn error(&self, reason: String) -> TypeError {
        TypeError {
            path: Path(self.path.clone()).to_string(),
            reason,
        }
    }
}

/// How an item of a set or map is found in its list.
pub(crate) fn item_element(
    kind: &ListKind<'_>,
    items: Shape<'_>,
    item: &Value,
) -> Result<PathElement, String> {
    match kind {
        ListKind::Atomic => Err("items of an atomic list have no keys".into()),
        ListKind::Set => match item {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".into()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".into()),
            item => Ok(PathElement::value(item)),
        },
        ListKind::Map(names) => {
            let Value::Object(item) = item else {
                return Err("associative list with keys may not have non-map elements".into());
            };
            let mut keys = Map::new();
            for name in names {
                let value = item.get(*name).cloned();
                if let Some(value) = value.or_else(|| items.default_of(name)) {
                    keys.insert((*name).to_owned(), value);
                }
            }
            if keys.is_empty() {
                let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
                return Err(format!(
                    "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
                    names.join(" ")
                ));
            }
            Ok(PathElement::key(&keys))
        }
    }
}

/// The items of a list by their elements, in order; nothing if one has none.
pub(crate) fn elements<'v>(
    kind: &ListKind<'_>,
    items: Shape<'_>,
    list: &'v [Value],
) -> Option<Vec<(PathElement, &'v Value)>> {
    list.iter()
        .map(|item| Some((item_element(kind, items, item).ok()?, item)))
        .collect()
}
