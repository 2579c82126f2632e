//! The settings of a controller.

use std::time::Duration;

use crate::queue::BackoffPolicy;

/// The settings of a controller's queue and runner.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub(super) debounce: Duration,
    pub(super) concurrency: u16,
    pub(super) backoff: BackoffPolicy,
    pub(super) keep_managed_fields: bool,
}

impl Config {
    /// How long after a change the reconcile starts, so that changes which come meanwhile are covered by
    /// the same run. Default: none.
    ///
    /// The wait is counted from the first change: an object that never rests is reconciled once per
    /// period, rather than never.
    #[must_use]
    pub fn debounce(mut self, debounce: Duration) -> Self {
        self.debounce = debounce;
        self
    }

    /// How many reconciles run at once at most; 0, the default, sets no bound.
    #[must_use]
    pub fn concurrency(mut self, concurrency: u16) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// The bounds of the wait before an object that failed is tried again, where it is left to the
    /// controller ([`Action::requeue_with_backoff`](super::Action::requeue_with_backoff), panics).
    ///
    /// Default: 5 ms to 1,000 s, as in client-go. `max` is taken as at least `min`.
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        self.backoff = BackoffPolicy {
            min,
            max: max.max(min),
        };
        self
    }

    /// Whether the cached objects keep their managedFields, which often are more than half of them.
    /// Default: no.
    #[must_use]
    pub fn keep_managed_fields(mut self, keep: bool) -> Self {
        self.keep_managed_fields = keep;
        self
    }
}
