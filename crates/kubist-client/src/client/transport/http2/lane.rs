//! A connection's place: where it is opened, and what fits on it.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;
use h2::{
    RecvStream,
    client::{Builder, SendRequest},
};
use http::{Request, Response, Uri};
use tokio::{
    sync::{Mutex, SetOnce},
    time::Instant,
};

use super::{
    driver::{Driver, Heard},
    exchange::{Failed, exchange},
};
use crate::client::{
    Body,
    transport::{Limits, TransportError, connect::Connect},
};

/// How many requests a server takes at once until it says otherwise; a kube-apiserver takes 100.
const DEFAULT_STREAMS: usize = 100;

/// How many bytes of headers an answer may have.
const MAX_HEADERS: u32 = 64 * 1024;

/// How much of an answer may wait for its reader.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;

/// So much that readers who do not read leave room for those who do.
const CONNECTION_WINDOW: u32 = 1024 * 1024 * 1024;

/// One connection of HTTP/2, which is opened when it is needed, and again when it broke.
pub(in crate::client::transport) struct Lane {
    /// Whose it is, for errors.
    server: Uri,
    limits: Limits,
    /// The connection; locked by the one who opens it.
    connection: Mutex<State>,
    /// How often opening it failed.
    failures: AtomicU64,
    /// How many requests are on it.
    streams: AtomicUsize,
    /// How many there may be. What comes beyond would wait for one of them to end, and a watch
    /// does not.
    capacity: AtomicUsize,
}

#[derive(Default)]
struct State {
    sender: Option<Sender>,
    last_failure: Option<TransportError>,
    /// Whether the server turned out not to have HTTP/2, so that those who waited need not ask too.
    is_http1: bool,
}

/// What sends requests over a connection.
#[derive(Clone)]
pub(in crate::client::transport) struct Sender {
    requests: SendRequest<Bytes>,
    status: Arc<Status>,
}

/// What is known of a connection.
#[derive(Default)]
struct Status {
    /// Whether it takes no more requests. It may well finish those that it has.
    is_over: AtomicBool,
    /// Set when the server has said how many requests it takes at once, or never will.
    settled: SetOnce<()>,
}

impl Status {
    fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.settle();
    }

    fn settle(&self) {
        // Whoever comes second has nothing to add.
        let _ = self.settled.set(());
    }
}

impl Sender {
    /// Sends a request, and waits for the head of its answer.
    ///
    /// Cancel safe: a request that is dropped is taken back from the server.
    pub(in crate::client::transport) async fn send(
        self,
        request: Request<Body>,
    ) -> Result<Response<RecvStream>, Failed> {
        let answer = exchange(self.requests, request).await;
        if let Err(Failed::Unsent(_)) = &answer {
            self.status.end();
        }
        answer
    }
}

/// A few less than there could be: a request that ended here may not have ended there.
fn capacity(streams: usize) -> usize {
    (streams - streams / 10).max(1)
}

impl Lane {
    pub(in crate::client::transport) fn new(server: Uri, limits: Limits) -> Self {
        Self {
            server,
            limits,
            connection: Mutex::default(),
            failures: AtomicU64::new(0),
            streams: AtomicUsize::new(0),
            capacity: AtomicUsize::new(capacity(DEFAULT_STREAMS)),
        }
    }

    /// Another one to the same server, which will take as many requests.
    pub(in crate::client::transport) fn beside(&self) -> Self {
        let mut lane = Self::new(self.server.clone(), self.limits);
        *lane.capacity.get_mut() = self.capacity.load(Ordering::Relaxed);
        lane
    }

    pub(super) fn server(&self) -> &Uri {
        &self.server
    }

    /// Room for one more request, if there is any.
    pub(in crate::client::transport) fn stream(self: &Arc<Self>) -> Option<Stream> {
        let capacity = self.capacity.load(Ordering::Relaxed);
        (self.streams.load(Ordering::Relaxed) < capacity).then(|| Stream::first(self.clone()))
    }

