//! Which namespaces are being charged.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

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
    pub(super) fn begin<'a>(&'a self, namespace: &str) -> Charge<'a> {
        *self.open.lock().entry(namespace.to_owned()).or_default() += 1;
        Charge {
            ledger: self,
            namespace: namespace.to_owned(),
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

/// A write that is being charged; it is done when this is dropped.
#[derive(Debug)]
pub(crate) struct Charge<'a> {
    ledger: &'a Ledger,
    namespace: String,
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        let mut open = self.ledger.open.lock();
        if let Some(count) = open.get_mut(&self.namespace) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.namespace);
                self.ledger.settled.notify_one();
            }
        }
    }
}
