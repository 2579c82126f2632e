//! Headers that every request has.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderName, HeaderValue, Request};
use tower::{Layer, Service};

/// Gives every request some headers.
///
/// ```no_run
/// use kubist_client::{Config, client::{ConfigExt, middleware::ExtraHeadersLayer}};
///
/// # fn run(config: Config) -> Result<(), kubist_client::Error> {
/// let layer: ExtraHeadersLayer = config.extra_headers_layer()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ExtraHeadersLayer {
    headers: Arc<[(HeaderName, HeaderValue)]>,
}

impl ExtraHeadersLayer {
    pub(crate) fn new(headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self {
            headers: headers.into(),
        }
    }
}

impl<S> Layer<S> for ExtraHeadersLayer {
    type Service = ExtraHeaders<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ExtraHeaders {
            headers: self.headers.clone(),
            inner,
        }
    }
}

/// Gives every request some headers; see [`ExtraHeadersLayer`].
///
/// ```no_run
/// use kubist_client::{Config, client::{ConfigExt, middleware::ExtraHeaders}};
/// use tower::Layer;
///
/// fn with_headers<S>(config: &Config, service: S) -> Result<ExtraHeaders<S>, kubist_client::Error> {
///     Ok(config.extra_headers_layer()?.layer(service))
/// }
/// ```
#[derive(Clone)]
pub struct ExtraHeaders<S> {
    headers: Arc<[(HeaderName, HeaderValue)]>,
    inner: S,
}

impl<S, ReqBody> Service<Request<ReqBody>> for ExtraHeaders<S>
where
    S: Service<Request<ReqBody>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        // Appended, as one header may have many values: each group to act as is one.
        request.headers_mut().extend(self.headers.iter().cloned());
        self.inner.call(request)
    }
}
