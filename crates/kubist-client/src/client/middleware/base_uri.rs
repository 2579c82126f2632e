//! Where requests go to.

use std::task::{Context, Poll};

use http::{Request, Uri, uri};
use tower::{Layer, Service};

use crate::config::without_credentials;

/// Sends requests, which have a path only, to a server.
///
/// ```
/// use http::{Request, Uri};
/// use kubist_client::client::middleware::BaseUriLayer;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// let service = ServiceBuilder::new()
///     .layer(BaseUriLayer::new(Uri::from_static("https://10.0.0.1:6443/clusters/a")))
///     .service(service_fn(|request: Request<()>| async move {
///         Ok::<_, std::convert::Infallible>(request.uri().clone())
///     }));
/// let mut request = Request::new(());
/// *request.uri_mut() = Uri::from_static("/version");
/// assert_eq!(service.oneshot(request).await?, "https://10.0.0.1:6443/clusters/a/version");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BaseUriLayer {
    base_uri: Uri,
}

impl BaseUriLayer {
    /// Sends requests to this server; its path goes before theirs.
    ///
    /// Credentials in the URL are left out: it is logged, and part of errors.
    ///
    /// ```
    /// use http::Uri;
    /// use kubist_client::client::middleware::BaseUriLayer;
    ///
    /// let layer = BaseUriLayer::new(Uri::from_static("https://me:secret@10.0.0.1:6443"));
    /// assert!(!format!("{layer:?}").contains("secret"));
    /// ```
    pub fn new(base_uri: Uri) -> Self {
        Self {
            base_uri: without_credentials(&base_uri),
        }
    }
}

impl<S> Layer<S> for BaseUriLayer {
    type Service = BaseUri<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BaseUri {
            base_uri: self.base_uri.clone(),
            inner,
        }
    }
}

/// Sends requests to a server; see [`BaseUriLayer`].
///
/// ```
/// use http::Uri;
/// use kubist_client::client::middleware::{BaseUri, BaseUriLayer};
/// use tower::Layer;
///
/// fn at<S>(server: Uri, service: S) -> BaseUri<S> {
///     BaseUriLayer::new(server).layer(service)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct BaseUri<S> {
    base_uri: Uri,
    inner: S,
}

impl<S, ReqBody> Service<Request<ReqBody>> for BaseUri<S>
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
        if let Some(uri) = join(&self.base_uri, request.uri()) {
            *request.uri_mut() = uri;
        }
        self.inner.call(request)
    }
}

/// The URI of a server with the path and query of a request behind its own path.
///
/// `None` where there is nothing to change.
fn join(base: &Uri, request: &Uri) -> Option<Uri> {
    let mut parts = base.clone().into_parts();
    let prefix = base.path().trim_end_matches('/');
    let path = request.path_and_query();
    parts.path_and_query = match path {
        Some(path) if prefix.is_empty() => Some(path.clone()),
        Some(path) => format!("{prefix}{path}").parse().ok(),
        None => Some(uri::PathAndQuery::from_static("/")),
    };
    if parts.scheme.is_none() {
        parts.authority = None;
    }
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_url_go_nowhere() {
        let layer = BaseUriLayer::new("https://me:hunter2@a:6443/base".parse().expect("valid"));
        assert!(!format!("{layer:?}").contains("hunter2"), "{layer:?}");
        let joined = join(&layer.base_uri, &"/api".parse().expect("valid"));
        assert_eq!(joined.expect("joins"), "https://a:6443/base/api");
    }

    #[test]
    fn paths_join() {
        for (base, request, expected) in [
            (
                "https://a:6443",
                "/api/v1/pods?limit=1",
                "https://a:6443/api/v1/pods?limit=1",
            ),
            ("https://a/", "/api", "https://a/api"),
            (
                "https://a/k8s/clusters/c-1",
                "/api?x",
                "https://a/k8s/clusters/c-1/api?x",
            ),
            ("https://a/base/", "/api", "https://a/base/api"),
            ("http://a/", "https://b/api", "http://a/api"),
        ] {
            let joined = join(&base.parse().expect("valid"), &request.parse().expect("valid"));
            assert_eq!(joined.expect("joins"), expected);
        }
    }
}
