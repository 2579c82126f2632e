//! The channels that share a WebSocket: what came for each and was not read yet.
//!
//! A message begins with the number of its channel. Each channel has a buffer of its own, with a
//! limit. Where one is full, the connection is not read, unless the reader of another channel waits:
//! then more is taken for the full one, up to [`ALLOWANCE`]. What is for a channel whose reader is
//! gone is thrown away.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes, BytesMut};
use futures::{Stream, stream};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, DuplexStream, ReadBuf},
    sync::Notify,
};

/// How much a channel buffers, if nothing else is asked for.
pub(super) const BUFFER: usize = 64 * 1024;

/// How much more than its limit a channel buffers, for others to go on.
const ALLOWANCE: usize = 1024 * 1024;

/// The largest payload of a message that is sent.
const CHUNK: usize = 32 * 1024;

/// The channels of a connection.
#[derive(Clone, Default)]
pub(super) struct Channels(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told whenever something changes that the connection may wait for.
    changed: Notify,
}

/// What the channels hold.
#[derive(Default)]
pub(super) struct State {
    channels: Vec<Channel>,
    /// Somebody waits for something that no channel brings, as the status.
    awaited: bool,
    /// Nothing will be written any more.
    written: bool,
    end: Option<End>,
}

struct Channel {
    number: u8,
    /// A copy of what came: a message kept as it is may hold on to all that was read with it.
    buffer: BytesMut,
    limit: usize,
    /// Whether there is, or can be, a reader.
    wanted: bool,
    /// Who waits for more; then the buffer is empty.
    reader: Option<Waker>,
    end: Option<End>,
}

/// How a channel, or all of them, ended.
#[derive(Clone)]
enum End {
    /// There is no more.
    Eof,
    /// There would have been more.
    Failed(io::ErrorKind, Arc<str>),
}

impl Channels {
    /// Adds a channel.
    pub(super) fn open(&self, number: u8, limit: usize) -> Reader {
        self.0.state.lock().channels.push(Channel {
            number,
            buffer: BytesMut::new(),
            limit,
            wanted: true,
            reader: None,
            end: None,
        });
        Reader {
            channels: self.clone(),
            number,
        }
    }

    /// Takes what came for a channel.
    pub(super) fn push(&self, number: u8, data: &[u8]) {
        let mut state = self.0.state.lock();
        let Some(channel) = state.get(number) else { return };
        if data.is_empty() || !channel.wanted || channel.end.is_some() {
            return;
        }
        channel.buffer.extend_from_slice(data);
        channel.wake();
    }

    /// There is no more for a channel.
    pub(super) fn close(&self, number: u8) {
        self.end_one(number, End::Eof);
    }

    /// There is no more for a channel, and why.
    pub(super) fn fail(&self, number: u8, message: &str) {
        self.end_one(
            number,
            End::Failed(io::ErrorKind::ConnectionReset, message.into()),
        );
    }

    fn end_one(&self, number: u8, end: End) {
        if let Some(channel) = self.0.state.lock().get(number) {
            channel.end.get_or_insert(end);
            channel.wake();
        }
    }

    /// There is no more for any.
    pub(super) fn close_all(&self) {
        self.end(End::Eof);
    }

    /// There is no more for any, and should be.
    pub(super) fn fail_all(&self, message: &str) {
        self.end(End::Failed(io::ErrorKind::ConnectionAborted, message.into()));
    }

    fn end(&self, end: End) {
        let mut state = self.0.state.lock();
        state.end.get_or_insert(end);
        state.channels.iter_mut().for_each(Channel::wake);
    }

    /// Somebody waits for what no channel brings.
    pub(super) fn awaited(&self) {
        self.0.state.lock().awaited = true;
        self.0.changed.notify_waiters();
    }

    /// Nothing will be written any more.
    pub(super) fn written(&self) {
        self.0.state.lock().written = true;
        self.0.changed.notify_waiters();
    }

    /// Returns once the channels are in such a state.
    pub(super) async fn until(&self, reached: fn(&State) -> bool) {
        loop {
            // Made before the look, so that no change is missed.
            let changed = self.0.changed.notified();
            if reached(&self.0.state.lock()) {
                return;
            }
            changed.await;
        }
    }
}

impl State {
    /// Whether there is room for another message, whichever channel it is for.
    pub(super) fn has_room(&self) -> bool {
        let more = match self.awaited || self.channels.iter().any(|channel| channel.reader.is_some()) {
            true => ALLOWANCE,
            false => 0,
        };
        let mut wanted = self.channels.iter().filter(|channel| channel.wanted);
        wanted.all(|channel| channel.buffer.len() < channel.limit.max(1).saturating_add(more))
    }

