//! Where the server is and who one is: from a kubeconfig, or from within a cluster.
//!
//! [`Config::infer`] finds out by itself. [`Kubeconfig`] is the file as it is,
//! [`Config::from_custom_kubeconfig`] makes a [`Config`] of it.

#[cfg_attr(not(feature = "client"), allow(dead_code))]
mod certificates;
mod error;
mod incluster;
mod kubeconfig;
mod load;
mod redact;
mod resolve;

use std::{fmt, path::PathBuf, time::Duration};

use http::{HeaderName, HeaderValue, Uri};

pub use error::{InClusterError, InferConfigError, KubeconfigError, LoadDataError};
pub use kubeconfig::{
    AuthInfo, AuthProviderConfig, Cluster, Context, ExecAuthCluster, ExecConfig, ExecInteractiveMode,
    Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext, NamedExtension, Preferences,
};
pub use resolve::KubeConfigOptions;

#[cfg(feature = "oidc")]
pub(crate) use kubeconfig::load;

pub(crate) use certificates::certificates;

use certificates::Loaded;
use redact::Url;
#[cfg(feature = "client")]
pub(crate) use redact::without_credentials;

/// Where the server is, how to reach it, and as whom. Its `Debug` shows no secrets.
///
/// ```no_run
/// use kubist_client::{Client, Config};
///
/// # async fn run() -> Result<(), kubist_client::Error> {
/// let mut config = Config::infer().await.map_err(kubist_client::Error::InferConfig)?;
/// config.default_namespace = "kube-system".to_owned();
/// config.proxy_url = Some("socks5://bastion:1080".parse().expect("a URL"));
/// config.dead_connection_timeout = Some(std::time::Duration::from_secs(10));
/// let client = Client::try_from(config)?;
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
#[derive(Clone)]
pub struct Config {
    /// The server's URL; may have a path. Credentials in it are not used.
    pub cluster_url: Uri,
    /// The namespace where one is needed and none is named.
    pub default_namespace: String,
    /// The certificate authorities to trust, each in DER; the platform's where it says nothing.
    pub root_cert: Option<Vec<Vec<u8>>>,
    /// A file of certificate authorities, which is read again when it may have changed; goes
    /// before [`root_cert`](Self::root_cert).
    ///
    /// The file that a kubeconfig names is read again without it, unless `root_cert` is replaced.
    pub root_cert_file: Option<PathBuf>,
    /// How long connecting may take, TLS included; 30 seconds by default.
    pub connect_timeout: Option<Duration>,
    /// How long a connection may be silent; forever by default.
    ///
    /// A watch of what does not change is silent for minutes: dead connections are found by
    /// keepalive instead.
    pub read_timeout: Option<Duration>,
    /// How long a write may block; 295 seconds by default.
    pub write_timeout: Option<Duration>,
    /// How long the head of an answer may take, once a request is sent; forever by default.
    ///
    /// The log of a container that is silent has no head either. A request that fails this way may
    /// have been done; it is not tried again.
    pub response_header_timeout: Option<Duration>,
    /// After how long a connection without requests is closed; 90 seconds by default.
    pub idle_timeout: Option<Duration>,
    /// Within which time a connection is noticed to be dead, also under a watch on which nothing
    /// happens; 30 seconds by default.
    ///
    /// Pings of HTTP/2 see to it, keepalive of TCP, and on Linux its user timeout, for which a server
    /// that takes nothing of what is sent for as long is dead too. Through a proxy, HTTP/1.1 notices
    /// only what the proxy does. Without it, only a request that fails tells.
    pub dead_connection_timeout: Option<Duration>,
    /// Whether to trust any certificate; not for production.
    pub accept_invalid_certs: bool,
    /// Who one is.
    pub auth_info: AuthInfo,
    /// Whether not to ask for compressed responses.
    pub disable_compression: bool,
    /// The proxy to go through.
    pub proxy_url: Option<Uri>,
    /// The name that the server's certificate must have, if not the URL's.
    pub tls_server_name: Option<String>,
    /// Headers that every request has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether requests that fail for a passing reason are tried again; on by default.
    ///
    /// See [`RetryPolicy`](crate::client::retry::RetryPolicy).
    #[cfg_attr(not(feature = "client"), doc(hidden))]
    pub default_retry: bool,
    /// The file that [`root_cert`](Self::root_cert) is of.
    loaded_root_cert: Option<Loaded>,
}

