//! The loop that takes from the queue, reconciles, and puts back.

use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt, TryFuture, TryFutureExt, future, stream};
use kubist_core::Resource;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, Span};

use super::action::Requeue;
use super::config::Config;
use super::request::Reason;
use super::shutdown::{Shutdown, Stop};
use super::trigger::WorkQueue;
use super::{Action, Error, RunnerError};
use crate::key::Key;
use crate::queue::{Outcome, Queue};
use crate::reflector::store::WriterDropped;
use crate::reflector::{Lookup, ObjectRef, Store};

/// How a reconcile is carried out.
pub(super) trait Execute<F: TryFuture> {
    type Running: Future<Output = Result<Result<F::Ok, F::Error>, Panic>>;

    fn start(&self, future: F, span: Span) -> Self::Running;
}

/// The message of a panic.
pub(super) struct Panic(String);

/// Each reconcile is a task of its own, which is aborted when the controller is dropped.
pub(super) struct Spawn;

impl<F> Execute<F> for Spawn
where
    F: TryFuture + Send + 'static,
    F::Ok: Send,
    F::Error: Send,
{
    type Running = Spawned<F::Ok, F::Error>;

    fn start(&self, future: F, span: Span) -> Self::Running {
        Spawned(AbortOnDropHandle::new(tokio::spawn(
            TryFutureExt::into_future(future).instrument(span),
        )))
    }
}

/// A reconcile that runs as a task.
pub(super) struct Spawned<T, E>(AbortOnDropHandle<Result<T, E>>);

impl<T, E> Future for Spawned<T, E> {
    type Output = Result<Result<T, E>, Panic>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|error| {
            let message = match error.try_into_panic() {
                Ok(payload) => panic_message(payload.as_ref()),
                Err(_) => "the runtime is shutting down".to_owned(),
            };
            Panic(message)
        })
    }
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    if let Some(message) = payload.downcast_ref::<&str>() {
        (*message).to_owned()
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message.clone()
    } else {
        "no message".to_owned()
    }
}

/// Each reconcile is polled where the controller is polled; a panic is the caller's.
pub(super) struct InPlace;

impl<F: TryFuture + Unpin> Execute<F> for InPlace {
    type Running = tracing::instrument::Instrumented<
        future::Map<
            future::IntoFuture<F>,
            fn(Result<F::Ok, F::Error>) -> Result<Result<F::Ok, F::Error>, Panic>,
        >,
    >;

    fn start(&self, future: F, span: Span) -> Self::Running {
        let whole: fn(_) -> _ = Ok;
        future::FutureExt::map(TryFutureExt::into_future(future), whole).instrument(span)
    }
}

/// Takes from the queue, reconciles, and puts back.
pub(super) struct Runner<K, Reconciler, ErrorPolicy, Ctx, Executor>
where
    K: Clone + Resource + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    queue: Arc<WorkQueue>,
    reader: Store<K>,
    dyntype: K::DynamicType,
    /// How many reconciles may run at once.
    limit: usize,
    reconciler: Reconciler,
    error_policy: ErrorPolicy,
    context: Arc<Ctx>,
    executor: Executor,
}

type Item<K, ReconcilerErr, QueueErr> = Result<(ObjectRef<K>, Action), Error<ReconcilerErr, QueueErr>>;

impl<K, Reconciler, ReconcilerFut, ErrorPolicy, Ctx, Executor>
    Runner<K, Reconciler, ErrorPolicy, Ctx, Executor>
