//! Connections: the service at the bottom of a client's stack.
//!
//! Over TLS, a server is offered HTTP/2, and requests share a connection. A server that does not
//! take the offer, one without TLS, and requests that upgrade get HTTP/1.1, one request at a time on
//! each connection, which hyper's own pool keeps.

mod error;
mod lane;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response, Uri, header::UPGRADE, uri::Scheme};
use hyper::rt::{Read, Write};
use hyper_util::{
    client::legacy::{Client as HyperClient, connect::Connection},
    rt::{TokioExecutor, TokioTimer},
};
use parking_lot::Mutex;
use tower::{BoxError, Service};

pub(super) use error::TransportError;
use lane::{Lane, Stream};

use super::Body;

/// After how long an idle connection of HTTP/1.1 is closed.
const IDLE: Duration = Duration::from_secs(90);

/// How often a request is given to another connection, if the one before did not take it.
const MOVES: usize = 3;

/// Sends requests over connections, which it opens, shares and pools.
pub(super) struct Transport<C>(Arc<Shared<C>>);

struct Shared<C> {
    /// Opens connections that may turn out to be HTTP/2.
    connector: C,
    /// Connections of HTTP/2.
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// Connections of HTTP/1.1.
    http1: HyperClient<C, Body>,
    /// Whether the server does not have HTTP/2.
    http1_only: AtomicBool,
}

/// What opens connections.
pub(super) trait Connector:
    Service<
        Uri,
        Response: Read + Write + Connection + Unpin + Send + 'static,
        Error: Into<BoxError>,
        Future: Unpin + Send + 'static,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<C> Connector for C where
    C: Service<
            Uri,
            Response: Read + Write + Connection + Unpin + Send + 'static,
            Error: Into<BoxError>,
            Future: Unpin + Send + 'static,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

impl<C: Connector> Transport<C> {
    /// Sends over the connections of `connector`, which may offer HTTP/2, and of `http1`, which must
    /// not.
    pub(super) fn new(connector: C, http1: C) -> Self {
        let http1 = HyperClient::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(http1);
        Self(Arc::new(Shared {
            connector,
            lanes: Mutex::default(),
            http1,
            http1_only: AtomicBool::new(false),
        }))
    }
}

impl<C: Connector> Shared<C> {
    async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let uri = request.uri().clone();
        let needs_http1 = uri.scheme() != Some(&Scheme::HTTPS) || request.headers().contains_key(UPGRADE);
        for last in (0..MOVES).map(|moved| moved + 1 == MOVES) {
            if needs_http1 || self.http1_only.load(Ordering::Relaxed) {
                break;
            }
            let stream = self.stream();
            let Some(mut sender) = stream.lane().sender(&self.connector, &uri).await? else {
                self.http1_only.store(true, Ordering::Relaxed);
                break;
            };
            let mut failed = match sender.try_send_request(request).await {
                Ok(response) => return Ok(response.map(|body| Body::wrap(stream.hold(body)))),
                Err(failed) => failed,
            };
            // A connection that closes hands back what it did not send.
            match failed.take_message() {
                Some(unsent) if !last => request = unsent,
                _ => return Err(TransportError::broken(&uri, failed.into_error()).into()),
            }
        }
        let response = self.http1.request(request).await;
        Ok(response
            .map_err(|error| TransportError::http1(&uri, error))?
            .map(Body::wrap))
    }

    /// Room for one more request.
    fn stream(&self) -> Stream {
        let mut lanes = self.lanes.lock();
        if let Some(stream) = lanes.iter().find_map(Lane::stream) {
            return stream;
        }
        let lane = Arc::<Lane>::default();
        lanes.push(lane.clone());
        Stream::first(lane)
    }
}

impl<C> Clone for Transport<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Connector> Service<Request<Body>> for Transport<C> {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        async move { shared.send(request).await }.boxed()
    }
}
