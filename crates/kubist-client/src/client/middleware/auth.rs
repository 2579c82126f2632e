//! Credentials in the `Authorization` header.

use std::task::{Context, Poll};

use futures::future::{BoxFuture, Either, FutureExt, MapErr, TryFutureExt};
use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use tower::{BoxError, Layer, Service};

use crate::{Error, client::auth::Refreshable};

/// Gives every request its credentials.
///
/// ```no_run
/// use kubist_client::{Config, client::{ConfigExt, middleware::AuthLayer}};
///
/// # fn run(config: Config) -> Result<(), kubist_client::Error> {
/// // None where the configuration has no credentials, or those are certificates.
/// let layer: Option<AuthLayer> = config.auth_layer()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AuthLayer(Credentials);

#[derive(Clone)]
enum Credentials {
    Fixed(HeaderValue),
    Refreshable(Refreshable),
}

impl AuthLayer {
    pub(crate) fn fixed(header: HeaderValue) -> Self {
        Self(Credentials::Fixed(header))
    }

    pub(crate) fn refreshable(credentials: Refreshable) -> Self {
        Self(Credentials::Refreshable(credentials))
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Auth {
            credentials: self.0.clone(),
            inner,
        }
    }
}

/// Gives every request its credentials; see [`AuthLayer`].
///
/// ```no_run
/// use kubist_client::{Config, client::{ConfigExt, middleware::Auth}};
/// use tower::Layer;
///
/// fn with_credentials<S>(config: &Config, service: S) -> Result<Option<Auth<S>>, kubist_client::Error> {
///     Ok(config.auth_layer()?.map(|layer| layer.layer(service)))
/// }
/// ```
#[derive(Clone)]
pub struct Auth<S> {
    credentials: Credentials,
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Auth<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    ReqBody: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<
        MapErr<S::Future, fn(S::Error) -> BoxError>,
        BoxFuture<'static, Result<S::Response, BoxError>>,
    >;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let into_box: fn(S::Error) -> BoxError = Into::into;
        match &self.credentials {
            Credentials::Fixed(header) => {
                request.headers_mut().insert(AUTHORIZATION, header.clone());
                Either::Left(self.inner.call(request).map_err(into_box))
            }
            Credentials::Refreshable(credentials) => {
                let credentials = credentials.clone();
                // The service that is ready goes into the future; its clone stays.
                let clone = self.inner.clone();
                let mut ready = std::mem::replace(&mut self.inner, clone);
                let answer = async move {
                    let header = credentials.header().await.map_err(Error::Auth)?;
                    if let Some(header) = &header {
                        request.headers_mut().insert(AUTHORIZATION, header.clone());
                    }
                    let response = ready.call(request).await.map_err(into_box)?;
                    if response.status() == StatusCode::UNAUTHORIZED {
                        credentials.refused(header.as_ref());
                    }
                    Ok(response)
                };
                Either::Right(answer.boxed())
            }
        }
    }
}
