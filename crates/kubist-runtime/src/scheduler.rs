//! Delaying messages until their time has come.
//!
//! A [`Controller`](crate::Controller) has a queue of its own, which does more. This is for streams of
//! one's own.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ahash::RandomState;
use futures::stream::Fuse;
use futures::{Future, Stream, StreamExt};
use hashbrown::HashMap;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

/// A message, and the time at which it is to come out.
#[derive(Debug)]
pub struct ScheduleRequest<T> {
    /// The message. Equal messages are one: the earlier time counts.
    pub message: T,
    /// When it is to come out.
    pub run_at: Instant,
}

/// Keeps messages until their time has come; see [`scheduler`].
///
/// As a stream it yields every message that is due. [`hold_unless`](Scheduler::hold_unless) yields only
/// those that a predicate lets pass, and [`hold`](Scheduler::hold) none; the rest waits, in the order in
/// which it became due, and a held message that is asked for again is still one message.
pub struct Scheduler<T, R> {
    requests: Pin<Box<Fuse<R>>>,
    /// When each message is due, while it is not.
    scheduled: HashMap<T, (Instant, u64), RandomState>,
    /// The same, by time; an entry whose ticket is not the message's is stale.
    by_time: BinaryHeap<Reverse<(Instant, u64)>>,
    messages: HashMap<u64, T, RandomState>,
    next_ticket: u64,
    /// What is due and was held.
    due: VecDeque<T>,
    due_set: hashbrown::HashSet<T, RandomState>,
    timer: Option<Pin<Box<Sleep>>>,
    debounce: Duration,
}

/// Keeps messages until their time has come.
///
/// The result ends when `requests` has ended and nothing is left.
///
/// # Example
///
/// ```
/// use futures::{StreamExt, stream};
/// use kubist_runtime::scheduler::{ScheduleRequest, scheduler};
/// use tokio::time::Instant;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let now = Instant::now();
/// let requests = stream::iter(["a", "b", "a"].map(|message| ScheduleRequest { message, run_at: now }));
/// let messages: Vec<_> = scheduler(requests).collect().await;
/// assert_eq!(messages, ["a", "b"]);
/// # }
/// ```
pub fn scheduler<T: Eq + Hash + Clone, S: Stream<Item = ScheduleRequest<T>>>(requests: S) -> Scheduler<T, S> {
    debounced_scheduler(requests, Duration::ZERO)
}

/// Keeps messages until their time has come and some time more, during which the same message that is
/// asked for again starts the wait anew.
pub fn debounced_scheduler<T: Eq + Hash + Clone, S: Stream<Item = ScheduleRequest<T>>>(
    requests: S,
    debounce: Duration,
) -> Scheduler<T, S> {
    Scheduler {
        requests: Box::pin(requests.fuse()),
        scheduled: HashMap::default(),
        by_time: BinaryHeap::new(),
        messages: HashMap::default(),
        next_ticket: 0,
        due: VecDeque::new(),
        due_set: hashbrown::HashSet::default(),
        timer: None,
        debounce,
    }
}

// Nothing in it is pinned in place.
impl<T, R> Unpin for Scheduler<T, R> {}

impl<T, R> Scheduler<T, R>
where
    T: Eq + Hash + Clone,
    R: Stream<Item = ScheduleRequest<T>>,
{
    /// Takes requests, but yields nothing: the stream ends when the requests have ended.
    pub fn hold(self: Pin<&mut Self>) -> Hold<'_, T, R> {
        Hold { scheduler: self }
    }

    /// Yields the messages that are due and for which `can_take_message` is true.
    pub fn hold_unless<C: Fn(&T) -> bool>(
        self: Pin<&mut Self>,
        can_take_message: C,
    ) -> HoldUnless<'_, T, R, C> {
        HoldUnless {
            scheduler: self,
            can_take_message,
        }
    }

    /// Takes all requests that are there; ready when there will be no more.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(ScheduleRequest { message, run_at }) = ready!(self.requests.as_mut().poll_next(cx)) {
            self.schedule(message, run_at);
        }
        Poll::Ready(())
    }

    fn schedule(&mut self, message: T, run_at: Instant) {
        if self.due_set.contains(&message) {
            return;
        }
        let at = run_at + self.debounce;
        if let Some((scheduled, ticket)) = self.scheduled.get(&message) {
            // Undebounced the earlier counts; debounced the later, as long as it is asked for in time.
            if *scheduled <= at && (self.debounce.is_zero() || *scheduled <= run_at) {
                return;
            }
            self.messages.remove(ticket);
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.scheduled.insert(message.clone(), (at, ticket));
        self.messages.insert(ticket, message);
        self.by_time.push(Reverse((at, ticket)));
    }

    /// Moves what has become due, and registers for the next that will.
    fn poll_time(&mut self, cx: &mut Context<'_>) {
        while let Some(Reverse((at, ticket))) = self.by_time.peek().copied() {
            if !self.messages.contains_key(&ticket) {
                self.by_time.pop();
                continue;
            }
            if at > Instant::now() {
                let timer = self
                    .timer
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
                if timer.deadline() != at {
                    timer.as_mut().reset(at);
                }
                if timer.as_mut().poll(cx).is_pending() {
                    return;
                }
            }
            self.by_time.pop();
            if let Some(message) = self.messages.remove(&ticket) {
                self.scheduled.remove(&message);
                self.due_set.insert(message.clone());
                self.due.push_back(message);
            }
        }
    }

    fn poll_due(&mut self, cx: &mut Context<'_>, can_take: impl Fn(&T) -> bool) -> Poll<Option<T>> {
        let ended = self.poll_requests(cx).is_ready();
        self.poll_time(cx);
        if let Some(message) = self
            .due
            .iter()
            .position(&can_take)
            .and_then(|position| self.due.remove(position))
        {
            self.due_set.remove(&message);
            return Poll::Ready(Some(message));
        }
        if ended && self.scheduled.is_empty() && self.due.is_empty() {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

impl<T, R> Stream for Scheduler<T, R>
where
    T: Eq + Hash + Clone,
    R: Stream<Item = ScheduleRequest<T>>,
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.get_mut().poll_due(cx, |_| true)
    }
}

pin_project! {
    /// See [`Scheduler::hold`].
    #[must_use = "streams do nothing unless polled"]
    pub struct Hold<'a, T, R> {
        scheduler: Pin<&'a mut Scheduler<T, R>>,
    }
}

