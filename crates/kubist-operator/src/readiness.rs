//! Whether the process is ready to do its work.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// Whether everything that has to be there is there; answers `/ready`.
///
/// Clones share the same gates. It is ready when every [`Gate`] has been opened, and no longer once the
/// process is stopping.
#[derive(Clone, Debug)]
pub struct Readiness {
    closed: Arc<Mutex<Closed>>,
    changed: Arc<watch::Sender<()>>,
}

#[derive(Debug, Default)]
struct Closed {
    /// The names of the gates that are closed, by the order of their registration.
    gates: Vec<(u64, String)>,
    next: u64,
    stopping: bool,
}

impl Default for Readiness {
    fn default() -> Self {
        Readiness {
            closed: Arc::default(),
            changed: Arc::new(watch::Sender::new(())),
        }
    }
}

impl Readiness {
    /// Adds something that has to be waited for.
    #[must_use = "a gate that is dropped without being opened stays closed"]
    pub fn gate(&self, name: impl Into<String>) -> Gate {
        let mut closed = self.closed.lock();
        let id = closed.next;
        closed.next += 1;
        closed.gates.push((id, name.into()));
        Gate {
            id,
            readiness: self.clone(),
        }
    }

    /// Whether every gate is open and the process is not stopping.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let closed = self.closed.lock();
        closed.gates.is_empty() && !closed.stopping
    }

    /// What is being waited for.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<String> {
        let closed = self.closed.lock();
        let stopping = closed.stopping.then(|| "shutting down".to_owned());
        closed
            .gates
            .iter()
            .map(|(_, name)| name.clone())
            .chain(stopping)
            .collect()
    }

    /// Waits until every gate is open. Cancel safe.
    pub async fn ready(&self) {
        let mut changed = self.changed.subscribe();
        while !self.is_ready() {
            // The sender is held here, so the channel is open.
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.closed.lock().stopping
    }

    pub(crate) fn stop(&self) {
        self.closed.lock().stopping = true;
    }
}

/// Something that has to be waited for.
#[derive(Debug)]
pub struct Gate {
    id: u64,
    readiness: Readiness,
}

impl Gate {
    /// It is there.
    pub fn open(self) {
        self.readiness
            .closed
            .lock()
            .gates
            .retain(|(id, _)| *id != self.id);
        self.readiness.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ready_when_every_gate_is_open() {
        let readiness = Readiness::default();
        assert!(readiness.is_ready());
        let (documents, lease) = (readiness.gate("documents"), readiness.gate("lease"));
        assert_eq!(readiness.waiting_for(), ["documents", "lease"]);
        documents.open();
        assert_eq!(readiness.waiting_for(), ["lease"]);
        let waiting = tokio::spawn({
            let readiness = readiness.clone();
            async move { readiness.ready().await }
        });
        lease.open();
        waiting.await.unwrap();
        readiness.stop();
        assert!(!readiness.is_ready());
    }

    #[test]
    fn a_dropped_gate_stays_closed() {
        let readiness = Readiness::default();
        drop(readiness.gate("lost"));
        assert!(!readiness.is_ready());
    }
}
