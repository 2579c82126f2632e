//! The cache of a collection, and the one who writes it.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use ahash::RandomState;
use hashbrown::HashMap;
use kubist_core::ResourceExt;
use kubist_core::labels::{Selector, SelectorExt};
use parking_lot::{RwLock, RwLockWriteGuard};
use thiserror::Error;
use tokio::sync::watch;

use super::dispatcher::{Dispatcher, ReflectHandle};
use super::{Lookup, ObjectRef};
use crate::key::{Key, KeyRef};
use crate::watcher;

type Objects<K> = HashMap<Key, Arc<K>, RandomState>;

/// A readable cache of the objects of one kind; clones read the same cache.
///
/// It holds what its [`Writer`] was told. Reads take a lock for the time of a look-up and give `Arc`s, so
/// an object that was read stays as it was.
pub struct Store<K: 'static + Lookup>
where
    K::DynamicType: Hash + Eq,
{
    objects: Arc<RwLock<Objects<K>>>,
    ready: watch::Receiver<bool>,
    /// Shared, so that a clone needs nothing of the type.
    dyntype: Arc<K::DynamicType>,
}

/// The writer of a cache is gone before the first whole state was written.
#[derive(Debug, Error)]
#[error("the store's writer was dropped before the store became ready")]
pub struct WriterDropped(());

impl WriterDropped {
    pub(crate) fn new() -> Self {
        WriterDropped(())
    }
}

impl<K: 'static + Clone + Lookup> Store<K>
where
    K::DynamicType: Eq + Hash + Clone,
{
    /// Waits until the cache holds a whole state.
    ///
    /// Cancel safe. Something has to poll the stream that feeds the writer meanwhile.
    ///
    /// # Errors
    ///
    /// [`WriterDropped`] when that can no longer happen.
    pub async fn wait_until_ready(&self) -> Result<(), WriterDropped> {
        self.ready
            .clone()
            .wait_for(|ready| *ready)
            .await
            .map(|_| ())
            .map_err(|_| WriterDropped(()))
    }

    /// Whether the cache holds a whole state; it never goes back to false.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    pub(crate) fn readiness(&self) -> watch::Receiver<bool> {
        self.ready.clone()
    }

    pub(crate) fn dyntype(&self) -> K::DynamicType {
        (*self.dyntype).clone()
    }

    /// The object of this name.
    ///
    /// A reference with a namespace also finds a cluster-wide object, so that an owner is found from the
    /// object that it owns.
    #[must_use]
    pub fn get(&self, key: &ObjectRef<K>) -> Option<Arc<K>> {
        self.get_key(key.key())
    }

    pub(crate) fn get_key(&self, key: KeyRef<'_>) -> Option<Arc<K>> {
        let objects = self.objects.read();
        objects
            .get(&key)
            .or_else(|| {
                objects.get(&KeyRef {
                    namespace: None,
                    name: key.name,
                })
            })
            .cloned()
    }

    /// Looks at all objects while none can change.
    pub(super) fn with_objects<T>(
        &self,
        look: impl FnOnce(&mut dyn Iterator<Item = (Key, Arc<K>)>) -> T,
    ) -> T {
        let objects = self.objects.read();
        look(&mut objects.iter().map(|(key, object)| (key.clone(), object.clone())))
    }

    /// The keys of all objects, in no particular order.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.objects.read().keys().cloned().collect()
    }

    /// All objects, in no particular order.
    #[must_use]
    pub fn state(&self) -> Vec<Arc<K>> {
        self.objects.read().values().cloned().collect()
    }

    /// The objects that a predicate accepts, in no particular order.
    ///
    /// The predicate runs under the cache's lock: it must not write to it.
    #[must_use]
    pub fn state_filter<P>(&self, predicate: P) -> Vec<Arc<K>>
    where
        P: Fn(&K) -> bool,
    {
        self.objects
            .read()
            .values()
            .filter(|object| predicate(object))
            .cloned()
            .collect()
    }

    /// The objects whose labels match a selector, in no particular order.
    #[must_use]
    pub fn state_filter_selector(&self, selector: &Selector) -> Vec<Arc<K>>
    where
        K: ResourceExt,
    {
        self.state_filter(|object| selector.matches(object.labels()))
    }

    /// Some object that a predicate accepts.
    #[must_use]
    pub fn find<P>(&self, predicate: P) -> Option<Arc<K>>
    where
        P: Fn(&K) -> bool,
    {
        self.objects
            .read()
            .values()
            .find(|object| predicate(object))
            .cloned()
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.read().len()
    }

    /// Whether there are no objects.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.read().is_empty()
    }
}

impl<K: 'static + Lookup> Clone for Store<K>
where
    K::DynamicType: Hash + Eq,
{
    fn clone(&self) -> Self {
        Store {
            objects: self.objects.clone(),
            ready: self.ready.clone(),
            dyntype: self.dyntype.clone(),
        }
    }
}

