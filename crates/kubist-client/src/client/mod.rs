//! Sends requests to a server and reads its answers.
//!
//! [`Client`] is the handle that everything else here works with. It is cheap to clone; all clones
//! share connections. [`ClientBuilder`] puts one together of parts, [`ConfigExt`] makes the parts.

pub(crate) mod auth;
mod body;
mod builder;
mod client_ext;
mod config_ext;
mod connections;
mod connector;
mod discovery;
mod events;
#[cfg(feature = "kubelet-debug")]
mod kubelet;
pub mod middleware;
mod response;
pub mod retry;
pub mod scope;
mod stack;
mod tls;
mod traced;
mod transport;
#[cfg(feature = "ws")]
mod upgrade;
mod warnings;

use std::sync::Arc;

use bytes::Bytes;
use either::Either;
use futures::{AsyncBufRead, TryStream, TryStreamExt};
use http::{Request, Response};
use http_body::Body as HttpBody;
use jiff::Timestamp;
pub use kubist_core::discovery::v2::{
    APIGroupDiscovery, APIGroupDiscoveryList, APIResourceDiscovery, APISubresourceDiscovery,
    APIVersionDiscovery, GroupVersionKind as DiscoveryGroupVersionKind,
};
use kubist_core::{Status, WatchEvent, object::ObjectList};
use kubist_wire::list::ListDecoder;
use serde::de::DeserializeOwned;
use tower::{BoxError, Service};

pub(crate) use traced::named;

pub use auth::AuthError;
#[cfg(feature = "oauth")]
pub use auth::OAuthError;
#[cfg(feature = "oidc")]
pub use auth::oidc_errors;
pub use body::Body;
pub use builder::{ClientBuilder, DynBody};
pub use config_ext::ConfigExt;
#[cfg(feature = "openssl-tls")]
pub use tls::openssl::OpensslTlsError;
#[cfg(feature = "rustls-tls")]
pub use tls::rustls::RustlsTlsError;
#[cfg(feature = "ws")]
pub(crate) use upgrade::V4;
#[cfg(feature = "ws")]
pub use upgrade::{Connection, UpgradeConnectionError};
pub use warnings::Warning;

use crate::{
    Config, Error, Result,
    config::{Kubeconfig, KubeconfigError},
};
use stack::Stack;
use warnings::Warnings;

/// A handle to a server: sends requests and reads answers.
///
/// Cloning it is cheap, and clones share connections.
///
/// ```no_run
/// use kubist_client::Client;
///
/// # async fn run() -> Result<(), kubist_client::Error> {
/// let client = Client::try_default().await?;
/// let version = client.apiserver_version().await?;
/// println!("{}", version.git_version);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    stack: Stack,
    default_namespace: Arc<str>,
    valid_until: Option<Timestamp>,
    warnings: Warnings,
}

impl Client {
    /// A client of any service that takes requests, as a mock or a stack of one's own.
    ///
    /// A service that does not clone is locked until it has taken a request.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, Client, client::Body};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), kubist_client::Error> {
    /// let server = tower::service_fn(|request: Request<Body>| async move {
    ///     assert_eq!(request.uri(), "/api/v1/namespaces/default/pods/web");
    ///     Ok::<_, std::convert::Infallible>(Response::new(Body::from(br#"{"metadata":{"name":"web"}}"#.to_vec())))
    /// });
    /// let pods: Api<Pod> = Api::default_namespaced(Client::new(server, "default"));
    /// assert_eq!(pods.get("web").await?.metadata.name.as_deref(), Some("web"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn new<S, B, T>(service: S, default_namespace: T) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
        T: Into<String>,
    {
        Self::of(Stack::single(service), default_namespace.into())
    }

    fn of(stack: Stack, default_namespace: String) -> Self {
        Self {
            stack,
            default_namespace: default_namespace.into(),
            valid_until: None,
            warnings: Warnings::default(),
        }
    }

    /// A client of the server that [`Config::infer`] finds.
    ///
    /// ```no_run
    /// use kubist_client::Client;
    ///
    /// # async fn run() -> Result<(), kubist_client::Error> {
    /// let client = Client::try_default().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where there is none, or its configuration is no use.
    pub async fn try_default() -> Result<Self> {
        Self::try_from(Config::infer().await.map_err(Error::InferConfig)?)
    }

