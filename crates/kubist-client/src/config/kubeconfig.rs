//! The file that says where servers are and who one is
//! ([reference](https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/)).
//!
//! What is not known is kept in the `other` of each part, so that a file that is read and written
//! again loses nothing.

use std::collections::{BTreeMap, HashMap};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{KubeconfigError, LoadDataError};

/// A kubeconfig.
///
/// ```
/// use kubist_client::config::Kubeconfig;
///
/// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
/// let kubeconfig = Kubeconfig::from_yaml("current-context: dev")?;
/// assert_eq!(kubeconfig.current_context.as_deref(), Some("dev"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize, Default)]
pub struct Kubeconfig {
    /// What people prefer; unused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferences: Option<Preferences>,
    /// The clusters.
    #[serde(default, deserialize_with = "null_as_default")]
    pub clusters: Vec<NamedCluster>,
    /// The users.
    #[serde(rename = "users", default, deserialize_with = "null_as_default")]
    pub auth_infos: Vec<NamedAuthInfo>,
    /// The contexts: who one is, and where.
    #[serde(default, deserialize_with = "null_as_default")]
    pub contexts: Vec<NamedContext>,
    /// The context where none is named.
    #[serde(rename = "current-context", skip_serializing_if = "Option::is_none")]
    pub current_context: Option<String>,
    /// What other programs keep here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Vec<NamedExtension>>,
    /// `Config`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `v1`.
    #[serde(rename = "apiVersion", skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What people prefer; unused.
///
/// ```
/// use kubist_client::config::Kubeconfig;
///
/// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
/// let kubeconfig = Kubeconfig::from_yaml("preferences: { colors: true }")?;
/// assert_eq!(kubeconfig.preferences.and_then(|preferences| preferences.colors), Some(true));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize, Default)]
pub struct Preferences {
    /// Whether to use colors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colors: Option<bool>,
    /// What other programs keep here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Vec<NamedExtension>>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What another program keeps here.
///
/// ```
/// use kubist_client::config::Kubeconfig;
///
/// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
/// let kubeconfig = Kubeconfig::from_yaml("extensions: [{ name: note, extension: hello }]")?;
/// let extensions = kubeconfig.extensions.unwrap_or_default();
/// assert_eq!(extensions[0].extension, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NamedExtension {
    /// Its name.
    pub name: String,
    /// Whatever it is.
    pub extension: Value,
}

/// A cluster with its name.
///
/// ```
/// use kubist_client::config::Kubeconfig;
///
/// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
/// let kubeconfig = Kubeconfig::from_yaml("clusters: [{ name: dev, cluster: { server: 'https://10.0.0.1' } }]")?;
/// assert_eq!(kubeconfig.clusters[0].name, "dev");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize, Default)]
pub struct NamedCluster {
    /// The name.
    pub name: String,
    /// The cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// How to reach a cluster's server.
///
/// ```
/// use kubist_client::config::{Cluster, Kubeconfig, NamedCluster};
///
/// let cluster = Cluster { server: Some("https://10.0.0.1".to_owned()), ..Cluster::default() };
/// let named = NamedCluster {
///     name: "dev".to_owned(),
///     cluster: Some(cluster),
///     ..NamedCluster::default()
/// };
/// let kubeconfig = Kubeconfig { clusters: vec![named], ..Kubeconfig::default() };
/// ```
#[derive(Clone, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Cluster {
    /// The server's URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whether to trust any certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_skip_tls_verify: Option<bool>,
    /// A file of certificate authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
    /// Certificate authorities as base64 of PEM; goes before the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_authority_data: Option<String>,
    /// The proxy to go through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
    /// Whether not to ask for compressed responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_compression: Option<bool>,
    /// The name that the server's certificate must have, if not the URL's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_server_name: Option<String>,
    /// What other programs keep here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Vec<NamedExtension>>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Cluster {
    /// The certificate authorities as PEM, if it names any.
    pub(super) fn load_certificate_authority(&self) -> Result<Option<Vec<u8>>, LoadDataError> {
        if self.certificate_authority.is_none() && self.certificate_authority_data.is_none() {
            return Ok(None);
        }
        load(
            self.certificate_authority_data.as_deref(),
            self.certificate_authority.as_deref(),
        )
        .map(Some)
    }
}

/// A user with their name.
///
/// ```
/// use kubist_client::config::Kubeconfig;
///
/// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
/// let kubeconfig = Kubeconfig::from_yaml("users: [{ name: me, user: { username: me } }]")?;
/// assert_eq!(kubeconfig.auth_infos[0].name, "me");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize, Default)]
pub struct NamedAuthInfo {
    /// The name.
    pub name: String,
    /// The user.
    #[serde(rename = "user", skip_serializing_if = "Option::is_none")]
    pub auth_info: Option<AuthInfo>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Who one is. Its `Debug` shows no secrets.
///
/// ```
/// use kubist_client::config::AuthInfo;
///
/// let user = AuthInfo { token: Some("s3cret".to_owned().into()), ..AuthInfo::default() };
/// assert!(!format!("{user:?}").contains("s3cret"));
/// ```
#[derive(Clone, Debug, Serialize, Deserialize, Default)]
pub struct AuthInfo {
    /// The name of basic authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password of basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "secret")]
    pub password: Option<SecretString>,
    /// A bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "secret")]
    pub token: Option<SecretString>,
    /// A file with a bearer token, which may change.
    #[serde(rename = "tokenFile", skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
    /// A file with a client certificate.
    #[serde(rename = "client-certificate", skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// A client certificate as base64 of PEM; goes before the file.
    #[serde(rename = "client-certificate-data", skip_serializing_if = "Option::is_none")]
    pub client_certificate_data: Option<String>,
    /// A file with the client certificate's key.
    #[serde(rename = "client-key", skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// The client certificate's key as base64 of PEM; goes before the file.
    #[serde(
        rename = "client-key-data",
        default,
        skip_serializing_if = "Option::is_none",
        with = "secret"
    )]
    pub client_key_data: Option<SecretString>,
    /// The user to act as.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub impersonate: Option<String>,
    /// The uid to act as.
    #[serde(rename = "as-uid", skip_serializing_if = "Option::is_none")]
    pub impersonate_uid: Option<String>,
    /// The groups to act as.
    #[serde(rename = "as-groups", skip_serializing_if = "Option::is_none")]
    pub impersonate_groups: Option<Vec<String>>,
    /// More about the user to act as.
    #[serde(rename = "as-user-extra", skip_serializing_if = "Option::is_none")]
    pub impersonate_user_extra: Option<HashMap<String, Vec<String>>>,
    /// What other programs keep here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Vec<NamedExtension>>,
    /// Someone else to ask; Kubernetes has replaced it by [`exec`](Self::exec).
    #[serde(rename = "auth-provider", skip_serializing_if = "Option::is_none")]
    pub auth_provider: Option<AuthProviderConfig>,
    /// A program that gives credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecConfig>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Decodes data, or else reads a file.
pub(crate) fn load(data: Option<&str>, file: Option<&str>) -> Result<Vec<u8>, LoadDataError> {
    match (data, file) {
        (Some(data), _) => {
            // People wrap long lines.
            let data: String = data.split_ascii_whitespace().collect();
            STANDARD.decode(data).map_err(LoadDataError::DecodeBase64)
        }
        (None, Some(file)) => {
            std::fs::read(file).map_err(|error| LoadDataError::ReadFile(error, file.into()))
        }
        (None, None) => Err(LoadDataError::NoBase64DataOrFile),
    }
}

/// Someone else to ask for credentials.
///
/// ```
/// use kubist_client::config::AuthProviderConfig;
/// use std::collections::HashMap;
///
/// let oidc = AuthProviderConfig {
///     name: "oidc".to_owned(),
///     config: HashMap::from([("client-id".to_owned(), "kubernetes".to_owned())]),
///     ..AuthProviderConfig::default()
/// };
/// ```
#[derive(Clone, Serialize, Deserialize, Default)]
pub struct AuthProviderConfig {
    /// Who: `oidc`, `gcp` or `azure`.
    pub name: String,
    /// What they need to know.
    #[serde(default)]
    pub config: HashMap<String, String>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Shows the keys of the configuration, whose values are secrets.
impl std::fmt::Debug for AuthProviderConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthProviderConfig")
            .field("name", &self.name)
            .field("config", &self.config.keys())
            .finish_non_exhaustive()
    }
}