where
    K: Clone + Resource + 'static,
    K::DynamicType: Eq + Hash + Clone,
    Reconciler: FnMut(Arc<K>, Arc<Ctx>) -> ReconcilerFut,
    ReconcilerFut: TryFuture<Ok = Action>,
    ReconcilerFut::Error: std::error::Error + 'static,
    ErrorPolicy: Fn(Arc<K>, &ReconcilerFut::Error, Arc<Ctx>) -> Action,
    Executor: Execute<ReconcilerFut>,
{
    pub(super) fn new(
        reader: Store<K>,
        dyntype: K::DynamicType,
        config: &Config,
        reconciler: Reconciler,
        error_policy: ErrorPolicy,
        context: Arc<Ctx>,
        executor: Executor,
    ) -> Self {
        let limit = match config.concurrency {
            0 => usize::MAX,
            limit => usize::from(limit),
        };
        let queue = Arc::new(Queue::new(config.backoff));
        Runner {
            queue,
            reader,
            dyntype,
            limit,
            reconciler,
            error_policy,
            context,
            executor,
        }
    }

    pub(super) fn queue(&self) -> Arc<WorkQueue> {
        self.queue.clone()
    }

    /// Runs until a shutdown, or until the sources end.
    ///
    /// `sources` put requests into the queue; they yield after each, or an error of their own.
    pub(super) fn run<QueueErr: 'static>(
        self,
        shutdown: Shutdown,
        sources: impl Stream<Item = Result<(), QueueErr>>,
    ) -> impl Stream<Item = Item<K, ReconcilerFut::Error, QueueErr>> {
        let mut ready = self.reader.readiness();
        let gate = async move {
            ready
                .wait_for(|ready| *ready)
                .await
                .map(|_| ())
                .map_err(|_| WriterDropped::new())
        };
        let life = Life {
            runner: self,
            shutdown,
            gate: Some(Box::pin(gate)),
            sources: Some(Box::pin(sources)),
            running: FuturesUnordered::new(),
            stopping: false,
        };
        stream::unfold(life, |mut life| async move {
            life.next().await.map(|item| (item, life))
        })
    }

    /// Starts the reconcile of a key that was taken from the queue.
    fn start(&mut self, key: Key, reason: &Reason) -> Option<Under<K, Executor::Running>> {
        let Some(object) = self.reader.get_key(key.borrowed()) else {
            self.queue.finish(&key, Outcome::Done);
            return None;
        };
        let span = tracing::info_span!(
            "reconciling object",
            "object.ref" = %format_args!("{} {key}", K::kind(&self.dyntype)),
            "object.reason" = %reason,
        );
        let future = span.in_scope(|| (self.reconciler)(object.clone(), self.context.clone()));
        Some(Under {
            key,
            object,
            running: Box::pin(self.executor.start(future, span)),
        })
    }

    /// Says to the queue, and to the one who polls, how a reconcile ended.
    fn finish<QueueErr>(
        &self,
        Ended { key, object, result }: Ended<K, ReconcilerFut::Error>,
    ) -> Item<K, ReconcilerFut::Error, QueueErr> {
        let reference = object.to_object_ref(self.dyntype.clone());
        match result {
            Ok(Ok(action)) => {
                let outcome = match action.requeue {
                    Requeue::Never => Outcome::Done,
                    Requeue::After(wait) => Outcome::Again(wait, Reason::Requeued),
                    Requeue::BackOff => Outcome::BackOff(Reason::Requeued),
                };
                self.queue.finish(&key, outcome);
                Ok((reference, action))
            }
            Ok(Err(error)) => {
                let action = (self.error_policy)(object, &error, self.context.clone());
                let outcome = match action.requeue {
                    Requeue::Never => Outcome::Failed(None),
                    Requeue::After(wait) => Outcome::Failed(Some((wait, Reason::Retried))),
                    Requeue::BackOff => Outcome::BackOff(Reason::Retried),
                };
                self.queue.finish(&key, outcome);
                Err(Error::ReconcilerFailed(error, Box::new(reference.erase())))
            }
            Err(Panic(message)) => {
                self.queue.finish(&key, Outcome::BackOff(Reason::Retried));
                Err(Error::RunnerError(RunnerError::Panicked(
                    Box::new(reference.erase()),
                    message,
                )))
            }
        }
    }
}

/// A reconcile under way.
struct Under<K, Running> {
    key: Key,
    object: Arc<K>,
    running: Pin<Box<Running>>,
}

