//! The service behind a client.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response};
use http_body::Body as HttpBody;
use tokio::{sync::Mutex, task::yield_now};
use tower::{BoxError, Service, ServiceExt, retry::Retry, util::Either};

use super::{
    Body,
    connections::Connections,
    middleware::{Auth, BaseUri, ExtraHeaders},
    retry::RetryPolicy,
    traced::Traced,
};

/// What a configuration makes: its type is spelled out, so that no request pays for hiding it.
pub(super) type Configured = BaseUri<Either<Retry<RetryPolicy, Authorized>, Authorized>>;
type Authorized = Either<Auth<Sent>, Sent>;
type Sent = ExtraHeaders<Traced<Connections>>;

/// A service that can be cloned and used from everywhere.
#[cfg(feature = "gzip")]
type Cloneable = tower::util::BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;
type Single = tower::util::BoxService<Request<Body>, Response<Body>, BoxError>;

/// What a client sends its requests to; cloning it is cheap.
///
/// Nothing stands between a caller and the connection but the layers: no task, no channel.
#[derive(Clone)]
// A box would be an allocation for each request, which clones it.
#[allow(clippy::large_enum_variant)]
pub(super) enum Stack {
    /// As a configuration has it, with no layers of somebody else's.
    Configured(Configured),
    /// Each request has its own copy.
    #[cfg(feature = "gzip")]
    Cloneable(Cloneable),
    /// There is one, which is locked until it has taken a request; not while it answers.
    Single(Arc<Mutex<Single>>),
}

impl Stack {
    /// Takes a service that may not be cloneable.
    pub(super) fn single<S, B>(service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let service = service
            .map_response(|response| response.map(Body::wrap))
            .map_err(Into::into);
        Stack::Single(Arc::new(Mutex::new(Single::new(service))))
    }

    /// The stack as a service.
    pub(super) fn into_service(
        self,
    ) -> impl Service<
        Request<Body>,
        Response = Response<Body>,
        Error = BoxError,
        Future = BoxFuture<'static, Result<Response<Body>, BoxError>>,
    > + Send {
        tower::service_fn(move |request| {
            let stack = self.clone();
            async move { stack.send(request).await }.boxed()
        })
    }

    /// Sends a request.
    ///
    /// Cancel safe: a request that is dropped before the service took it is not sent.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        match self {
            Stack::Configured(service) => service.clone().oneshot(request).await,
            #[cfg(feature = "gzip")]
            Stack::Cloneable(service) => service.clone().oneshot(request).await,
            Stack::Single(service) => {
                // Where kube has a queue, an answer is never there at once; mocks rely on that.
                yield_now().await;
                let answer = service.lock().await.ready().await?.call(request);
                answer.await
            }
        }
    }
}
