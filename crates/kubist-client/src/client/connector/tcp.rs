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
use tower::{BoxError, Service, ServiceExt};

use super::{
    proxy::Proxy,
    tunnel::{self, TunnelError},
};
use crate::Config;

/// A stream of bytes in both directions.
pub(super) trait Io: Read + Write + Unpin + Send {}

impl<T: Read + Write + Unpin + Send> Io for T {}

/// Connects by TCP: without delay, and so that dead connections are found.
pub(in crate::client) fn http_connector(config: &Config) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(Duration::from_secs(30)));
    connector.set_keepalive_interval(Some(Duration::from_secs(10)));
    connector.set_keepalive_retries(Some(3));
    connector.set_connect_timeout(config.connect_timeout);
    connector
}

/// Opens a connection to a proxy.
pub(super) type ToProxy = Arc<dyn Fn(Uri) -> BoxFuture<'static, Result<Box<dyn Io>, BoxError>> + Send + Sync>;

/// Opens connections to a proxy by a connector.
pub(super) fn to_proxy<C>(connector: C) -> ToProxy
where
    C: Service<Uri, Response: Io + 'static, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    Arc::new(move |uri| {
        let connecting = connector.clone().oneshot(uri);
        async move {
            let io = connecting.await.map_err(Into::into)?;
            Ok(Box::new(io) as Box<dyn Io>)
        }
        .boxed()
    })
}

/// Opens connections to servers, through a proxy if there is one.
#[derive(Clone)]
pub(super) enum Tcp {
    Direct(HttpConnector),
    Proxied(Arc<Proxy>, ToProxy),
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
                let connecting = to_proxy(proxy.url.clone());
                async move {
                    let unreachable = |error| TunnelError::Unreachable(proxy.to_string(), error);
                    let io = connecting.await.map_err(unreachable)?;
                    Ok(Stream::Proxied(tunnel::through(&proxy, io, &server).await?))
                }
                .boxed()
            }
        }
    }
}

/// A connection to a server.
pub(super) enum Stream {
    Direct(TokioIo<TcpStream>),
    Proxied(Box<dyn Io>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Stream::Direct(stream) => stream.connected(),
            // What is beyond the tunnel is spoken to as if it were not there.
            Stream::Proxied(_) => Connected::new(),
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
            Stream::Proxied(io) => {
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
            Stream::Proxied(io) => io.is_write_vectored(),
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
