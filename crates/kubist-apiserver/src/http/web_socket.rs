//! Watches over WebSocket (RFC 6455): one event a message.

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::http::body::Body;
use crate::http::request::Request;
use crate::state::Api;

/// How much a client may send at once; nobody reads it.
const LONGEST_MESSAGE: usize = 64 * 1024;
/// Protocols of this name carry a token and are not answered.
const BEARER: &str = "base64url.bearer.authorization.k8s.io.";

/// Goes on with the events of a watch in WebSocket; or says why not, as Go's library says it.
pub(crate) fn switch(
    api: &Api,
    request: &Request,
    upgrade: OnUpgrade,
    events: Body,
    text: bool,
) -> Response<Body> {
    let headers = match agreed(request) {
        Ok(headers) => headers,
        Err((code, why)) => {
            let mut response = Response::new(Bytes::from_static(why.as_bytes()).into());
            *response.status_mut() = code;
            let version = HeaderValue::from_static("13");
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, version);
            return response;
        }
    };
    let connection = request.connection.clone();
    api.tasks.spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let broken = async {
            match &connection {
                Some(connection) => connection.broken().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = broken => {}
            () = tell(upgraded, events, text) => {}
        }
    });
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    response
}

/// The headers of the answer to a handshake.
fn agreed(request: &Request) -> Result<HeaderMap, (StatusCode, &'static str)> {
    if request.header("sec-websocket-version") != "13" {
        return Err((StatusCode::BAD_REQUEST, "missing or bad WebSocket Version"));
    }
    let key = request.header("sec-websocket-key");
    if key.is_empty() {
        return Err((StatusCode::BAD_REQUEST, "mismatch challenge/response"));
    }
    if matches!(request.header("origin"), "" | "null") {
        return Err((StatusCode::FORBIDDEN, ""));
    }
    let protocols = request.header("sec-websocket-protocol").split(',').map(str::trim);
    let protocols: Vec<&str> = protocols
        .filter(|protocol| !protocol.is_empty() && !protocol.starts_with(BEARER))
        .collect();
    let mut headers = HeaderMap::new();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
    headers.insert(
        SEC_WEBSOCKET_ACCEPT,
        accept.map_err(|_| (StatusCode::BAD_REQUEST, ""))?,
    );
    match protocols.as_slice() {
        [] => {}
        [one] => {
            let one = HeaderValue::from_str(one).map_err(|_| (StatusCode::BAD_REQUEST, ""))?;
            headers.insert(SEC_WEBSOCKET_PROTOCOL, one);
        }
        // It is for the client to choose.
        _ => return Err((StatusCode::BAD_REQUEST, "")),
    }
    Ok(headers)
}

/// Tells events until there are no more, or until the client goes.
async fn tell(upgraded: Upgraded, mut events: Body, text: bool) {
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE));
    let io = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    loop {
        tokio::select! {
            biased;
            said = socket.next() => match said {
                Some(Ok(message)) if !message.is_close() => {}
                _ => return,
            },
            event = events.frame() => {
                let Some(Ok(frame)) = event else { break };
                let Ok(data) = frame.into_data() else { continue };
                let message = if text {
                    // Half an event may be no text.
                    let Ok(text) = Utf8Bytes::try_from(data) else { return };
                    Message::Text(text)
                } else {
                    Message::Binary(data)
                };
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        }
    }
    let over = CloseFrame {
        code: CloseCode::Normal,
        reason: Utf8Bytes::default(),
    };
    // Whoever is gone needs no farewell.
    let _ = socket.close(Some(over)).await;
}
