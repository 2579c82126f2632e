//! A stack that is deep enough.
//!
//! Parsing and evaluating recurse, in frames that are large in debug builds. Expressions are
//! bounded in their nesting, and handled on a stack that holds what the bounds let through.

use std::sync::mpsc;
use std::thread;

use super::Evaluator;

/// Proof that the stack is deep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deep(());

/// The system commits no more of it than is used.
const SIZE: usize = 256 * 1024 * 1024;
/// How deep brackets may be nested, and how many choices (`a ? b : c`) there may be.
const NESTING: usize = 64;
/// How many operators there may be.
const OPERATORS: usize = 2_000;

/// Runs `work` on a deep stack; nothing if there is none to be had, or if it panicked.
pub(crate) fn deep<T: Send>(work: impl FnOnce(Deep) -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("cel".into()).stack_size(SIZE);
        let handle = builder.spawn_scoped(scope, || work(Deep(()))).ok()?;
        handle.join().ok()
    })
}

/// As [`deep`], without holding up the runtime meanwhile.
pub(crate) async fn deeply<T: Send + 'static>(work: impl FnOnce(Deep) -> T + Send + 'static) -> Option<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    let builder = thread::Builder::new().name("cel".into()).stack_size(SIZE);
    builder
        .spawn(move || {
            // Whoever waited may be gone.
            let _ = done.send(work(Deep(())));
        })
        .ok()?;
    result.await.ok()
}

/// A deep stack for one piece of work after the other, and an evaluator.
///
/// The thread ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce(&Evaluator) + Send>;

impl Worker {
    /// Nothing if there is no stack to be had.
    pub(crate) fn start() -> Option<Worker> {
        let (jobs, received) = mpsc::channel::<Job>();
        let builder = thread::Builder::new().name("cel".into()).stack_size(SIZE);
        builder
            .spawn(move || {
                let evaluator = Evaluator::new(Deep(()));
                received.iter().for_each(|job| job(&evaluator));
            })
            .ok()?;
        Some(Worker { jobs })
    }

    /// Runs `work` without holding up the runtime meanwhile; nothing if it or one before panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Evaluator) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, result) = tokio::sync::oneshot::channel();
        let job = move |evaluator: &Evaluator| {
            // Whoever waited may be gone.
            let _ = done.send(work(evaluator));
        };
        self.jobs.send(Box::new(job)).ok()?;
        result.await.ok()
    }
}

/// Refuses what would need too deep a stack.
pub(super) fn bounded(source: &str) -> Result<(), String> {
    let (mut nesting, mut choices, mut operators) = (0_usize, 0_usize, 0_usize);
    let mut quote = None;
    let mut escaped = false;
    for c in source.chars() {
        if let Some(end) = quote {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == end => quote = None,
                _ => {}
            }
            continue;
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '(' | '[' | '{' => {
                nesting += 1;
                operators += 1;
            }
            ')' | ']' | '}' => nesting = nesting.saturating_sub(1),
            '?' => choices += 1,
            c if c.is_ascii_punctuation() && c != '_' => operators += 1,
            _ => {}
        }
        if nesting > NESTING || choices > NESTING {
            return Err(format!("expression recursion limit exceeded. limit: {NESTING}"));
        }
        if operators > OPERATORS {
            return Err(format!("the expression has more than {OPERATORS} operators"));
        }
    }
    Ok(())
}
