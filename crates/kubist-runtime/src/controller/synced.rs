//! Whether every cache has its initial list.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells when every watch of a controller has its initial list.
///
/// Clones tell the same. Used for readiness probes: an operator whose caches are not whole should not be
/// counted on yet.
#[derive(Clone, Debug)]
pub struct Synced {
    /// How many watches have not got it yet.
    missing: Arc<watch::Sender<usize>>,
}

impl Default for Synced {
    fn default() -> Self {
        Synced {
            missing: Arc::new(watch::Sender::new(0)),
        }
    }
}

impl Synced {
    /// Whether every watch has its initial list.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        *self.missing.borrow() == 0
    }

    /// Waits until every watch has its initial list. Cancel safe.
    pub async fn wait(&self) {
        // The sender is held here, so the channel is open.
        let _ = self.missing.subscribe().wait_for(|missing| *missing == 0).await;
    }

    /// Counts one more watch, until the guard is told.
    pub(super) fn expect_one(&self) -> Expected {
        self.missing.send_modify(|missing| *missing += 1);
        Expected {
            synced: self.clone(),
            arrived: false,
        }
    }
}

/// One watch that is waited for.
pub(super) struct Expected {
    synced: Synced,
    arrived: bool,
}

impl Expected {
    pub(super) fn arrived(&mut self) {
        if !self.arrived {
            self.arrived = true;
            self.synced.missing.send_modify(|missing| *missing -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_each_watch_once() {
        let synced = Synced::default();
        assert!(synced.is_synced());
        let (mut one, mut two) = (synced.expect_one(), synced.expect_one());
        one.arrived();
        one.arrived();
        assert!(!synced.is_synced());
        two.arrived();
        synced.wait().await;
    }
}
