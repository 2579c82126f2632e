//! The work queue: which keys are to be worked on, when, and in what order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::hash::Hash;
use std::time::Duration;

use ahash::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The priority of ordinary work.
pub(crate) const PRIORITY_NORMAL: i32 = 0;

/// The priority of work that comes from an initial list: it waits behind what changes right now.
pub(crate) const PRIORITY_INITIAL: i32 = -100;

/// A queue with at most one entry per key.
///
/// A key is waiting or not, running or not, and dirty (wanted again while it runs) or not. It never runs
/// twice at once, and a request that comes while it runs is kept until it is done. Order is by priority,
/// then first come first served. Each key counts its own failures and backs off alone.
///
/// One consumer takes from it; any number of producers add to it.
pub(crate) struct Queue<T, R> {
    inner: Mutex<Inner<T, R>>,
    changed: Notify,
    backoff: BackoffPolicy,
}

/// How long a key that keeps failing waits: doubled with each failure, between two bounds, with jitter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BackoffPolicy {
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Default for BackoffPolicy {
    /// client-go's figures for a failing item: 5 ms to 1,000 s.
    fn default() -> Self {
        BackoffPolicy {
            min: Duration::from_millis(5),
            max: Duration::from_secs(1000),
        }
    }
}

impl BackoffPolicy {
    /// The wait after this many failures in a row, the first being 1; up to a tenth is added at random, so
    /// that keys which failed together do not come back together.
    fn delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let delay = self.min.saturating_mul(1 << doublings).min(self.max);
        delay + delay.mul_f64(fastrand::f64() / 10.0)
    }
}

/// A request for work on a key.
#[derive(Debug, Clone)]
pub(crate) struct Request<R> {
    /// When the work may start; `None` means at once.
    pub(crate) after: Option<Duration>,
    pub(crate) priority: i32,
    /// Why, for the one who works on it. The first reason that is waiting is kept.
    pub(crate) reason: R,
}

/// How the work on a key ended.
#[derive(Debug)]
pub(crate) enum Outcome<R> {
    /// Nothing more to do, until something changes. Failures are forgotten.
    Done,
    /// It went well, and is wanted again later. Failures are forgotten.
    Again(Duration, R),
    /// It failed, and the caller says whether and when to try again.
    Failed(Option<(Duration, R)>),
    /// It failed, and is tried again after the key's own back-off.
    BackOff(R),
}

struct Inner<T, R> {
    entries: HashMap<T, Entry<R>, RandomState>,
    ready: BinaryHeap<Ready<T>>,
    delayed: BinaryHeap<Reverse<Delayed<T>>>,
    next_ticket: u64,
}

struct Entry<R> {
    waiting: Option<Waiting<R>>,
    running: bool,
    failures: u32,
}

struct Waiting<R> {
    /// The moment before which the key does not become ready; `None` once it is ready.
    not_before: Option<Instant>,
    priority: i32,
    /// The place in the line.
    ticket: u64,
    reason: R,
}

/// A place in the ready line. It is stale when the entry no longer waits with the same ticket and priority.
struct Ready<T> {
    priority: i32,
    ticket: u64,
    key: T,
}

/// A place among the delayed. It is stale when the entry no longer waits for the same moment.
struct Delayed<T> {
    not_before: Instant,
    ticket: u64,
    key: T,
}

impl<T: Clone + Eq + Hash, R> Queue<T, R> {
    pub(crate) fn new(backoff: BackoffPolicy) -> Self {
        Queue {
            inner: Mutex::new(Inner {
                entries: HashMap::default(),
                ready: BinaryHeap::new(),
                delayed: BinaryHeap::new(),
                next_ticket: 0,
            }),
            changed: Notify::new(),
            backoff,
        }
    }

    /// Asks for work on a key. Requests for one key merge: the earliest moment and the highest priority win.
    pub(crate) fn add(&self, key: T, request: Request<R>) {
        self.inner.lock().add(key, request, Instant::now());
        self.changed.notify_one();
    }

