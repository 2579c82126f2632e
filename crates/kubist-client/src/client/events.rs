//! The events of a watch, as they come.

use std::{
    error::Error as StdError,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::Stream;
use http_body::Body as HttpBody;
use kubist_core::WatchEvent;
use kubist_wire::watch::{Decoder, Error as WireError};
use serde::de::DeserializeOwned;

use super::Body;
use crate::{Error, Result};

/// Reads a response as events.
///
/// Ends with the response, also where the connection breaks between events: a watch is started
/// again in any case, and then nothing is lost. An event that cannot be decoded is an error, and
/// the stream goes on.
pub(super) struct Events<T> {
    body: Body,
    decoder: Decoder<T>,
    state: State,
}

enum State {
    Reading,
    /// The response ended; what came last may have no newline.
    Ended,
    Done,
}

impl<T: DeserializeOwned> Events<T> {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            decoder: Decoder::new(),
            state: State::Reading,
        }
    }
}

impl<T: DeserializeOwned> Stream for Events<T> {
    type Item = Result<WatchEvent<T>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.state {
                State::Reading => {}
                State::Ended => {
                    self.state = State::Done;
                    return Poll::Ready(self.decoder.finish().map_err(decode_error).transpose());
                }
                State::Done => return Poll::Ready(None),
            }
            match self.decoder.next_event() {
                Ok(None) => {}
                Ok(Some(event)) => return Poll::Ready(Some(Ok(event))),
                Err(error) => {
                    if let WireError::TooLarge(_) = error {
                        self.state = State::Done;
                    }
                    return Poll::Ready(Some(Err(decode_error(error))));
                }
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers are of no interest.
                    if let Ok(chunk) = frame.into_data() {
                        self.decoder.push(chunk);
                    }
                }
                Some(Err(error)) if is_interruption(&error) => {
                    tracing::debug!(%error, "the watch was interrupted");
                    self.state = State::Done;
                }
                Some(Err(error)) => {
                    self.state = State::Done;
                    return Poll::Ready(Some(Err(Error::ReadEvents(io::Error::other(error)))));
                }
                None => self.state = State::Ended,
            }
        }
    }
}

fn decode_error(error: WireError) -> Error {
    match error {
        WireError::Decode(error) => Error::SerdeError(error.into()),
        // The other one there is, and any to come, end the stream as well.
        _ => Error::LinesCodecMaxLineLengthExceeded,
    }
}

/// Whether a connection ended as connections of watches do: cut, closed or timed out.
fn is_interruption(error: &Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::TimedOut | io::ErrorKind::UnexpectedEof
            );
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_timeout())
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.is_io() || error.is_remote();
        }
        cause = error.source();
    }
    false
}
