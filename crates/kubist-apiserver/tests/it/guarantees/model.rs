//! What a watch has to tell, by what the writers were told.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::Value;

/// Where the writers write.
pub(super) const NAMESPACES: [&str; 3] = ["default", "one", "two"];

/// Which objects a watch is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// One of the namespaces, or all of them.
    pub(super) namespace: Option<&'static str>,
    pub(super) marked: bool,
    pub(super) typed: bool,
}

impl View {
    pub(super) fn path(self) -> String {
        let namespace = self.namespace.map(|name| format!("namespaces/{name}/"));
        format!("/api/v1/{}services", namespace.unwrap_or_default())
    }

    pub(super) fn query(self) -> String {
        let label = if self.marked {
            "&labelSelector=mark%3Dyes"
        } else {
            ""
        };
        let field = if self.typed {
            "&fieldSelector=spec.type%3DNodePort"
        } else {
            ""
        };
        format!("{label}{field}")
    }

    pub(super) fn selects(self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        self.namespace.is_none_or(|name| metadata["namespace"] == name)
            && (!self.marked || metadata["labels"]["mark"] == "yes")
            && (!self.typed || object["spec"]["type"] == "NodePort")
    }
}

/// A write that was acknowledged.
#[derive(Debug)]
struct Write {
    object: Value,
    gone: bool,
}

/// The history that the writers were told, each in answers to its own writes.
#[derive(Debug, Default)]
pub(super) struct Model(BTreeMap<u64, Write>);

pub(super) fn version(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"].as_str().expect("a version");
    text.parse().expect("a number")
}

/// Under which name an object is kept.
type Key = (String, String);

pub(super) fn key(object: &Value) -> Key {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or("").to_owned();
    (text("namespace"), text("name"))
}

/// An event's type and object.
pub(super) type Told = (String, Value);

impl Model {
    /// Notes an object as it was in the answer to a write.
    pub(super) fn acknowledge(&mut self, object: Value, gone: bool) {
        let version = version(&object);
        let before = self.0.insert(version, Write { object, gone });
        assert!(before.is_none(), "{version} was given twice: {before:?}");
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.keys().copied()
    }

    /// The state at a revision.
    pub(super) fn state(&self, revision: u64) -> BTreeMap<Key, &Value> {
        let mut state = BTreeMap::new();
        for write in self.0.range(..=revision).map(|(_, write)| write) {
            if write.gone {
                let was = state.remove(&key(&write.object));
                assert!(was.is_some(), "{:?} was deleted twice", key(&write.object));
            } else {
                state.insert(key(&write.object), &write.object);
            }
        }
        state
    }

    /// What a list or a streaming list at a revision is.
    pub(super) fn list(&self, view: View, revision: u64) -> Vec<Value> {
        let state = self.state(revision).into_values();
        state.filter(|object| view.selects(object)).cloned().collect()
    }

    /// The events of a watch after a revision, up to and with another one.
    pub(super) fn events(&self, view: View, after: u64, upto: u64) -> Vec<Told> {
        let mut state = self.state(after);
        let mut events = Vec::new();
        let span = (Bound::Excluded(after), Bound::Included(upto));
        for (version, write) in self.0.range(span) {
            let before = state.remove(&key(&write.object));
            if !write.gone {
                state.insert(key(&write.object), &write.object);
            }
            let was = before.filter(|before| view.selects(before));
            let is = !write.gone && view.selects(&write.object);
            let event = match (was, is) {
                (None, false) => continue,
                (None, true) => ("ADDED", write.object.clone()),
                (Some(_), true) => ("MODIFIED", write.object.clone()),
                (Some(_), false) if write.gone => ("DELETED", write.object.clone()),
                // What left the selection is told as it was, at the version of its leaving.
                (Some(before), false) => {
                    let mut last = before.clone();
                    last["metadata"]["resourceVersion"] = version.to_string().into();
                    ("DELETED", last)
                }
            };
            events.push((event.0.to_owned(), event.1));
        }
        events
    }
}

/// Compares events, first by what can be read at a glance.
pub(super) fn same(told: &[Told], expected: &[Told], watch: &str) {
    let brief = |events: &[Told]| -> Vec<String> {
        let event = |(kind, object): &Told| {
            let (namespace, name) = key(object);
            format!("{kind} {namespace}/{name} {}", version(object))
        };
        events.iter().map(event).collect()
    };
    assert_eq!(brief(told), brief(expected), "{watch}");
    for (told, expected) in told.iter().zip(expected) {
        assert_eq!(told, expected, "{watch}");
    }
}
