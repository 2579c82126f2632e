//! What the log promises.

use serde_json::{Value, json};

use super::*;

fn table() -> TableName {
    "/things".into()
}

fn object(text: &str) -> Value {
    json!({"metadata": {}, "data": text})
}

fn names(items: &[(Key, Stored)]) -> Vec<&str> {
    items.iter().map(|(key, _)| key.name.as_str()).collect()
}

#[test]
fn the_past_is_the_present_undone() {
    let store = Store::new(100);
    let a = store.create(&table(), Key::new("n", "a"), object("1")).unwrap();
    let b = store.create(&table(), Key::new("n", "b"), object("1")).unwrap();
    let a2 = store
        .update(&table(), Key::new("n", "a"), a.revision, object("2"))
        .unwrap();
    store
        .delete(&table(), Key::new("n", "b"), b.revision, None)
        .unwrap();

    let at = |revision| store.list_at(&table(), Some("n"), None, revision).unwrap();
    assert_eq!(names(&at(a.revision)), ["a"]);
    assert_eq!(names(&at(b.revision)), ["a", "b"]);
    assert_eq!(at(b.revision)[0].1.value["data"], "1");
    assert_eq!(at(a2.revision)[0].1.value["data"], "2");
    assert_eq!(names(&store.list(&table(), None, None).0), ["a"]);
}

#[test]
fn writers_must_have_seen_the_present() {
    let store = Store::new(100);
    let a = store.create(&table(), Key::new("", "a"), object("1")).unwrap();
    assert_eq!(
        store
            .create(&table(), Key::new("", "a"), object("1"))
            .unwrap_err(),
        Miss::Exists
    );
    store
        .update(&table(), Key::new("", "a"), a.revision, object("2"))
        .unwrap();
    let stale = store.update(&table(), Key::new("", "a"), a.revision, object("3"));
    assert_eq!(stale.unwrap_err(), Miss::Changed);
    assert_eq!(
        store
            .delete(&table(), Key::new("", "a"), a.revision, None)
            .unwrap_err(),
        Miss::Changed
    );
}

#[test]
fn events_come_in_order_until_they_are_compacted() {
    let store = Store::new(100);
    let a = store.create(&table(), Key::new("", "a"), object("1")).unwrap();
    let a2 = store
        .update(&table(), Key::new("", "a"), a.revision, object("2"))
        .unwrap();
    let gone = store
        .delete(&table(), Key::new("", "a"), a2.revision, None)
        .unwrap();
    let (events, upto) = store.events_after(&table(), a.revision).unwrap();
    let seen: Vec<(u64, bool)> = events
        .iter()
        .map(|event| (event.revision, event.deleted))
        .collect();
    assert_eq!(seen, [(a2.revision, false), (gone.revision, true)]);
    assert_eq!(upto, gone.revision);
    assert_eq!(
        events[1].object.value["metadata"]["resourceVersion"],
        gone.revision.to_string()
    );

    store.compact(a2.revision);
    assert!(store.events_after(&table(), a.revision).is_err());
    assert_eq!(store.events_after(&table(), a2.revision).unwrap().0.len(), 1);
    assert!(store.list_at(&table(), None, None, a.revision).is_err());
}

#[test]
fn the_log_is_bounded() {
    let store = Store::new(2);
    for at in 0..5 {
        store
            .create(&table(), Key::new("", &at.to_string()), object(""))
            .unwrap();
    }
    assert!(store.events_after(&table(), 2).is_err());
    assert_eq!(store.events_after(&table(), 4).unwrap().0.len(), 2);
}

#[test]
fn a_snapshot_does_not_move() {
    let store = Store::new(100);
    store.create(&table(), Key::new("", "a"), object("1")).unwrap();
    let snapshot = store.snapshot(crate::identity::Seed::default());
    store.create(&table(), Key::new("", "b"), object("1")).unwrap();
    let again = Store::restore(&snapshot, 100);
    assert_eq!(names(&again.list(&table(), None, None).0), ["a"]);
    assert_eq!(again.revision(), snapshot.revision());
}
