//! Sources that lead to reconciles of other objects than their own.

use std::sync::Arc;

use ahash::RandomState;
use futures::{Stream, StreamExt};
use hashbrown::HashMap;
use kubist_core::Resource;

use super::{Sink, follow, key_of};
use crate::controller::request::Reason;
use crate::controller::synced::Expected;
use crate::key::Key;
use crate::queue::{PRIORITY_INITIAL, PRIORITY_NORMAL};
use crate::watcher::{self, Event, Session, Source};

/// The kind of related objects, for the reason of a reconcile.
#[derive(Clone)]
pub(in crate::controller) struct Related {
    kind: Arc<str>,
}

impl Related {
    pub(in crate::controller) fn new<K: Resource>(dyntype: &K::DynamicType) -> Self {
        Related {
            kind: K::kind(dyntype).into(),
        }
    }

    fn reason(&self, key: Key) -> Reason {
        Reason::Related {
            kind: self.kind.clone(),
            key,
        }
    }
}

/// Watches related objects and asks for their targets.
///
/// Of each object its version and its targets are kept, so that one which was deleted while the watch was
/// broken, or which has changed its targets, still leads to a reconcile of those that it had.
pub(in crate::controller) async fn related<S: Source>(
    session: Session<S>,
    targets: impl Fn(S::Object) -> Vec<Key>,
    related: Related,
    sink: Sink,
    mut synced: Expected,
) {
    let mut known: Known = Known::default();
    // The objects of a whole state that is under way, and what it leads to.
    let mut gathered: Option<Known> = None;
    follow(session, &sink, |event| match event {
        Event::Init => gathered = Some(Known::default()),
        Event::InitApply(object) => {
            let key = key_of(&object);
            let tracked = Tracked::new(object, &targets);
            gathered.get_or_insert_default().insert(key, tracked);
        }
        Event::InitDone => {
            let fresh = gathered.take().unwrap_or_default();
            let stale = std::mem::replace(&mut known, fresh);
            for (key, tracked) in &known {
                let before = stale.get(key);
                if before.is_some_and(|before| before.version.is_some() && before.version == tracked.version)
                {
                    continue;
                }
                let reason = related.reason(key.clone());
                sink.add_all(tracked.targets_and(before), PRIORITY_INITIAL, &reason);
            }
            for (key, tracked) in stale.iter().filter(|(key, _)| !known.contains_key(*key)) {
                sink.add_all(
                    tracked.targets_and(None),
                    PRIORITY_NORMAL,
                    &related.reason(key.clone()),
                );
            }
            synced.arrived();
        }
        Event::Apply(object) => {
            let key = key_of(&object);
            let tracked = Tracked::new(object, &targets);
            let before = known.remove(&key);
            sink.add_all(
                tracked.targets_and(before.as_ref()),
                PRIORITY_NORMAL,
                &related.reason(key.clone()),
            );
            known.insert(key, tracked);
        }
        Event::Delete(object) => {
            let key = key_of(&object);
            if let Some(gathered) = &mut gathered {
                gathered.remove(&key);
            }
            let before = known.remove(&key);
            let last = Tracked::new(object, &targets);
            sink.add_all(
                last.targets_and(before.as_ref()),
                PRIORITY_NORMAL,
                &related.reason(key),
            );
        }
    })
    .await;
}

type Known = HashMap<Key, Tracked, RandomState>;

/// What is kept of a related object.
struct Tracked {
    version: Option<Box<str>>,
    targets: Box<[Key]>,
}

impl Tracked {
    fn new<K: Resource>(object: K, targets: impl Fn(K) -> Vec<Key>) -> Self {
        let version = object.meta().resource_version.as_deref().map(Into::into);
        Tracked {
            version,
            targets: targets(object).into(),
        }
    }

    /// The targets, and those that it had before.
    fn targets_and<'a>(&'a self, before: Option<&'a Tracked>) -> impl Iterator<Item = Key> + 'a {
        let former = before.into_iter().flat_map(|before| &before.targets);
        self.targets
            .iter()
            .chain(former.filter(|key| !self.targets.contains(key)))
            .cloned()
    }
}

/// Asks for the targets of the objects that a stream yields.
pub(in crate::controller) async fn related_stream<K: Resource>(
    stream: impl Stream<Item = Result<K, watcher::Error>>,
    targets: impl Fn(K) -> Vec<Key>,
    related: Related,
    sink: Sink,
) {
    let mut stream = std::pin::pin!(stream);
    while let Some(item) = stream.next().await {
        match item {
            Ok(object) => {
                let reason = related.reason(key_of(&object));
                sink.add_all(targets(object), PRIORITY_NORMAL, &reason);
            }
            Err(error) => sink.fail(error),
        }
    }
}

/// Asks for the targets of the objects that a shared stream yields.
pub(in crate::controller) async fn related_shared<K: Resource>(
    stream: impl Stream<Item = Arc<K>>,
    targets: impl Fn(Arc<K>) -> Vec<Key>,
    related: Related,
    sink: Sink,
) {
    let mut stream = std::pin::pin!(stream);
    while let Some(object) = stream.next().await {
        let reason = related.reason(key_of(&*object));
        sink.add_all(targets(object), PRIORITY_NORMAL, &reason);
    }
}
