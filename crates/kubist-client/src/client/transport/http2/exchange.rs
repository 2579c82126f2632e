//! One request, and its answer.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, Version,
    header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, UPGRADE},
};
use http_body_util::BodyExt;
use tower::BoxError;

use crate::client::Body;

/// A request without an answer.
pub(in crate::client::transport) enum Failed {
    /// It was not sent, as its connection had ended before.
    Unsent(Box<Request<Body>>),
    /// It was not sent, as its connection ended at that moment; its head is gone.
    Lost(BoxError),
    /// Its connection or its body broke.
    Broken(BoxError),
}

impl From<h2::Error> for Failed {
    fn from(error: h2::Error) -> Self {
        Self::Broken(error.into())
    }
}

/// Sends a request, and waits for the head of its answer.
///
/// Cancel safe: a request that is dropped is taken back from the server.
pub(in crate::client::transport) async fn exchange(
    sender: SendRequest<Bytes>,
    request: Request<Body>,
) -> Result<Response<RecvStream>, Failed> {
    let Ok(mut sender) = sender.ready().await else {
        return Err(Failed::Unsent(Box::new(request)));
    };
    let (mut head, body) = request.into_parts();
    head.version = Version::HTTP_2;
    strip(&mut head.headers);
    let known = body.into_known();
    if let Ok(bytes) = &known
        && !bytes.is_empty()
        && !head.headers.contains_key(CONTENT_LENGTH)
    {
        head.headers
            .insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    let is_whole = known.as_ref().is_ok_and(Bytes::is_empty);
    let sent = sender.send_request(Request::from_parts(head, ()), is_whole);
    let (answer, mut stream) = sent.map_err(|error| Failed::Lost(error.into()))?;
    match known {
        Ok(_) if is_whole => Ok(answer.await?),
        Ok(bytes) => {
            stream.send_data(bytes, true)?;
            Ok(answer.await?)
        }
        Err(body) => exchange_stream(answer, stream, body).await,
    }
}

/// Waits for the answer while the body is sent; one that comes early does not end the body.
async fn exchange_stream(
    answer: ResponseFuture,
    stream: SendStream<Bytes>,
    body: Body,
) -> Result<Response<RecvStream>, Failed> {
    let mut sending = Some(Box::pin(send(stream, body)));
    let mut answer = pin!(answer);
    let answered = poll_fn(|cx| {
        if let Some(running) = &mut sending
            && let Poll::Ready(sent) = running.as_mut().poll(cx)
        {
            sending = None;
            if let Err(error) = sent {
                return Poll::Ready(Err(error));
            }
        }
        answer.as_mut().poll(cx).map_err(Failed::from)
    });
    let answered = answered.await?;
    if let Some(rest) = sending {
        tokio::spawn(rest);
    }
    Ok(answered)
}

/// Sends a body. A server that wants no more of it says why in its answer, or by the lack of one.
async fn send(mut stream: SendStream<Bytes>, mut body: Body) -> Result<(), Failed> {
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                stream.send_reset(Reason::CANCEL);
                return Err(Failed::Broken(error.into()));
            }
        };
        match frame.into_data() {
            Ok(chunk) => {
                if !send_chunk(&mut stream, chunk).await {
                    return Ok(());
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    let _ = stream.send_trailers(trailers);
                    return Ok(());
                }
            }
        }
    }
    let _ = stream.send_data(Bytes::new(), true);
    Ok(())
}

/// Sends what the server has room for, until it has all; `false` where it wants no more.
async fn send_chunk(stream: &mut SendStream<Bytes>, mut chunk: Bytes) -> bool {
    while !chunk.is_empty() {
        stream.reserve_capacity(chunk.len());
        let room = poll_fn(|cx: &mut Context<'_>| match stream.poll_reset(cx) {
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => stream.poll_capacity(cx),
        });
        let Some(Ok(room)) = room.await else {
            return false;
        };
        let piece = chunk.split_to(room.min(chunk.len()));
        if stream.send_data(piece, false).is_err() {
            return false;
        }
    }
    true
}

/// Takes out what HTTP/2 has no headers for (RFC 9113, 8.2.2); the server is in the URI.
fn strip(headers: &mut HeaderMap) {
    const OF_CONNECTIONS: [HeaderName; 6] = [
        CONNECTION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        TRANSFER_ENCODING,
        UPGRADE,
        HOST,
    ];
    for name in OF_CONNECTIONS {
        headers.remove(name);
    }
    if headers.get(TE).is_some_and(|value| value != "trailers") {
        headers.remove(TE);
    }
}
