//! Telling changes that matter from those that do not.

use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ahash::RandomState;
use futures::Stream;
use hashbrown::HashMap;
use kubist_core::Resource;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::key::{Key, KeyRef};
use crate::watcher::Error;

fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    // Fixed keys: equal properties have equal hashes wherever they are computed.
    let mut hasher = std::hash::DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A property of an object that matters, as a hash; `None` where the object has no such property.
///
/// Any `Fn(&K) -> Option<u64>` is one; [`predicates`] has some.
pub trait Predicate<K> {
    /// The hash of the property.
    fn hash_property(&self, obj: &K) -> Option<u64>;

    /// This property, or another one where an object does not have it.
    fn fallback<F: Predicate<K>>(self, f: F) -> Fallback<Self, F>
    where
        Self: Sized,
    {
        Fallback(self, f)
    }

    /// Both properties.
    fn combine<F: Predicate<K>>(self, f: F) -> Combine<Self, F>
    where
        Self: Sized,
    {
        Combine(self, f)
    }
}

impl<K, F: Fn(&K) -> Option<u64>> Predicate<K> for F {
    fn hash_property(&self, obj: &K) -> Option<u64> {
        self(obj)
    }
}

/// See [`Predicate::fallback`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Fallback<A, B>(A, B);

impl<A, B, K> Predicate<K> for Fallback<A, B>
where
    A: Predicate<K>,
    B: Predicate<K>,
{
    fn hash_property(&self, obj: &K) -> Option<u64> {
        self.0.hash_property(obj).or_else(|| self.1.hash_property(obj))
    }
}

/// See [`Predicate::combine`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Combine<A, B>(A, B);

impl<A, B, K> Predicate<K> for Combine<A, B>
where
    A: Predicate<K>,
    B: Predicate<K>,
{
    fn hash_property(&self, obj: &K) -> Option<u64> {
        match (self.0.hash_property(obj), self.1.hash_property(obj)) {
            (None, None) => None,
            both => Some(hash(&both)),
        }
    }
}

/// How long a [`PredicateFilter`] remembers an object.
#[derive(Debug, Clone)]
pub struct Config {
    ttl: Duration,
}

impl Config {
    /// How long an object that does not change is remembered; past that, its next event passes whatever
    /// it is. Default: one hour.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            ttl: Duration::from_secs(3600),
        }
    }
}

pin_project! {
    /// The stream of [`predicate_filter`](super::WatchStreamExt::predicate_filter).
    #[must_use = "streams do nothing unless polled"]
    pub struct PredicateFilter<St, K, P> {
        #[pin]
        stream: St,
        predicate: P,
        ttl: Duration,
        seen: HashMap<Key, Seen, RandomState>,
        next_sweep: Instant,
        object: PhantomData<fn(K)>,
    }
}

/// What is remembered of an object.
struct Seen {
    property: Option<u64>,
    /// The identity: another object of the same name is another object.
    uid: u64,
    at: Instant,
}

impl<St, K, P> PredicateFilter<St, K, P>
where
    St: Stream<Item = Result<K, Error>>,
    K: Resource,
    P: Predicate<K>,
{
    pub(super) fn new(stream: St, predicate: P, config: Config) -> Self {
        PredicateFilter {
            stream,
            predicate,
            ttl: config.ttl,
            seen: HashMap::default(),
            next_sweep: Instant::now() + config.ttl,
            object: PhantomData,
        }
    }
}

impl<St, K, P> Stream for PredicateFilter<St, K, P>
where
    St: Stream<Item = Result<K, Error>>,
    K: Resource,
    K::DynamicType: Default + Eq + Hash,
    P: Predicate<K>,
{
    type Item = Result<K, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            let object = match ready!(this.stream.as_mut().poll_next(cx)) {
                Some(Ok(object)) => object,
                other => return Poll::Ready(other),
            };
            let now = Instant::now();
            if now >= *this.next_sweep {
                this.seen
                    .retain(|_, seen| now.duration_since(seen.at) < *this.ttl);
                *this.next_sweep = now + *this.ttl;
            }
            let meta = object.meta();
            // What is going away passes in any case: a deletion may change none of the properties.
            let leaving = meta.deletion_timestamp.is_some();
            let fresh = Seen {
                property: this.predicate.hash_property(&object),
                uid: hash(&meta.uid),
                at: now,
            };
            let key = KeyRef {
                namespace: meta.namespace.as_deref(),
                name: meta.name.as_deref().unwrap_or_default(),
            };
            let changed = match this.seen.get_mut(&key) {
                Some(seen) => {
                    let expired = now.duration_since(seen.at) >= *this.ttl;
                    let changed = expired || seen.property != fresh.property || seen.uid != fresh.uid;
                    *seen = fresh;
                    changed
                }
                None => {
                    // Without the property nothing is known, and the object passes; so does a first one.
                    this.seen.insert(key.intern(), fresh);
                    true
                }
            };
            if changed || leaving {
                return Poll::Ready(Some(Ok(object)));
            }
        }
    }
}

/// Properties that often matter.
pub mod predicates {
    use kubist_core::{Resource, ResourceExt};

    use super::hash;

    /// The generation, which changes with the spec but not with the status.
    pub fn generation<K: Resource>(obj: &K) -> Option<u64> {
        obj.meta().generation.map(|generation| hash(&generation))
    }

    /// The version, which changes with everything.
    pub fn resource_version<K: Resource>(obj: &K) -> Option<u64> {
        obj.meta().resource_version.as_ref().map(hash)
    }

    /// The labels.
    pub fn labels<K: Resource>(obj: &K) -> Option<u64> {
        Some(hash(obj.labels()))
    }

    /// The annotations.
    pub fn annotations<K: Resource>(obj: &K) -> Option<u64> {
        Some(hash(obj.annotations()))
    }

    /// The finalizers.
    pub fn finalizers<K: Resource>(obj: &K) -> Option<u64> {
        Some(hash(obj.finalizers()))
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    use super::super::WatchStreamExt;
    use super::*;

    fn map(name: &str, generation: i64, uid: &str) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.into()),
                generation: Some(generation),
                uid: Some(uid.into()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        }
    }

    async fn passed(maps: Vec<ConfigMap>) -> Vec<(String, i64)> {
        stream::iter(maps.into_iter().map(Ok))
            .predicate_filter(predicates::generation, Config::default())
            .map(|map| map.unwrap())
            .map(|map| (map.metadata.name.unwrap(), map.metadata.generation.unwrap()))
            .collect()
            .await
    }

    #[tokio::test(start_paused = true)]
    async fn passes_what_changed() {
        let maps = vec![
            map("a", 1, "x"),
            map("a", 1, "x"),
            map("b", 1, "y"),
            map("a", 2, "x"),
        ];
        let expected = [("a".to_owned(), 1), ("b".to_owned(), 1), ("a".to_owned(), 2)];
        assert_eq!(passed(maps).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn another_object_of_the_same_name_passes() {
        assert_eq!(passed(vec![map("a", 1, "x"), map("a", 1, "z")]).await.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_going_away_passes() {
        let mut leaving = map("a", 1, "x");
        leaving.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            jiff::Timestamp::now(),
        ));
        assert_eq!(passed(vec![map("a", 1, "x"), leaving]).await.len(), 2);
    }
}
