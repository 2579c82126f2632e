//! What of a configuration does not show in `Debug`.

use std::fmt;

use http::Uri;

use super::{Cluster, ExecAuthCluster, ExecConfig};

/// A URL without the credentials in it.
pub(crate) fn without_credentials(url: &Uri) -> Uri {
    let mut parts = url.clone().into_parts();
    let Some(authority) = parts.authority.take() else {
        return url.clone();
    };
    let bare = authority.as_str().rsplit_once('@').map(|(_, host)| host.parse());
    parts.authority = match bare {
        Some(bare) => bare.ok(),
        None => Some(authority),
    };
    Uri::from_parts(parts).unwrap_or_default()
}

/// The same of what may be no URL.
pub(super) struct Url(String);

impl Url {
    pub(super) fn of(url: Option<impl ToString>) -> Option<Self> {
        url.map(|url| Self(url.to_string()))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let separator = if scheme.is_empty() { "" } else { "://" };
        // What is no URL may have its credentials anywhere before the last of these.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        write!(f, "\"{scheme}{separator}{rest}\"")
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.server)
            .field("insecure_skip_tls_verify", &self.insecure_skip_tls_verify)
            .field("certificate_authority", &self.certificate_authority)
            .field("certificate_authority_data", &self.certificate_authority_data)
            .field("proxy_url", &Url::of(self.proxy_url.as_ref()))
            .field("disable_compression", &self.disable_compression)
            .field("tls_server_name", &self.tls_server_name)
            .field("extensions", &self.extensions)
            .field("other", &self.other)
            .finish()
    }
}

impl fmt::Debug for ExecAuthCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecAuthCluster")
            .field("server", &self.server)
            .field("insecure_skip_tls_verify", &self.insecure_skip_tls_verify)
            .field("tls_server_name", &self.tls_server_name)
            .field("proxy_url", &Url::of(self.proxy_url.as_ref()))
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Plugins are given secrets as arguments and in their environment.
impl fmt::Debug for ExecConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables = self.env.iter().flatten();
        let names: Vec<_> = variables.filter_map(|variable| variable.get("name")).collect();
        f.debug_struct("ExecConfig")
            .field("api_version", &self.api_version)
            .field("command", &self.command)
            .field("args", &self.args.as_ref().map(Vec::len))
            .field("env", &names)
            .field("drop_env", &self.drop_env)
            .field("install_hint", &self.install_hint)
            .field("interactive_mode", &self.interactive_mode)
            .field("provide_cluster_info", &self.provide_cluster_info)
            .field("cluster", &self.cluster)
            .field("other", &self.other)
            .finish()
    }
}
