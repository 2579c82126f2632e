//! Connections of HTTP/1.1, which take one request at a time.
//!
//! Whoever asks drives the connection: while a request is under way its caller polls it, and while
//! the answer is read, the reader does. So nothing is handed from task to task, and what nobody
//! waits for costs nothing.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header::HOST, uri::PathAndQuery};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::{
    body::Incoming,
    client::conn::{
        TrySendError,
        http1::{SendRequest, handshake},
    },
};
use kubist_wire::wake::SelfWakes;
use parking_lot::Mutex;
use tokio::{runtime::Handle, task::coop::unconstrained, time::Instant};

use super::{TransportError, connect::Connect};
use crate::client::Body;

/// Connections to one server.
pub(super) struct Pool {
    connect: Connect,
    /// After how long an idle connection is closed.
    idle_timeout: Duration,
    idle: Mutex<Idle>,
    /// The `Host` header that was sent last, which is that of all requests but strange ones.
    host: Mutex<Option<(Uri, HeaderValue)>>,
}

#[derive(Default)]
struct Idle {
    /// Those that wait for a request, the one that was used last at the end.
    connections: Vec<(Instant, Box<Connection>)>,
    /// Whether a task closes those that wait for too long.
    is_watched: bool,
}

impl Pool {
    pub(super) fn new(connect: Connect, idle_timeout: Duration) -> Self {
        Self {
            connect,
            idle_timeout,
            idle: Mutex::default(),
            host: Mutex::default(),
        }
    }

    /// Sends a request over an idle connection, or a new one.
    ///
    /// Cancel safe: a request that is dropped takes its connection with it.
    pub(super) async fn send(
        self: &Arc<Self>,
        request: Request<Body>,
    ) -> Result<Response<Body>, TransportError> {
        let uri = request.uri().clone();
        let mut request = self.to_origin(request, &uri)?;
        loop {
            let idle = self.idle.lock().connections.pop();
            let was_idle = idle.is_some();
            let mut connection = match idle {
                Some((_, connection)) => connection,
                None => Box::new(Connection::open(&self.connect, &uri).await?),
            };
            let mut failed = match connection.send(request).await {
                Ok(response) => return Ok(self.answer(response, connection)),
                Err(failed) => failed,
            };
            match failed.take_message() {
                // The server closed it while it was idle.
                Some(unsent) if was_idle => request = unsent,
                _ => return Err(TransportError::broken(&uri, failed.into_error())),
            }
        }
    }

    /// What the connection wants to see: a path, and the server as a header.
    fn to_origin(&self, mut request: Request<Body>, uri: &Uri) -> Result<Request<Body>, TransportError> {
        if !request.headers().contains_key(HOST) {
            let host = self.host(uri)?;
            request.headers_mut().insert(HOST, host);
        }
        let path = uri.path_and_query().cloned();
        *request.uri_mut() = path.unwrap_or_else(|| PathAndQuery::from_static("/")).into();
        Ok(request)
    }

    fn host(&self, uri: &Uri) -> Result<HeaderValue, TransportError> {
        let mut last = self.host.lock();
        if let Some((of, host)) = &*last
            && (of.authority(), of.scheme()) == (uri.authority(), uri.scheme())
        {
            return Ok(host.clone());
        }
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16();
        let is_default = port
            == if uri.scheme_str() == Some("https") {
                Some(443)
            } else {
                Some(80)
            };
        let host = match port {
            Some(port) if !is_default => HeaderValue::try_from(format!("{host}:{port}")),
            _ => HeaderValue::from_str(host),
        };
        let host = host.map_err(|error| TransportError::connect(uri, error.into()))?;
        *last = Some((uri.clone(), host.clone()));
        Ok(host)
    }

