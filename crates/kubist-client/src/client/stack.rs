//! The service behind a client.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tokio::sync::Mutex;
use tower::{BoxError, Service, ServiceExt, util::BoxCloneSyncService};

use super::Body;

/// A service that can be cloned and used from everywhere.
pub(super) type Cloneable = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;
type Single = tower::util::BoxService<Request<Body>, Response<Body>, BoxError>;

/// What a client sends its requests to; cloning it is cheap.
///
/// Nothing stands between a caller and the connection but the layers: no task, no channel.
#[derive(Clone)]
pub(super) enum Stack {
    /// Each request has its own copy.
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

    /// Sends a request.
    ///
    /// Cancel safe: a request that is dropped before the service took it is not sent.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        match self {
            Stack::Cloneable(service) => service.clone().oneshot(request).await,
            Stack::Single(service) => {
                let answer = service.lock().await.ready().await?.call(request);
                answer.await
            }
        }
    }
}
