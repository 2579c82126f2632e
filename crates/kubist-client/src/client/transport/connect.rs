//! Opening connections, whatever they are made of.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use http::Uri;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::Connection;
use tower::{BoxError, Service, ServiceExt};

use super::TransportError;

/// What opens connections.
pub(in crate::client) trait Connector:
    Service<
        Uri,
        Response: Read + Write + Connection + Unpin + Send + 'static,
        Error: Into<BoxError>,
        Future: Unpin + Send + 'static,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<C> Connector for C where
    C: Service<
            Uri,
            Response: Read + Write + Connection + Unpin + Send + 'static,
            Error: Into<BoxError>,
            Future: Unpin + Send + 'static,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// A connector without its type, so that only what opens connections depends on it.
#[derive(Clone)]
pub(super) struct Connect(Arc<dyn Fn(Uri) -> Opening + Send + Sync>);

type Opening = BoxFuture<'static, Result<Opened, BoxError>>;

/// A connection that was opened.
pub(super) struct Opened {
    pub(super) io: Box<dyn Io>,
    /// Whether its two ends have agreed on HTTP/2.
    pub(super) is_http2: bool,
}

/// A stream of bytes in both directions.
pub(super) trait Io: Read + Write + Unpin + Send {}

impl<T: Read + Write + Unpin + Send> Io for T {}

impl Connect {
    pub(super) fn new<C: Connector>(connector: C) -> Self {
        Self(Arc::new(move |uri| {
            let opening = connector.clone().oneshot(uri);
            let opened = opening.map(|result| match result {
                Ok(io) => Ok(Opened {
                    is_http2: io.connected().is_negotiated_h2(),
                    io: Box::new(io),
                }),
                Err(error) => Err(error.into()),
            });
            opened.boxed()
        }))
    }

    /// Opens a connection to the server of a URI.
    pub(super) async fn open(&self, uri: &Uri) -> Result<Opened, TransportError> {
        let opened = (self.0)(uri.clone()).await;
        opened.map_err(|error| TransportError::connect(uri, error))
    }
}
