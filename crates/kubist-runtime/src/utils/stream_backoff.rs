//! Waiting after errors.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{Future, Stream, TryStream};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use super::Backoff;

pin_project! {
    /// A stream that is not polled for a while after it yielded an error.
    ///
    /// The error itself is passed on at once. The stream ends when the backoff gives up.
    #[must_use = "streams do nothing unless polled"]
    pub struct StreamBackoff<S, B> {
        #[pin]
        stream: S,
        backoff: B,
        // Made at the first error, and used again for each.
        wait: Option<Pin<Box<Sleep>>>,
        state: State,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Polling,
    Waiting,
    GivenUp,
}

impl<S: TryStream, B: Backoff> StreamBackoff<S, B> {
    /// Waits between the errors of `stream` as `backoff` says; every success sets it back.
    pub fn new(stream: S, backoff: B) -> Self {
        StreamBackoff {
            stream,
            backoff,
            wait: None,
            state: State::Polling,
        }
    }
}

impl<S: TryStream, B: Backoff> Stream for StreamBackoff<S, B> {
    type Item = Result<S::Ok, S::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        match *this.state {
            State::GivenUp => return Poll::Ready(None),
            State::Waiting => {
                if let Some(wait) = this.wait {
                    ready!(wait.as_mut().poll(cx));
                }
                *this.state = State::Polling;
            }
            State::Polling => {}
        }
        let item = ready!(this.stream.as_mut().try_poll_next(cx));
        match &item {
            Some(Ok(_)) => this.backoff.reset(),
            Some(Err(_)) => match this.backoff.next() {
                Some(duration) => {
                    let deadline = Instant::now() + duration;
                    match this.wait {
                        Some(wait) => wait.as_mut().reset(deadline),
                        None => *this.wait = Some(Box::pin(tokio::time::sleep_until(deadline))),
                    }
                    *this.state = State::Waiting;
                }
                None => *this.state = State::GivenUp,
            },
            None => *this.state = State::GivenUp,
        }
        Poll::Ready(item)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use backon::ExponentialBuilder;
    use futures::{StreamExt, stream};

    use super::*;
    use crate::watcher::ExponentialBackoff;

    fn seconds(most: usize) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_secs(1))
            .with_factor(2.0)
            .with_max_times(most)
            .into()
    }

    #[tokio::test(start_paused = true)]
    async fn errors_come_at_once_and_what_follows_waits() {
        let items = stream::iter([Err(1), Err(2), Ok(3), Err(4), Ok(5)]);
        let mut stream = StreamBackoff::new(items, seconds(9));
        let start = Instant::now();
        let mut seen = Vec::new();
        while let Some(item) = stream.next().await {
            seen.push((item, start.elapsed().as_secs()));
        }
        assert_eq!(
            seen,
            [(Err(1), 0), (Err(2), 1), (Ok(3), 3), (Err(4), 3), (Ok(5), 4)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn ends_when_the_backoff_gives_up() {
        let items = stream::repeat::<Result<(), ()>>(Err(()));
        assert_eq!(StreamBackoff::new(items, seconds(2)).count().await, 3);
    }
}
