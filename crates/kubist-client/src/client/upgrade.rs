//! Connections that are upgraded to WebSockets ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455)).

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{
        CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
        UPGRADE,
    },
};
use http_body_util::Full;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};

use super::{Body, Client};
use crate::{Error, Result};

/// The protocol whose streams can be closed one by one
/// ([KEP-4006](https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets)).
const V5: &str = "v5.channel.k8s.io";
/// The one before.
pub(crate) const V4: &str = "v4.channel.k8s.io";

/// The largest message that is taken; servers send some tens of KiB.
const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// Why a connection was not upgraded.
///
/// ```no_run
/// use kubist_client::{Error, client::UpgradeConnectionError};
///
/// # async fn run(client: kubist_client::Client, request: http::Request<Vec<u8>>) -> Result<(), kubist_client::Error> {
/// match client.connect(request).await {
///     Err(Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code))) => eprintln!("{code}"),
///     result => drop(result?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Error, Debug)]
pub enum UpgradeConnectionError {
    /// The server answered with something else than 101.
    #[error("failed to switch protocol: {0}")]
    ProtocolSwitch(StatusCode),

    /// The answer has no `Upgrade: websocket`.
    #[error("upgrade header was not set to websocket")]
    MissingUpgradeWebSocketHeader,

    /// The answer has no `Connection: Upgrade`.
    #[error("connection header was not set to Upgrade")]
    MissingConnectionUpgradeHeader,

    /// The answer is to another request.
    #[error("Sec-WebSocket-Accept key mismatched")]
    SecWebSocketAcceptKeyMismatch,

    /// The server chose a protocol that was not offered, or none.
    #[error("Sec-WebSocket-Protocol mismatched")]
    SecWebSocketProtocolMismatch,

    /// The connection failed after the answer.
    #[error("failed to get pending HTTP upgrade: {0}")]
    GetPendingUpgrade(#[source] hyper::Error),
}

/// A connection that was upgraded to a WebSocket.
///
/// ```no_run
/// # async fn run(client: kubist_client::Client, request: http::Request<Vec<u8>>) -> Result<(), kubist_client::Error> {
/// let connection = client.connect(request).await?;
/// println!("closes streams: {}", connection.supports_stream_close());
/// # Ok(())
/// # }
/// ```
pub struct Connection {
    stream: WebSocketStream<TokioIo<Upgraded>>,
    stream_close: bool,
}

impl Connection {
    /// Whether single streams can be closed: the server speaks `v5.channel.k8s.io`.
    ///
    /// ```no_run
    /// # async fn run(client: kubist_client::Client, request: http::Request<Vec<u8>>) -> Result<(), kubist_client::Error> {
    /// if !client.connect(request).await?.supports_stream_close() {
    ///     eprintln!("the server cannot be told that the input has ended");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn supports_stream_close(&self) -> bool {
        self.stream_close
    }

    /// The WebSocket.
    ///
    /// ```no_run
    /// use futures::StreamExt;
    ///
    /// # async fn run(client: kubist_client::Client, request: http::Request<Vec<u8>>) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut websocket = client.connect(request).await?.into_stream();
    /// while let Some(message) = websocket.next().await {
    ///     println!("{} bytes", message?.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_stream(self) -> WebSocketStream<TokioIo<Upgraded>> {
        self.stream
    }
}

impl Client {
    /// Sends a request that upgrades its connection to a WebSocket.
    ///
    /// Offers `v5.channel.k8s.io` and `v4.channel.k8s.io`, unless the request has
    /// `Sec-WebSocket-Protocol` already. The other headers of the handshake are set here.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Error, Resource, api::{AttachParams, Request}};
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.exec("web-0", ["date"], &AttachParams::default()).map_err(Error::BuildRequest)?;
    /// let connection = client.connect(request).await?;
    /// let websocket = connection.into_stream();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with [`Error::UpgradeConnection`] where the server does not upgrade, or not as asked.
    pub async fn connect(&self, request: Request<Vec<u8>>) -> Result<Connection> {
        // Layers repeat requests whose body they can copy; this one may start something.
        let mut request = request.map(|body| Body::wrap(Full::new(Bytes::from(body))));
        let key = generate_key();
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        let value = HeaderValue::try_from(&key).map_err(|error| Error::HttpError(error.into()))?;
        headers.insert(SEC_WEBSOCKET_KEY, value);
        if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
            let both = HeaderValue::from_static("v5.channel.k8s.io, v4.channel.k8s.io");
            headers.insert(SEC_WEBSOCKET_PROTOCOL, both);
        }
        let offered: Vec<String> = tokens(headers, SEC_WEBSOCKET_PROTOCOL)
            .map(str::to_owned)
            .collect();

        let response = self.send(request).await?;
        let protocol = verify(&response, &key, &offered).map_err(Error::UpgradeConnection)?;
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(|error| Error::UpgradeConnection(UpgradeConnectionError::GetPendingUpgrade(error)))?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LIMIT))
            .max_frame_size(Some(MESSAGE_LIMIT));
        let stream =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await;
        Ok(Connection {
            stream,
            stream_close: protocol == V5,
        })
    }
}

/// Whether the answer upgrades; and to which of the protocols offered.
fn verify<'a>(
    response: &Response<Body>,
    key: &str,
    offered: &'a [String],
) -> Result<&'a str, UpgradeConnectionError> {
    let headers = response.headers();
    let has = |name, token: &str| tokens(headers, name).any(|value| value.eq_ignore_ascii_case(token));
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(UpgradeConnectionError::ProtocolSwitch(response.status()));
    }
    if !has(UPGRADE, "websocket") {
        return Err(UpgradeConnectionError::MissingUpgradeWebSocketHeader);
    }
    if !has(CONNECTION, "upgrade") {
        return Err(UpgradeConnectionError::MissingConnectionUpgradeHeader);
    }
    let accept = headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
    if accept != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(UpgradeConnectionError::SecWebSocketAcceptKeyMismatch);
    }
    let chosen = headers
        .get(SEC_WEBSOCKET_PROTOCOL)
        .and_then(|value| value.to_str().ok());
    offered
        .iter()
        .find(|protocol| Some(protocol.as_str()) == chosen)
        .map(String::as_str)
        .ok_or(UpgradeConnectionError::SecWebSocketProtocolMismatch)
}

/// The values of a header that is a list.
fn tokens(headers: &HeaderMap, name: http::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}
