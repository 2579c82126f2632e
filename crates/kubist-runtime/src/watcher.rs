//! Watches that heal themselves: a list, then every change after it, for as long as one polls.

mod backoff;
mod config;
mod error;
mod event;
mod session;

use std::fmt::Debug;

use futures::{Stream, StreamExt, stream};
use kubist_client::Api;
use kubist_core::metadata::PartialObjectMeta;
use kubist_core::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

pub use backoff::{DefaultBackoff, ExponentialBackoff};
pub use config::{Config, InitialListStrategy, ListSemantic};
pub use error::{Error, Result};
pub use event::Event;

pub(crate) use session::{FullObjects, ObjectMetas, Session, Source};

/// Watches a collection, and recovers from everything that a watch can meet.
///
/// It lists the objects of `api` that match `config` ([`Event::Init`], an [`Event::InitApply`] for each,
/// [`Event::InitDone`]), then watches for changes ([`Event::Apply`], [`Event::Delete`]). A watch that ends
/// is resumed where it stood. One that cannot be resumed, because the server no longer has the changes
/// since then (410), begins again with `Init`: whoever keeps state replaces it at the next `InitDone`.
///
/// The stream is lazy: it does nothing unless polled.
///
/// # Errors
///
/// Errors are items of the stream, and none of them ends it: the next poll tries again, at once. Add
/// [`default_backoff`](crate::WatchStreamExt::default_backoff) to wait in between.
///
/// # Example
///
/// ```no_run
/// use futures::TryStreamExt;
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_client::{Api, Client};
/// use kubist_runtime::{WatchStreamExt, watcher};
///
/// # async fn wrapper() -> Result<(), Box<dyn std::error::Error>> {
/// let pods: Api<Pod> = Api::default_namespaced(Client::try_default().await?);
/// let mut stream = Box::pin(watcher(pods, watcher::Config::default()).default_backoff().applied_objects());
/// while let Some(pod) = stream.try_next().await? {
///     println!("{}", pod.metadata.name.unwrap_or_default());
/// }
/// # Ok(())
/// # }
/// ```
pub fn watcher<K: Resource + Clone + DeserializeOwned + Debug + Send + 'static>(
    api: Api<K>,
    config: Config,
) -> impl Stream<Item = Result<Event<K>>> + Send {
    Session::new(FullObjects(api), config).into_stream()
}

/// Watches the metadata of a collection, as [`watcher`] does the objects.
///
/// `Api<PartialObjectMeta<K>>` with [`watcher`] does the same.
#[allow(clippy::type_complexity)]
pub fn metadata_watcher<K: Resource + Clone + DeserializeOwned + Debug + Send + 'static>(
    api: Api<K>,
    config: Config,
) -> impl Stream<Item = Result<Event<PartialObjectMeta<K>>>> + Send {
    Session::new(ObjectMetas(api), config).into_stream()
}

/// Watches one object by its name.
///
/// Gives `Some` with the object whenever it changes, and `None` when it is deleted, or does not exist when
/// the watch begins. The stream is lazy and heals itself as [`watcher`] does.
///
/// # Example
///
/// ```no_run
/// use futures::TryStreamExt;
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use kubist_client::{Api, Client};
/// use kubist_runtime::{WatchStreamExt, watcher::watch_object};
///
/// # async fn wrapper() -> Result<(), Box<dyn std::error::Error>> {
/// let maps: Api<ConfigMap> = Api::default_namespaced(Client::try_default().await?);
/// let mut settings = Box::pin(watch_object(maps, "settings").default_backoff());
/// while let Some(settings) = settings.try_next().await? {
///     println!("{}", if settings.is_some() { "there" } else { "gone" });
/// }
/// # Ok(())
/// # }
/// ```
pub fn watch_object<K: Resource + Clone + DeserializeOwned + Debug + Send + 'static>(
    api: Api<K>,
    name: &str,
) -> impl Stream<Item = Result<Option<K>>> + Send + use<K> {
    // Some servers honour only what they index; a client-side check costs nothing.
    let name = name.to_owned();
    let config = Config::default().fields(&format!("metadata.name={name}"));
    let events = Box::pin(watcher(api, config));
    // While a list is under way, whether it has shown the object.
    let state = (events, None::<bool>, name);
    stream::unfold(state, |(mut events, mut listed, name)| async move {
        loop {
            let item = match events.next().await? {
                Err(error) => Err(error),
                Ok(Event::Init) => {
                    listed = Some(false);
                    continue;
                }
                Ok(Event::InitDone) => match listed.take() {
                    Some(false) => Ok(None),
                    _ => continue,
                },
                Ok(Event::InitApply(object) | Event::Apply(object)) => {
                    if object.name_any() != name {
                        continue;
                    }
                    listed = listed.map(|_| true);
                    Ok(Some(object))
                }
                Ok(Event::Delete(object)) => {
                    if object.name_any() != name {
                        continue;
                    }
                    listed = listed.map(|_| false);
                    if listed.is_some() { continue } else { Ok(None) }
                }
            };
            return Some((item, (events, listed, name)));
        }
    })
}
