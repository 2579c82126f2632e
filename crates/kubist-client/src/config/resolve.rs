//! From a kubeconfig to a configuration: which context, cluster and user.

use super::{
    AuthInfo, Cluster, Config, ExecAuthCluster, Kubeconfig, KubeconfigError, certificates,
    certificates::Loaded,
};

/// Which parts of a kubeconfig to use.
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
#[derive(Default, Clone, Debug)]
pub struct KubeConfigOptions {
    /// The context; the file's current one where it says nothing.
    pub context: Option<String>,
    /// The cluster; the context's where it says nothing.
    pub cluster: Option<String>,
    /// The user; the context's where it says nothing.
    pub user: Option<String>,
}

pub(super) fn config(kubeconfig: Kubeconfig, options: &KubeConfigOptions) -> Result<Config, KubeconfigError> {
    let context_name = options.context.as_deref().or(kubeconfig
        .current_context
        .as_deref()
        .filter(|name| !name.is_empty()));
    // A cluster and a user of their own need no context.
    let context = match context_name {
        Some(name) => {
            let named = kubeconfig.contexts.iter().find(|context| context.name == name);
            let context = named.and_then(|named| named.context.clone());
            Some(context.ok_or_else(|| KubeconfigError::LoadContext(name.to_owned()))?)
        }
        None if options.cluster.is_some() => None,
        None => return Err(KubeconfigError::CurrentContextNotSet),
    };
    let (cluster_name, user_name, namespace) = match context {
        Some(context) => (Some(context.cluster), context.user, context.namespace),
        None => (None, None, None),
    };

    let cluster_name = options.cluster.clone().or(cluster_name).unwrap_or_default();
    let named = kubeconfig
        .clusters
        .iter()
        .find(|cluster| cluster.name == cluster_name);
    let cluster = named
        .and_then(|named| named.cluster.as_ref())
        .ok_or_else(|| KubeconfigError::LoadClusterOfContext(cluster_name.clone()))?;

    let user = match options.user.clone().or(user_name).filter(|name| !name.is_empty()) {
        Some(name) => {
            let named = kubeconfig.auth_infos.into_iter().find(|user| user.name == name);
            let named = named.ok_or(KubeconfigError::LoadUserOfContext(name))?;
            named.auth_info.unwrap_or_default()
        }
        None => AuthInfo::default(),
    };
    assemble(cluster, user, namespace)
}

fn assemble(
    cluster: &Cluster,
    mut user: AuthInfo,
    namespace: Option<String>,
) -> Result<Config, KubeconfigError> {
    let server = cluster.server.as_deref().filter(|server| !server.is_empty());
    let url = server.ok_or(KubeconfigError::MissingClusterUrl)?;
    let url = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let url = url.parse().map_err(KubeconfigError::ParseClusterUrl)?;

    let authority = cluster
        .load_certificate_authority()
        .map_err(KubeconfigError::LoadCertificateAuthority)?;
    let root_cert = authority
        .map(|pem| certificates(&pem).map_err(KubeconfigError::ParseCertificates))
        .transpose()?;
    let proxy_url = cluster.proxy_url.as_deref().filter(|url| !url.is_empty());
    let proxy_url = proxy_url
        .map(|url| url.parse().map_err(KubeconfigError::ParseProxyUrl))
        .transpose()?;
    if let Some(exec) = user.exec.as_mut().filter(|exec| exec.provide_cluster_info) {
        exec.cluster = Some(ExecAuthCluster::try_from(cluster)?);
    }

    let mut config = Config::new(url);
    if let Some(namespace) = namespace.filter(|namespace| !namespace.is_empty()) {
        config.default_namespace = namespace;
    }
    let file = cluster.certificate_authority.as_ref();
    let file = file.filter(|_| cluster.certificate_authority_data.is_none());
    config.loaded_root_cert = file.zip(root_cert.as_ref()).map(|(file, certificates)| Loaded {
        file: file.into(),
        certificates: certificates.clone(),
    });
    config.root_cert = root_cert;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.proxy_url = proxy_url;
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.auth_info = user;
    Ok(config)
}