/// A program that gives credentials
/// ([protocol](https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins)).
///
/// ```
/// use kubist_client::config::{AuthInfo, ExecConfig};
///
/// let plugin = ExecConfig {
///     api_version: Some("client.authentication.k8s.io/v1".to_owned()),
///     command: Some("aws-iam-authenticator".to_owned()),
///     ..ExecConfig::default()
/// };
/// let user = AuthInfo { exec: Some(plugin), ..AuthInfo::default() };
/// ```
#[derive(Clone, Serialize, Deserialize, Default)]
pub struct ExecConfig {
    /// The version of the protocol.
    #[serde(rename = "apiVersion", skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The program: a path, or a name in `PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// Its environment, beside this process's own: each with `name` and `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<HashMap<String, String>>>,
    /// What it does not inherit of this process's environment.
    #[serde(skip)]
    pub drop_env: Option<Vec<String>>,
    /// How to get the program, for people who don't have it.
    #[serde(rename = "installHint", skip_serializing_if = "Option::is_none")]
    pub install_hint: Option<String>,
    /// Whether it may talk to the user.
    #[serde(rename = "interactiveMode", skip_serializing_if = "Option::is_none")]
    pub interactive_mode: Option<ExecInteractiveMode>,
    /// Whether it is told about the cluster.
    #[serde(default, rename = "provideClusterInfo")]
    pub provide_cluster_info: bool,
    /// What it is told about the cluster; set where a [`Config`](super::Config) is made.
    #[serde(skip)]
    pub cluster: Option<ExecAuthCluster>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Whether a program may talk to the user.
///
/// ```
/// use kubist_client::config::{ExecConfig, ExecInteractiveMode};
///
/// let plugin = ExecConfig {
///     command: Some("kubelogin".to_owned()),
///     interactive_mode: Some(ExecInteractiveMode::IfAvailable),
///     ..ExecConfig::default()
/// };
/// ```
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub enum ExecInteractiveMode {
    /// It does not.
    Never,
    /// It does if there is a terminal.
    IfAvailable,
    /// It has to; without a terminal it fails.
    Always,
}

/// A context with its name.
///
/// ```
/// use kubist_client::config::Kubeconfig;
///
/// # fn main() -> Result<(), kubist_client::config::KubeconfigError> {
/// let kubeconfig = Kubeconfig::from_yaml("contexts: [{ name: dev, context: { cluster: dev, namespace: web } }]")?;
/// assert_eq!(kubeconfig.contexts[0].name, "dev");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize, Default)]
pub struct NamedContext {
    /// The name.
    pub name: String,
    /// The context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Who one is, and where.
///
/// ```
/// use kubist_client::config::{Context, NamedContext};
///
/// let context = Context {
///     cluster: "dev".to_owned(),
///     namespace: Some("web".to_owned()),
///     ..Context::default()
/// };
/// let named = NamedContext { name: "dev".to_owned(), context: Some(context), ..NamedContext::default() };
/// ```
#[derive(Clone, Debug, Serialize, Deserialize, Default)]
pub struct Context {
    /// The cluster's name.
    pub cluster: String,
    /// The user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The namespace where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What other programs keep here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extensions: Option<Vec<NamedExtension>>,
    /// What is not known.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What a program that gives credentials is told about the cluster.
///
/// ```
/// use kubist_client::config::{ExecAuthCluster, ExecConfig};
///
/// let plugin = ExecConfig {
///     provide_cluster_info: true,
///     cluster: Some(ExecAuthCluster {
///         server: Some("https://10.0.0.1".to_owned()),
///         ..ExecAuthCluster::default()
///     }),
///     ..ExecConfig::default()
/// };
/// ```
#[derive(Clone, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub struct ExecAuthCluster {
    /// The server's URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whether to trust any certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insecure_skip_tls_verify: Option<bool>,
    /// The certificate authorities, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "base64_bytes")]
    pub certificate_authority_data: Option<Vec<u8>>,
    /// The name that the server's certificate must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_server_name: Option<String>,
    /// The proxy to go through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
    /// What the cluster's extension `client.authentication.k8s.io/exec` holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
}

impl TryFrom<&Cluster> for ExecAuthCluster {
    type Error = KubeconfigError;

