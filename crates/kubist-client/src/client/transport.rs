//! Connections: the service at the bottom of a client's stack.

use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response, Uri, header::UPGRADE};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as HyperClient, Error as HyperError, connect::Connect},
    rt::{TokioExecutor, TokioTimer},
};
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tower::{BoxError, Service};

use super::Body;

/// How many requests share one connection of HTTP/2.
///
/// A kube-apiserver takes 100 at once, watches included; what comes beyond would wait for one of
/// them to end.
const STREAMS_PER_CONNECTION: usize = 90;

/// After how much silence a connection of HTTP/2 is pinged, and how long the answer may take.
const PING_AFTER: Duration = Duration::from_secs(30);
const PONG_WITHIN: Duration = Duration::from_secs(15);

/// After how long an idle connection is closed.
const IDLE: Duration = Duration::from_secs(90);

/// Sends requests over connections, which it opens, shares and pools.
pub(super) struct Transport<C> {
    connector: C,
    /// For all but upgrades: HTTP/2 where the server offers it.
    lanes: Arc<Mutex<Vec<Lane<C>>>>,
    /// For upgrades, which HTTP/2 does not have.
    upgrades: HyperClient<C, Body>,
}

/// A pool of connections of its own, of one connection if it is HTTP/2.
struct Lane<C> {
    client: HyperClient<C, Body>,
    streams: Arc<AtomicUsize>,
}

impl<C> Transport<C>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    /// Sends over the connections of `connector`, and upgrades over those of `upgrades`, which must
    /// not offer HTTP/2.
    pub(super) fn new(connector: C, upgrades: C) -> Self {
        Self {
            connector,
            lanes: Arc::default(),
            upgrades: hyper_client(upgrades),
        }
    }

    /// A lane with room for one more request, and the room taken.
    fn lane(&self) -> (HyperClient<C, Body>, StreamGuard) {
        let mut lanes = self.lanes.lock();
        let roomy = lanes
            .iter()
            .find(|lane| lane.streams.load(Ordering::Relaxed) < STREAMS_PER_CONNECTION);
        let (client, streams) = match roomy {
            Some(lane) => (lane.client.clone(), lane.streams.clone()),
            None => {
                let client = hyper_client(self.connector.clone());
                let streams = Arc::<AtomicUsize>::default();
                lanes.push(Lane {
                    client: client.clone(),
                    streams: streams.clone(),
                });
                (client, streams)
            }
        };
        streams.fetch_add(1, Ordering::Relaxed);
        (client, StreamGuard(streams))
    }
}

fn hyper_client<C>(connector: C) -> HyperClient<C, Body>
where
    C: Connect + Clone,
{
    HyperClient::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PONG_WITHIN)
        // A quiet watch is no stream that is idle, but a dead connection without one is worth
        // knowing of before the next request.
        .http2_keep_alive_while_idle(true)
        .build(connector)
}

impl<C: Clone> Clone for Transport<C> {
    fn clone(&self) -> Self {
        Self {
            connector: self.connector.clone(),
            lanes: self.lanes.clone(),
            upgrades: self.upgrades.clone(),
        }
    }
}

impl<C> Service<Request<Body>> for Transport<C>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let uri = request.uri().clone();
        if request.headers().contains_key(UPGRADE) {
            let answer = self.upgrades.request(request);
            return async move {
                let response = answer.await.map_err(|error| TransportError::new(&uri, error))?;
                Ok(response.map(Body::wrap))
            }
            .boxed();
        }
        let (client, guard) = self.lane();
        let answer = client.request(request);
        async move {
            let response = answer.await.map_err(|error| TransportError::new(&uri, error))?;
            Ok(response.map(|body| Body::wrap(Guarded { body, _guard: guard })))
        }
        .boxed()
    }
}

/// One of a connection's streams, until it is dropped.
struct StreamGuard(Arc<AtomicUsize>);

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pin_project! {
    /// A response that holds its stream until it is read or dropped.
    struct Guarded {
        #[pin]
        body: Incoming,
        _guard: StreamGuard,
    }
}

impl HttpBody for Guarded {
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

/// A request that did not come to an answer: to which server, and why.
#[derive(Debug)]
pub(super) struct TransportError {
    server: String,
    source: HyperError,
}

impl TransportError {
    fn new(uri: &Uri, source: HyperError) -> Self {
        let scheme = uri.scheme_str().unwrap_or("http");
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        Self {
            server: format!("{scheme}://{authority}"),
            source,
        }
    }

    /// Whether there was a connection, which broke.
    pub(super) fn is_broken(&self) -> bool {
        !self.source.is_connect()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.source.is_connect() {
            "failed to connect to"
        } else {
            "lost the connection to"
        };
        write!(f, "{what} {}", self.server)?;
        // Each cause says a part: that it was TLS, that the certificate has expired.
        let mut said = Vec::new();
        let mut cause = self.source.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !said.iter().any(|earlier: &String| earlier.contains(&text)) {
                write!(f, ": {text}")?;
                said.push(text);
            }
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}
