//! What the server remembers: a log of versions under one global revision.
//!
//! Every resource has a table of its current objects and a log of what happened to them.
//! A state of the past is the present with the later events undone, so the log alone
//! answers exact reads, watches and pages of a list. [`Store::compact`] forgets its beginning.
//!
//! Tables are shared: a [`Snapshot`] is a handful of pointers, and the first write to a
//! table after a snapshot copies that table.

mod entry;
mod write;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

pub(crate) use entry::{Chunk, Compacted, Event, Key, Miss, Stored, TableName};

/// How many events each resource's log keeps before it forgets the oldest.
pub(crate) const DEFAULT_HISTORY: usize = 65_536;
/// How many events are read from a log at a time: a reader that is far behind copies no more.
const CHUNK: usize = 256;

#[derive(Clone, Debug, Default)]
struct Table {
    objects: BTreeMap<Key, Stored>,
    log: VecDeque<Arc<Event>>,
    /// The last event that the log lost: who saw it missed nothing.
    forgotten: u64,
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
    /// Reads and new watches from before this revision are refused, whatever table they are of.
    compacted: u64,
    tables: HashMap<TableName, Arc<Table>>,
}

/// Events with the tables in which they happened.
pub(crate) type TableEvents = Vec<(TableName, Arc<Event>)>;

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
                compacted: 0,
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
        let table = {
            let state = self.state.read();
            state.remembers(table, revision)?;
            match state.tables.get(table) {
                Some(table) => Arc::clone(table),
                None => return Ok(Vec::new()),
            }
        };
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

    /// Whether somebody may begin to watch a table after `revision`.
    pub(crate) fn remembers(&self, table: &TableName, revision: u64) -> Result<(), Compacted> {
        self.state.read().remembers(table, revision)
    }

    /// The first of what happened in a table after `revision`, for somebody who saw all that
    /// happened there before: a compaction that took nothing but that is no loss.
    pub(crate) fn events_after(&self, table: &TableName, revision: u64) -> Result<Chunk, Compacted> {
        let state = self.state.read();
        let mut chunk = Chunk {
            events: Vec::new(),
            upto: state.revision,
            more: false,
        };
        let Some(table) = state.tables.get(table) else {
            return Ok(chunk);
        };
        if revision < table.forgotten {
            return Err(Compacted {
                oldest: state.compacted.max(table.forgotten),
            });
        }
        let from = table.log.partition_point(|event| event.revision <= revision);
        chunk.events = table.log.range(from..).take(CHUNK).cloned().collect();
        if from + chunk.events.len() < table.log.len()
            && let Some(last) = chunk.events.last()
        {
            chunk.upto = last.revision;
            chunk.more = true;
        }
        Ok(chunk)
    }

    /// What happened to all tables after `revision`, table by table, and up to which revision that is all;
    /// no events if some of them are forgotten.
    pub(crate) fn all_events_after(&self, revision: u64) -> (Option<TableEvents>, u64) {
        let state = self.state.read();
        let mut events = Vec::new();
        for (name, table) in &state.tables {
            if revision < table.forgotten {
                return (None, state.revision);
            }
            let from = table.log.partition_point(|event| event.revision <= revision);
            let new = table.log.range(from..).cloned();
            events.extend(new.map(|event| (Arc::clone(name), event)));
        }
        (Some(events), state.revision)
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

    /// Forgets what happened up to `revision`; what asks for the time before gets 410.
    pub(crate) fn compact(&self, revision: u64) {
        let mut state = self.state.write();
        let revision = revision.min(state.revision);
        for table in state.tables.values_mut() {
            let table = Arc::make_mut(table);
            let upto = table.log.partition_point(|event| event.revision <= revision);
            if let Some(last) = table.log.drain(..upto).next_back() {
                table.forgotten = last.revision;
            }
        }
        state.compacted = state.compacted.max(revision);
    }
}

impl State {
    /// Whether all is known that happened to a table after `revision`.
    fn remembers(&self, table: &TableName, revision: u64) -> Result<(), Compacted> {
        let forgotten = self.tables.get(table).map_or(0, |table| table.forgotten);
        let oldest = self.compacted.max(forgotten);
        if revision < oldest {
            return Err(Compacted { oldest });
        }
        Ok(())
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
mod tests;
