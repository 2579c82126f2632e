//! Sets of fields, as `managedFields` keeps them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{Path, PathElement, Shape};

/// A set of fields of an object.
///
/// A field can be in the set with or without the fields below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    members: BTreeSet<PathElement>,
    children: BTreeMap<PathElement, FieldSet>,
}

impl FieldSet {
    /// A set of these fields.
    pub fn of(paths: impl IntoIterator<Item = Path>) -> FieldSet {
        let mut set = FieldSet::default();
        for path in paths {
            set.insert(&path.0);
        }
        set
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(FieldSet::is_empty)
    }

    /// Adds a field.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Whether a field right below the root is in the set.
    pub(crate) fn has(&self, element: &PathElement) -> bool {
        self.members.contains(element)
    }

    /// What of the set is below `element`.
    pub(crate) fn below(&self, element: &PathElement) -> Option<&FieldSet> {
        self.children.get(element).filter(|set| !set.is_empty())
    }

    /// Adds what is in another set.
    pub fn add_all(&mut self, mut other: FieldSet) {
        self.members.append(&mut other.members);
        for (element, set) in other.children {
            self.children.entry(element).or_default().add_all(set);
        }
    }

    /// Removes what is in another set.
    pub fn remove_all(&mut self, other: &FieldSet) {
        if !other.members.is_empty() {
            self.members.retain(|element| !other.members.contains(element));
        }
        self.remove_from_children(other, FieldSet::remove_all);
    }

    /// Removes what is in another set, and what is below its fields.
    pub fn remove_below(&mut self, other: &FieldSet) {
        if !other.members.is_empty() {
            let stays = |element: &PathElement| !other.members.contains(element);
            self.members.retain(stays);
            self.children.retain(|element, _| stays(element));
        }
        self.remove_from_children(other, FieldSet::remove_below);
    }

    fn remove_from_children(&mut self, other: &FieldSet, remove: impl Fn(&mut FieldSet, &FieldSet)) {
        if other.children.is_empty() {
            return;
        }
        self.children
            .retain(|element, set| match other.children.get(element) {
                Some(other) => {
                    remove(set, other);
                    !set.is_empty()
                }
                None => true,
            });
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        let mut result = self.clone();
        result.add_all(other.clone());
        result
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        let children = self.children.iter().filter_map(|(element, set)| {
            let both = set.intersection(other.children.get(element)?);
            (!both.is_empty()).then(|| (element.clone(), both))
        });
        FieldSet {
            children: children.collect(),
            members: self.members.intersection(&other.members).cloned().collect(),
        }
    }

    /// What is in this one only.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut result = self.clone();
        result.remove_all(other);
        result
    }

    /// What is in this one only, and below no field of the other.
    #[must_use]
    pub fn recursive_difference(&self, other: &FieldSet) -> FieldSet {
        let mut result = self.clone();
        result.remove_below(other);
        result
    }

    /// The set with every declared field that has something below it.
    #[must_use]
    pub(crate) fn with_named_fields(&self, shape: Shape<'_>) -> FieldSet {
        let mut members = self.members.clone();
        let mut children = BTreeMap::new();
        for (element, set) in &self.children {
            let below = match element {
                PathElement::Field(name) => match shape.child(name) {
                    Some((child, declared)) => {
                        if declared {
                            members.insert(element.clone());
                        }
                        child
                    }
                    None => Shape::untyped(),
                },
                _ => shape.items().unwrap_or_else(Shape::untyped),
            };
            children.insert(element.clone(), set.with_named_fields(below));
        }
        FieldSet { members, children }
    }

    /// The paths in it, in order.
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect(&self, prefix: &mut Vec<PathElement>, paths: &mut Vec<Path>) {
        for element in &self.members {
            prefix.push(element.clone());
            paths.push(Path(prefix.clone()));
            prefix.pop();
        }
        for (element, set) in &self.children {
            prefix.push(element.clone());
            set.collect(prefix, paths);
            prefix.pop();
        }
    }

    /// Reads `FieldsV1`; nothing if it is malformed.
    pub fn from_json(fields: &Value) -> Option<FieldSet> {
        let mut set = FieldSet::default();
        for (key, below) in fields.as_object()? {
            if key == "." {
                continue;
            }
            let element = PathElement::read(key)?;
            let map = below.as_object()?;
            if map.is_empty() || map.contains_key(".") {
                set.members.insert(element.clone());
            }
            let below = FieldSet::from_json(below)?;
            if !below.is_empty() {
                set.children.insert(element, below);
            }
        }
        Some(set)
    }

    /// Writes `FieldsV1`.
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        for element in &self.members {
            map.insert(element.write(), Value::Object(Map::new()));
        }
        for (element, set) in self.children.iter().filter(|(_, set)| !set.is_empty()) {
            let mut below = set.to_json();
            if let (true, Value::Object(below)) = (self.members.contains(element), &mut below) {
                below.insert(".".into(), Value::Object(Map::new()));
            }
            map.insert(element.write(), below);
        }
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_v1_comes_back_as_it_was() {
        let fields = json!({
            "f:data": {".": {}, "f:k": {}},
            "f:metadata": {"f:finalizers": {".": {}, "v:\"a/b\"": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
        });
        let set = FieldSet::from_json(&fields).unwrap();
        assert_eq!(set.to_json(), fields);
        let paths: Vec<String> = set.paths().iter().map(ToString::to_string).collect();
        assert!(
            paths.contains(&".spec.ports[port=80,protocol=\"TCP\"].port".to_owned()),
            "{paths:?}"
        );
    }

    #[test]
    fn sets_are_sets() {
        let set = |fields: Value| FieldSet::from_json(&fields).unwrap();
        let (a, b) = (
            set(json!({"f:a": {"f:x": {}}, "f:b": {}})),
            set(json!({"f:a": {"f:y": {}}, "f:b": {}})),
        );
        assert_eq!(
            a.union(&b),
            set(json!({"f:a": {"f:x": {}, "f:y": {}}, "f:b": {}}))
        );
        assert_eq!(a.intersection(&b), set(json!({"f:b": {}})));
        assert_eq!(a.difference(&b), set(json!({"f:a": {"f:x": {}}})));
        assert_eq!(
            a.recursive_difference(&set(json!({"f:a": {}}))),
            set(json!({"f:b": {}}))
        );
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for fields in [
            json!([]),
            json!({"x:": {}}),
            json!({"k:[]": {}}),
            json!({"f:a": 1}),
            json!({"i:x": {}}),
        ] {
            assert_eq!(FieldSet::from_json(&fields), None, "{fields}");
        }
    }
}