    fn answer(self: &Arc<Self>, response: Response<Incoming>, connection: Box<Connection>) -> Response<Body> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            // Whoever takes the upgrade waits for the connection to hand it over.
            if let Some(driver) = connection.driver {
                tokio::spawn(driver);
            }
            return response.map(Body::wrap);
        }
        response.map(|incoming| {
            let mut reply = Reply {
                incoming,
                connection: Some(connection),
                pool: self.clone(),
            };
            reply.release_at_end();
            Body::from(reply)
        })
    }

    /// Takes a connection whose answer was read.
    fn put(self: &Arc<Self>, mut connection: Box<Connection>) {
        if !connection.is_ready() {
            return;
        }
        // Without a runtime there is nobody to close it, should it be left alone.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let mut idle = self.idle.lock();
        idle.connections.push((Instant::now(), connection));
        if !std::mem::replace(&mut idle.is_watched, true) {
            runtime.spawn(close_idle(Arc::downgrade(self), self.idle_timeout));
        }
    }
}

/// Closes connections that are idle for too long, until there are none.
async fn close_idle(pool: Weak<Pool>, timeout: Duration) {
    loop {
        tokio::time::sleep(timeout).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = pool.idle.lock();
        let young = idle
            .connections
            .partition_point(|(since, _)| since.elapsed() >= timeout);
        let old: Vec<_> = idle.connections.drain(..young).collect();
        idle.is_watched = !idle.connections.is_empty();
        let go_on = idle.is_watched;
        drop(idle);
        drop(old);
        if !go_on {
            return;
        }
    }
}

/// A connection, and what makes it progress.
struct Connection {
    sender: SendRequest<Body>,
    /// Gone when the connection has ended: hyper answers a request that it did not get to send as
    /// soon as the driver is dropped, and not before.
    driver: Option<Driver>,
    /// The connection wakes who drives it, for what it just did.
    wakes: SelfWakes,
}

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

impl Connection {
    async fn open(connect: &Connect, uri: &Uri) -> Result<Self, TransportError> {
        let opened = connect.open(uri).await?;
        let (sender, connection) = handshake(opened.io)
            .await
            .map_err(|error| TransportError::connect(uri, error.into()))?;
        Ok(Self {
            sender,
            driver: Some(Box::pin(connection.with_upgrades())),
            wakes: SelfWakes::new(),
        })
    }

    async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let (driver, wakes) = (&mut self.driver, &self.wakes);
        poll_fn(|cx| {
            wakes.absorb(cx, |cx| {
                drive(driver, cx);
                answer.as_mut().poll(cx)
            })
        })
        .await
    }

    /// Reads the body of an answer.
    fn read(
        &mut self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let driver = &mut self.driver;
        self.wakes.absorb(cx, |cx| {
            let frame = Pin::new(&mut *incoming).poll_frame(cx);
            if frame.is_ready() {
                return frame;
            }
            drive(driver, cx);
            Pin::new(&mut *incoming).poll_frame(cx)
        })
    }

    /// Whether it can take a request.
    fn is_ready(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        // A task that has used up its budget would leave what is there unread.
        let driver = &mut self.driver;
        let driven = unconstrained(poll_fn(|cx| {
            drive(driver, cx);
            Poll::Ready(())
        }));
        let _ = pin!(driven).poll(&mut cx);
        self.driver.is_some() && self.sender.is_ready()
    }
}

/// Lets a connection read and write what it can. Why it ended, request and answer get to know.
fn drive(driver: &mut Option<Driver>, cx: &mut Context<'_>) {
    if let Some(running) = driver
        && running.as_mut().poll(cx).is_ready()
    {
        *driver = None;
    }
}

/// The body of an answer, which gives the connection back when it was read.
///
/// One that is dropped before closes the connection.
pub(in crate::client) struct Reply {
    incoming: Incoming,
    connection: Option<Box<Connection>>,
    pool: Arc<Pool>,
}

impl Reply {
    fn release_at_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(connection) = self.connection.take()
        {
            self.pool.put(connection);
        }
    }
}

impl HttpBody for Reply {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self {
            incoming, connection, ..
        } = &mut *self;
        let frame = match connection {
            Some(connection) => connection.read(incoming, cx),
            None => Pin::new(incoming).poll_frame(cx),
        };
        match &frame {
            Poll::Ready(None) => {
                if let Some(connection) = self.connection.take() {
                    self.pool.put(connection);
                }
            }
            Poll::Ready(Some(Ok(_))) => self.release_at_end(),
            _ => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
