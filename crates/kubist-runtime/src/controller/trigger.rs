//! What leads to reconciles: each source is a task that adds to the queue.

mod related;

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{Stream, StreamExt, stream};
use kubist_core::Resource;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::config::Config;
use super::request::Reason;
use super::synced::Expected;
use crate::key::Key;
use crate::queue::{PRIORITY_INITIAL, PRIORITY_NORMAL, Queue, Request};
use crate::reflector::store::{Change, Writer};
use crate::reflector::{ObjectRef, Store};
use crate::utils::Backoff;
use crate::watcher::{self, DefaultBackoff, Session, Source};

pub(super) use related::{Related, related, related_shared, related_stream};

/// The queue of a controller.
pub(super) type WorkQueue = Queue<Key, Reason>;

/// Starts a source, which then adds to the sink for as long as it lives.
pub(super) type Trigger = Box<dyn FnOnce(Sink) -> BoxFuture<'static, ()> + Send>;

/// Where sources put what they find.
#[derive(Clone)]
pub(super) struct Sink {
    queue: Arc<WorkQueue>,
    errors: mpsc::Sender<watcher::Error>,
    backoff: Option<Arc<Mutex<dyn Backoff>>>,
    debounce: Duration,
    keep_managed_fields: bool,
}

impl Sink {
    fn request(&self, priority: i32, reason: Reason) -> Request<Reason> {
        Request {
            after: Some(self.debounce),
            priority,
            reason,
        }
    }

    fn add(&self, key: Key, priority: i32, reason: Reason) {
        self.queue.add(key, self.request(priority, reason));
    }

    fn add_all(&self, keys: impl IntoIterator<Item = Key>, priority: i32, reason: &Reason) {
        self.queue.add_all(
            keys.into_iter()
                .map(|key| (key, self.request(priority, reason.clone()))),
        );
    }

    /// Passes an error on to the one who polls the controller; logged where nobody takes it.
    fn fail(&self, error: watcher::Error) {
        if let Err(rejected) = self.errors.try_send(error) {
            tracing::warn!(error = %rejected.into_inner(), "a watch failed");
        }
    }

    fn backoff(&self) -> Box<dyn Backoff> {
        match &self.backoff {
            Some(shared) => Box::new(Shared(shared.clone())),
            None => Box::new(DefaultBackoff::default()),
        }
    }
}

/// Runs each source as a task: yields their errors, and ends when all of them have ended.
///
/// The tasks start with the first poll, and are aborted when the stream is dropped.
pub(super) fn tasks(
    triggers: Vec<Trigger>,
    queue: Arc<WorkQueue>,
    backoff: Option<Arc<Mutex<dyn Backoff>>>,
    config: Config,
) -> impl Stream<Item = Result<(), watcher::Error>> {
    stream::once(async move {
        let (errors, received) = mpsc::channel(ERRORS);
        let sink = Sink {
            queue,
            errors,
            backoff,
            debounce: config.debounce,
            keep_managed_fields: config.keep_managed_fields,
        };
        let tasks = triggers
            .into_iter()
            .map(|start| start(sink.clone()))
            .collect::<JoinSet<()>>();
        stream::unfold((tasks, received), async |(mut tasks, mut received)| {
            let error = next_error(&mut tasks, &mut received).await?;
            Some((Err(error), (tasks, received)))
        })
    })
    .flatten()
}

/// How many errors wait for the one who polls the controller before further ones are only logged.
const ERRORS: usize = 64;

async fn next_error(
    tasks: &mut JoinSet<()>,
    received: &mut mpsc::Receiver<watcher::Error>,
) -> Option<watcher::Error> {
    loop {
        tokio::select! {
            biased;
            Some(error) = received.recv() => return Some(error),
            ended = tasks.join_next() => match ended {
                None => return None,
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Some(_) => {}
            },
        }
    }
}

/// One sequence of waits for several watches, each of which waits for itself.
struct Shared(Arc<Mutex<dyn Backoff>>);

impl Iterator for Shared {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.0.lock().next()
    }
}

impl Backoff for Shared {
    fn reset(&mut self) {
        self.0.lock().reset();
    }
}

