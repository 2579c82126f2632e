//! What is to happen after a reconcile.

use std::time::Duration;

/// What is to happen after a reconcile, besides waiting for the next change.
#[derive(Debug, Clone, Eq, PartialEq)]
pub struct Action {
    pub(super) requeue: Requeue,
}

/// Whether and when an object is wanted again without a change.
#[derive(Debug, Clone, Copy, Eq, PartialEq)]
pub(super) enum Requeue {
    Never,
    After(Duration),
    BackOff,
}

impl Action {
    /// Reconciles the object again after this time, even if nothing changes.
    ///
    /// A change that comes earlier leads to an earlier run, which then decides anew.
    #[must_use]
    pub const fn requeue(duration: Duration) -> Self {
        Action {
            requeue: Requeue::After(duration),
        }
    }

    /// Does nothing until the next change.
    ///
    /// Only right where every input of the reconcile is watched.
    #[must_use]
    pub const fn await_change() -> Self {
        Action {
            requeue: Requeue::Never,
        }
    }

    /// Reconciles the object again after a wait that doubles with each failure in a row.
    ///
    /// Each object has its own count, which a reconcile that ends in another action sets back. See
    /// [`Config::backoff`](super::Config::backoff) for the bounds.
    #[must_use]
    pub const fn requeue_with_backoff() -> Self {
        Action {
            requeue: Requeue::BackOff,
        }
    }
}