impl<T, R> Stream for Hold<'_, T, R>
where
    T: Eq + Hash + Clone,
    R: Stream<Item = ScheduleRequest<T>>,
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.project()
            .scheduler
            .as_mut()
            .get_mut()
            .poll_requests(cx)
            .map(|()| None)
    }
}

pin_project! {
    /// See [`Scheduler::hold_unless`].
    #[must_use = "streams do nothing unless polled"]
    pub struct HoldUnless<'a, T, R, C> {
        scheduler: Pin<&'a mut Scheduler<T, R>>,
        can_take_message: C,
    }
}

impl<T, R, C> Stream for HoldUnless<'_, T, R, C>
where
    T: Eq + Hash + Clone,
    R: Stream<Item = ScheduleRequest<T>>,
    C: Fn(&T) -> bool,
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.project();
        this.scheduler
            .as_mut()
            .get_mut()
            .poll_due(cx, &*this.can_take_message)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::channel::mpsc;
    use futures::{FutureExt, stream};

    use super::*;

    fn at(message: u32, seconds: u64) -> ScheduleRequest<u32> {
        ScheduleRequest {
            message,
            run_at: Instant::now() + Duration::from_secs(seconds),
        }
    }

    /// What comes out, and after how many seconds.
    async fn timeline(
        scheduler: Scheduler<u32, impl Stream<Item = ScheduleRequest<u32>>>,
    ) -> Vec<(u32, u64)> {
        let start = Instant::now();
        scheduler
            .map(|message| (message, start.elapsed().as_secs()))
            .collect()
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn messages_come_out_at_their_time() {
        let requests = stream::iter([at(1, 5), at(2, 1), at(3, 0), at(4, 5)]);
        assert_eq!(
            timeline(scheduler(requests)).await,
            [(3, 0), (2, 1), (1, 5), (4, 5)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn equal_messages_are_one_at_the_earlier_time() {
        let requests = stream::iter([at(1, 5), at(1, 2), at(1, 9)]);
        assert_eq!(timeline(scheduler(requests)).await, [(1, 2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_may_come_again_once_it_came_out() {
        let (send, requests) = mpsc::unbounded();
        let mut scheduler = pin!(scheduler(requests));
        for _ in 0..2 {
            send.unbounded_send(at(1, 0)).unwrap();
            assert_eq!(scheduler.next().await, Some(1));
        }
        assert_eq!(scheduler.next().now_or_never(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_waits_without_blocking_the_rest() {
        let mut scheduler = pin!(scheduler(stream::iter([at(1, 0), at(2, 0), at(1, 3)])));
        assert_eq!(
            scheduler
                .as_mut()
                .hold_unless(|message| *message != 1)
                .next()
                .await,
            Some(2)
        );
        assert_eq!(
            scheduler.as_mut().hold_unless(|_| false).next().now_or_never(),
            None
        );
        assert_eq!(scheduler.as_mut().hold().next().await, None, "no more requests");
        assert_eq!(scheduler.next().await, Some(1));
        assert_eq!(scheduler.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn debounced_messages_wait_for_quiet() {
        let (send, requests) = mpsc::unbounded();
        let mut scheduler = pin!(debounced_scheduler(requests, Duration::from_secs(5)));
        let start = Instant::now();
        for _ in 0..3 {
            send.unbounded_send(at(1, 0)).unwrap();
            assert_eq!(scheduler.next().now_or_never(), None);
            tokio::time::advance(Duration::from_secs(4)).await;
        }
        assert_eq!(scheduler.next().await, Some(1));
        assert_eq!(start.elapsed().as_secs(), 13);
    }
}
