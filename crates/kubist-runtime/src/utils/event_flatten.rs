//! From events to the objects in them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{Stream, TryStream};
use pin_project_lite::pin_project;

use crate::watcher::{Error, Event};

pin_project! {
    /// The stream of [`applied_objects`](super::WatchStreamExt::applied_objects) and
    /// [`touched_objects`](super::WatchStreamExt::touched_objects).
    #[must_use = "streams do nothing unless polled"]
    pub struct EventFlatten<St> {
        #[pin]
        stream: St,
        deletes: bool,
    }
}

impl<St> EventFlatten<St> {
    pub(super) fn new(stream: St, deletes: bool) -> Self {
        EventFlatten { stream, deletes }
    }
}

impl<St, K> Stream for EventFlatten<St>
where
    St: Stream<Item = Result<Event<K>, Error>>,
{
    type Item = Result<K, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            let event = match ready!(this.stream.as_mut().try_poll_next(cx)) {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            };
            let object = if *this.deletes {
                event.into_touched()
            } else {
                event.into_applied()
            };
            if let Some(object) = object {
                return Poll::Ready(Some(Ok(object)));
            }
        }
    }
}
