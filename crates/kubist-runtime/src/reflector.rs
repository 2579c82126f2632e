//! Caches that follow a watch.

mod dispatcher;
mod object_ref;
pub mod store;

use std::hash::Hash;

use futures::{Stream, StreamExt};

pub use dispatcher::ReflectHandle;
pub use object_ref::{Lookup, ObjectRef, ObjectRefExtra};
pub use store::{Store, store, store_shared};

use crate::watcher;

/// Keeps a [`Store`] in step with a watch, and passes the watch's events on.
///
/// Every item of `stream` is applied to the store before it is passed on. Like the stream itself, the
/// store makes no progress unless the result is polled.
///
/// # Example
///
/// ```no_run
/// use futures::StreamExt;
/// use k8s_openapi::api::core::v1::Node;
/// use kubist_client::{Api, Client};
/// use kubist_runtime::{WatchStreamExt, reflector, watcher};
///
/// # async fn wrapper() -> Result<(), Box<dyn std::error::Error>> {
/// let nodes: Api<Node> = Api::all(Client::try_default().await?);
/// let (reader, writer) = reflector::store();
/// let events = reflector(writer, watcher(nodes, watcher::Config::default()).default_backoff());
/// tokio::spawn(events.for_each(|_| std::future::ready(())));
/// reader.wait_until_ready().await?;
/// println!("{} nodes", reader.len());
/// # Ok(())
/// # }
/// ```
pub fn reflector<K, W>(mut writer: store::Writer<K>, stream: W) -> impl Stream<Item = W::Item>
where
    K: Lookup + Clone,
    K::DynamicType: Eq + Hash + Clone,
    W: Stream<Item = watcher::Result<watcher::Event<K>>>,
{
    stream.inspect(move |item| {
        if let Ok(event) = item {
            writer.apply_watcher_event(event);
        }
    })
}
