//! What the server remembers: a log of versions under one global revision.
//!
//! Every resource has a table of its current objects and a log of what happened to them.
//! A state of the past is the present with the later events undone, so the log alone
//! answers exact reads, watches and pages of a list. [`Store::compact`] forgets its beginning.
//!
//! Tables are shared: a [`Snapshot`] is a handful of pointers, and the first write to a
//! table after a snapshot copies that table.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use serde_json::Value;
use tokio::sync::watch;

/// How many events each resource's log keeps before it forgets the oldest.
pub(crate) const DEFAULT_HISTORY: usize = 65_536;

/// Under which name a table is kept: `group/plural`.
pub(crate) type TableName = Arc<str>;

/// Where an object is in its table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    /// Empty for objects of the cluster.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(namespace: &str, name: &str) -> Key {
        Key {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// A version of an object. `metadata.resourceVersion` is in the value.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) revision: u64,
    pub(crate) value: Arc<Value>,
}

/// What happened to one object.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) revision: u64,
    pub(crate) key: Key,
    /// The version before, if there was one.
    pub(crate) before: Option<Stored>,
    /// The version after, or what was deleted, bearing the revision of the deletion.
    pub(crate) object: Stored,
    pub(crate) deleted: bool,
}

/// Why a write did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// There is an object under that name already.
    Exists,
    /// The object is not the version that the writer saw.
    Changed,
}

/// The revision asked for is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compacted {
    /// The oldest revision that can still be asked for.
    pub(crate) oldest: u64,
}

#[derive(Clone, Debug, Default)]
struct Table {
    objects: BTreeMap<Key, Stored>,
    log: VecDeque<Arc<Event>>,
    /// Reads and watches from before this revision are refused.
    compacted: u64,
}

/// The whole state of a server at one moment; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Snapshot {
    state: State,
    pub(crate) seed: crate::identity::Seed,
}

impl Snapshot {
    /// The global revision at that moment.
    pub fn revision(&self) -> u64 {
        self.state.revision
    }
}

#[derive(Clone, Debug, Default)]
struct State {
    revision: u64,
    tables: HashMap<TableName, Arc<Table>>,
}

/// The store. All methods are short and lock for themselves.
#[derive(Debug)]
pub(crate) struct Store {
    state: RwLock<State>,
    history: usize,
    /// Tells watchers of a table that it moved.
    signals: RwLock<HashMap<TableName, watch::Sender<u64>>>,
    /// Tells whoever follows everything, such as the controllers.
    any: watch::Sender<u64>,
}

impl Store {
    pub(crate) fn new(history: usize) -> Store {
        // Revision 0 means "any" to clients, so the first write must come later.
        Store::with(
            State {
                revision: 1,
                tables: HashMap::new(),
            },
            history,
        )
    }

    pub(crate) fn restore(snapshot: &Snapshot, history: usize) -> Store {
        Store::with(snapshot.state.clone(), history)
    }

    fn with(state: State, history: usize) -> Store {
        let (any, _) = watch::channel(state.revision);
        Store {
            state: RwLock::new(state),
            history,
            signals: RwLock::default(),
            any,
        }
    }

    pub(crate) fn snapshot(&self, seed: crate::identity::Seed) -> Snapshot {
        Snapshot {
            state: self.state.read().clone(),
            seed,
        }
    }

    /// The revision of the last write.
    pub(crate) fn revision(&self) -> u64 {
        self.state.read().revision
    }

    /// The revision of the last write to a table that is remembered, 0 if there is none.
    pub(crate) fn last(&self, table: &TableName) -> u64 {
        let state = self.state.read();
        let log = state.tables.get(table).map(|table| &table.log);
        log.and_then(VecDeque::back).map_or(0, |event| event.revision)
    }

    pub(crate) fn get(&self, table: &TableName, key: &Key) -> Option<Stored> {
        self.state.read().tables.get(table)?.objects.get(key).cloned()
    }

    /// The objects of a table, in the order of their keys, and the revision of that state.
    ///
    /// `namespace` narrows to one namespace, `after` starts behind a key.
    pub(crate) fn list(
        &self,
        table: &TableName,
        namespace: Option<&str>,
        after: Option<&Key>,
    ) -> (Vec<(Key, Stored)>, u64) {
        let state = self.state.read();
        let items = match state.tables.get(table) {
            Some(table) => range(&table.objects, namespace, after),
            None => Vec::new(),
        };
        (items, state.revision)
    }

    /// The objects of a table as they were at `revision`.
    pub(crate) fn list_at(
        &self,
        table: &TableName,
        namespace: Option<&str>,
        after: Option<&Key>,
        revision: u64,
    ) -> Result<Vec<(Key, Stored)>, Compacted> {
        let table = match self.state.read().tables.get(table) {
            Some(table) => Arc::clone(table),
            None => return Ok(Vec::new()),
        };
        if revision < table.compacted {
            return Err(Compacted {
                oldest: table.compacted,
            });
        }
        let later: Vec<&Arc<Event>> = table
            .log
            .iter()
            .rev()
            .take_while(|event| event.revision > revision)
            .collect();
        if later.is_empty() {
            return Ok(range(&table.objects, namespace, after));
        }
        let mut objects = table.objects.clone();
        for event in later {
            match &event.before {
                Some(before) => objects.insert(event.key.clone(), before.clone()),
                None => objects.remove(&event.key),
            };
        }
        Ok(range(&objects, namespace, after))
    }

