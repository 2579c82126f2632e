//! What a table holds, and what happened to it.

use std::sync::Arc;

use serde_json::Value;

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

/// Some events of one table, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) events: Vec<Arc<Event>>,
    /// Whoever saw these events saw all of the table's up to this revision.
    pub(crate) upto: u64,
    /// Whether later ones are there already.
    pub(crate) more: bool,
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
