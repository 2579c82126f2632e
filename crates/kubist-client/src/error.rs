//! Why a request failed.

use thiserror::Error;

#[allow(deprecated)]
pub use kubist_core::ErrorResponse;
pub use kubist_core::Status;

/// Why a request, or making a client, failed.
///
/// No error holds what a request or an answer held: it may be a secret.
///
/// ```no_run
/// use k8s_openapi::api::core::v1::Node;
/// use kubist_client::{Api, Error};
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// let nodes: Api<Node> = Api::all(client);
/// match nodes.get("worker-1").await {
///     Ok(node) => println!("{:?}", node.status),
///     Err(Error::Api(status)) if status.is_not_found() => println!("there is none"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Error, Debug)]
pub enum Error {
    /// The server answered that the request failed, and why.
    #[error("ApiError: {0}")]
    Api(#[source] Box<Status>),

    /// The connection failed while an answer was read.
    #[cfg(feature = "client")]
    #[error("HyperError: {0}")]
    HyperError(#[source] hyper::Error),

    /// The request did not come to an answer; for connections, says to which host and why.
    #[cfg(feature = "client")]
    #[error("ServiceError: {0}")]
    Service(#[source] tower::BoxError),

    /// The proxy has a scheme that is not known.
    #[error("configured proxy {proxy_url:?} uses an unsupported protocol")]
    ProxyProtocolUnsupported {
        /// The proxy.
        proxy_url: http::Uri,
    },

    /// The proxy needs a feature that is off.
    #[error("configured proxy {proxy_url:?} requires the disabled feature {protocol_feature:?}")]
    ProxyProtocolDisabled {
        /// The proxy.
        proxy_url: http::Uri,
        /// The feature.
        protocol_feature: &'static str,
    },

    /// An answer that should be text is none.
    #[error("UTF-8 Error: {0}")]
    FromUtf8(#[source] std::string::FromUtf8Error),

    /// An event of a watch is larger than the client takes.
    #[error("watch event is larger than the client takes")]
    LinesCodecMaxLineLengthExceeded,

    /// The connection failed while events were read.
    #[error("Error reading events stream: {0}")]
    ReadEvents(#[source] std::io::Error),

    /// The parts do not make an HTTP request.
    #[error("HttpError: {0}")]
    HttpError(#[source] http::Error),

    /// An answer is not what it was taken for; says where, not what is there.
    #[error("Error deserializing response: {0}")]
    SerdeError(#[source] serde_json::Error),

    /// The request cannot be built, or a server would refuse it.
    #[error("Failed to build request: {0}")]
    BuildRequest(#[source] kubist_core::request::Error),

    /// No configuration was found.
    #[error("Failed to infer configuration: {0}")]
    InferConfig(#[source] crate::config::InferConfigError),

    /// A server does not have what was asked for.
    #[cfg(feature = "client")]
    #[error("Error from discovery: {0}")]
    Discovery(#[source] DiscoveryError),

    /// TLS cannot be set up.
    #[cfg(feature = "rustls-tls")]
    #[error("rustls tls error: {0}")]
    RustlsTls(#[source] crate::client::RustlsTlsError),

    /// TLS cannot be set up.
    #[cfg(feature = "openssl-tls")]
    #[error("openssl tls error: {0}")]
    OpensslTls(#[source] crate::client::OpensslTlsError),

    /// The server has `https`, and no feature for it is on.
    #[error("TLS required but no TLS stack selected")]
    TlsRequired,

    /// No credentials could be had.
    #[cfg(feature = "client")]
    #[error("auth error: {0}")]
    Auth(#[source] crate::client::AuthError),

    /// The server did not upgrade the connection to a WebSocket.
    #[cfg(feature = "ws")]
    #[error("failed to upgrade to a WebSocket connection: {0}")]
    UpgradeConnection(#[source] crate::client::UpgradeConnectionError),

    /// A reference names no object.
    #[error("Reference resolve error: {0}")]
    RefResolve(String),

    /// A kubeconfig is no use.
    #[error("Failed to infer provided configuration: {0}")]
    InferKubeconfig(#[from] crate::config::KubeconfigError),
}

/// What a server does not have.
///
/// ```no_run
/// use kubist_client::{Error, discovery::RestMapper, error::DiscoveryError};
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// match RestMapper::new(client).resolve("widgets").await {
///     Err(Error::Discovery(DiscoveryError::MissingResource(name))) => eprintln!("no {name} here"),
///     result => println!("{}", result?.0.plural),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Error, Debug)]
pub enum DiscoveryError {
    /// A text that is no group and version.
    #[error("Invalid GroupVersion: {0}")]
    InvalidGroupVersion(String),

    /// There is no such kind in the group and version.
    #[error("Missing Kind: {0}")]
    MissingKind(String),

    /// There is no such group.
    #[error("Missing Api Group: {0}")]
    MissingApiGroup(String),

    /// There is no such resource.
    #[error("Missing Resource: {0}")]
    MissingResource(String),

    /// The group has no versions.
    #[error("Empty Api Group: {0}")]
    EmptyApiGroup(String),
}