    /// Whether nobody reads or writes any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.written && self.channels.iter().all(|channel| !channel.wanted)
    }

    fn get(&mut self, number: u8) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.number == number)
    }
}

impl Channel {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl End {
    fn result(&self) -> io::Result<()> {
        match self {
            End::Eof => Ok(()),
            End::Failed(kind, message) => Err(io::Error::new(*kind, &**message)),
        }
    }
}

/// Reads a channel.
///
/// Fails where the connection is cut, so that a part is not taken for the whole.
pub(super) struct Reader {
    channels: Channels,
    number: u8,
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.channels.0.state.lock();
        let all = state.end.clone();
        let Some(channel) = state.get(self.number) else {
            return Poll::Ready(Ok(()));
        };
        if channel.buffer.is_empty() {
            if let Some(end) = channel.end.as_ref().or(all.as_ref()) {
                return Poll::Ready(end.result());
            }
            if buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            channel.reader = Some(cx.waker().clone());
            drop(state);
            // Who waits may be given more than the others have room for.
            self.channels.0.changed.notify_waiters();
            return Poll::Pending;
        }
        let count = channel.buffer.len().min(buf.remaining());
        buf.put_slice(&channel.buffer[..count]);
        channel.buffer.advance(count);
        drop(state);
        self.channels.0.changed.notify_waiters();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let dropped = self.channels.0.state.lock().get(self.number).map(|channel| {
            channel.wanted = false;
            channel.reader = None;
            std::mem::take(&mut channel.buffer)
        });
        drop(dropped);
        self.channels.0.changed.notify_waiters();
    }
}

/// What is to be sent.
pub(super) enum Outgoing {
    /// A message, with the number of its channel.
    Message(Bytes),
    /// There is no more for this channel.
    End(u8),
}

/// The messages of a channel that somebody writes to, and at last its end.
pub(super) fn outgoing(number: u8, pipe: DuplexStream) -> impl Stream<Item = io::Result<Outgoing>> {
    stream::unfold(Some((pipe, BytesMut::new())), move |state| async move {
        let (mut pipe, mut buffer) = state?;
        buffer.reserve(1 + CHUNK);
        buffer.extend_from_slice(&[number]);
        // Not more than a chunk, whatever the buffer has room for.
        match (&mut pipe).take(CHUNK as u64).read_buf(&mut buffer).await {
            Ok(0) => Some((Ok(Outgoing::End(number)), None)),
            Ok(_) => {
                let message = buffer.split().freeze();
                Some((Ok(Outgoing::Message(message)), Some((pipe, buffer))))
            }
            Err(error) => Some((Err(error), None)),
        }
    })
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_full_channel_gives_way_to_those_who_wait() {
        let channels = Channels::default();
        let (mut slow, mut fast) = (channels.open(1, 4), channels.open(2, 4));
        assert!(channels.0.state.lock().has_room());
        channels.push(1, b"12345");
        assert!(!channels.0.state.lock().has_room());
        let mut byte = [0; 1];
        assert!(fast.read(&mut byte).now_or_never().is_none());
        assert!(channels.0.state.lock().has_room());
        channels.push(1, &vec![b'6'; ALLOWANCE]);
        assert!(!channels.0.state.lock().has_room(), "memory is bounded");
        channels.push(2, b"x");
        assert_eq!(fast.read(&mut byte).await.expect("is there"), 1);
        slow.read_exact(&mut byte).await.expect("is there");
        drop(slow);
        assert!(channels.0.state.lock().has_room());
        channels.push(1, &vec![0; 2 * ALLOWANCE]);
        assert!(channels.0.state.lock().has_room(), "nobody wants it");
    }

    #[tokio::test]
    async fn what_came_is_read_before_the_end() {
        let channels = Channels::default();
        let (mut whole, mut part) = (channels.open(1, 4), channels.open(2, 4));
        channels.push(1, b"ab");
        channels.push(2, b"cd");
        channels.close(1);
        channels.fail_all("cut");
        let mut read = Vec::new();
        whole.read_to_end(&mut read).await.expect("is whole");
        assert_eq!(read, b"ab");
        read.clear();
        let error = part.read_to_end(&mut read).await.expect_err("is a part");
        assert_eq!((error.to_string().as_str(), &*read), ("cut", &b"cd"[..]));
    }
}
