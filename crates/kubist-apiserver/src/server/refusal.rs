//! What the HTTP library refuses by itself, told as the API tells failures.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::http::status::Failure;

/// How long a client that was refused may go on sending.
///
/// A connection that is closed while there is something unread is reset, and a reset can
/// overtake the answer.
const LINGER: Duration = Duration::from_secs(1);

/// A connection that gives the bare refusals of the HTTP library a body.
///
/// A request that is no HTTP, or whose head is too large, never reaches the API: the library
/// answers it with a status line alone.
pub(crate) struct Refusals<S> {
    inner: S,
    /// What is written in the place of a bare refusal.
    pending: Vec<u8>,
    written: usize,
    /// The client is likely still sending what nobody reads.
    refused: bool,
    linger: Option<Pin<Box<Sleep>>>,
}

impl<S> Refusals<S> {
    pub(crate) fn new(inner: S) -> Refusals<S> {
        Refusals {
            inner,
            pending: Vec::new(),
            written: 0,
            refused: false,
            linger: None,
        }
    }

    /// A connection whose client is refused whatever it sends.
    pub(crate) fn lingering(inner: S) -> Refusals<S> {
        Refusals {
            refused: true,
            ..Refusals::new(inner)
        }
    }

    /// Looks at what is written; takes it over if it is a bare refusal.
    fn takes(&mut self, written: &[u8]) -> bool {
        if written.starts_with(b"HTTP/1.1 413 ") {
            self.refused = true;
        }
        let Some(refusal) = bare_refusal(written) else {
            return false;
        };
        self.refused = true;
        self.pending = refusal;
        self.written = 0;
        true
    }
}

/// The answer in the place of a status line that stands alone.
fn bare_refusal(written: &[u8]) -> Option<Vec<u8>> {
    let failure = match written.get(..13)? {
        b"HTTP/1.1 400 " => Failure::bad_request("the request is no HTTP request"),
        b"HTTP/1.1 414 " => Failure::new(414, "RequestURITooLong", "the URI of the request is too long"),
        b"HTTP/1.1 431 " => Failure::headers_too_large(),
        _ => return None,
    };
    let head = std::str::from_utf8(written).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let mut answer = format!("{}\r\n", lines.next()?);
    let mut empty = false;
    for line in lines {
        if line.eq_ignore_ascii_case("content-length: 0") {
            empty = true;
        } else {
            answer.push_str(line);
            answer.push_str("\r\n");
        }
    }
    if !empty {
        return None;
    }
    let body = failure.body().to_string();
    answer.push_str(&format!(
        "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    Some(answer.into_bytes())
}

impl<S: AsyncWrite + Unpin> Refusals<S> {
    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.pending.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.inner).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.pending.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Refusals<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Refusals<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        if self.takes(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        if let Some(first) = slices.first()
            && self.takes(first)
        {
            return Poll::Ready(Ok(first.len()));
        }
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.poll_pending(context))?;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.inner).poll_shutdown(context))?;
            if !this.refused {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this
            .linger
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let mut ignored = [0; 16 * 1024];
        loop {
            if linger.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut into = ReadBuf::new(&mut ignored);
            match ready!(Pin::new(&mut this.inner).poll_read(context, &mut into)) {
                Ok(()) if !into.filled().is_empty() => {}
                // The client is gone, one way or the other.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}
