//! What moves a connection, and notices when its other end is gone.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use h2::{Ping, PingPong, client::Connection};
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use crate::client::transport::connect::Io;

pin_project! {
    /// A connection that is pinged when nothing comes.
    pub(super) struct Driver {
        connection: Connection<Heard, Bytes>,
        pings: Option<PingPong>,
        has_heard: Arc<AtomicBool>,
        is_settled: bool,
        state: State,
        #[pin]
        timer: Sleep,
        patience: Duration,
    }
}

/// Why a connection ended.
#[derive(Debug, Error)]
pub(super) enum Ended {
    #[error(transparent)]
    Broken(#[from] h2::Error),
    #[error("the server did not answer a ping")]
    Silent,
}

enum State {
    /// Something came, or may come.
    Listening,
    /// Nothing came, and the other end was asked whether it is there.
    Pinged,
}

impl Driver {
    /// Both the silence before a ping and the wait for its answer take `patience`.
    pub(super) fn new(
        mut connection: Connection<Heard, Bytes>,
        has_heard: Arc<AtomicBool>,
        patience: Duration,
    ) -> Self {
        Self {
            pings: connection.ping_pong(),
            connection,
            has_heard,
            is_settled: false,
            state: State::Listening,
            timer: sleep(patience),
            patience,
        }
    }

    /// Whether the server has said how many requests it takes at once: its first frame does.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// How many requests the server takes at once.
    pub(super) fn max_streams(&self) -> usize {
        self.connection.max_concurrent_send_streams()
    }

    /// Moves the connection until it ends.
    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Ended>> {
        let mut this = self.project();
        if let Poll::Ready(ended) = Pin::new(&mut *this.connection).poll(cx) {
            return Poll::Ready(ended.map_err(Ended::Broken));
        }
        *this.is_settled |= this.has_heard.load(Ordering::Relaxed);
        loop {
            if let (State::Pinged, Some(pings)) = (&this.state, &mut *this.pings)
                && let Poll::Ready(pong) = pings.poll_pong(cx)
            {
                pong?;
                *this.state = State::Listening;
            }
            ready!(this.timer.as_mut().poll(cx));
            let has_heard = this.has_heard.swap(false, Ordering::Relaxed);
            match (&this.state, &mut *this.pings) {
                (State::Pinged, _) if !has_heard => {
                    return Poll::Ready(Err(Ended::Silent));
                }
                (State::Listening, Some(pings)) if !has_heard => {
                    pings.send_ping(Ping::opaque())?;
                    *this.state = State::Pinged;
                    // The ping goes out with the connection's next turn.
                    cx.waker().wake_by_ref();
                }
                _ => {}
            }
            this.timer.as_mut().reset(Instant::now() + *this.patience);
        }
    }
}

/// A stream of bytes that remembers whether any came.
pub(super) struct Heard {
    io: TokioIo<Box<dyn Io>>,
    has_heard: Arc<AtomicBool>,
}

impl Heard {
    pub(super) fn new(io: Box<dyn Io>) -> (Self, Arc<AtomicBool>) {
        let has_heard = Arc::<AtomicBool>::default();
        let heard = Self {
            io: TokioIo::new(io),
            has_heard: has_heard.clone(),
        };
        (heard, has_heard)
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.has_heard.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
