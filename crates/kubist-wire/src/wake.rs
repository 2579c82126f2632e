//! Wake-ups that a task gives itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use atomic_waker::AtomicWaker;

/// How often a task may wake itself before others have their turn.
const ROUNDS: usize = 8;

/// Absorbs the wake-ups that a task gives itself while it is polled.
///
/// A connection of HTTP/1.1, and what sends or answers requests on it, are often one task, and wake
/// each other for every head and every body. A runtime with several threads takes a task that was
/// woken while it ran for new work, and wakes another thread for it: several system calls for each
/// request, and nothing to do for anybody.
///
/// ```
/// use std::future::poll_fn;
/// use std::task::Poll;
///
/// use kubist_wire::wake::SelfWakes;
///
/// # futures::executor::block_on(async {
/// let wakes = SelfWakes::new();
/// let mut polled = 0;
/// let answer = poll_fn(|cx| {
///     wakes.absorb(cx, |cx| {
///         polled += 1;
///         if polled == 3 {
///             return Poll::Ready("done");
///         }
///         cx.waker().wake_by_ref();
///         Poll::Pending
///     })
/// });
/// assert_eq!(answer.await, "done");
/// # });
/// ```
#[derive(Debug)]
pub struct SelfWakes {
    signal: Arc<Signal>,
    waker: Waker,
}

impl Default for SelfWakes {
    fn default() -> SelfWakes {
        SelfWakes::new()
    }
}

impl SelfWakes {
    /// Nothing is polled yet.
    pub fn new() -> SelfWakes {
        let signal = Arc::new(Signal {
            state: AtomicU8::new(IDLE),
            task: AtomicWaker::new(),
        });
        SelfWakes {
            waker: Waker::from(Arc::clone(&signal)),
            signal,
        }
    }

    /// Polls once, and again at once, up to eight times in all, if what is polled woke its task
    /// meanwhile.
    ///
    /// Between two calls whoever wakes what was polled wakes the task of the last call, as long as
    /// that call gave [`Poll::Pending`]; after [`Poll::Ready`] nobody waits, and nobody is woken.
    pub fn absorb<T>(
        &self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let SelfWakes { signal, waker } = self;
        signal.task.register(cx.waker());
        for _ in 0..ROUNDS {
            // Whatever was done before a wake-up that came until now is seen by this poll, and a
            // wake-up that comes from now on is found below.
            signal.state.swap(POLLED, Ordering::AcqRel);
            let polled = poll(&mut Context::from_waker(waker));
            if polled.is_ready() || signal.waits() {
                return polled;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// It waits: whoever wakes it wakes its task.
const IDLE: u8 = 0;
/// It is polled, or has come to its end.
const POLLED: u8 = 1;
/// It was woken, and will be polled again.
const WOKEN: u8 = 2;

#[derive(Debug)]
struct Signal {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Signal {
    /// Begins to wait, unless there was a wake-up since it was polled.
    fn waits(&self) -> bool {
        self.state
            .compare_exchange(POLLED, IDLE, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // It writes in any case, so that the next poll knows what was done before.
        if self.state.swap(WOKEN, Ordering::AcqRel) == IDLE {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use futures::executor::block_on;
    use futures::future::poll_fn;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn counted() -> (Arc<Counter>, Waker) {
        let counter = Arc::new(Counter::default());
        (Arc::clone(&counter), Waker::from(counter))
    }

    #[test]
    fn who_wakes_itself_wakes_nobody_else() {
        let (counter, waker) = counted();
        let wakes = SelfWakes::new();
        let (mut polls, mut inner) = (0, None);
        let polled = wakes.absorb(&mut Context::from_waker(&waker), |cx| {
            polls += 1;
            inner = Some(cx.waker().clone());
            if polls < 3 {
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!((polls, counter.0.load(Ordering::SeqCst)), (3, 0));
        // Once it waits, a wake-up is its task's.
        inner.expect("a waker").wake();
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn who_always_wakes_itself_lets_others_have_their_turn() {
        let (counter, waker) = counted();
        let mut polls = 0;
        let polled = SelfWakes::new().absorb(&mut Context::from_waker(&waker), |cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(polled.is_pending());
        assert_eq!((polls, counter.0.load(Ordering::SeqCst)), (ROUNDS, 1));
    }

    #[test]
    fn no_wake_up_of_another_thread_is_lost() {
        for _ in 0..200 {
            let (wakes, count) = (SelfWakes::new(), Arc::new(AtomicUsize::new(0)));
            let mut other = None;
            block_on(poll_fn(|cx| {
                wakes.absorb(cx, |cx| {
                    let (waker, counter) = (cx.waker().clone(), Arc::clone(&count));
                    other.get_or_insert_with(|| {
                        thread::spawn(move || {
                            for _ in 0..50 {
                                counter.fetch_add(1, Ordering::SeqCst);
                                waker.wake_by_ref();
                            }
                        })
                    });
                    if count.load(Ordering::SeqCst) == 50 {
                        return Poll::Ready(());
                    }
                    Poll::Pending
                })
            }));
            other.expect("a thread").join().expect("no panic");
        }
    }
}
