//! Google's [application default credentials](https://cloud.google.com/docs/authentication/application-default-credentials).

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use tame_oauth::gcp::{TokenOrRequest, TokenProvider, TokenProviderWrapper};
use thiserror::Error as ThisError;

use super::{
    Credentials, bearer_header,
    https::{self, Failure},
};
#[cfg(any(feature = "rustls-tls", feature = "openssl-tls"))]
use crate::Error;
#[cfg(feature = "openssl-tls")]
use crate::client::OpensslTlsError;
#[cfg(feature = "rustls-tls")]
use crate::client::RustlsTlsError;

const SCOPES: &str =
    "https://www.googleapis.com/auth/cloud-platform,https://www.googleapis.com/auth/userinfo.email";

/// Why there is no token of Google's.
///
/// ```no_run
/// use kubist_client::{Error, client::{AuthError, OAuthError}};
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// match client.apiserver_version().await {
///     Err(Error::Auth(AuthError::OAuth(OAuthError::NoDefaultProvider))) => eprintln!("log in first"),
///     result => println!("{}", result?.git_version),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, ThisError)]
pub enum OAuthError {
    /// There are default credentials, which are no use.
    #[error("default provider is configured but invalid: {0}")]
    InvalidDefaultProviderConfig(#[source] tame_oauth::Error),

    /// There are no default credentials.
    #[error("no provider was found")]
    NoDefaultProvider,

    /// The file of the credentials cannot be read.
    #[error("failed to load OAuth credentials file: {0}")]
    LoadCredentials(#[source] std::io::Error),

    /// The file of the credentials cannot be parsed.
    #[error("failed to parse OAuth credentials file: {0}")]
    ParseCredentials(#[source] serde_json::Error),

    /// The credentials' key has a format that is not known.
    #[error("credentials file had invalid key format: {0}")]
    InvalidKeyFormat(#[source] tame_oauth::Error),

    /// The credentials' key cannot sign.
    #[error("credentials file had invalid RSA key: {0}")]
    InvalidRsaKey(#[source] tame_oauth::Error),

    /// The token was asked for in vain.
    #[error("failed to request token: {0}")]
    RequestToken(#[source] hyper_util::client::legacy::Error),

    /// The token was refused.
    #[error("failed to retrieve new credential: {0}")]
    RetrieveCredentials(#[source] tame_oauth::Error),

    /// The answer has no token.
    #[error("failed to parse token: {0}")]
    ParseToken(#[source] serde_json::Error),

    /// The connection failed while the answer was read.
    #[error("failed to read the response: {0}")]
    ConcatBuffers(#[source] hyper::Error),

    /// The request cannot be built.
    #[error("failed to build request: {0}")]
    BuildRequest(#[source] http::Error),

    /// The platform has no root certificates.
    #[error("no valid native root CA certificates found: {0}")]
    NoValidNativeRootCA(#[source] std::io::Error),

    /// Something else; says what.
    #[error("OAuth failed: {0}")]
    Unknown(String),

    /// TLS cannot be set up.
    #[cfg(feature = "openssl-tls")]
    #[error("failed to create OpenSSL HTTPS connector: {0}")]
    CreateOpensslHttpsConnector(#[source] openssl::error::ErrorStack),
}

/// Tokens by the default credentials.
pub(super) struct Google {
    provider: TokenProviderWrapper,
    scopes: Vec<String>,
}

impl Google {
    pub(super) fn new(scopes: Option<&str>) -> Result<Self, OAuthError> {
        let provider =
            TokenProviderWrapper::get_default_provider().map_err(OAuthError::InvalidDefaultProviderConfig)?;
        let scopes = scopes.unwrap_or(SCOPES).split(',');
        Ok(Self {
            provider: provider.ok_or(OAuthError::NoDefaultProvider)?,
            scopes: scopes.map(|scope| scope.trim().to_owned()).collect(),
        })
    }

    pub(super) async fn token(&self) -> Result<Credentials, OAuthError> {
        let token = match self.provider.get_token(&self.scopes).map_err(of_request)? {
            TokenOrRequest::Token(token) => token,
            TokenOrRequest::Request {
                request, scope_hash, ..
            } => {
                let answer = https::send(request.map(Bytes::from), None).await;
                let answer = answer.map_err(of_transport)?.map(Vec::from);
                let parsed = self.provider.parse_token_response(scope_hash, answer);
                parsed.map_err(of_answer)?
            }
        };
        let header = bearer_header(&token.access_token)
            .map_err(|_| OAuthError::Unknown("the token makes no header".to_owned()))?;
        let expires = token.expires_in_timestamp;
        let expires = expires.and_then(|time| Timestamp::try_from(time).ok());
        Ok(Credentials::new(Some(header), None, expires))
    }
}

/// Shows nothing: it may have a key.
impl fmt::Debug for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Google")
    }
}

fn of_request(error: tame_oauth::Error) -> OAuthError {
    match error {
        tame_oauth::Error::Http(error) => OAuthError::BuildRequest(error),
        error @ (tame_oauth::Error::InvalidRsaKey(_) | tame_oauth::Error::InvalidRsaKeyRejected(_)) => {
            OAuthError::InvalidRsaKey(error)
        }
        error @ tame_oauth::Error::InvalidKeyFormat => OAuthError::InvalidKeyFormat(error),
        error => OAuthError::Unknown(error.to_string()),
    }
}

fn of_transport(failure: Failure) -> OAuthError {
    match failure {
        Failure::Send(error) => OAuthError::RequestToken(error),
        Failure::Read(error) => match error.downcast::<hyper::Error>() {
            Ok(error) => OAuthError::ConcatBuffers(*error),
            Err(error) => OAuthError::Unknown(error.to_string()),
        },
        #[cfg(feature = "rustls-tls")]
        Failure::Setup(Error::RustlsTls(RustlsTlsError::NoValidNativeRootCA(error))) => {
            OAuthError::NoValidNativeRootCA(error)
        }
        #[cfg(feature = "openssl-tls")]
        Failure::Setup(Error::OpensslTls(OpensslTlsError::CreateHttpsConnector(error))) => {
            OAuthError::CreateOpensslHttpsConnector(error)
        }
        Failure::Setup(error) => OAuthError::Unknown(error.to_string()),
        Failure::TimedOut => OAuthError::Unknown("the request timed out".to_owned()),
    }
}

fn of_answer(error: tame_oauth::Error) -> OAuthError {
    match error {
        error @ (tame_oauth::Error::Auth(_) | tame_oauth::Error::HttpStatus(_)) => {
            OAuthError::RetrieveCredentials(error)
        }
        tame_oauth::Error::Json(error) => OAuthError::ParseToken(error),
        error => OAuthError::Unknown(error.to_string()),
    }
}
