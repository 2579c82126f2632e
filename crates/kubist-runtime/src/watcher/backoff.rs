//! How long a failing watch waits.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::utils::{Backoff, ResetTimerBackoff};

/// An exponential backoff made from any [`backon::ExponentialBuilder`].
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use backon::ExponentialBuilder;
/// use kubist_runtime::watcher::ExponentialBackoff;
///
/// let mut backoff = ExponentialBackoff::from(
///     ExponentialBuilder::default().with_min_delay(Duration::from_secs(1)).without_max_times(),
/// );
/// assert_eq!(backoff.next(), Some(Duration::from_secs(1)));
/// assert_eq!(backoff.next(), Some(Duration::from_secs(2)));
/// ```
#[derive(Debug)]
pub struct ExponentialBackoff {
    builder: ExponentialBuilder,
    current: backon::ExponentialBackoff,
}

impl From<ExponentialBuilder> for ExponentialBackoff {
    fn from(builder: ExponentialBuilder) -> Self {
        ExponentialBackoff {
            builder,
            current: builder.build(),
        }
    }
}

impl Iterator for ExponentialBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.current.next()
    }
}

impl Backoff for ExponentialBackoff {
    fn reset(&mut self) {
        self.current = self.builder.build();
    }
}

/// The backoff that controllers give each of their watches.
///
/// From 800 ms it doubles up to 30 s, with jitter, and starts again after two quiet minutes; it never
/// gives up. These are the figures of client-go's reflector. [`Backoff::reset`] does nothing: a watch that
/// connects and breaks at once succeeds each time, and still has to slow down.
#[derive(Debug)]
pub struct DefaultBackoff(ResetTimerBackoff<ExponentialBackoff>);

impl Default for DefaultBackoff {
    fn default() -> Self {
        let exponential = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(800))
            .with_max_delay(Duration::from_secs(30))
            .with_factor(2.0)
            .with_jitter()
            .without_max_times();
        DefaultBackoff(ResetTimerBackoff::new(
            exponential.into(),
            Duration::from_secs(120),
        ))
    }
}

impl Iterator for DefaultBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.next()
    }
}

impl Backoff for DefaultBackoff {
    fn reset(&mut self) {}
}
