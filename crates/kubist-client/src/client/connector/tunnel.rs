//! A connection through a proxy.

use std::{
    future::{Ready, ready},
    io,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use thiserror::Error;
use tower::{BoxError, Service, ServiceExt};

use super::{
    proxy::{Protocol, Proxy, with_port},
    tcp::Io,
};

/// Why there is no connection through a proxy.
#[derive(Debug, Error)]
pub(super) enum TunnelError {
    #[error("proxy {0} cannot be reached: {1}")]
    Unreachable(String, #[source] BoxError),

    #[error("proxy {0} answered {1}")]
    Refused(String, StatusCode),

    #[error("proxy {0} failed: {1}")]
    Broken(String, #[source] BoxError),

    #[error("server has no host")]
    NoHost,
}

/// Lets a proxy connect to a server, over a connection to the proxy.
pub(super) async fn through(
    proxy: &Proxy,
    io: Box<dyn Io>,
    server: &Uri,
) -> Result<Box<dyn Io>, TunnelError> {
    let default = if server.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let port = server.port_u16().unwrap_or(default);
    let server = with_port(server, port).ok_or(TunnelError::NoHost)?;
    match proxy.protocol {
        Protocol::Http | Protocol::Https => connect(proxy, io, &server).await,
        Protocol::Socks5 => socks(proxy, io, server).await,
    }
}

/// [`CONNECT`](https://www.rfc-editor.org/rfc/rfc9110#name-connect).
async fn connect(proxy: &Proxy, io: Box<dyn Io>, server: &Uri) -> Result<Box<dyn Io>, TunnelError> {
    let broken = |error: BoxError| TunnelError::Broken(proxy.to_string(), error);
    let request = connect_request(proxy, server).map_err(broken)?;
    let (mut sender, connection) = http1::handshake(io).await.map_err(|error| broken(error.into()))?;
    // It ends when it hands the connection over, or when nobody waits for that.
    tokio::spawn(connection.with_upgrades());
    let answer = sender
        .send_request(request)
        .await
        .map_err(|error| broken(error.into()))?;
    if !answer.status().is_success() {
        return Err(TunnelError::Refused(proxy.to_string(), answer.status()));
    }
    let upgraded = hyper::upgrade::on(answer).await;
    Ok(Box::new(upgraded.map_err(|error| broken(error.into()))?))
}

fn connect_request(proxy: &Proxy, server: &Uri) -> Result<Request<Empty<Bytes>>, BoxError> {
    let authority = server.authority().ok_or(TunnelError::NoHost)?;
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(authority.as_str())
        .header(header::HOST, HeaderValue::from_str(authority.as_str())?);
    if let Some(credentials) = &proxy.credentials {
        request = request.header(header::PROXY_AUTHORIZATION, credentials.header()?);
    }
    Ok(request.body(Empty::new())?)
}

async fn socks(proxy: &Proxy, io: Box<dyn Io>, server: Uri) -> Result<Box<dyn Io>, TunnelError> {
    let mut socks = SocksV5::new(proxy.url.clone(), Opened(Some(io)));
    if let Some(credentials) = &proxy.credentials {
        let (user, password) = credentials.pair();
        socks = socks.with_auth(user, password);
    }
    let connected = socks.oneshot(server).await;
    connected.map_err(|error| TunnelError::Broken(proxy.to_string(), error.into()))
}

/// A connection that is there already, for what wants to open one.
struct Opened(Option<Box<dyn Io>>);

impl Service<Uri> for Opened {
    type Response = Box<dyn Io>;
    type Error = io::Error;
    type Future = Ready<io::Result<Box<dyn Io>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
