//! The API as a tower service.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use rustls_pki_types::CertificateDer;

use crate::access::users::User;
use crate::http::body::Body;
use crate::http::request::Connection;
use crate::state::Api;

/// A server's API without a socket; clones share the server's state.
///
/// It needs a tokio runtime: watches run as tasks. A request with a [`User`] in its extensions
/// is that user's, whatever its headers say.
#[derive(Clone, Debug)]
pub struct Service {
    api: Arc<Api>,
    /// Whose certificate the connection was opened with.
    user: Option<User>,
    connection: Option<Connection>,
}

impl Service {
    pub(crate) fn new(api: Arc<Api>) -> Service {
        Service {
            api,
            user: None,
            connection: None,
        }
    }

    /// The service of a connection that it may break.
    pub(crate) fn of_connection(mut self, connection: Connection) -> Service {
        self.connection = Some(connection);
        self
    }

    /// The service of a connection with a client's certificate.
    pub(crate) fn of_certificate(mut self, certificate: Option<&CertificateDer<'_>>) -> Service {
        let issued = self.api.certificates.lock();
        let user = certificate.and_then(|certificate| issued.get(certificate.as_ref()).cloned());
        drop(issued);
        self.user = user;
        self
    }
}

impl<B> tower::Service<Request<B>> for Service
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: fmt::Display + Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let api = Arc::clone(&self.api);
        let (user, connection) = (self.user.clone(), self.connection.clone());
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            if let Some(user) = user {
                parts.extensions.insert(user);
            }
            if let Some(connection) = connection {
                parts.extensions.insert(connection);
            }
            Ok(crate::router::handle(api, parts, body).await)
        })
    }
}
