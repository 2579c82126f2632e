//! One watch for many consumers.

use std::collections::VecDeque;
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use ahash::RandomState;
use futures::Stream;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::{Lookup, Store};
use crate::key::Key;

/// Tells subscribers what changes in a cache.
pub(super) struct Dispatcher<K> {
    inboxes: Mutex<Vec<Weak<Inbox<K>>>>,
}

impl<K> Default for Dispatcher<K> {
    fn default() -> Self {
        Dispatcher {
            inboxes: Mutex::default(),
        }
    }
}

impl<K> Dispatcher<K> {
    /// Tells every subscriber that an object is new, different, or gone.
    pub(super) fn tell(&self, key: &Key, object: &Arc<K>) {
        self.inboxes.lock().retain(|inbox| match inbox.upgrade() {
            Some(inbox) => {
                inbox.put(key, object);
                true
            }
            None => false,
        });
    }

    /// Adds a subscriber, which is told of these objects first.
    ///
    /// The caller holds the cache's lock, so that no change falls in between.
    fn add(&self, present: impl Iterator<Item = (Key, Arc<K>)>) -> Arc<Inbox<K>> {
        let inbox = Arc::new(Inbox {
            pending: Mutex::new(Pending::default()),
        });
        for (key, object) in present {
            inbox.put(&key, &object);
        }
        self.inboxes.lock().push(Arc::downgrade(&inbox));
        inbox
    }

    /// Ends every subscription: nothing more will be told.
    pub(super) fn close(&self) {
        for inbox in self.inboxes.lock().drain(..).filter_map(|inbox| inbox.upgrade()) {
            inbox.close();
        }
    }
}

/// What one subscriber has not taken yet: of each object the last state, in the order of the first.
struct Inbox<K> {
    pending: Mutex<Pending<K>>,
}

struct Pending<K> {
    objects: HashMap<Key, Arc<K>, RandomState>,
    order: VecDeque<Key>,
    waker: Option<Waker>,
    closed: bool,
}

impl<K> Default for Pending<K> {
    fn default() -> Self {
        Pending {
            objects: HashMap::default(),
            order: VecDeque::new(),
            waker: None,
            closed: false,
        }
    }
}