/// A reconcile that has ended.
struct Ended<K, E> {
    key: Key,
    object: Arc<K>,
    result: Result<Result<Action, E>, Panic>,
}

impl<K, E, Running> Future for Under<K, Running>
where
    Running: Future<Output = Result<Result<Action, E>, Panic>>,
{
    type Output = Ended<K, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.running.as_mut().poll(cx).map(|result| Ended {
            key: self.key.clone(),
            object: self.object.clone(),
            result,
        })
    }
}

/// A runner that has begun.
struct Life<K, Reconciler, ErrorPolicy, Ctx, Executor, Running, Sources>
where
    K: Clone + Resource + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    runner: Runner<K, Reconciler, ErrorPolicy, Ctx, Executor>,
    shutdown: Shutdown,
    /// Completes when the cache is whole; nothing is reconciled before.
    gate: Option<BoxFuture<'static, Result<(), WriterDropped>>>,
    sources: Option<Pin<Box<Sources>>>,
    running: FuturesUnordered<Under<K, Running>>,
    /// Nothing new is started; what runs may end.
    stopping: bool,
}

impl<K, Reconciler, ReconcilerFut, ErrorPolicy, Ctx, Executor, Sources, QueueErr>
    Life<K, Reconciler, ErrorPolicy, Ctx, Executor, Executor::Running, Sources>
where
    K: Clone + Resource + 'static,
    K::DynamicType: Eq + Hash + Clone,
    Reconciler: FnMut(Arc<K>, Arc<Ctx>) -> ReconcilerFut,
    ReconcilerFut: TryFuture<Ok = Action>,
    ReconcilerFut::Error: std::error::Error + 'static,
    ErrorPolicy: Fn(Arc<K>, &ReconcilerFut::Error, Arc<Ctx>) -> Action,
    Executor: Execute<ReconcilerFut>,
    Sources: Stream<Item = Result<(), QueueErr>>,
    QueueErr: 'static,
{
    async fn next(&mut self) -> Option<Item<K, ReconcilerFut::Error, QueueErr>> {
        loop {
            if self.stopping && self.running.is_empty() {
                return None;
            }
            let open = !self.stopping && self.gate.is_none();
            if open {
                while self.running.len() < self.runner.limit {
                    let Some((key, reason)) = self.runner.queue.try_take() else {
                        break;
                    };
                    match self.runner.start(key.clone(), &reason) {
                        Some(under) => self.running.push(under),
                        None => {
                            let reference = ObjectRef::<K>::from_key(&key, self.runner.dyntype.clone());
                            return Some(Err(Error::ObjectNotFound(Box::new(reference.erase()))));
                        }
                    }
                }
            }
            let may_start = open && self.running.len() < self.runner.limit;
            let Life {
                runner,
                shutdown,
                gate,
                sources,
                running,
                stopping,
            } = self;
            tokio::select! {
                biased;
                stop = shutdown.next() => {
                    if let Stop::Forced = stop {
                        running.clear();
                    }
                    *sources = None;
                    *stopping = true;
                }
                Some(ended) = running.next(), if !running.is_empty() => return Some(runner.finish(ended)),
                ready = poll_option(gate), if gate.is_some() && !*stopping => {
                    *gate = None;
                    if let Err(dropped) = ready {
                        *sources = None;
                        *stopping = true;
                        return Some(Err(Error::RunnerError(RunnerError::Readiness(dropped))));
                    }
                }
                item = next_of(sources), if sources.is_some() => match item {
                    Some(Ok(())) => {}
                    Some(Err(error)) => return Some(Err(Error::QueueError(error))),
                    None => {
                        *sources = None;
                        *stopping = true;
                    }
                },
                () = runner.queue.wait(), if may_start => {}
            }
        }
    }
}

async fn poll_option<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => future::pending().await,
    }
}

async fn next_of<S: Stream>(stream: &mut Option<Pin<Box<S>>>) -> Option<S::Item> {
    match stream {
        Some(stream) => stream.next().await,
        None => None,
    }
}
