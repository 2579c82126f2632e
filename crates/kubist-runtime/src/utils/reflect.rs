//! Keeping a cache in step with a stream.

use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use kubist_core::Resource;
use pin_project_lite::pin_project;

use crate::reflector::store::Writer;
use crate::watcher::{Error, Event};

pin_project! {
    /// The stream of [`reflect`](super::WatchStreamExt::reflect).
    #[must_use = "streams do nothing unless polled"]
    pub struct Reflect<St, K>
    where
        K: Resource,
        K: Clone,
        K: 'static,
        K::DynamicType: Eq,
        K::DynamicType: Hash,
        K::DynamicType: Clone,
    {
        #[pin]
        stream: St,
        writer: Writer<K>,
    }
}

impl<St, K> Reflect<St, K>
where
    K: Resource + Clone + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    pub(super) fn new(stream: St, writer: Writer<K>) -> Self {
        Reflect { stream, writer }
    }
}

impl<St, K> Stream for Reflect<St, K>
where
    K: Resource + Clone,
    K::DynamicType: Eq + Hash + Clone,
    St: Stream<Item = Result<Event<K>, Error>>,
{
    type Item = Result<Event<K>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        this.stream.poll_next(cx).map(|item| {
            item.inspect(|event| {
                if let Ok(event) = event {
                    this.writer.apply_watcher_event(event);
                }
            })
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}