    /// Asks for work on many keys under one lock.
    pub(crate) fn add_all(&self, requests: impl IntoIterator<Item = (T, Request<R>)>) {
        let now = Instant::now();
        let mut inner = self.inner.lock();
        for (key, request) in requests {
            inner.add(key, request, now);
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Forgets that a key was wanted, and its failures: the object is gone. Work under way goes on.
    pub(crate) fn forget(&self, key: &T) {
        let mut inner = self.inner.lock();
        let Some(entry) = inner.entries.get_mut(key) else {
            return;
        };
        entry.waiting = None;
        entry.failures = 0;
        if !entry.running {
            inner.entries.remove(key);
        }
    }

    /// Takes the next key that is ready, if there is one, and marks it as running.
    ///
    /// Each key that is taken has to be given back with [`Queue::finish`].
    pub(crate) fn try_take(&self) -> Option<(T, R)> {
        self.inner.lock().take(Instant::now())
    }

    /// Ends the work on a key that [`Queue::try_take`] gave out.
    pub(crate) fn finish(&self, key: &T, outcome: Outcome<R>) {
        self.inner
            .lock()
            .finish(key, outcome, self.backoff, Instant::now());
        self.changed.notify_one();
    }

    /// Waits until [`Queue::try_take`] may have something to give.
    ///
    /// Cancel safe: a wake-up that nobody waited for is kept.
    pub(crate) async fn wait(&self) {
        let next = self.inner.lock().next_moment();
        match next {
            Next::Ready => {}
            Next::At(moment) => {
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = tokio::time::sleep_until(moment) => {}
                }
            }
            Next::Nothing => self.changed.notified().await,
        }
    }
}

enum Next {
    Ready,
    At(Instant),
    Nothing,
}

impl<T: Clone + Eq + Hash, R> Inner<T, R> {
    fn add(&mut self, key: T, request: Request<R>, now: Instant) {
        let not_before = request
            .after
            .filter(|after| !after.is_zero())
            .map(|after| now + after);
        let ticket = self.next_ticket;
        let entry = match self.entries.get_mut(&key) {
            Some(entry) => entry,
            None => self.entries.entry(key.clone()).or_insert(Entry {
                waiting: None,
                running: false,
                failures: 0,
            }),
        };
        let waiting = match &mut entry.waiting {
            Some(waiting) => {
                // `None` sorts before any moment: ready is earlier than later.
                let earlier = not_before < waiting.not_before;
                let more_urgent = request.priority > waiting.priority;
                if !earlier && !more_urgent {
                    return;
                }
                waiting.priority = waiting.priority.max(request.priority);
                if earlier {
                    waiting.not_before = not_before;
                    waiting.reason = request.reason;
                    if not_before.is_none() {
                        // It joins the line now: those who were ready before it go first.
                        waiting.ticket = ticket;
                        self.next_ticket += 1;
                    }
                }
                waiting
            }
            None => {
                self.next_ticket += 1;
                entry.waiting.insert(Waiting {
                    not_before,
                    priority: request.priority,
                    ticket,
                    reason: request.reason,
                })
            }
        };
        if !entry.running {
            line_up(&mut self.ready, &mut self.delayed, key, waiting);
            self.compact();
        }
    }

    /// Drops stale places once they outnumber the keys, so that the lines stay as large as the work is.
    fn compact(&mut self) {
        let bound = 64 + 2 * self.entries.len();
        let entries = &self.entries;
        if self.ready.len() > bound {
            self.ready.retain(|place| {
                entries
                    .get(&place.key)
                    .is_some_and(|entry| place.is_current(entry))
            });
        }
        if self.delayed.len() > bound {
            self.delayed.retain(|Reverse(place)| {
                entries
                    .get(&place.key)
                    .is_some_and(|entry| place.is_current(entry))
            });
        }
    }

    fn take(&mut self, now: Instant) -> Option<(T, R)> {
        self.admit(now);
        while let Some(place) = self.ready.pop() {
            let Some(entry) = self.entries.get_mut(&place.key) else {
                continue;
            };
            if !place.is_current(entry) {
                continue;
            }
            if let Some(waiting) = entry.waiting.take() {
                entry.running = true;
                return Some((place.key, waiting.reason));
            }
        }
        None
    }

