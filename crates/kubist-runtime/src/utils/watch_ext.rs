//! Methods for the streams of watches.

use std::hash::Hash;

use futures::{Stream, TryStream};
use kubist_core::Resource;

use super::{
    Backoff, EventFlatten, EventModify, Predicate, PredicateConfig, PredicateFilter, Reflect, StreamBackoff,
};
use crate::reflector::store::Writer;
use crate::watcher;

/// Adapters for the stream of a [`watcher`](crate::watcher()).
pub trait WatchStreamExt: Stream {
    /// Waits after each error as [`watcher::DefaultBackoff`] says.
    fn default_backoff(self) -> StreamBackoff<Self, watcher::DefaultBackoff>
    where
        Self: TryStream + Sized,
    {
        StreamBackoff::new(self, watcher::DefaultBackoff::default())
    }

    /// Waits after each error as a backoff says.
    fn backoff<B>(self, b: B) -> StreamBackoff<Self, B>
    where
        B: Backoff,
        Self: TryStream + Sized,
    {
        StreamBackoff::new(self, b)
    }

    /// Only the objects that were added or changed.
    fn applied_objects<K>(self) -> EventFlatten<Self>
    where
        Self: Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Sized,
    {
        EventFlatten::new(self, false)
    }

    /// Only the objects that were added, changed or deleted.
    fn touched_objects<K>(self) -> EventFlatten<Self>
    where
        Self: Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Sized,
    {
        EventFlatten::new(self, true)
    }

    /// Changes each object on its way, for example to drop fields before they are cached.
    fn modify<F, K>(self, f: F) -> EventModify<Self, F>
    where
        Self: Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Sized,
        F: FnMut(&mut K),
    {
        EventModify::new(self, f)
    }

    /// Only objects of which something that matters has changed.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use k8s_openapi::api::apps::v1::Deployment;
    /// use kubist_client::Api;
    /// use kubist_runtime::{WatchStreamExt, predicates, watcher};
    ///
    /// # fn wrapper(api: Api<Deployment>) {
    /// // Not for changes of the status.
    /// let changed = watcher(api, watcher::Config::default())
    ///     .default_backoff()
    ///     .applied_objects()
    ///     .predicate_filter(predicates::generation, Default::default());
    /// # }
    /// ```
    fn predicate_filter<K, P>(self, predicate: P, config: PredicateConfig) -> PredicateFilter<Self, K, P>
    where
        Self: Stream<Item = Result<K, watcher::Error>> + Sized,
        K: Resource + 'static,
        P: Predicate<K> + 'static,
    {
        PredicateFilter::new(self, predicate, config)
    }

    /// Keeps a [`Store`](crate::reflector::Store) in step; see [`reflector`](crate::reflector()).
    fn reflect<K>(self, writer: Writer<K>) -> Reflect<Self, K>
    where
        Self: Stream<Item = watcher::Result<watcher::Event<K>>> + Sized,
        K: Resource + Clone + 'static,
        K::DynamicType: Eq + Hash + Clone,
    {
        Reflect::new(self, writer)
    }

    /// Keeps a shared [`Store`](crate::reflector::Store) in step, and tells its subscribers.
    ///
    /// See [`store_shared`](crate::reflector::store_shared) and [`Writer::subscribe`].
    fn reflect_shared<K>(self, writer: Writer<K>) -> impl Stream<Item = Self::Item>
    where
        Self: Stream<Item = watcher::Result<watcher::Event<K>>> + Sized,
        K: Resource + Clone + 'static,
        K::DynamicType: Eq + Hash + Clone,
    {
        Reflect::new(self, writer)
    }
}

impl<St: ?Sized> WatchStreamExt for St where St: Stream {}
