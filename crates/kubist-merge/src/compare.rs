//! What differs between two versions of an object, field by field.

use serde_json::{Map, Value};

use crate::walk::elements;
use crate::{Atom, FieldSet, ListKind, PathElement, Shape};

/// What differs between two values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields that are new.
    pub added: FieldSet,
    /// Fields that have another value.
    pub modified: FieldSet,
    /// Fields that are gone.
    pub removed: FieldSet,
}

/// Compares two values of a type.
pub fn compare(shape: Shape<'_>, old: &Value, new: &Value) -> Comparison {
    let mut walker = Walker {
        path: Vec::new(),
        result: Comparison::default(),
    };
    walker.compare(shape, Some(old), Some(new), false);
    walker.result
}

struct Walker {
    path: Vec<PathElement>,
    result: Comparison,
}

impl Walker {
    /// `in_leaf` says that a field above is compared as a whole.
    fn compare(&mut self, shape: Shape<'_>, old: Option<&Value>, new: Option<&Value>, in_leaf: bool) {
        let mut leaf = in_leaf;
        match (old, new) {
            (None, None) => return,
            (Some(old), Some(new)) => {
                let (old_atom, new_atom) = (shape.atom(old), shape.atom(new));
                // A null is of whatever type the other side is.
                if old.is_null() || std::mem::discriminant(&old_atom) == std::mem::discriminant(&new_atom) {
                    leaf |= self.atom(shape, &new_atom, Some(old), Some(new), in_leaf);
                } else if new.is_null() {
                    leaf |= self.atom(shape, &old_atom, Some(old), Some(new), in_leaf);
                } else {
                    // What was there goes, and what is there comes.
                    self.atom(shape, &old_atom, Some(old), Some(new), in_leaf);
                    leaf |= self.atom(shape, &new_atom, Some(old), Some(new), in_leaf);
                }
            }
            (Some(one), None) | (None, Some(one)) => {
                let atom = shape.atom(one);
                leaf |= self.atom(shape, &atom, old, new, in_leaf);
            }
        }
        if !leaf {
            match (old, new) {
                (None, Some(_)) => self.result.added.insert(&self.path),
                (Some(_), None) => self.result.removed.insert(&self.path),
                _ => {}
            }
        }
    }

    /// Compares by type; tells whether the values are a leaf.
    fn atom(
        &mut self,
        shape: Shape<'_>,
        atom: &Atom<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
        in_leaf: bool,
    ) -> bool {
        match atom {
            Atom::Scalar(_) => {
                self.leaf(old, new, in_leaf);
                true
            }
            Atom::List { kind, items } => {
                let list =
                    |value: Option<&Value>| -> usize { value.and_then(Value::as_array).map_or(0, Vec::len) };
                if *kind == ListKind::Atomic || list(old) == 0 && list(new) == 0 {
                    self.leaf(old, new, in_leaf);
                    return true;
                }
                self.list(kind, *items, old, new, in_leaf)
            }
            Atom::Map { atomic } => {
                let count = |value: Option<&Value>| value.and_then(Value::as_object).map_or(0, Map::len);
                if *atomic || count(old) == 0 && count(new) == 0 {
                    self.leaf(old, new, in_leaf);
                    return true;
                }
                let (old, new) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
                let mut keys: Vec<&String> = old.into_iter().chain(new).flat_map(Map::keys).collect();
                keys.sort();
                keys.dedup();
                for key in keys {
                    let child = shape.child(key).map_or_else(Shape::untyped, |(child, _)| child);
                    self.path.push(PathElement::Field(key.clone()));
                    self.compare(
                        child,
                        old.and_then(|map| map.get(key)),
                        new.and_then(|map| map.get(key)),
                        in_leaf,
                    );
                    self.path.pop();
                }
                false
            }
        }
    }

    fn list(
        &mut self,
        kind: &ListKind<'_>,
        items: Shape<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
        in_leaf: bool,
    ) -> bool {
        let slice = |value: Option<&Value>| -> Vec<Value> {
            value.and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let (old_items, new_items) = (slice(old), slice(new));
        let (Some(old_items), Some(new_items)) = (
            elements(kind, items, &old_items),
            elements(kind, items, &new_items),
        ) else {
            // Items without keys can't be told apart.
            self.leaf(old, new, in_leaf);
            return true;
        };
        let mut seen: Vec<&PathElement> = Vec::new();
        for (element, _) in old_items.iter().chain(&new_items) {
            if seen.contains(&element) {
                continue;
            }
            seen.push(element);
            let of = |list: &[(PathElement, &Value)]| -> Vec<Value> {
                list.iter()
                    .filter(|(known, _)| known == element)
                    .map(|(_, item)| Value::clone(item))
                    .collect()
            };
            let (before, after) = (of(&old_items), of(&new_items));
            self.path.push(element.clone());
            if before.len() > 1 || after.len() > 1 {
                self.leaf(
                    (!before.is_empty()).then_some(Value::Array(before)).as_ref(),
                    (!after.is_empty()).then_some(Value::Array(after)).as_ref(),
                    in_leaf,
                );
            } else {
                self.compare(items, before.first(), after.first(), in_leaf);
            }
            self.path.pop();
        }
        false
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>, in_leaf: bool) {
        if in_leaf {
            return;
        }
        match (old, new) {
            (None, Some(_)) => self.result.added.insert(&self.path),
            (Some(_), None) => self.result.removed.insert(&self.path),
            (Some(old), Some(new)) if old != new => self.result.modified.insert(&self.path),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn new_fields_count_with_all_that_holds_them() {
        let message = kubist_schema::kind("", "v1", "ConfigMap").expect("ConfigMap");
        let old = json!({"metadata": {}});
        let new = json!({"metadata": {"labels": {"a": "b"}}, "data": {"k": "v"}});
        let comparison = compare(Shape::message(message), &old, &new);
        assert_eq!(
            comparison.added.to_json(),
            json!({"f:data": {".": {}, "f:k": {}}, "f:metadata": {"f:labels": {".": {}, "f:a": {}}}})
        );
        assert!(comparison.modified.is_empty() && comparison.removed.is_empty());
    }

    #[test]
    fn lists_are_compared_by_their_keys() {
        let message = kubist_schema::kind("", "v1", "Pod").expect("Pod");
        let pod = |image: &str| json!({"spec": {"containers": [{"name": "a", "image": image}]}});
        let comparison = compare(Shape::message(message), &pod("1"), &pod("2"));
        assert_eq!(
            comparison.modified.to_json(),
            json!({"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {"f:image": {}}}}})
        );
    }
}
