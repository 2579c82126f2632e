//! Credentials: how one proves who one is.

mod exec;
mod gcp;
#[cfg(any(feature = "oauth", feature = "oidc"))]
mod https;
#[cfg(feature = "oauth")]
mod oauth;
#[cfg(feature = "oidc")]
mod oidc;
#[cfg(feature = "oidc")]
pub mod oidc_errors;
mod program;
mod renewed;
mod token_file;

use std::{io, path::PathBuf, process, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, header::InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::middleware::AuthLayer;
use crate::config::{AuthInfo, AuthProviderConfig};

#[cfg(feature = "oauth")]
pub use oauth::OAuthError;
pub(crate) use renewed::{Credentials, Renewed};
use token_file::TokenFile;

#[cfg(any(fuzzing, test))]
pub(crate) use exec::credentials as exec_output;

/// Why there are no credentials.
///
/// ```no_run
/// use kubist_client::{Error, client::AuthError};
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// match client.apiserver_version().await {
///     Err(Error::Auth(AuthError::AuthExecStart(error))) => eprintln!("install the plugin: {error}"),
///     result => println!("{}", result?.git_version),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Error, Debug)]
pub enum AuthError {
    /// Name and password make no header.
    #[error("invalid basic auth: {0}")]
    InvalidBasicAuth(#[source] InvalidHeaderValue),

    /// The token makes no header.
    #[error("invalid bearer token: {0}")]
    InvalidBearerToken(#[source] InvalidHeaderValue),

    /// A token was refreshed, and the new one says nothing of its expiry.
    #[error("tried to refresh a token and got a non-refreshable token response")]
    UnrefreshableTokenResponse,

    /// The plugin's answer has no credentials.
    #[error("exec-plugin response did not contain a status")]
    ExecPluginFailed,

    /// The plugin's answer has no time where it should.
    #[error("malformed token expiration date: {0}")]
    MalformedTokenExpirationDate(#[source] jiff::Error),

    /// The plugin cannot be started; says which and how to get it.
    #[error("unable to run auth exec: {0}")]
    AuthExecStart(#[source] io::Error),

    /// The plugin failed.
    #[error("auth exec command '{cmd}' failed with status {status}{}", stderr_of(out))]
    AuthExecRun {
        /// The plugin.
        cmd: String,
        /// How it ended.
        status: process::ExitStatus,
        /// What it wrote; of it, messages show errors only.
        out: process::Output,
    },

    /// The plugin's answer is none.
    #[error("failed to parse auth exec output: {0}")]
    AuthExecParse(#[source] serde_saphyr::Error),

    /// What the plugin is told cannot be written.
    #[error("failed to serialize input: {0}")]
    AuthExecSerialize(#[source] serde_json::Error),

    /// The plugin's answer is not in order, or the way to authenticate is not supported.
    #[error("failed exec auth: {0}")]
    AuthExec(String),

    /// The file of the token cannot be read.
    #[error("failed to read token file '{1:?}': {0}")]
    ReadTokenFile(#[source] io::Error, PathBuf),

    /// The key of the token in an answer makes no sense.
    #[error("failed to parse token-key: {0}")]
    ParseTokenKey(#[source] serde_json::Error),

    /// There is no plugin to run.
    #[error("command must be specified to use exec authentication plugin")]
    MissingCommand,

    /// The plugin is to be told about the cluster, and nothing is known of it.
    #[error("Cluster spec must be populated when `provideClusterInfo` is true")]
    ExecMissingClusterInfo,

    /// The platform has no root certificates.
    #[error("No valid native root CA certificates found: {0}")]
    NoValidNativeRootCA(#[source] io::Error),

    /// Google gave no token.
    #[cfg(feature = "oauth")]
    #[error("failed OAuth: {0}")]
    OAuth(#[source] OAuthError),

    /// The OpenID Connect issuer gave no token.
    #[cfg(feature = "oidc")]
    #[error("failed OIDC: {0}")]
    Oidc(#[source] oidc_errors::Error),
}

impl AuthError {
    /// The same error for another one who waited for it.
    fn again(&self) -> Self {
        match self {
            AuthError::ExecPluginFailed => AuthError::ExecPluginFailed,
            AuthError::AuthExecStart(error) => {
                AuthError::AuthExecStart(io::Error::new(error.kind(), error.to_string()))
            }
            AuthError::AuthExecRun { cmd, status, out } => AuthError::AuthExecRun {
                cmd: cmd.clone(),
                status: *status,
                out: out.clone(),
            },
            AuthError::AuthExec(message) => AuthError::AuthExec(message.clone()),
            other => AuthError::AuthExec(other.to_string()),
        }
    }
}

/// What a plugin wrote to its standard error, if it was captured.
fn stderr_of(output: &process::Output) -> String {
    const LIMIT: usize = 1024;
    let text = String::from_utf8_lossy(&output.stderr);
    match text.trim() {
        "" => String::new(),
        text => format!(": {}", text.chars().take(LIMIT).collect::<String>()),
    }
}

/// Credentials that change while a client lives.
#[derive(Clone)]
pub(crate) enum Refreshable {
    File(Arc<TokenFile>),
    Renewed(Arc<Renewed>),
}

impl Refreshable {
    /// The header of the moment; `None` where a client certificate says it all.
    ///
    /// Cancel safe: whoever waits next goes on.
    pub(crate) async fn header(&self) -> Result<Option<HeaderValue>, AuthError> {
        match self {
            Refreshable::File(file) => file.header().await.map(Some),
            Refreshable::Renewed(renewed) => renewed.header().await,
        }
    }

    /// Says that the server did not take a header: the next request asks for another one.
    pub(crate) fn refused(&self, header: Option<&HeaderValue>) {
        match self {
            Refreshable::File(file) => file.refused(),
            Refreshable::Renewed(renewed) => renewed.refused(header),
        }
    }
}

/// The layer for a user's credentials; `None` where there are none, or a certificate only.
pub(crate) fn layer(user: &AuthInfo) -> Result<Option<AuthLayer>, AuthError> {
    if let Some(provider) = &user.auth_provider {
        return of_provider(provider).map(Some);
    }
    // The order of kubectl: what is said explicitly goes first.
    if let (Some(name), Some(password)) = (&user.username, &user.password) {
        return basic_header(name, password).map(|header| Some(AuthLayer::fixed(header)));
    }
    if let Some(token) = user
        .token
        .as_ref()
        .filter(|token| !token.expose_secret().is_empty())
    {
        return bearer_header(token.expose_secret()).map(|header| Some(AuthLayer::fixed(header)));
    }
    if let Some(path) = &user.token_file {
        let file = Arc::new(TokenFile::open(path.into())?);
        return Ok(Some(AuthLayer::refreshable(Refreshable::File(file))));
    }
    if let Some(config) = &user.exec {
        let renewed = Renewed::of_plugin(config)?;
        return Ok(Some(AuthLayer::refreshable(Refreshable::Renewed(renewed))));
    }
    Ok(None)
}

fn of_provider(provider: &AuthProviderConfig) -> Result<AuthLayer, AuthError> {
    // Better no request than one as nobody.
    let instead = match provider.name.as_str() {
        "gcp" => return gcp::layer(provider),
        #[cfg(feature = "oidc")]
        "oidc" => return oidc::layer(provider),
        #[cfg(not(feature = "oidc"))]
        "oidc" => "enable the feature `oidc`",
        "azure" => "use an exec plugin instead: https://github.com/Azure/kubelogin",
        _ => "it is not known",
    };
    let name = &provider.name;
    Err(AuthError::AuthExec(format!(
        "auth-provider '{name}' is not supported; {instead}"
    )))
}

pub(super) fn basic_header(name: &str, password: &SecretString) -> Result<HeaderValue, AuthError> {
    let encoded = STANDARD.encode(format!("{name}:{}", password.expose_secret()));
    sensitive(&format!("Basic {encoded}")).map_err(AuthError::InvalidBasicAuth)
}

fn bearer_header(token: &str) -> Result<HeaderValue, AuthError> {
    sensitive(&format!("Bearer {token}")).map_err(AuthError::InvalidBearerToken)
}

/// A header that does not show in `Debug`, and that HTTP/2 does not index.
fn sensitive(value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(value)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_sensitive() {
        let basic = basic_header("me", &SecretString::from("pw")).expect("valid");
        assert_eq!(basic, "Basic bWU6cHc=");
        assert_eq!(format!("{basic:?}"), "Sensitive");
        assert!(matches!(
            bearer_header("a\nb"),
            Err(AuthError::InvalidBearerToken(_))
        ));
    }

    #[test]
    fn unsupported_providers_are_an_error() {
        for name in ["azure", "other"] {
            let user = AuthInfo {
                auth_provider: Some(AuthProviderConfig {
                    name: name.into(),
                    ..AuthProviderConfig::default()
                }),
                ..AuthInfo::default()
            };
            let error = layer(&user).err().expect("not supported").to_string();
            assert!(error.contains(name) && error.contains("not supported"), "{error}");
        }
        assert!(layer(&AuthInfo::default()).expect("anonymous").is_none());
    }
}
