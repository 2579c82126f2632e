//! Who asked what: the trail of requests, for assertions.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// How many records are kept before the oldest go.
const KEPT: usize = 100_000;

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What was asked for: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`,
    /// `deletecollection`, or the method in lower case for a path that is no resource.
    pub verb: String,
    /// The path with its query; the first 2,048 characters of it, as of all texts here.
    pub path: String,
    /// The API group, empty for the core group.
    pub group: String,
    /// The resource, with the subresource behind a slash; empty for other paths.
    pub resource: String,
    /// The namespace, empty where there is none.
    pub namespace: String,
    /// The name, empty where there is none.
    pub name: String,
    /// Who asked.
    pub user: String,
    /// The client's `User-Agent`.
    pub user_agent: String,
    /// The status of the answer.
    pub status: u16,
}

#[derive(Debug, Default)]
pub(crate) struct Trail(Mutex<VecDeque<Record>>);

impl Trail {
    pub(crate) fn push(&self, record: Record) {
        let mut records = self.0.lock();
        if records.len() == KEPT {
            records.pop_front();
        }
        records.push_back(record);
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.0.lock().iter().cloned().collect()
    }
}