    fn try_from(cluster: &Cluster) -> Result<Self, KubeconfigError> {
        const EXTENSION: &str = "client.authentication.k8s.io/exec";
        let authority = cluster
            .load_certificate_authority()
            .map_err(KubeconfigError::LoadCertificateAuthority)?;
        let mut extensions = cluster.extensions.iter().flatten();
        Ok(Self {
            server: cluster.server.clone(),
            insecure_skip_tls_verify: cluster.insecure_skip_tls_verify,
            certificate_authority_data: authority,
            tls_server_name: cluster.tls_server_name.clone(),
            proxy_url: cluster.proxy_url.clone(),
            config: extensions
                .find(|e| e.name == EXTENSION)
                .map(|e| e.extension.clone()),
        })
    }
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Secrets are written out: a file that is written must work.
mod secret {
    use super::{Deserialize, Deserializer, ExposeSecret, SecretString, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        secret: &Option<SecretString>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret
            .as_ref()
            .map(ExposeSecret::expose_secret)
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SecretString>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
    }
}

mod base64_bytes {
    use base64::Engine as _;
    use serde::de::Error as _;

    use super::{Deserialize, Deserializer, STANDARD, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes
            .as_ref()
            .map(|bytes| STANDARD.encode(bytes))
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| STANDARD.decode(text).map_err(D::Error::custom))
            .transpose()
    }
}
