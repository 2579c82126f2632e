//! The bytes below TLS: TCP, to the server or through a proxy.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower::{BoxError, Service, ServiceExt, util::BoxCloneSyncService};

use super::{
    proxy::Proxy,
    tunnel::{self, TunnelError},
};
use crate::Config;

/// A stream of bytes in both directions.
pub(in crate::client) trait Io: Read + Write + Unpin + Send {}

impl<T: Read + Write + Unpin + Send> Io for T {}

/// Connects by TCP: without delay, and so that dead connections are found in time, by probes where
/// nothing is sent, and by what is not acknowledged where something is.
pub(in crate::client) fn http_connector(config: &Config) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    if let Some(within) = config.dead_connection_timeout {
        // Systems count in seconds.
        let seconds = |parts: u32| Some((within / parts).max(Duration::from_secs(1)));
        connector.set_keepalive(seconds(2));
        connector.set_keepalive_interval(seconds(6));
        connector.set_keepalive_retries(Some(3));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        connector.set_tcp_user_timeout(Some(within));
    }
    connector.set_connect_timeout(config.connect_timeout);
    connector
}

/// Opens connections, whatever they are made of.
pub(in crate::client) type Opener = BoxCloneSyncService<Uri, Stream, BoxError>;

/// Forgets what connections are made of.
pub(super) fn opener<C>(connector: C) -> Opener
where
    C: Service<Uri, Response: Io + 'static, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let boxed = |io| Stream::Boxed(Box::new(io));
    Opener::new(connector.map_response(boxed).map_err(Into::into))
}

/// Opens connections to servers, through a proxy if there is one.
#[derive(Clone)]
pub(super) enum Tcp {
    Direct(HttpConnector),
    Proxied(Arc<Proxy>, Opener),
}

impl Service<Uri> for Tcp {
    type Response = Stream;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Stream, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        match self {
            Tcp::Direct(connector) => {
                let connecting = connector.clone().oneshot(server);
                async move { Ok(Stream::Direct(connecting.await?)) }.boxed()
            }
            Tcp::Proxied(proxy, to_proxy) => {
                let proxy = proxy.clone();
                let connecting = to_proxy.clone().oneshot(proxy.url.clone());
                async move {
                    let unreachable = |error| TunnelError::Unreachable(proxy.to_string(), error);
                    let io = Box::new(connecting.await.map_err(unreachable)?);
                    Ok(Stream::Boxed(tunnel::through(&proxy, io, &server).await?))
                }
                .boxed()
            }
        }
    }
}

/// A connection to a server.
pub(in crate::client) enum Stream {
    Direct(TokioIo<TcpStream>),
    Boxed(Box<dyn Io>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Stream::Direct(stream) => stream.connected(),
            // HTTP/2 is agreed on by what is around it.
            Stream::Boxed(_) => Connected::new(),
        }
    }
}

/// Does the same with either stream.
macro_rules! with_either {
    ($stream:expr, $io:ident => $done:expr) => {
        match $stream.get_mut() {
            Stream::Direct(io) => {
                let $io = Pin::new(io);
                $done
            }
            Stream::Boxed(io) => {
                let $io = Pin::new(io);
                $done
            }
        }
    };
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        with_either!(self, io => io.poll_read(cx, buffer))
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        with_either!(self, io => io.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_either!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        with_either!(self, io => io.poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Direct(io) => io.is_write_vectored(),
            Stream::Boxed(io) => io.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        with_either!(self, io => io.poll_write_vectored(cx, bytes))
    }
}