impl<K: 'static + Lookup> fmt::Debug for Store<K>
where
    K::DynamicType: Hash + Eq,
{
    /// Says how much there is, not what: it may be Secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("objects", &self.objects.read().len())
            .field("ready", &*self.ready.borrow())
            .finish()
    }
}

/// The one who writes a cache.
///
/// A whole state ([`Event::Init`](watcher::Event::Init) to `InitDone`) is gathered beside the cache and
/// replaces it at once: readers see the old state or the new one. What is replaced is dropped after the
/// lock is released.
pub struct Writer<K: 'static + Lookup + Clone>
where
    K::DynamicType: Eq + Hash + Clone,
{
    store: Store<K>,
    ready: watch::Sender<bool>,
    /// The whole state that is being gathered.
    gathered: Option<Gathered<K>>,
    /// Those who are told of changes, if there may be any.
    dispatcher: Option<Arc<Dispatcher<K>>>,
}

struct Gathered<K> {
    objects: Objects<K>,
    /// The keys that are new, or whose object is not the one in the cache.
    changed: Vec<Key>,
}

/// What an event changed in the cache.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Change {
    /// Nothing that a reader could see.
    #[default]
    None,
    /// One object is new or different.
    Applied(Key),
    /// One object is gone.
    Deleted(Key),
    /// The state was replaced; objects of the same version before and after are in neither list.
    Replaced {
        /// New or different.
        changed: Vec<Key>,
        /// In the old state only.
        gone: Vec<Key>,
    },
}

impl<K: 'static + Lookup + Clone> Writer<K>
where
    K::DynamicType: Eq + Hash + Clone,
{
    /// A writer with an empty cache, for a type that is known at run time.
    pub fn new(dyntype: K::DynamicType) -> Self {
        let (sender, receiver) = watch::channel(false);
        Writer {
            store: Store {
                objects: Arc::default(),
                ready: receiver,
                dyntype: Arc::new(dyntype),
            },
            ready: sender,
            gathered: None,
            dispatcher: None,
        }
    }

    /// A writer whose changes can be followed by many; see [`subscribe`](Writer::subscribe).
    ///
    /// The size of the buffer is there for kube's sake and has no effect: what a subscriber has not taken
    /// is bounded by the number of objects.
    pub fn new_shared(_buf_size: usize, dyntype: K::DynamicType) -> Self {
        let mut writer = Self::new(dyntype);
        writer.dispatcher = Some(Arc::default());
        writer
    }

    /// A new subscriber to the changes, at any time; `None` unless the writer is shared.
    pub fn subscribe(&self) -> Option<ReflectHandle<K>> {
        let dispatcher = self.dispatcher.clone()?;
        Some(ReflectHandle::new(self.as_reader(), dispatcher))
    }

    /// A reader of this writer's cache.
    pub fn as_reader(&self) -> Store<K> {
        self.store.clone()
    }

    /// Brings the cache up to date with an event of a watch, of which it keeps a copy.
    pub fn apply_watcher_event(&mut self, event: &watcher::Event<K>) {
        let event = match event {
            watcher::Event::Apply(object) => watcher::Event::Apply(Arc::new(object.clone())),
            watcher::Event::InitApply(object) => watcher::Event::InitApply(Arc::new(object.clone())),
            // Only the name of what is gone matters, but it is asked of an object.
            watcher::Event::Delete(object) => {
                self.delete(object);
                return;
            }
            watcher::Event::Init => watcher::Event::Init,
            watcher::Event::InitDone => watcher::Event::InitDone,
        };
        self.absorb(event);
    }

    /// Brings the cache up to date, and says what changed.
    pub(crate) fn absorb(&mut self, event: watcher::Event<Arc<K>>) -> Change {
        match event {
            watcher::Event::Apply(object) => self.apply(object),
            watcher::Event::Delete(object) => self.delete(&object),
            watcher::Event::Init => {
                // Whatever an earlier, broken attempt gathered is void.
                self.gathered = Some(Gathered {
                    objects: Objects::default(),
                    changed: Vec::new(),
                });
                Change::None
            }
            watcher::Event::InitApply(object) => {
                self.gather(object);
                Change::None
            }
            watcher::Event::InitDone => self.replace(),
        }
    }

    fn apply(&mut self, object: Arc<K>) -> Change {
        let (namespace, name) = (K::namespace(&object), K::name(&object));
        let key = KeyRef {
            namespace: namespace.as_deref(),
            name: name.as_deref().unwrap_or_default(),
        };
        let mut objects = self.store.objects.write();
        let (key, replaced) = match objects.get_key_value_mut(&key) {
            Some((key, slot)) => (key.clone(), Some(std::mem::replace(slot, object.clone()))),
            None => {
                let key = key.intern();
                objects.insert(key.clone(), object.clone());
                (key, None)
            }
        };
        // Under the lock, so that a new subscriber gets each change once.
        self.tell(&key, &object);
        drop(objects);
        // Perhaps the last reference: freed after the lock.
        drop(replaced);
        Change::Applied(key)
    }

    fn delete(&mut self, object: &K) -> Change {
        let (namespace, name) = (object.namespace(), object.name());
        let key = KeyRef {
            namespace: namespace.as_deref(),
            name: name.as_deref().unwrap_or_default(),
        };
        if let Some(gathered) = &mut self.gathered {
            gathered.objects.remove(&key);
        }
        let mut objects = self.store.objects.write();
        let removed = objects.remove_entry(&key);
        if let Some((key, object)) = &removed {
            self.tell(key, object);
        }
        drop(objects);
        match removed {
            Some((key, _object)) => Change::Deleted(key),
            None => Change::None,
        }
    }

    fn gather(&mut self, object: Arc<K>) {
        let Some(gathered) = &mut self.gathered else {
            // An event without its `Init`: it is a change like any other.
            self.apply(object);
            return;
        };
        let (namespace, name) = (K::namespace(&object), K::name(&object));
        let key = KeyRef {
            namespace: namespace.as_deref(),
            name: name.as_deref().unwrap_or_default(),
        };
        let cached = self
            .store
            .objects
            .read()
            .get_key_value(&key)
            .map(|(key, cached)| (key.clone(), cached.clone()));
        let (key, object) = match cached {
            // The same version: the one that is cached stays, and the new copy is dropped here.
            Some((key, cached)) if same_version::<K>(&cached, &object) => (key, cached),
            Some((key, _)) => {
                gathered.changed.push(key.clone());
                (key, object.clone())
            }
            None => {
                let key = key.intern();
                gathered.changed.push(key.clone());
                (key, object.clone())
            }
        };
        gathered.objects.insert(key, object);
    }

    fn replace(&mut self) -> Change {
        let Some(Gathered { objects, changed }) = self.gathered.take() else {
            return Change::None;
        };
        let mut current = self.store.objects.write();
        let old = std::mem::replace(&mut *current, objects);
        let current = RwLockWriteGuard::downgrade(current);
        let changed: Vec<Key> = changed
            .into_iter()
            .filter(|key| current.contains_key(key))
            .collect();
        let gone: Vec<Key> = old
            .keys()
            .filter(|key| !current.contains_key(*key))
            .cloned()
            .collect();
        if self.dispatcher.is_some() {
            for (keys, objects) in [(&changed, &*current), (&gone, &old)] {
                for key in keys {
                    objects
                        .get(key)
                        .into_iter()
                        .for_each(|object| self.tell(key, object));
                }
            }
        }
        drop(current);
        self.ready
            .send_if_modified(|ready| !std::mem::replace(ready, true));
        // A whole generation: freed after the lock.
        drop(old);
        Change::Replaced { changed, gone }
    }
}

