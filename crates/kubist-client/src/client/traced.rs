//! A span around each request.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower::{BoxError, Service};
use tracing::{Span, field, level_filters::LevelFilter};

use super::Body;

/// A request that carries the name of the method that made it, for its span.
///
/// Where nobody listens to spans, the name would be carried in vain.
pub(crate) fn named<B>(name: &'static str, mut request: Request<B>) -> Request<B> {
    if LevelFilter::current() >= LevelFilter::DEBUG {
        request.extensions_mut().insert(name);
    }
    request
}

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
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Recorded<S::Future>;

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
        Recorded { answer, span }
    }
}

pin_project! {
    /// An answer to come, and the span that says how it ended.
    pub(super) struct Recorded<F> {
        #[pin]
        answer: F,
        span: Span,
    }
}

impl<F> Future for Recorded<F>
where
    F: Future<Output = Result<Response<Body>, BoxError>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        let result = ready!(this.answer.poll(cx));
        match &result {
            Ok(response) => {
                let status = response.status();
                this.span.record("http.status_code", status.as_u16());
                if status.is_client_error() || status.is_server_error() {
                    this.span.record("otel.status_code", "ERROR");
                }
                tracing::debug!("answered");
            }
            Err(error) => {
                this.span.record("otel.status_code", "ERROR");
                tracing::debug!(%error, "request failed");
            }
        }
        Poll::Ready(result)
    }
}
