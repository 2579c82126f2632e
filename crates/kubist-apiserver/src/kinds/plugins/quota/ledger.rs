//! Which namespaces are being charged.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::kinds::amounts::Amounts;
use crate::state::Api;
use crate::store::Key;

/// Keeps charges and counts apart: what is charged and not yet written must not be counted as unused.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// How many writes of each namespace are charged and not done.
    open: Mutex<HashMap<String, usize>>,
    /// Tells that a namespace can be counted again.
    settled: Notify,
}

impl Ledger {
    /// Begins a charge.
    fn begin(&self, namespace: &str) {
        *self.open.lock().entry(namespace.to_owned()).or_default() += 1;
    }

    /// Ends a charge.
    fn end(&self, namespace: &str) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(namespace) {
            *count -= 1;
            if *count == 0 {
                open.remove(namespace);
                self.settled.notify_one();
            }
        }
    }

    /// Holds off new charges, unless there are some in the namespace already.
    pub(super) fn quiet(&self, namespace: &str) -> Option<MutexGuard<'_, HashMap<String, usize>>> {
        let open = self.open.lock();
        (!open.contains_key(namespace)).then_some(open)
    }

    /// Ends when writes that were charged are done.
    pub(crate) async fn settled(&self) {
        self.settled.notified().await;
    }
}

/// A write that is being charged; it is done, or given up, when this is dropped.
pub(crate) struct Charge<'a> {
    api: &'a Api,
    namespace: String,
    /// What was taken from which quota, until the write is done.
    taken: Vec<(Key, Amounts)>,
}

impl<'a> Charge<'a> {
    pub(super) fn begin(api: &'a Api, namespace: &str) -> Charge<'a> {
        api.quotas.begin(namespace);
        Charge {
            api,
            namespace: namespace.to_owned(),
            taken: Vec::new(),
        }
    }

    pub(super) fn took(&mut self, quota: Key, amounts: Amounts) {
        self.taken.push((quota, amounts));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    pub(super) fn has_taken_from(&self, quota: &Key) -> bool {
        self.taken.iter().any(|(known, _)| known == quota)
    }

    /// The write is done: what it took stays taken.
    pub(crate) fn keep(mut self) {
        self.taken.clear();
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        for (quota, amounts) in std::mem::take(&mut self.taken) {
            super::give_back(self.api, &quota, &amounts);
        }
        self.api.quotas.end(&self.namespace);
    }
}