impl<K: 'static + Lookup + Clone> Writer<K>
where
    K::DynamicType: Eq + Hash + Clone,
{
    fn tell(&self, key: &Key, object: &Arc<K>) {
        if let Some(dispatcher) = &self.dispatcher {
            dispatcher.tell(key, object);
        }
    }
}

impl<K: 'static + Lookup + Clone> Drop for Writer<K>
where
    K::DynamicType: Eq + Hash + Clone,
{
    fn drop(&mut self) {
        if let Some(dispatcher) = &self.dispatcher {
            dispatcher.close();
        }
    }
}

impl<K: 'static + Lookup + Clone> fmt::Debug for Writer<K>
where
    K::DynamicType: Eq + Hash + Clone,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl<K> Default for Writer<K>
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
{
    fn default() -> Self {
        Self::new(K::DynamicType::default())
    }
}

/// A new cache: its reader and its writer.
///
/// For a type that is known at run time only, make the writer with [`Writer::new`] and ask it for a
/// reader.
#[must_use]
pub fn store<K>() -> (Store<K>, Writer<K>)
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone + Default,
{
    let writer = Writer::<K>::default();
    (writer.as_reader(), writer)
}

/// A new cache whose changes can be followed by many: its reader and its writer.
///
/// See [`Writer::new_shared`].
#[must_use]
pub fn store_shared<K>(buf_size: usize) -> (Store<K>, Writer<K>)
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone + Default,
{
    let writer = Writer::<K>::new_shared(buf_size, Default::default());
    (writer.as_reader(), writer)
}

fn same_version<K: Lookup>(one: &K, other: &K) -> bool {
    match (one.resource_version(), other.resource_version()) {
        (Some(one_version), Some(other_version)) => one_version == other_version && one.uid() == other.uid(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
