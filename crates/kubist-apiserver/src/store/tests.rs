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
    let Chunk { events, upto, more } = store.events_after(&table(), a.revision).unwrap();
    let seen: Vec<(u64, bool)> = events
        .iter()
        .map(|event| (event.revision, event.deleted))
        .collect();
    assert_eq!(seen, [(a2.revision, false), (gone.revision, true)]);
    assert_eq!((upto, more), (gone.revision, false));
    assert_eq!(
        events[1].object.value["metadata"]["resourceVersion"],
        gone.revision.to_string()
    );

    store.compact(a2.revision);
    assert!(store.events_after(&table(), a.revision).is_err());
    assert!(store.remembers(&table(), a.revision).is_err());
    assert_eq!(store.events_after(&table(), a2.revision).unwrap().events.len(), 1);
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
    assert_eq!(store.events_after(&table(), 4).unwrap().events.len(), 2);
    assert!(store.remembers(&table(), 4).is_ok());
}

#[test]
fn a_compaction_takes_nothing_from_who_saw_it_all() {
    let store = Store::new(100);
    let a = store.create(&table(), Key::new("", "a"), object("1")).unwrap();
    let other: TableName = "/others".into();
    let b = store.create(&other, Key::new("", "b"), object("1")).unwrap();
    store.compact(b.revision);
    // Nobody begins there, but who is there already goes on.
    assert!(store.remembers(&table(), a.revision).is_err());
    assert!(store.remembers(&table(), b.revision).is_ok());
    let chunk = store.events_after(&table(), a.revision).unwrap();
    assert_eq!((chunk.events.len(), chunk.upto), (0, b.revision));
    assert!(store.events_after(&table(), a.revision - 1).is_err());
}

#[test]
fn a_long_log_is_read_in_chunks() {
    let store = Store::new(10_000);
    let count = CHUNK * 2 + 1;
    for at in 0..count {
        store
            .create(&table(), Key::new("", &at.to_string()), object(""))
            .unwrap();
    }
    let later = store.create(&"/others".into(), Key::new("", "b"), object("1"));
    let (mut position, mut seen, mut more) = (1, Vec::new(), true);
    while more {
        let chunk = store.events_after(&table(), position).unwrap();
        assert!(chunk.events.len() <= CHUNK);
        seen.extend(chunk.events.iter().map(|event| event.revision));
        (position, more) = (chunk.upto, chunk.more);
    }
    assert_eq!(seen, (2..2 + count as u64).collect::<Vec<_>>());
    assert_eq!(position, later.unwrap().revision);
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