impl Config {
    /// A server at this URL, without credentials.
    ///
    /// ```
    /// use http::Uri;
    /// use kubist_client::Config;
    ///
    /// let config = Config::new(Uri::from_static("https://10.0.0.1:6443"));
    /// assert_eq!(config.default_namespace, "default");
    /// ```
    pub fn new(cluster_url: Uri) -> Self {
        Self {
            cluster_url,
            default_namespace: "default".to_owned(),
            root_cert: None,
            root_cert_file: None,
            connect_timeout: Some(Duration::from_secs(30)),
            read_timeout: None,
            write_timeout: Some(Duration::from_secs(295)),
            response_header_timeout: None,
            idle_timeout: Some(Duration::from_secs(90)),
            dead_connection_timeout: Some(Duration::from_secs(30)),
            accept_invalid_certs: false,
            auth_info: AuthInfo::default(),
            disable_compression: false,
            proxy_url: None,
            tls_server_name: None,
            headers: Vec::new(),
            default_retry: true,
            loaded_root_cert: None,
        }
    }

    /// Finds out where the server is, as `kubectl` does: by the kubeconfig that `KUBECONFIG` or
    /// `~/.kube/config` name, or else from within a cluster.
    ///
    /// ```no_run
    /// use kubist_client::Config;
    ///
    /// # async fn run() -> Result<(), kubist_client::config::InferConfigError> {
    /// let config = Config::infer().await?;
    /// println!("{}", config.cluster_url);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where neither is there; the message says what was looked for, and where.
    pub async fn infer() -> Result<Self, InferConfigError> {
        let mut config = match Self::from_kubeconfig(&KubeConfigOptions::default()).await {
            Ok(config) => config,
            Err(kubeconfig) => {
                tracing::trace!("no kubeconfig, trying from within a cluster");
                Self::incluster().map_err(|in_cluster| InferConfigError::new(in_cluster, kubeconfig))?
            }
        };
        config.apply_debug_overrides();
        Ok(config)
    }

    /// The cluster that this process runs in, by its service account.
    ///
    /// ```no_run
    /// use kubist_client::Config;
    ///
    /// # fn run() -> Result<(), kubist_client::config::InClusterError> {
    /// let config = Config::incluster()?;
    /// println!("{} in {}", config.cluster_url, config.default_namespace);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails outside of a cluster.
    pub fn incluster() -> Result<Self, InClusterError> {
        Self::incluster_env()
    }

    /// The same; the server's address is in `KUBERNETES_SERVICE_HOST` and
    /// `KUBERNETES_SERVICE_PORT`.
    ///
    /// ```no_run
    /// use kubist_client::Config;
    ///
    /// # fn run() -> Result<(), kubist_client::config::InClusterError> {
    /// let config = Config::incluster_env()?;
    /// println!("{} in {}", config.cluster_url, config.default_namespace);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails outside of a cluster.
    pub fn incluster_env() -> Result<Self, InClusterError> {
        incluster::config(incluster::url_from_env()?)
    }

    /// The same; the server's address is `https://kubernetes.default.svc`.
    ///
    /// ```no_run
    /// use kubist_client::Config;
    ///
    /// # fn run() -> Result<(), kubist_client::config::InClusterError> {
    /// let config = Config::incluster_dns()?;
    /// println!("{} in {}", config.cluster_url, config.default_namespace);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails outside of a cluster.
    pub fn incluster_dns() -> Result<Self, InClusterError> {
        incluster::config(incluster::url_of_dns())
    }

    /// The server of the default kubeconfig.
    ///
    /// ```no_run
    /// use kubist_client::{Config, config::KubeConfigOptions};
    ///
    /// # async fn run() -> Result<(), kubist_client::config::KubeconfigError> {
    /// let options = KubeConfigOptions {
    ///     context: Some("staging".to_owned()),
    ///     ..KubeConfigOptions::default()
    /// };
    /// let config = Config::from_kubeconfig(&options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where there is no kubeconfig, or it does not have what the options name.
    pub async fn from_kubeconfig(options: &KubeConfigOptions) -> Result<Self, KubeconfigError> {
        resolve::config(Kubeconfig::read()?, options)
    }

