//! The bodies of requests and responses.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use tower::BoxError;

use super::transport::{Incoming, Reply};
use crate::Error;

/// How much room a server's word for the length of its answer is worth.
const RESERVE_LIMIT: usize = 64 * 1024 * 1024;

/// The body of a request or a response.
///
/// Its `Debug` does not show what it holds.
///
/// ```
/// use kubist_client::client::Body;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), kubist_client::Error> {
/// let body = Body::from(b"{}".to_vec());
/// assert_eq!(body.collect_bytes().await?, "{}");
/// # Ok(())
/// # }
/// ```
pub struct Body {
    kind: Kind,
}

enum Kind {
    /// Bytes that are there.
    Once(Option<Bytes>),
    /// Bytes that come over a connection of HTTP/1.1.
    Http1(Reply),
    /// Bytes that come over a connection of HTTP/2.
    Http2(Incoming),
    /// Bytes that come from elsewhere.
    Stream(UnsyncBoxBody<Bytes, BoxError>),
}

impl Body {
    /// A body without bytes.
    ///
    /// ```
    /// use http_body::Body as _;
    /// use kubist_client::client::Body;
    ///
    /// assert!(Body::empty().is_end_stream());
    /// ```
    pub const fn empty() -> Self {
        Self {
            kind: Kind::Once(None),
        }
    }

    /// Takes any body of bytes.
    pub(crate) fn wrap<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            kind: Kind::Stream(body.map_err(Into::into).boxed_unsync()),
        }
    }

    /// Reads all of it.
    ///
    /// ```
    /// use kubist_client::client::Body;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), kubist_client::Error> {
    /// assert_eq!(Body::from(b"abc".to_vec()).collect_bytes().await?, "abc");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the connection does.
    pub async fn collect_bytes(self) -> Result<Bytes, Error> {
        match self.kind {
            Kind::Once(bytes) => Ok(bytes.unwrap_or_default()),
            Kind::Http1(_) | Kind::Http2(_) | Kind::Stream(_) => self.read().await,
        }
    }

    /// Most answers come in one piece, which is not copied.
    async fn read(mut self) -> Result<Bytes, Error> {
        let Some(first) = self.chunk().await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk().await? else {
            return Ok(first);
        };
        let more = usize::try_from(HttpBody::size_hint(&self).lower()).unwrap_or(0);
        let mut all = BytesMut::with_capacity(first.len() + second.len() + more.min(RESERVE_LIMIT));
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// What comes next; trailers are of no interest.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.frame().await.transpose()?.map(Frame::into_data) {
                Some(Ok(chunk)) if chunk.is_empty() => {}
                Some(Ok(chunk)) => return Ok(Some(chunk)),
                Some(Err(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Its bytes if they are there, and else the body as it is.
    pub(super) fn into_known(self) -> Result<Bytes, Self> {
        match self.kind {
            Kind::Once(bytes) => Ok(bytes.unwrap_or_default()),
            kind => Err(Self { kind }),
        }
    }

    /// A copy, if its bytes are there and do not come from a connection.
    ///
    /// ```
    /// use kubist_client::client::Body;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), kubist_client::Error> {
    /// let body = Body::from(b"abc".to_vec());
    /// if let Some(copy) = body.try_clone() {
    ///     assert_eq!(copy.collect_bytes().await?, "abc");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_clone(&self) -> Option<Self> {
        match &self.kind {
            Kind::Once(bytes) => Some(Self {
                kind: Kind::Once(bytes.clone()),
            }),
            Kind::Http1(_) | Kind::Http2(_) | Kind::Stream(_) => None,
        }
    }
}

/// What a failing connection is to a user of this crate.
fn connection_error(error: BoxError) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => match error.downcast::<hyper::Error>() {
            Ok(error) => Error::HyperError(*error),
            Err(error) => Error::Service(error),
        },
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Once(_) => "Once",
            Kind::Http1(_) | Kind::Http2(_) | Kind::Stream(_) => "Wrap",
        };
        f.debug_struct("Body").field("kind", &kind).finish()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Once((!bytes.is_empty()).then_some(bytes)),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Self {
        Self {
            kind: Kind::Http2(incoming),
        }
    }
}

impl From<Reply> for Body {
    fn from(reply: Reply) -> Self {
        Self {
            kind: Kind::Http1(reply),
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.kind {
            Kind::Once(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Http1(reply) => Pin::new(reply).poll_frame(cx).map_err(Error::HyperError),
            Kind::Http2(incoming) => {
                let frame = Pin::new(incoming).poll_frame(cx);
                frame.map_err(|error| Error::Service(error.into()))
            }
            Kind::Stream(body) => Pin::new(body).poll_frame(cx).map_err(connection_error),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Once(bytes) => bytes.is_none(),
            Kind::Http1(reply) => reply.is_end_stream(),
            Kind::Http2(incoming) => incoming.is_end_stream(),
            Kind::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Once(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Http1(reply) => reply.size_hint(),
            Kind::Http2(incoming) => incoming.size_hint(),
            Kind::Stream(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn known_bytes_can_be_copied() {
        let body = Body::from(b"abc".to_vec());
        let copy = body.try_clone().expect("is known");
        assert_eq!(HttpBody::size_hint(&body).exact(), Some(3));
        for body in [body, copy] {
            assert_eq!(body.collect_bytes().await.expect("is known"), "abc");
        }
        assert!(Body::from(Vec::new()).is_end_stream() && Body::empty().is_end_stream());
    }

    #[tokio::test]
    async fn streams_cannot_be_copied_and_do_not_show() {
        let body = Body::wrap(http_body_util::Full::new(Bytes::from_static(b"hidden")));
        assert!(body.try_clone().is_none());
        assert_eq!(format!("{body:?}"), r#"Body { kind: "Wrap" }"#);
        assert_eq!(body.collect_bytes().await.expect("collects"), "hidden");
    }
}
