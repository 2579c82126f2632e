//! Events, which two groups serve and one table keeps.
//!
//! `core/v1` and `events.k8s.io/v1` show the same events under different names of the same fields; they
//! are kept as `core/v1` has them.

use serde_json::{Map, Value};

use crate::kinds::kind::Kind;

pub(crate) const GROUP: &str = "events.k8s.io";

/// The fields that differ: as `core/v1` calls them, and as `events.k8s.io/v1` does.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// Whether a kind is the one of the two that has other names than the stored form.
pub(crate) fn is_translated(kind: &Kind) -> bool {
    kind.is(GROUP, "events")
}

/// Gives an event of `events.k8s.io` the names of `core`.
pub(crate) fn store(event: &mut Map<String, Value>) {
    rename(event, |(core, new)| (new, core));
    event.insert("apiVersion".into(), "v1".into());
}

/// Gives an event of `core` the names of `events.k8s.io`.
pub(crate) fn show(event: &mut Map<String, Value>) {
    rename(event, |(core, new)| (core, new));
}

fn rename(
    event: &mut Map<String, Value>,
    direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
) {
    for (from, to) in NAMES.map(direction) {
        if let Some(value) = event.remove(from) {
            event.insert(to.into(), value);
        }
    }
}

/// The stored name of a path of either form.
pub(crate) fn stored_path(path: &str) -> String {
    let (head, tail) = path
        .split_once('.')
        .map_or((path, None), |(head, tail)| (head, Some(tail)));
    let head = NAMES
        .iter()
        .find(|(_, new)| *new == head)
        .map_or(head, |(core, _)| core);
    match tail {
        Some(tail) => format!("{head}.{tail}"),
        None => head.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_go_there_and_back() {
        let shown = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "a"},
            "regarding": {"name": "web"}, "note": "hello", "reason": "Hello", "reportingController": "c",
        });
        let Value::Object(mut event) = shown.clone() else {
            panic!()
        };
        store(&mut event);
        assert_eq!(
            Value::Object(event.clone()),
            json!({
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"},
                "involvedObject": {"name": "web"}, "message": "hello", "reason": "Hello",
                "reportingComponent": "c",
            })
        );
        show(&mut event);
        event.insert("apiVersion".into(), "events.k8s.io/v1".into());
        assert_eq!(Value::Object(event), shown);
        assert_eq!(stored_path("regarding.name"), "involvedObject.name");
        assert_eq!(stored_path("reason"), "reason");
    }
}
