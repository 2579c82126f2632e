//! Sequences of waits.

use std::time::Duration;

use tokio::time::Instant;

/// A sequence of waits between attempts, which can start over.
///
/// `next()` gives the wait before the next attempt; `None` means to give up.
pub trait Backoff: Iterator<Item = Duration> + Send + Sync + Unpin {
    /// Starts over with the first wait.
    fn reset(&mut self);
}

impl<B: Backoff + ?Sized> Backoff for Box<B> {
    fn reset(&mut self) {
        (**self).reset();
    }
}

/// A backoff that also starts over by itself, once no wait was asked for during some time.
#[derive(Debug)]
pub struct ResetTimerBackoff<B: Backoff> {
    backoff: B,
    last: Option<Instant>,
    reset_after: Duration,
}

impl<B: Backoff> ResetTimerBackoff<B> {
    /// Wraps a backoff, which starts over when `reset_after` has passed since the last wait was asked for.
    pub fn new(backoff: B, reset_after: Duration) -> Self {
        ResetTimerBackoff {
            backoff,
            last: None,
            reset_after,
        }
    }
}

impl<B: Backoff> Iterator for ResetTimerBackoff<B> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) > self.reset_after)
        {
            self.backoff.reset();
        }
        self.last = Some(now);
        self.backoff.next()
    }
}

impl<B: Backoff> Backoff for ResetTimerBackoff<B> {
    fn reset(&mut self) {
        self.last = None;
        self.backoff.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watcher::ExponentialBackoff;

    #[tokio::test(start_paused = true)]
    async fn quiet_time_resets() {
        let builder = backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_secs(1))
            .with_factor(2.0)
            .without_max_times();
        let mut backoff = ResetTimerBackoff::new(ExponentialBackoff::from(builder), Duration::from_secs(60));
        assert_eq!(backoff.next(), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(backoff.next(), Some(Duration::from_secs(2)));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(backoff.next(), Some(Duration::from_secs(4)));
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(backoff.next(), Some(Duration::from_secs(1)));
    }
}