    /// What sends requests on the connection, which is opened if it is not; `None` where the server
    /// does not have HTTP/2.
    ///
    /// Those who wait while somebody else opens it share the connection, or the failure.
    ///
    /// Cancel safe: the next one goes on.
    pub(in crate::client::transport) async fn sender(
        self: &Arc<Self>,
        connect: &Connect,
        uri: &Uri,
    ) -> Result<Option<Sender>, TransportError> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut state = self.connection.lock().await;
        let usable = |sender: &&Sender| !sender.status.is_over.load(Ordering::Relaxed);
        if let Some(sender) = state.sender.as_ref().filter(usable).cloned() {
            drop(state);
            // There is room for the request of the one who opened it; whether there is for another,
            // the server says in its first frame (RFC 9113, 3.4).
            sender.status.settled.wait().await;
            return Ok(Some(sender));
        }
        if self.failures.load(Ordering::Acquire) != failures
            && let Some(failure) = &state.last_failure
        {
            return Err(failure.clone());
        }
        if state.is_http1 {
            return Ok(None);
        }
        state.sender = None;
        match Box::pin(self.open(connect, uri)).await {
            Ok(sender) => {
                state.is_http1 = sender.is_none();
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

    async fn open(self: &Arc<Self>, connect: &Connect, uri: &Uri) -> Result<Option<Sender>, TransportError> {
        let opened = connect.open(uri).await?;
        if !opened.is_http2 {
            return Ok(None);
        }
        let (io, has_heard) = Heard::new(opened.io);
        let handshake = Builder::new()
            .enable_push(false)
            .max_header_list_size(MAX_HEADERS)
            .initial_max_send_streams(DEFAULT_STREAMS)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(io)
            .await;
        let (requests, connection) = handshake.map_err(|error| TransportError::connect(uri, error.into()))?;
        let driver = Driver::new(connection, has_heard, self.limits.patience);
        let status = Arc::<Status>::default();
        tokio::spawn(drive(Arc::downgrade(self), driver, status.clone()));
        Ok(Some(Sender { requests, status }))
    }

    /// Whether nobody uses the connection, which is then not given to anybody any more.
    fn retire(&self, status: &Status) -> bool {
        // Whoever is about to send holds a place before asking for the sender, which takes the lock.
        let Ok(_locked) = self.connection.try_lock() else {
            return false;
        };
        let is_unused = self.streams.load(Ordering::Acquire) == 0;
        if is_unused {
            status.end();
        }
        is_unused
    }
}

/// Moves a connection until it ends, or until nobody used it for long.
async fn drive(lane: Weak<Lane>, driver: Driver, status: Arc<Status>) {
    let mut driver = pin!(driver);
    let mut used = Instant::now();
    let mut waited = false;
    let ended = poll_fn(|cx| {
        let Some(lane) = lane.upgrade() else {
            return Poll::Ready(Ok(()));
        };
        // Those who are about to ask do so first, and what they ask goes out in one piece.
        waited = !waited && lane.streams.load(Ordering::Relaxed) > 1;
        if waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let progress = driver.as_mut().poll(cx);
        // The server says how many requests it takes once the connection is there.
        lane.capacity
            .store(capacity(driver.max_streams()), Ordering::Relaxed);
        if driver.is_settled() {
            status.settle();
        }
        if lane.streams.load(Ordering::Relaxed) > 0 {
            used = Instant::now();
        } else if used.elapsed() >= lane.limits.idle && lane.retire(&status) {
            return Poll::Ready(Ok(()));
        }
        progress
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "connection ended");
    }
    // Whoever asks next opens another.
    status.end();
}

/// A request's place on a connection, until it is dropped.
pub(in crate::client::transport) struct Stream(Arc<Lane>);

impl Stream {
    pub(in crate::client::transport) fn first(lane: Arc<Lane>) -> Self {
        lane.streams.fetch_add(1, Ordering::AcqRel);
        Self(lane)
    }

    pub(in crate::client::transport) fn lane(&self) -> &Arc<Lane> {
        &self.0
    }

    /// Whether the connection has room for all that are on it, now that it is known how much there is.
    pub(in crate::client::transport) fn fits(&self) -> bool {
        self.0.streams.load(Ordering::Relaxed) <= self.0.capacity.load(Ordering::Relaxed)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::AcqRel);
    }
}
