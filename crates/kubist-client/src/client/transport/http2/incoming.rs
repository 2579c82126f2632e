//! Bodies of answers.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::{Response, header::CONTENT_LENGTH};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::Stream;
use crate::client::transport::TransportError;

/// The body of an answer, which holds a place on its connection until it is read or dropped.
pub(in crate::client) struct Incoming {
    body: RecvStream,
    /// How much is to come, where the server said so.
    remaining: Option<u64>,
    at: Place,
    stream: Stream,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Data,
    Trailers,
    End,
}

impl Incoming {
    pub(in crate::client::transport) fn of(response: Response<RecvStream>, stream: Stream) -> Response<Self> {
        let length = response.headers().get(CONTENT_LENGTH);
        let remaining = length.and_then(|length| length.to_str().ok()?.parse().ok());
        response.map(|body| Self {
            remaining,
            at: Place::Data,
            body,
            stream,
        })
    }

    /// Whether a stream was reset by a server that had sent the whole of its answer.
    fn is_all(&self, error: &h2::Error) -> bool {
        error.reason() == Some(Reason::NO_ERROR)
            && error.is_reset()
            && error.is_remote()
            && self.remaining.is_none_or(|remaining| remaining == 0)
    }

    fn broken(&self, error: h2::Error) -> TransportError {
        TransportError::broken(self.stream.lane().server(), error)
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let this = &mut *self;
        if this.at == Place::Data {
            match ready!(this.body.poll_data(cx)) {
                Some(Ok(chunk)) => {
                    // Whoever reads makes room for more.
                    let _ = this.body.flow_control().release_capacity(chunk.len());
                    if let Some(remaining) = &mut this.remaining {
                        *remaining = remaining.saturating_sub(chunk.len() as u64);
                    }
                    return Poll::Ready(Some(Ok(Frame::data(chunk))));
                }
                // The server has said all that it has to say (RFC 9113, 8.1).
                Some(Err(error)) if this.is_all(&error) => this.at = Place::End,
                Some(Err(error)) => {
                    this.at = Place::End;
                    return Poll::Ready(Some(Err(this.broken(error))));
                }
                None => this.at = Place::Trailers,
            }
        }
        if this.at == Place::Trailers {
            let trailers = ready!(this.body.poll_trailers(cx));
            this.at = Place::End;
            match trailers {
                Ok(Some(trailers)) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Ok(None) => {}
                Err(error) if this.is_all(&error) => {}
                Err(error) => return Poll::Ready(Some(Err(this.broken(error)))),
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.at == Place::End || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
