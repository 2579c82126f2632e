//! Connections: the service at the bottom of a client's stack.
//!
//! Over TLS, a server is offered HTTP/2, and requests share a connection. A server that does not
//! take the offer, one without TLS, and requests that upgrade get HTTP/1.1, one request at a time on
//! each connection.

mod connect;
mod error;
mod http1;
mod http2;

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
use parking_lot::Mutex;
use tower::{BoxError, Service};

pub(super) use connect::Connector;
pub(super) use error::{TransportError, server_of};
pub(super) use http1::Reply;
pub(super) use http2::Incoming;

use connect::Connect;
use http1::Pool;
use http2::{Failed, Lane, Stream};

use super::Body;

/// How often a request is given to another connection, if the one before did not take it.
const MOVES: usize = 3;

/// Sends requests over connections, which it opens, shares and pools.
#[derive(Clone)]
pub(super) struct Transport(Arc<Shared>);

struct Shared {
    /// Opens connections that may turn out to be HTTP/2.
    connect: Connect,
    /// Connections of HTTP/2.
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// Connections of HTTP/1.1.
    http1: Arc<Pool>,
    /// Whether the server does not have HTTP/2.
    http1_only: AtomicBool,
    limits: Limits,
}

/// How long connections are kept.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// After how long a connection without requests is closed.
    pub(super) idle: Duration,
    /// After how much silence a connection is pinged, and how long the answer may take.
    ///
    /// Where one end is gone, the other notices within three times as much: silence may begin just
    /// after it was looked for.
    pub(super) patience: Duration,
}

impl Transport {
    /// Sends over the connections of `connector`, which may offer HTTP/2, and of `http1`, which must
    /// not.
    pub(super) fn new<C: Connector>(connector: C, http1: C, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            connect: Connect::new(connector),
            lanes: Mutex::default(),
            http1: Arc::new(Pool::new(Connect::new(http1), limits.idle)),
            http1_only: AtomicBool::new(false),
            limits,
        }))
    }
}

impl Shared {
    async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let uri = request.uri().clone();
        let needs_http1 = uri.scheme() != Some(&Scheme::HTTPS) || request.headers().contains_key(UPGRADE);
        for last in (0..MOVES).map(|moved| moved + 1 == MOVES) {
            if needs_http1 || self.http1_only.load(Ordering::Relaxed) {
                break;
            }
            let stream = self.stream(&uri);
            let Some(sender) = stream.lane().sender(&self.connect, &uri).await? else {
                self.http1_only.store(true, Ordering::Relaxed);
                break;
            };
            if !stream.fits() && !last {
                // What waits for room might wait for a watch to end.
                continue;
            }
            match sender.send(request).await {
                Ok(response) => return Ok(Incoming::of(response, stream).map(Body::from)),
                // A connection that closes hands back what it did not send.
                Err(Failed::Unsent(unsent)) if !last => request = *unsent,
                Err(Failed::Unsent(_)) => {
                    let closes = "the server closes its connections";
                    return Err(TransportError::refused(&uri, closes).into());
                }
                Err(Failed::Lost(error)) => return Err(TransportError::refused(&uri, error).into()),
                Err(Failed::Broken(error)) => return Err(TransportError::broken(&uri, error).into()),
            }
        }
        Ok(self.http1.send(request).await?)
    }

    /// Room for one more request.
    fn stream(&self, server: &Uri) -> Stream {
        let mut lanes = self.lanes.lock();
        if let Some(stream) = lanes.iter().find_map(Lane::stream) {
            return stream;
        }
        let lane = match lanes.last() {
            Some(lane) => lane.beside(),
            None => Lane::new(server.clone(), self.limits),
        };
        let lane = Arc::new(lane);
        lanes.push(lane.clone());
        Stream::first(lane)
    }
}

impl Service<Request<Body>> for Transport {
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