    /// The server of a kubeconfig.
    ///
    /// ```
    /// use kubist_client::{Config, config::{KubeConfigOptions, Kubeconfig}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), kubist_client::config::KubeconfigError> {
    /// let yaml = "clusters: [{ name: dev, cluster: { server: 'https://10.0.0.1' } }]";
    /// let kubeconfig = Kubeconfig::from_yaml(yaml)?;
    /// let options = KubeConfigOptions { cluster: Some("dev".to_owned()), ..KubeConfigOptions::default() };
    /// let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    /// assert_eq!(config.cluster_url, "https://10.0.0.1/");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where it does not have what the options name.
    pub async fn from_custom_kubeconfig(
        kubeconfig: Kubeconfig,
        options: &KubeConfigOptions,
    ) -> Result<Self, KubeconfigError> {
        resolve::config(kubeconfig, options)
    }

    /// Applies what the environment overrides, for debugging:
    /// `KUBE_RS_DEBUG_IMPERSONATE_USER`, `KUBE_RS_DEBUG_IMPERSONATE_GROUP` (separated by commas)
    /// and `KUBE_RS_DEBUG_OVERRIDE_URL`.
    ///
    /// [`infer`](Self::infer) does so by itself.
    ///
    /// ```no_run
    /// use http::Uri;
    /// use kubist_client::Config;
    ///
    /// let mut config = Config::new(Uri::from_static("https://10.0.0.1:6443"));
    /// config.apply_debug_overrides();
    /// ```
    pub fn apply_debug_overrides(&mut self) {
        self.apply_overrides_of(|name| std::env::var(name).ok());
    }

    fn apply_overrides_of(&mut self, variable: impl Fn(&str) -> Option<String>) {
        if let Some(user) = variable("KUBE_RS_DEBUG_IMPERSONATE_USER") {
            tracing::warn!(user, "impersonating, as the environment says");
            self.auth_info.impersonate = Some(user);
        }
        if let Some(groups) = variable("KUBE_RS_DEBUG_IMPERSONATE_GROUP") {
            let groups: Vec<_> = groups.split(',').map(str::to_owned).collect();
            tracing::warn!(?groups, "impersonating, as the environment says");
            self.auth_info.impersonate_groups = Some(groups);
        }
        if let Some(url) = variable("KUBE_RS_DEBUG_OVERRIDE_URL") {
            match url.parse() {
                Ok(parsed) => {
                    tracing::warn!(url, "overriding the server's URL, as the environment says");
                    self.cluster_url = parsed;
                }
                Err(error) => tracing::warn!(%error, "KUBE_RS_DEBUG_OVERRIDE_URL is no URL"),
            }
        }
    }
}

/// Shows no credentials of the proxy, and of headers the names.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Config")
            .field("cluster_url", &redact::without_credentials(&self.cluster_url))
            .field("default_namespace", &self.default_namespace)
            .field("root_cert", &self.root_cert.as_ref().map(Vec::len))
            .field("root_cert_file", &self.root_cert_file)
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("write_timeout", &self.write_timeout)
            .field("response_header_timeout", &self.response_header_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("dead_connection_timeout", &self.dead_connection_timeout)
            .field("accept_invalid_certs", &self.accept_invalid_certs)
            .field("auth_info", &self.auth_info)
            .field("disable_compression", &self.disable_compression)
            .field("proxy_url", &Url::of(self.proxy_url.as_ref()))
            .field("tls_server_name", &self.tls_server_name)
            .field("headers", &headers)
            .field("default_retry", &self.default_retry)
            .finish()
    }
}

/// The server of its current context.
impl TryFrom<Kubeconfig> for Config {
    type Error = KubeconfigError;

    fn try_from(kubeconfig: Kubeconfig) -> Result<Self, KubeconfigError> {
        resolve::config(kubeconfig, &KubeConfigOptions::default())
    }
}

#[cfg(test)]
mod tests;
