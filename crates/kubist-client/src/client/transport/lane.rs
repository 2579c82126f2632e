//! One connection of HTTP/2, and the requests on it.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::Uri;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pin_project_lite::pin_project;
use tokio::sync::Mutex;

use super::{TransportError, connect::Connect};
use crate::client::Body;

/// After how much silence a connection is pinged, and how long the answer may take.
const PING_AFTER: Duration = Duration::from_secs(30);
const PONG_WITHIN: Duration = Duration::from_secs(15);

/// How many requests a server takes at once until it says otherwise; a kube-apiserver takes 100.
const DEFAULT_STREAMS: usize = 100;

/// One connection of HTTP/2, which is opened when it is needed, and again when it broke.
pub(super) struct Lane {
    /// The connection; locked by the one who opens it.
    connection: Mutex<State>,
    /// How often opening it failed.
    failures: AtomicU64,
    /// How many requests are on it.
    streams: AtomicUsize,
    /// How many there may be. What comes beyond would wait for one of them to end, and a watch
    /// does not.
    capacity: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    sender: Option<SendRequest<Body>>,
    last_failure: Option<TransportError>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            connection: Mutex::default(),
            failures: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
            capacity: Arc::new(AtomicUsize::new(capacity(DEFAULT_STREAMS))),
        }
    }
}

/// A few less than there could be: a request that ended here may not have ended there.
fn capacity(streams: usize) -> usize {
    (streams - streams / 10).max(1)
}

impl Lane {
    /// Room for one more request, if there is any.
    pub(super) fn stream(self: &Arc<Self>) -> Option<Stream> {
        let capacity = self.capacity.load(Ordering::Relaxed);
        (self.streams.load(Ordering::Relaxed) < capacity).then(|| Stream::first(self.clone()))
    }

    /// What sends requests on the connection, which is opened if it is not; `None` where the server
    /// does not have HTTP/2.
    ///
    /// Those who wait while somebody else opens it share the connection, or the failure.
    ///
    /// Cancel safe: the next one goes on.
    pub(super) async fn sender(
        &self,
        connect: &Connect,
        uri: &Uri,
    ) -> Result<Option<SendRequest<Body>>, TransportError> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut state = self.connection.lock().await;
        if let Some(sender) = state.sender.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(Some(sender.clone()));
        }
        if self.failures.load(Ordering::Acquire) != failures
            && let Some(failure) = &state.last_failure
        {
            return Err(failure.clone());
        }
        state.sender = None;
        match open(connect, uri, &self.capacity).await {
            Ok(sender) => {
                state.sender.clone_from(&sender);
                state.last_failure = None;
                Ok(sender)
            }
            Err(failure) => {
                state.last_failure = Some(failure.clone());
                self.failures.fetch_add(1, Ordering::Release);
                Err(failure)
            }
        }
    }
}

async fn open(
    connect: &Connect,
    uri: &Uri,
    limit: &Arc<AtomicUsize>,
) -> Result<Option<SendRequest<Body>>, TransportError> {
    let opened = connect.open(uri).await?;
    if !opened.is_http2 {
        return Ok(None);
    }
    let handshake = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PONG_WITHIN)
        // A dead connection is worth knowing of before the next request.
        .keep_alive_while_idle(true)
        .handshake(opened.io)
        .await;
    let (sender, connection) = handshake.map_err(|error| TransportError::connect(uri, error.into()))?;
    let limit = limit.clone();
    let mut connection = Box::pin(connection);
    tokio::spawn(async move {
        let ended = poll_fn(|cx| {
            let progress = connection.as_mut().poll(cx);
            // The server says how many requests it takes once the connection is there.
            limit.store(capacity(connection.current_max_send_streams()), Ordering::Relaxed);
            progress
        });
        if let Err(error) = ended.await {
            tracing::debug!(%error, "connection ended");
        }
    });
    Ok(Some(sender))
}

/// A request's place on a connection, until it is dropped.
pub(super) struct Stream(Arc<Lane>);

impl Stream {
    pub(super) fn first(lane: Arc<Lane>) -> Self {
        lane.streams.fetch_add(1, Ordering::Relaxed);
        Self(lane)
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.0
    }

    /// A response's body, which holds the place until it is read or dropped.
    pub(super) fn hold(self, body: Incoming) -> Held {
        Held { body, _stream: self }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

pin_project! {
    /// A response's body, and its place on the connection.
    pub(super) struct Held {
        #[pin]
        body: Incoming,
        _stream: Stream,
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