    /// The objects of a table as they were some revisions ago, or as long ago as is remembered.
    pub(crate) fn list_behind(
        &self,
        table: &TableName,
        namespace: Option<&str>,
        behind: u64,
    ) -> (Vec<(Key, Stored)>, u64) {
        let now = self.revision();
        let wanted = now.saturating_sub(behind).max(1);
        match self.list_at(table, namespace, None, wanted) {
            Ok(items) => (items, wanted),
            Err(compacted) => match self.list_at(table, namespace, None, compacted.oldest) {
                Ok(items) => (items, compacted.oldest),
                Err(_) => self.list(table, namespace, None),
            },
        }
    }

    /// What happened in a table after `revision`, oldest first, and up to which revision
    /// that is known to be all.
    pub(crate) fn events_after(
        &self,
        table: &TableName,
        revision: u64,
    ) -> Result<(Vec<Arc<Event>>, u64), Compacted> {
        let state = self.state.read();
        let Some(table) = state.tables.get(table) else {
            return Ok((Vec::new(), state.revision));
        };
        if revision < table.compacted {
            return Err(Compacted {
                oldest: table.compacted,
            });
        }
        let from = table.log.partition_point(|event| event.revision <= revision);
        Ok((table.log.range(from..).cloned().collect(), state.revision))
    }

    /// A receiver that changes when the table does.
    pub(crate) fn subscribe(&self, table: &TableName) -> watch::Receiver<u64> {
        if let Some(sender) = self.signals.read().get(table) {
            return sender.subscribe();
        }
        let mut signals = self.signals.write();
        signals
            .entry(Arc::clone(table))
            .or_insert_with(|| watch::channel(0).0)
            .subscribe()
    }

    /// A receiver that changes when anything does.
    pub(crate) fn subscribe_any(&self) -> watch::Receiver<u64> {
        self.any.subscribe()
    }

    pub(crate) fn create(&self, table: &TableName, key: Key, value: Value) -> Result<Stored, Miss> {
        self.write(table, key, None, Some(value))
    }

    /// Replaces the version that the writer saw.
    pub(crate) fn update(
        &self,
        table: &TableName,
        key: Key,
        seen: u64,
        value: Value,
    ) -> Result<Stored, Miss> {
        self.write(table, key, Some(seen), Some(value))
    }

    /// Deletes the version that the writer saw; gives what was deleted, with the revision
    /// of its deletion. `last` replaces the content that watchers see last.
    pub(crate) fn delete(
        &self,
        table: &TableName,
        key: Key,
        seen: u64,
        last: Option<Value>,
    ) -> Result<Stored, Miss> {
        let mut state = self.state.write();
        let before = current(&state, table, &key).ok_or(Miss::Changed)?;
        if before.revision != seen {
            return Err(Miss::Changed);
        }
        let value = last.unwrap_or_else(|| Value::clone(&before.value));
        Ok(self.commit(&mut state, table, key, Some(before), value, true))
    }

    fn write(
        &self,
        table: &TableName,
        key: Key,
        seen: Option<u64>,
        value: Option<Value>,
    ) -> Result<Stored, Miss> {
        let mut state = self.state.write();
        let before = current(&state, table, &key);
        match (&before, seen) {
            (Some(_), None) => return Err(Miss::Exists),
            (None, Some(_)) => return Err(Miss::Changed),
            (Some(before), Some(seen)) if before.revision != seen => return Err(Miss::Changed),
            _ => {}
        }
        Ok(self.commit(&mut state, table, key, before, value.unwrap_or_default(), false))
    }

    fn commit(
        &self,
        state: &mut State,
        name: &TableName,
        key: Key,
        before: Option<Stored>,
        mut value: Value,
        deleted: bool,
    ) -> Stored {
        state.revision += 1;
        let revision = state.revision;
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("resourceVersion".into(), revision.to_string().into());
        }
        let object = Stored {
            revision,
            value: Arc::new(value),
        };
        let table = Arc::make_mut(state.tables.entry(Arc::clone(name)).or_default());
        if deleted {
            table.objects.remove(&key);
        } else {
            table.objects.insert(key.clone(), object.clone());
        }
        table.log.push_back(Arc::new(Event {
            revision,
            key,
            before,
            object: object.clone(),
            deleted,
        }));
        while table.log.len() > self.history {
            if let Some(event) = table.log.pop_front() {
                table.compacted = event.revision;
            }
        }
        if let Some(signal) = self.signals.read().get(name) {
            signal.send_replace(revision);
        }
        self.any.send_replace(revision);
        object
    }

    /// Forgets what happened up to `revision`; what asks for the time before gets 410.
    pub(crate) fn compact(&self, revision: u64) {
        let mut state = self.state.write();
        let revision = revision.min(state.revision);
        for table in state.tables.values_mut() {
            let table = Arc::make_mut(table);
            let upto = table.log.partition_point(|event| event.revision <= revision);
            table.log.drain(..upto);
            table.compacted = table.compacted.max(revision);
        }
    }
}

fn current(state: &State, table: &TableName, key: &Key) -> Option<Stored> {
    state.tables.get(table)?.objects.get(key).cloned()
}

fn range(
    objects: &BTreeMap<Key, Stored>,
    namespace: Option<&str>,
    after: Option<&Key>,
) -> Vec<(Key, Stored)> {
    use std::ops::Bound;
    let first = namespace.map(|namespace| Key::new(namespace, ""));
    let start = match (after, &first) {
        (Some(after), Some(first)) if after < first => Bound::Included(first),
        (Some(after), _) => Bound::Excluded(after),
        (None, Some(first)) => Bound::Included(first),
        (None, None) => Bound::Unbounded,
    };
    objects
        .range::<Key, _>((start, Bound::Unbounded))
        .take_while(|(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace))
        .map(|(key, stored)| (key.clone(), stored.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
}
