use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

fn at_once(priority: i32) -> Request<&'static str> {
    Request {
        after: None,
        priority,
        reason: "test",
    }
}

fn later(seconds: u64) -> Request<&'static str> {
    Request {
        after: Some(Duration::from_secs(seconds)),
        priority: PRIORITY_NORMAL,
        reason: "later",
    }
}

fn drain(queue: &Queue<&'static str, &'static str>) -> Vec<&'static str> {
    std::iter::from_fn(|| queue.try_take().map(|(key, _)| key)).collect()
}

#[tokio::test(start_paused = true)]
async fn first_come_first_served_within_a_priority() {
    let queue = Queue::new(BackoffPolicy::default());
    for key in ["a", "b"] {
        queue.add(key, at_once(PRIORITY_INITIAL));
    }
    for key in ["x", "y"] {
        queue.add(key, at_once(PRIORITY_NORMAL));
    }
    queue.add("b", at_once(PRIORITY_NORMAL));
    assert_eq!(
        drain(&queue),
        ["b", "x", "y", "a"],
        "b was asked for first, and now counts as much as x"
    );
}

#[tokio::test(start_paused = true)]
async fn a_delayed_key_that_becomes_urgent_joins_the_line_at_its_end() {
    let queue = Queue::new(BackoffPolicy::default());
    queue.add("old", later(3600));
    queue.add("first", at_once(PRIORITY_NORMAL));
    queue.add("old", at_once(PRIORITY_NORMAL));
    assert_eq!(drain(&queue), ["first", "old"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_while_running_is_not_lost_and_not_run_twice_at_once() {
    let queue = Queue::new(BackoffPolicy::default());
    queue.add("a", at_once(PRIORITY_NORMAL));
    assert_eq!(drain(&queue), ["a"]);
    queue.add("a", at_once(PRIORITY_NORMAL));
    assert_eq!(drain(&queue), [""; 0]);
    queue.finish(&"a", Outcome::Done);
    assert_eq!(drain(&queue), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_key_backs_off_alone_and_success_forgets_it() {
    let backoff = BackoffPolicy {
        min: Duration::from_secs(1),
        max: Duration::from_secs(8),
    };
    let queue = Queue::new(backoff);
    queue.add("bad", at_once(PRIORITY_NORMAL));
    let mut waits = Vec::new();
    for _ in 0..6 {
        let start = Instant::now();
        while queue.try_take().is_none() {
            queue.wait().await;
        }
        waits.push(start.elapsed().as_secs());
        queue.finish(&"bad", Outcome::BackOff("retry"));
    }
    // Up to a tenth of jitter rounds away.
    assert_eq!(waits, [0, 1, 2, 4, 8, 8]);

    queue.add("good", at_once(PRIORITY_NORMAL));
    assert_eq!(drain(&queue), ["good"], "another key does not wait for it");

    while queue.try_take().is_none_or(|(key, _)| key != "bad") {
        queue.wait().await;
    }
    queue.finish(&"bad", Outcome::Done);
    queue.finish(&"good", Outcome::Done);
    assert!(
        queue.inner.lock().entries.is_empty(),
        "nothing is kept of a key at rest"
    );
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_key_does_not_come_back() {
    let queue = Queue::new(BackoffPolicy::default());
    queue.add("gone", later(5));
    queue.forget(&"gone");
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(drain(&queue), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn superseded_requeues_do_not_pile_up() {
    let queue = Queue::new(BackoffPolicy::default());
    for _ in 0..10_000 {
        queue.add("hot", at_once(PRIORITY_NORMAL));
        assert_eq!(drain(&queue), ["hot"]);
        queue.finish(&"hot", Outcome::Again(Duration::from_secs(3600), "requeue"));
    }
    assert!(queue.inner.lock().delayed.len() <= 66);
}

#[derive(Debug, Clone)]
enum Step {
    Add { key: u8, after: u64, priority: i32 },
    Advance(u64),
    Take,
    Finish { nth: usize, again: Option<u64> },
    Forget(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u8, prop_oneof![Just(0), 1..20_u64], -1..2_i32)
            .prop_map(|(key, after, priority)| Step::Add { key, after, priority }),
        2 => (1..15_u64).prop_map(Step::Advance),
        4 => Just(Step::Take),
        3 => (0..6_usize, prop::option::of(1..20_u64)).prop_map(|(nth, again)| Step::Finish { nth, again }),
        1 => (0..6_u8).prop_map(Step::Forget),
    ]
}

/// What the queue promises, said in the plainest way: a map that is searched.
#[derive(Default)]
struct Model {
    /// key -> (when, priority)
    waiting: BTreeMap<u8, (u64, i32)>,
    running: Vec<u8>,
}

impl Model {
    fn add(&mut self, key: u8, when: u64, priority: i32) {
        let entry = self.waiting.entry(key).or_insert((when, priority));
        entry.0 = entry.0.min(when);
        entry.1 = entry.1.max(priority);
    }

    /// The keys that may come next: ready, not running, and none ready has a higher priority.
    fn candidates(&self, now: u64) -> HashSet<u8> {
        let ready = |key: &u8, when: u64| when <= now && !self.running.contains(key);
        let best = self
            .waiting
            .iter()
            .filter(|(key, (when, _))| ready(key, *when))
            .map(|(_, w)| w.1)
            .max();
        self.waiting
            .iter()
            .filter(|(key, (when, priority))| ready(key, *when) && Some(*priority) == best)
            .map(|(key, _)| *key)
            .collect()
    }
}

proptest! {
    #[test]
    fn agrees_with_the_model(steps in prop::collection::vec(step(), 1..200)) {
        let start = Instant::now();
        let instant = |seconds| start + Duration::from_secs(seconds);
        let queue = Queue::<u8, ()>::new(BackoffPolicy::default());
        let mut inner = queue.inner.lock();
        let mut model = Model::default();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Add { key, after, priority } => {
                    let request = Request { after: Some(Duration::from_secs(after)), priority, reason: () };
                    inner.add(key, request, instant(now));
                    model.add(key, now + after, priority);
                }
                Step::Advance(seconds) => now += seconds,
                Step::Take => {
                    let candidates = model.candidates(now);
                    match inner.take(instant(now)) {
                        Some((key, ())) => {
                            prop_assert!(candidates.contains(&key), "{key} is not among {candidates:?}");
                            model.waiting.remove(&key);
                            model.running.push(key);
                        }
                        None => prop_assert!(candidates.is_empty(), "lost: {candidates:?}"),
                    }
                }
                Step::Finish { nth, again } => {
                    if model.running.is_empty() {
                        continue;
                    }
                    let key = model.running.remove(nth % model.running.len());
                    let outcome = match again {
                        Some(seconds) => {
                            model.add(key, now + seconds, PRIORITY_NORMAL);
                            Outcome::Again(Duration::from_secs(seconds), ())
                        }
                        None => Outcome::Done,
                    };
                    inner.finish(&key, outcome, BackoffPolicy::default(), instant(now));
                }
                Step::Forget(key) => {
                    model.waiting.remove(&key);
                    drop(inner);
                    queue.forget(&key);
                    inner = queue.inner.lock();
                }
            }
        }
    }
}