    /// The namespace where one is needed and none is named.
    ///
    /// ```no_run
    /// # fn run(client: kubist_client::Client) {
    /// println!("in {}", client.default_namespace());
    /// # }
    /// ```
    pub fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    /// Says until when the client's credentials are good.
    ///
    /// ```no_run
    /// use jiff::{SignedDuration, Timestamp};
    ///
    /// # fn run(client: kubist_client::Client) {
    /// let soon = Timestamp::now() + SignedDuration::from_mins(10);
    /// let client = client.with_valid_until(Some(soon));
    /// # }
    /// ```
    pub fn with_valid_until(self, valid_until: Option<Timestamp>) -> Self {
        Self { valid_until, ..self }
    }

    /// Until when the client's credentials are good, if somebody said so.
    ///
    /// Credentials of exec plugins are renewed by the client itself.
    ///
    /// ```no_run
    /// use jiff::{SignedDuration, Timestamp};
    ///
    /// # fn run(client: kubist_client::Client) {
    /// let soon = Timestamp::now() + SignedDuration::from_mins(10);
    /// let client = client.with_valid_until(Some(soon));
    /// assert_eq!(*client.valid_until(), Some(soon));
    /// # }
    /// ```
    pub fn valid_until(&self) -> &Option<Timestamp> {
        &self.valid_until
    }

    /// Tells a function of what the server warns of, in place of `tracing`.
    ///
    /// A server warns of what works and will not, as of an API that is deprecated, and of what it
    /// dropped, as fields that it does not know. Without this the client says each text once, at
    /// level `WARN`. The function is called for every warning of every answer, before the answer is
    /// given; it must not block.
    ///
    /// ```no_run
    /// # fn run(client: kubist_client::Client) {
    /// let client = client.with_warnings(|warning| eprintln!("the server warns: {warning}"));
    /// # }
    /// ```
    #[must_use]
    pub fn with_warnings(self, handler: impl Fn(&Warning) + Send + Sync + 'static) -> Self {
        Self {
            warnings: Warnings::new(handler),
            ..self
        }
    }

