//! Puts a client's stack together.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use jiff::Timestamp;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, retry::RetryLayer, util::BoxService};

use super::{
    Body, Client, ConfigExt, connections::Connections, retry::RetryPolicy, stack::Stack, traced::Traced,
};
use crate::{Config, Error, Result};

/// The body of a response, whatever it is.
///
/// ```
/// use http_body_util::Empty;
/// use kubist_client::client::DynBody;
///
/// let body: Box<DynBody> = Box::new(http_body_util::BodyExt::map_err(Empty::new(), |never| match never {}));
/// ```
pub type DynBody = dyn HttpBody<Data = Bytes, Error = BoxError> + Send + Unpin;

/// What [`ClientBuilder::try_from`] builds on.
type GenericService = BoxService<Request<Body>, Response<Box<DynBody>>, BoxError>;

/// Builds a [`Client`] of a service, or of a [`Config`] and layers of one's own.
///
/// ```no_run
/// use kubist_client::{Config, client::ClientBuilder};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::infer().await?;
/// let client = ClientBuilder::try_from(config)?
///     .with_layer(&tower::limit::ConcurrencyLimitLayer::new(16))
///     .build();
/// # Ok(())
/// # }
/// ```
pub struct ClientBuilder<Svc> {
    service: Svc,
    /// The same as the service, as long as no layer is around it.
    configured: Option<Stack>,
    default_namespace: String,
    valid_until: Option<Timestamp>,
}

impl<Svc> ClientBuilder<Svc> {
    /// Builds on a service.
    ///
    /// ```no_run
    /// use http::{Request, Response};
    /// use kubist_client::client::{Body, ClientBuilder};
    ///
    /// let service = tower::service_fn(|_: Request<Body>| async {
    ///     Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
    /// });
    /// let client = ClientBuilder::new(service, "default").build();
    /// ```
    pub fn new(service: Svc, default_namespace: impl Into<String>) -> Self
    where
        Svc: Service<Request<Body>>,
    {
        Self {
            service,
            configured: None,
            default_namespace: default_namespace.into(),
            valid_until: None,
        }
    }

    /// Puts a layer around the service.
    ///
    /// ```no_run
    /// use kubist_client::{Config, client::ClientBuilder};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = ClientBuilder::try_from(Config::infer().await?)?
    ///     .with_layer(&tower::limit::ConcurrencyLimitLayer::new(16))
    ///     .build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_layer<L: Layer<Svc>>(self, layer: &L) -> ClientBuilder<L::Service> {
        ClientBuilder {
            service: layer.layer(self.service),
            configured: None,
            default_namespace: self.default_namespace,
            valid_until: self.valid_until,
        }
    }

    /// Says until when the client's credentials are good.
    ///
    /// ```no_run
    /// use jiff::{SignedDuration, Timestamp};
    /// use kubist_client::{Config, client::ClientBuilder};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let soon = Timestamp::now() + SignedDuration::from_mins(10);
    /// let client = ClientBuilder::try_from(Config::infer().await?)?
    ///     .with_valid_until(Some(soon))
    ///     .build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_valid_until(self, valid_until: Option<Timestamp>) -> Self {
        Self { valid_until, ..self }
    }

    /// Builds the client.
    ///
    /// ```no_run
    /// use kubist_client::{Config, client::ClientBuilder};
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = ClientBuilder::try_from(Config::infer().await?)?.build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn build<B>(self) -> Client
    where
        Svc: Service<Request<Body>, Response = Response<B>> + Send + 'static,
        Svc::Future: Send + 'static,
        Svc::Error: Into<BoxError>,
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let stack = self.configured.unwrap_or_else(|| Stack::single(self.service));
        Client::of(stack, self.default_namespace).with_valid_until(self.valid_until)
    }
}

/// Builds on the stack that a configuration needs.
impl TryFrom<Config> for ClientBuilder<GenericService> {
    type Error = Error;

    fn try_from(config: Config) -> Result<Self> {
        let default_namespace = config.default_namespace.clone();
        let stack = stack(&config)?;
        let boxed = |response: Response<Body>| {
            response.map(|body| Box::new(http_body_util::BodyExt::map_err(body, Into::into)) as Box<DynBody>)
        };
        Ok(Self {
            service: BoxService::new(stack.clone().into_service().map_response(boxed)),
            configured: Some(stack),
            default_namespace,
            valid_until: None,
        })
    }
}

/// The whole stack, from the outermost layer to the connection.
fn stack(config: &Config) -> Result<Stack> {
    layers(config, Connections::new(config)?)
}

/// Puts the layers around the connections.
fn layers(config: &Config, connections: Connections) -> Result<Stack> {
    let retry = config
        .default_retry
        .then(|| RetryLayer::new(RetryPolicy::server_retry()));
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(retry)
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .layer_fn(Traced::new)
        .service(connections);
    #[cfg(feature = "gzip")]
    if !config.disable_compression {
        let service = ServiceBuilder::new()
            .map_response(|response: Response<_>| response.map(Body::wrap))
            .layer(tower_http::decompression::DecompressionLayer::new())
            .service(service);
        return Ok(Stack::Cloneable(tower::util::BoxCloneSyncService::new(service)));
    }
    Ok(Stack::Configured(service))
}
