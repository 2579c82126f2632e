//! A span around each request.

use std::task::{Context, Poll};

use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response};
use tower::{BoxError, Service};
use tracing::{Instrument, field};

use super::Body;

/// Says in a span what was asked and how it ended; neither bodies nor credentials.
#[derive(Clone)]
pub(super) struct Traced<S>(S);

impl<S> Traced<S> {
    pub(super) fn new(inner: S) -> Self {
        Self(inner)
    }
}

impl<S> Service<Request<Body>> for Traced<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // `Api` leaves the name of its method.
        let operation = request
            .extensions()
            .get::<&'static str>()
            .copied()
            .unwrap_or("HTTP");
        let span = tracing::debug_span!(
            "HTTP",
            http.method = %request.method(),
            http.url = %request.uri(),
            http.status_code = field::Empty,
            otel.name = operation,
            otel.kind = "client",
            otel.status_code = field::Empty,
        );
        let answer = span.in_scope(|| {
            tracing::debug!("requesting");
            self.0.call(request)
        });
        let recorded = span.clone();
        async move {
            let result = answer.await;
            match &result {
                Ok(response) => {
                    let status = response.status();
                    recorded.record("http.status_code", status.as_u16());
                    if status.is_client_error() || status.is_server_error() {
                        recorded.record("otel.status_code", "ERROR");
                    }
                    tracing::debug!("answered");
                }
                Err(error) => {
                    recorded.record("otel.status_code", "ERROR");
                    tracing::debug!(%error, "request failed");
                }
            }
            result
        }
        .instrument(span)
        .boxed()
    }
}
