//! What can be wrong with a configuration.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Neither a kubeconfig nor a cluster around this process.
///
/// ```no_run
/// use kubist_client::{Config, config::InferConfigError};
///
/// # async fn run() -> Result<(), InferConfigError> {
/// if let Err(error) = Config::infer().await {
///     // Says what was looked for, and where.
///     eprintln!("{error}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Error, Debug)]
#[error("found no usable kubeconfig ({kubeconfig}) and no cluster around this process ({in_cluster})")]
pub struct InferConfigError {
    in_cluster: InClusterError,
    // The source: outside of a cluster, this is what to mend.
    #[source]
    kubeconfig: KubeconfigError,
}

impl InferConfigError {
    pub(super) fn new(in_cluster: InClusterError, kubeconfig: KubeconfigError) -> Self {
        Self {
            in_cluster,
            kubeconfig,
        }
    }
}

/// What can be wrong with a kubeconfig.
///
/// ```
/// use kubist_client::{Config, config::{KubeConfigOptions, Kubeconfig, KubeconfigError}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let options = KubeConfigOptions::default();
/// let result = Config::from_custom_kubeconfig(Kubeconfig::default(), &options).await;
/// assert!(matches!(result, Err(KubeconfigError::CurrentContextNotSet)));
/// # }
/// ```
#[derive(Error, Debug)]
pub enum KubeconfigError {
    /// No context was named, and the file names none.
    #[error("failed to determine current context")]
    CurrentContextNotSet,

    /// Two files that are not of one kind.
    #[error("kubeconfigs with mismatching kind cannot be merged")]
    KindMismatch,

    /// Two files that are not of one version.
    #[error("kubeconfigs with mismatching api version cannot be merged")]
    ApiVersionMismatch,

    /// There is no such context.
    #[error("failed to load current context: {0}")]
    LoadContext(String),

    /// There is no such cluster.
    #[error("failed to load the cluster of context: {0}")]
    LoadClusterOfContext(String),

    /// There is no such user.
    #[error("failed to load the user of context: {0}")]
    LoadUserOfContext(String),

    /// There is no home directory to look in, and `KUBECONFIG` is not set.
    #[error("failed to find the path of kubeconfig: KUBECONFIG is not set and there is no home directory")]
    FindPath,

    /// The file cannot be read.
    #[error("failed to read kubeconfig from '{path}': {0}", path = .1.display())]
    ReadConfig(#[source] io::Error, PathBuf),

    /// The file is no kubeconfig; says which and where.
    #[error("failed to parse kubeconfig YAML: {0}")]
    Parse(#[source] Box<serde_saphyr::Error>),

    /// The cluster has no server.
    #[error("cluster url is missing on selected cluster")]
    MissingClusterUrl,

    /// The server is no URL.
    #[error("failed to parse cluster url: {0}")]
    ParseClusterUrl(#[source] http::uri::InvalidUri),

    /// The proxy is no URL.
    #[error("failed to parse proxy url: {0}")]
    ParseProxyUrl(#[source] http::uri::InvalidUri),

    /// The certificate authority cannot be loaded.
    #[error("failed to load certificate authority: {0}")]
    LoadCertificateAuthority(#[source] LoadDataError),

    /// The client certificate cannot be loaded.
    #[error("failed to load client certificate: {0}")]
    LoadClientCertificate(#[source] LoadDataError),

    /// The client key cannot be loaded.
    #[error("failed to load client key: {0}")]
    LoadClientKey(#[source] LoadDataError),

    /// The certificate authority is no PEM.
    #[error("failed to parse PEM-encoded certificates: {0}")]
    ParseCertificates(#[source] pem::PemError),
}

/// What can be wrong with a cluster around this process.
///
/// ```no_run
/// use kubist_client::{Config, config::InClusterError};
///
/// match Config::incluster() {
///     Err(InClusterError::ReadEnvironmentVariable(_)) => eprintln!("this is no cluster"),
///     result => println!("{:?}", result.map(|config| config.cluster_url)),
/// }
/// ```
#[derive(Error, Debug)]
pub enum InClusterError {
    /// The service account's namespace cannot be read.
    #[error("failed to read /var/run/secrets/kubernetes.io/serviceaccount/namespace: {0}")]
    ReadDefaultNamespace(#[source] io::Error),

    /// The server's address is not in the environment.
    #[error("failed to read KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: {0}")]
    ReadEnvironmentVariable(#[source] std::env::VarError),

    /// The cluster's certificate authority cannot be read.
    #[error("failed to read /var/run/secrets/kubernetes.io/serviceaccount/ca.crt: {0}")]
    ReadCertificateBundle(#[source] io::Error),

    /// The server's port is no number.
    #[error("failed to parse cluster port: {0}")]
    ParseClusterPort(#[source] std::num::ParseIntError),

    /// The server's host makes no URL.
    #[error("failed to parse cluster url: {0}")]
    ParseClusterUrl(#[source] http::uri::InvalidUri),

    /// The cluster's certificate authority is no PEM.
    #[error("failed to parse PEM-encoded certificates: {0}")]
    ParseCertificates(#[source] pem::PemError),
}

/// Why a certificate or key could not be loaded.
///
/// ```no_run
/// use kubist_client::{Config, config::{KubeConfigOptions, KubeconfigError, LoadDataError}};
///
/// # async fn run() {
/// match Config::from_kubeconfig(&KubeConfigOptions::default()).await {
///     Err(KubeconfigError::LoadClientKey(LoadDataError::ReadFile(_, path))) => eprintln!("{path:?}"),
///     result => println!("{:?}", result.map(|config| config.cluster_url)),
/// }
/// # }
/// ```
#[derive(Debug, Error)]
pub enum LoadDataError {
    /// It is not base64.
    #[error("failed to decode base64 data: {0}")]
    DecodeBase64(#[source] base64::DecodeError),

    /// Its file cannot be read.
    #[error("failed to read file '{path}': {0}", path = .1.display())]
    ReadFile(#[source] io::Error, PathBuf),

    /// There is neither data nor a file.
    #[error("no base64 data or file")]
    NoBase64DataOrFile,
}
