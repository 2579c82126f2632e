//! Why an OpenID Connect issuer gave no token.

use http::{StatusCode, uri::InvalidUri};
use thiserror::Error;
use tower::BoxError;

use crate::config::LoadDataError;

/// Why there is no ID token.
///
/// ```no_run
/// use kubist_client::{Error, client::{AuthError, oidc_errors}};
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// match client.apiserver_version().await {
///     Err(Error::Auth(AuthError::Oidc(oidc_errors::Error::IdTokenMissing))) => eprintln!("log in first"),
///     result => println!("{}", result?.git_version),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum Error {
    /// There is neither a token nor anything to get one with.
    #[error("id-token missing")]
    IdTokenMissing,

    /// The token is none.
    #[error("id-token is malformed: {0}")]
    IdToken(#[source] IdTokenError),

    /// The configuration does not say how to get a new token.
    #[error("token refresh is not possible: {0}")]
    RefreshInit(#[source] RefreshInitError),

    /// A new token was asked for in vain.
    #[error("token refresh failed: {0}")]
    Refresh(#[source] RefreshError),
}

/// What is wrong with an ID token.
///
/// ```no_run
/// use kubist_client::{Error, client::{AuthError, oidc_errors::{self, IdTokenError}}};
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// match client.apiserver_version().await {
///     Err(Error::Auth(AuthError::Oidc(oidc_errors::Error::IdToken(IdTokenError::InvalidFormat)))) => {
///         eprintln!("the id-token in the kubeconfig is no JWT");
///     }
///     result => println!("{}", result?.git_version),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum IdTokenError {
    /// It does not have three parts.
    #[error("not a JWT")]
    InvalidFormat,

    /// Its payload is not base64.
    #[error("payload is not base64: {0}")]
    InvalidBase64(#[source] base64::DecodeError),

    /// Its payload is not JSON, or has no expiry.
    #[error("payload is not JSON with an expiry: {0}")]
    InvalidJson(#[source] serde_json::Error),

    /// Its expiry is no time.
    #[error("expiry is no time: {0}")]
    InvalidExpirationTimestamp(#[source] jiff::Error),
}

/// What is missing to get a new token.
///
/// ```no_run
/// use kubist_client::{Error, client::{AuthError, oidc_errors::{self, RefreshInitError}}};
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// match client.apiserver_version().await {
///     Err(Error::Auth(AuthError::Oidc(oidc_errors::Error::RefreshInit(
///         RefreshInitError::MissingField(field),
///     )))) => eprintln!("the kubeconfig lacks {field}"),
///     result => println!("{}", result?.git_version),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum RefreshInitError {
    /// The configuration lacks a field.
    #[error("missing field {0}")]
    MissingField(&'static str),

    /// The platform has no root certificates.
    #[error("no valid native root CA certificates found")]
    NoValidNativeRootCA,

    /// The issuer's certificate authority cannot be loaded.
    #[error("failed to load the issuer's certificate authority: {0}")]
    LoadCertificateAuthority(#[source] LoadDataError),

    /// The issuer's certificate authority is no PEM.
    #[error("failed to parse the issuer's certificate authority: {0}")]
    ParseCertificates(#[source] pem::PemError),

    /// TLS cannot be set up.
    #[cfg(feature = "openssl-tls")]
    #[error("failed to create OpenSSL HTTPS connector: {0}")]
    CreateOpensslHttpsConnector(#[source] openssl::error::ErrorStack),
}

/// Why the issuer gave no new token.
///
/// ```no_run
/// use kubist_client::{Error, client::{AuthError, oidc_errors::{self, RefreshError}}};
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// match client.apiserver_version().await {
///     Err(Error::Auth(AuthError::Oidc(oidc_errors::Error::Refresh(
///         RefreshError::AuthorizationFailure,
///     )))) => eprintln!("log in again"),
///     result => println!("{}", result?.git_version),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum RefreshError {
    /// A URL is none.
    #[error("invalid URI: {0}")]
    InvalidURI(#[source] InvalidUri),

    /// The issuer cannot be reached.
    #[error("request failed: {0}")]
    HyperUtilError(#[source] hyper_util::client::legacy::Error),

    /// The connection failed while the answer was read.
    #[error("failed to read the response: {0}")]
    HyperError(#[source] hyper::Error),

    /// The request cannot be built.
    #[error("failed to build request: {0}")]
    HttpError(#[source] http::Error),

    /// The issuer answered with an error.
    #[error("the issuer answered {0}")]
    RequestFailed(StatusCode),

    /// The issuer did not take the client's credentials, or not the refresh token.
    #[error("the issuer did not accept the client or its refresh token")]
    AuthorizationFailure,

    /// The issuer's description of itself is none.
    #[error("invalid metadata of the issuer: {0}")]
    InvalidMetadata(#[source] serde_json::Error),

    /// The answer is no JSON.
    #[error("invalid token response: {0}")]
    InvalidTokenResponse(#[source] serde_json::Error),

    /// The answer has no ID token.
    #[error("no id-token in the response")]
    NoIdTokenReceived,

    /// The connection cannot be set up, or its answer not be read.
    #[error("failed to ask the issuer: {0}")]
    Transport(#[source] BoxError),

    /// The issuer did not answer in time.
    #[error("the issuer did not answer in time")]
    TimedOut,
}