/// Polls a watch to its end, which comes only when its backoff gives up.
async fn follow<S: Source>(
    mut session: Session<S>,
    sink: &Sink,
    mut tell: impl FnMut(watcher::Event<S::Object>),
) {
    let mut backoff = sink.backoff();
    loop {
        match session.next().await {
            Ok(event) => {
                backoff.reset();
                tell(event.modify(|object| {
                    if !sink.keep_managed_fields {
                        object.meta_mut().managed_fields = None;
                    }
                }));
            }
            Err(error) => {
                sink.fail(error);
                match backoff.next() {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return,
                }
            }
        }
        // A long run of events that are already buffered must not starve the other tasks of the thread.
        tokio::task::consume_budget().await;
    }
}

/// Watches the controller's own objects: keeps the cache and asks for what changed.
pub(super) async fn cache<S: Source>(
    session: Session<S>,
    mut writer: Writer<S::Object>,
    sink: Sink,
    mut synced: Expected,
) where
    <S::Object as Resource>::DynamicType: Eq + Hash + Clone,
    S::Object: Sync,
{
    follow(session, &sink, |event| match writer.absorb(event.map(Arc::new)) {
        Change::None => {}
        Change::Applied(key) => sink.add(key, PRIORITY_NORMAL, Reason::ObjectUpdated),
        Change::Deleted(key) => sink.queue.forget(&key),
        Change::Replaced { changed, gone } => {
            for key in &gone {
                sink.queue.forget(key);
            }
            sink.add_all(changed, PRIORITY_INITIAL, &Reason::ObjectUpdated);
            synced.arrived();
        }
    })
    .await;
}

/// Asks for the objects of a stream.
pub(super) async fn objects<K: Resource>(stream: impl Stream<Item = Result<K, watcher::Error>>, sink: Sink) {
    let mut stream = std::pin::pin!(stream);
    while let Some(item) = stream.next().await {
        match item {
            Ok(object) => sink.add(key_of(&object), PRIORITY_NORMAL, Reason::ObjectUpdated),
            Err(error) => sink.fail(error),
        }
    }
}

/// Asks for the objects of a shared stream, which also yields what is gone.
pub(super) async fn shared<K>(stream: impl Stream<Item = Arc<K>>, reader: Store<K>, sink: Sink)
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let mut stream = std::pin::pin!(stream);
    while let Some(object) = stream.next().await {
        let key = key_of(&*object);
        // The cache is ahead of the stream: what it does not have is gone.
        if reader.get_key(key.borrowed()).is_some() {
            sink.add(key, PRIORITY_NORMAL, Reason::ObjectUpdated);
        } else {
            sink.queue.forget(&key);
        }
    }
}

/// Asks for everything in the cache, whenever the stream yields.
pub(super) async fn all_on<K>(stream: impl Stream<Item = ()>, reader: Store<K>, sink: Sink)
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let mut stream = std::pin::pin!(stream);
    while let Some(()) = stream.next().await {
        sink.add_all(reader.keys(), PRIORITY_NORMAL, &Reason::Bulk);
    }
}

/// Asks for what the stream names.
pub(super) async fn on<K: Resource>(stream: impl Stream<Item = ObjectRef<K>>, sink: Sink) {
    let mut stream = std::pin::pin!(stream);
    while let Some(reference) = stream.next().await {
        let reason = super::ReconcileReason::Custom {
            reason: "requested by a stream".to_owned(),
        };
        sink.add(
            reference.key().intern(),
            PRIORITY_NORMAL,
            Reason::Given(Arc::new(reason)),
        );
    }
}

/// The keys of references.
pub(super) fn keys<K: Resource>(references: impl IntoIterator<Item = ObjectRef<K>>) -> Vec<Key> {
    references
        .into_iter()
        .map(|reference| reference.key().intern())
        .collect()
}

/// The keys of an object's owners of kind `K`.
pub(super) fn owners<K: Resource, Child: Resource>(child: &Child, owner: &K::DynamicType) -> Vec<Key>
where
    K::DynamicType: Clone,
{
    let meta = child.meta();
    meta.owner_references
        .iter()
        .flatten()
        .filter_map(|reference| {
            ObjectRef::<K>::from_owner_ref(meta.namespace.as_deref(), reference, owner.clone())
        })
        .map(|reference| reference.key().intern())
        .collect()
}

fn key_of<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    Key::new(
        meta.namespace.as_deref(),
        meta.name.as_deref().unwrap_or_default(),
    )
}