    /// Moves what has become due into the ready line.
    fn admit(&mut self, now: Instant) {
        while self
            .delayed
            .peek()
            .is_some_and(|Reverse(place)| place.not_before <= now)
        {
            let Some(Reverse(place)) = self.delayed.pop() else {
                return;
            };
            let Some(entry) = self.entries.get_mut(&place.key) else {
                continue;
            };
            if !place.is_current(entry) {
                continue;
            }
            if let Some(waiting) = &mut entry.waiting {
                waiting.not_before = None;
                waiting.ticket = self.next_ticket;
                self.next_ticket += 1;
                line_up(&mut self.ready, &mut self.delayed, place.key, waiting);
            }
        }
    }

    fn finish(&mut self, key: &T, outcome: Outcome<R>, backoff: BackoffPolicy, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.running = false;
        let again = match outcome {
            Outcome::Done => {
                entry.failures = 0;
                None
            }
            Outcome::Again(after, reason) => {
                entry.failures = 0;
                Some((after, reason))
            }
            Outcome::Failed(retry) => {
                entry.failures = entry.failures.saturating_add(1);
                retry
            }
            Outcome::BackOff(reason) => {
                entry.failures = entry.failures.saturating_add(1);
                Some((backoff.delay(entry.failures), reason))
            }
        };
        if let Some(waiting) = &entry.waiting {
            line_up(&mut self.ready, &mut self.delayed, key.clone(), waiting);
        } else if again.is_none() && entry.failures == 0 {
            self.entries.remove(key);
        }
        if let Some((after, reason)) = again {
            let request = Request {
                after: Some(after),
                priority: PRIORITY_NORMAL,
                reason,
            };
            self.add(key.clone(), request, now);
        }
    }

    fn next_moment(&mut self) -> Next {
        self.admit(Instant::now());
        while let Some(place) = self.ready.peek() {
            if self
                .entries
                .get(&place.key)
                .is_some_and(|entry| place.is_current(entry))
            {
                return Next::Ready;
            }
            self.ready.pop();
        }
        // A stale place among the delayed costs one needless wake-up at most.
        match self.delayed.peek() {
            Some(Reverse(place)) => Next::At(place.not_before),
            None => Next::Nothing,
        }
    }
}

fn line_up<T, R>(
    ready: &mut BinaryHeap<Ready<T>>,
    delayed: &mut BinaryHeap<Reverse<Delayed<T>>>,
    key: T,
    waiting: &Waiting<R>,
) {
    match waiting.not_before {
        None => ready.push(Ready {
            priority: waiting.priority,
            ticket: waiting.ticket,
            key,
        }),
        Some(not_before) => {
            delayed.push(Reverse(Delayed {
                not_before,
                ticket: waiting.ticket,
                key,
            }));
        }
    }
}

impl<T> Ready<T> {
    fn is_current<R>(&self, entry: &Entry<R>) -> bool {
        let held = |waiting: &Waiting<R>| {
            waiting.not_before.is_none() && waiting.ticket == self.ticket && waiting.priority == self.priority
        };
        !entry.running && entry.waiting.as_ref().is_some_and(held)
    }
}

impl<T> Delayed<T> {
    fn is_current<R>(&self, entry: &Entry<R>) -> bool {
        let held = |waiting: &Waiting<R>| {
            waiting.not_before == Some(self.not_before) && waiting.ticket == self.ticket
        };
        !entry.running && entry.waiting.as_ref().is_some_and(held)
    }
}

impl<T> Ord for Ready<T> {
    /// The greatest is next: the highest priority, then the lowest ticket.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.priority, Reverse(self.ticket)).cmp(&(other.priority, Reverse(other.ticket)))
    }
}

impl<T> PartialOrd for Ready<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Ready<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Ready<T> {}

impl<T> Ord for Delayed<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.not_before, self.ticket).cmp(&(other.not_before, other.ticket))
    }
}

impl<T> PartialOrd for Delayed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Delayed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Delayed<T> {}

#[cfg(test)]
mod tests;