    /// Sends a request; any answer is a success.
    ///
    /// ```no_run
    /// use http::Request;
    /// use kubist_client::{Error, client::Body};
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let request = Request::get("/healthz").body(Body::empty()).map_err(Error::HttpError)?;
    /// let response = client.send(request).await?;
    /// println!("{}", response.status());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where no answer comes.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>> {
        let response = self.stack.send(request).await.map_err(|error| {
            // What layers of this crate fail with is known already.
            match error.downcast::<Error>() {
                Ok(error) => *error,
                Err(error) => match error.downcast::<hyper::Error>() {
                    Ok(error) => Error::HyperError(*error),
                    Err(error) => Error::Service(error),
                },
            }
        })?;
        self.warnings.tell(response.headers());
        Ok(response)
    }

    /// Sends a request and decodes its answer.
    ///
    /// ```no_run
    /// use http::Request;
    /// use k8s_openapi::apimachinery::pkg::version::Info;
    /// use kubist_client::Error;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let request = Request::get("/version").body(Vec::new()).map_err(Error::HttpError)?;
    /// let version: Info = client.request(request).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where no answer comes, the server says that it failed, or the answer is no `T`.
    pub async fn request<T>(&self, request: Request<Vec<u8>>) -> Result<T>
    where
        T: DeserializeOwned,
    {
        response::decode(&self.request_bytes(request).await?)
    }

    /// Sends a request and reads its answer as text.
    ///
    /// ```no_run
    /// use http::Request;
    /// use kubist_client::Error;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let request = Request::get("/readyz?verbose").body(Vec::new()).map_err(Error::HttpError)?;
    /// println!("{}", client.request_text(request).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where no answer comes, the server says that it failed, or the answer is no text.
    pub async fn request_text(&self, request: Request<Vec<u8>>) -> Result<String> {
        let bytes = self.request_bytes(request).await?;
        String::from_utf8(bytes.into()).map_err(Error::FromUtf8)
    }

    /// Sends a request and reads its answer as it comes.
    ///
    /// ```no_run
    /// use futures::{AsyncBufReadExt, TryStreamExt};
    /// use http::Request;
    /// use kubist_client::Error;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = Request::get("/metrics").body(Vec::new()).map_err(Error::HttpError)?;
    /// let mut lines = client.request_stream(request).await?.lines();
    /// while let Some(line) = lines.try_next().await? {
    ///     println!("{line}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where no answer comes, or the server says that it failed.
    pub async fn request_stream(&self, request: Request<Vec<u8>>) -> Result<impl AsyncBufRead + use<>> {
        let body = self.request_body(request).await?;
        Ok(http_body_util::BodyDataStream::new(body)
            .map_err(std::io::Error::other)
            .into_async_read())
    }

    /// Sends a request whose answer is a `T`, or a status in place of one.
    ///
    /// ```no_run
    /// use either::Either;
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Error, Resource, api::{DeleteParams, Request}};
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.delete("web-0", &DeleteParams::default()).map_err(Error::BuildRequest)?;
    /// match client.request_status::<Pod>(request).await? {
    ///     Either::Left(pod) => println!("since {:?}", pod.metadata.deletion_timestamp),
    ///     Either::Right(status) => println!("{status:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where no answer comes, the server says that it failed, or the answer is neither.
    pub async fn request_status<T>(&self, request: Request<Vec<u8>>) -> Result<Either<T, Status>>
    where
        T: DeserializeOwned,
    {
        let bytes = self.request_bytes(request).await?;
        if response::is_status(&bytes) {
            return response::decode(&bytes).map(Either::Right);
        }
        response::decode(&bytes).map(Either::Left)
    }

    /// Sends a request and reads its answer as the events of a watch.
    ///
    /// The stream ends with the answer. An event that cannot be decoded is an error in the stream,
    /// which goes on after it.
    ///
    /// ```no_run
    /// use futures::{StreamExt, TryStreamExt};
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Error, Resource, api::{Request, WatchParams}};
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let pods = Request::new(Pod::url_path(&(), Some("web")));
    /// let request = pods.watch(&WatchParams::default(), "0").map_err(Error::BuildRequest)?;
    /// let mut events = client.request_events::<Pod>(request).await?.boxed();
    /// while let Some(event) = events.try_next().await? {
    ///     println!("{event:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where no answer comes, or the server says that it failed.
    pub async fn request_events<T>(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<impl TryStream<Item = Result<WatchEvent<T>>> + use<T>>
    where
        T: Clone + DeserializeOwned,
    {
        Ok(events::Events::new(self.request_body(request).await?))
    }

    /// Sends a request and decodes its answer, a list, while it arrives.
    ///
    /// The whole document is never in memory: what is not decoded yet is one object and what the
    /// connection brought last.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Error, Resource, api::{ListParams, Request}};
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let pods = Request::new(Pod::url_path(&(), None));
    /// let request = pods.list(&ListParams::default()).map_err(Error::BuildRequest)?;
    /// let list = client.request_list::<Pod>(request).await?;
    /// println!("{}", list.items.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where no answer comes, the server says that it failed, or the answer is no list of `K`.
    pub async fn request_list<K>(&self, request: Request<Vec<u8>>) -> Result<ObjectList<K>>
    where
        K: Clone + DeserializeOwned,
    {
        let mut body = self.request_body(request).await?;
        let mut decoder = ListDecoder::new();
        while let Some(chunk) = body.chunk().await? {
            decoder.push(&chunk).map_err(response::decode_error)?;
        }
        decoder.finish().map_err(response::decode_error)
    }

    async fn request_bytes(&self, request: Request<Vec<u8>>) -> Result<Bytes> {
        self.request_body(request).await?.collect_bytes().await
    }

    /// The answer of a request that succeeded.
    async fn request_body(&self, request: Request<Vec<u8>>) -> Result<Body> {
        let asked = response::Asked::of(&request);
        let response = self.send(request.map(Body::from)).await?;
        Ok(response::check(response, &asked).await?.into_body())
    }
}

impl TryFrom<Config> for Client {
    type Error = Error;

    fn try_from(config: Config) -> Result<Self> {
        Ok(ClientBuilder::try_from(config)?.build())
    }
}

impl TryFrom<Kubeconfig> for Client {
    type Error = Error;

    fn try_from(kubeconfig: Kubeconfig) -> Result<Self> {
        let config =
            Config::try_from(kubeconfig).map_err(|error: KubeconfigError| Error::InferKubeconfig(error))?;
        Self::try_from(config)
    }
}
