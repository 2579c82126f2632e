//! One connection: what it speaks below HTTP, and HTTP.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use kubist_wire::wake::SelfWakes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::http::request::MAX_HEADER_BYTES;
use crate::server::refusal::Refusals;
use crate::server::service::Service;

/// How long a client may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many headers a request over HTTP/1.1 may have; the parser needs room for all of them.
const MAX_HEADERS: usize = 1000;
/// Up to here headers over HTTP/2 are read, so that the refusal has a body.
const MAX_HEADER_LIST: u32 = 8 * 1024 * 1024;
/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// What Go's server says to HTTP where it speaks TLS.
const PLAIN: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// What is spoken below HTTP.
#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    Tls(TlsAcceptor),
    /// What the client begins with.
    Either(TlsAcceptor),
}

/// Serves until the client goes, or until the connection is idle after `drain`.
pub(crate) async fn serve(
    stream: TcpStream,
    transport: Transport,
    service: Service,
    watcher: Watcher,
    drain: CancellationToken,
) {
    let (acceptor, plain) = match transport {
        Transport::Plain => return serve_http(stream, service, watcher).await,
        Transport::Tls(acceptor) => (acceptor, false),
        Transport::Either(acceptor) => (acceptor, true),
    };
    let mut first = [0];
    let peeked = tokio::select! {
        () = drain.cancelled() => return,
        peeked = stream.peek(&mut first) => peeked,
    };
    match peeked {
        Ok(1) if first == [TLS_HANDSHAKE] => {}
        Ok(1) if plain => return serve_http(stream, service, watcher).await,
        Ok(1) => {
            let mut stream = Refusals::lingering(stream);
            if stream.write_all(PLAIN).await.is_ok() {
                let _ = stream.shutdown().await;
            }
            return;
        }
        Ok(_) => return,
        Err(error) => return tracing::debug!(%error, "a connection broke before it began"),
    }
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let presented = stream.get_ref().1.peer_certificates();
            let service = service.of_certificate(presented.and_then(<[_]>::first));
            serve_http(stream, service, watcher).await;
        }
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn serve_http<S>(stream: S, service: Service, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES);
    builder.http2().max_header_list_size(MAX_HEADER_LIST);
    let stream = TokioIo::new(Refusals::new(stream));
    let connection = builder
        .serve_connection_with_upgrades(stream, TowerToHyperService::new(service))
        .into_owned();
    let mut connection = pin!(watcher.watch(connection));
    // A request's body is handed over within the task.
    let wakes = SelfWakes::new();
    if let Err(error) = poll_fn(|cx| wakes.absorb(cx, |cx| connection.as_mut().poll(cx))).await {
        tracing::debug!(%error, "a connection ended badly");
    }
}