impl<K> Inbox<K> {
    fn put(&self, key: &Key, object: &Arc<K>) {
        let mut pending = self.pending.lock();
        let replaced = pending.objects.insert(key.clone(), object.clone());
        if replaced.is_none() {
            pending.order.push_back(key.clone());
        }
        let waker = pending.waker.take();
        drop(pending);
        drop(replaced);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn close(&self) {
        let mut pending = self.pending.lock();
        pending.closed = true;
        if let Some(waker) = pending.waker.take() {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Arc<K>>> {
        let mut pending = self.pending.lock();
        while let Some(key) = pending.order.pop_front() {
            if let Some(object) = pending.objects.remove(&key) {
                return Poll::Ready(Some(object));
            }
        }
        if pending.closed {
            return Poll::Ready(None);
        }
        pending.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn copy(&self) -> Pending<K> {
        let pending = self.pending.lock();
        Pending {
            objects: pending.objects.clone(),
            order: pending.order.clone(),
            waker: None,
            closed: pending.closed,
        }
    }
}

/// A stream of the objects that change in a shared cache: each that is new, different, or gone.
///
/// It begins with the objects that are in the cache already. A subscriber that is slow does not hold the
/// others up: of an object that changes several times meanwhile it gets the last state. An object that is
/// gone is yielded once more, as it last was; [`reader`](ReflectHandle::reader) tells that it is gone.
///
/// A clone is a subscriber of its own, which begins where the original stands.
pub struct ReflectHandle<K>
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    store: Store<K>,
    dispatcher: Arc<Dispatcher<K>>,
    inbox: Arc<Inbox<K>>,
}

impl<K> ReflectHandle<K>
where
    K: Lookup + Clone,
    K::DynamicType: Eq + Hash + Clone,
{
    pub(super) fn new(store: Store<K>, dispatcher: Arc<Dispatcher<K>>) -> Self {
        let inbox = store.with_objects(|present| dispatcher.add(present));
        ReflectHandle {
            store,
            dispatcher,
            inbox,
        }
    }

    /// A reader of the shared cache.
    #[must_use]
    pub fn reader(&self) -> Store<K> {
        self.store.clone()
    }
}

impl<K> Stream for ReflectHandle<K>
where
    K: Lookup + Clone,
    K::DynamicType: Eq + Hash + Clone,
{
    type Item = Arc<K>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inbox.poll(cx)
    }
}

impl<K> Clone for ReflectHandle<K>
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    fn clone(&self) -> Self {
        // Nothing is told between the copy and the registration.
        let mut inboxes = self.dispatcher.inboxes.lock();
        let inbox = Arc::new(Inbox {
            pending: Mutex::new(self.inbox.copy()),
        });
        inboxes.push(Arc::downgrade(&inbox));
        drop(inboxes);
        ReflectHandle {
            store: self.store.clone(),
            dispatcher: self.dispatcher.clone(),
            inbox,
        }
    }
}

impl<K> fmt::Debug for ReflectHandle<K>
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReflectHandle")
            .field("pending", &self.inbox.pending.lock().order.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::*;
    use crate::reflector::store::{Writer, store, store_shared};
    use crate::watcher::Event;

    fn map(name: &str, version: &str) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.into()),
                resource_version: Some(version.into()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        }
    }

    fn apply(writer: &mut Writer<ConfigMap>, name: &str, version: &str) {
        writer.apply_watcher_event(&Event::Apply(map(name, version)));
    }

    /// What is there to be taken now.
    fn taken(handle: &mut ReflectHandle<ConfigMap>) -> Vec<(String, String)> {
        std::iter::from_fn(|| handle.next().now_or_never().flatten())
            .map(|object| {
                let meta = object.metadata.clone();
                (meta.name.unwrap(), meta.resource_version.unwrap())
            })
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
            .collect()
    }

    #[test]
    fn a_late_subscriber_begins_with_what_is_there() {
        let (_, mut writer) = store_shared::<ConfigMap>(1);
        let mut early = writer.subscribe().unwrap();
        apply(&mut writer, "a", "1");
        let mut late = writer.subscribe().unwrap();
        apply(&mut writer, "b", "2");
        assert_eq!(taken(&mut early), pairs(&[("a", "1"), ("b", "2")]));
        assert_eq!(taken(&mut late), pairs(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn a_slow_subscriber_gets_the_last_state_and_holds_nobody_up() {
        let (_, mut writer) = store_shared::<ConfigMap>(1);
        let (mut slow, mut quick) = (writer.subscribe().unwrap(), writer.subscribe().unwrap());
        for version in ["1", "2", "3"] {
            apply(&mut writer, "a", version);
            assert_eq!(taken(&mut quick), pairs(&[("a", version)]));
        }
        assert_eq!(taken(&mut slow), pairs(&[("a", "3")]));
    }

    #[test]
    fn deletions_are_told_and_relists_only_what_differs() {
        let (reader, mut writer) = store_shared::<ConfigMap>(1);
        apply(&mut writer, "same", "1");
        apply(&mut writer, "gone", "1");
        let mut handle = writer.subscribe().unwrap();
        taken(&mut handle);

        writer.apply_watcher_event(&Event::Init);
        writer.apply_watcher_event(&Event::InitApply(map("same", "1")));
        writer.apply_watcher_event(&Event::InitApply(map("new", "2")));
        writer.apply_watcher_event(&Event::InitDone);
        assert_eq!(taken(&mut handle), pairs(&[("new", "2"), ("gone", "1")]));

        writer.apply_watcher_event(&Event::Delete(map("new", "3")));
        assert_eq!(taken(&mut handle), pairs(&[("new", "2")]));
        assert_eq!(reader.len(), 1);
    }

    #[test]
    fn clones_are_subscribers_of_their_own() {
        let (_, mut writer) = store_shared::<ConfigMap>(1);
        let mut handle = writer.subscribe().unwrap();
        apply(&mut writer, "a", "1");
        let mut clone = handle.clone();
        apply(&mut writer, "b", "2");
        assert_eq!(taken(&mut handle), taken(&mut clone));
    }

    #[tokio::test]
    async fn it_ends_with_the_writer() {
        let (_, mut writer) = store_shared::<ConfigMap>(1);
        let mut handle = writer.subscribe().unwrap();
        apply(&mut writer, "a", "1");
        drop(writer);
        assert!(handle.next().await.is_some());
        assert!(handle.next().await.is_none());
    }

    #[test]
    fn only_a_shared_store_has_subscribers() {
        assert!(store::<ConfigMap>().1.subscribe().is_none());
    }
}
