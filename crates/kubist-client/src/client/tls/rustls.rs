//! TLS by rustls.

mod identity;
mod trust;

use std::sync::Arc;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder, builderstates::WantsProtocols1};
use rustls::{
    ClientConfig, Error as TlsError,
    client::Resumption,
    crypto::CryptoProvider,
    pki_types::{InvalidDnsNameError, ServerName, pem},
};
use thiserror::Error;

use crate::{Config, Error, Result};

/// Why TLS cannot be set up.
///
/// ```no_run
/// use kubist_client::{Client, Config, Error, client::RustlsTlsError};
///
/// # fn run(config: Config) -> Result<(), Error> {
/// match Client::try_from(config) {
///     Err(Error::RustlsTls(RustlsTlsError::MissingPrivateKey)) => eprintln!("the certificate needs a key"),
///     result => drop(result?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum RustlsTlsError {
    /// The client certificate or its key is no PEM.
    #[error("identity PEM is invalid: {0}")]
    InvalidIdentityPem(#[source] pem::Error),

    /// The client certificate has no key: neither PKCS#8, nor PKCS#1, nor SEC1.
    #[error("identity PEM is missing a private key: the key must be PKCS8, RSA/PKCS1 or EC/SEC1")]
    MissingPrivateKey,

    /// The client key has no certificate.
    #[error("identity PEM is missing certificate")]
    MissingCertificate,

    /// The key cannot be used, or not with the certificate.
    #[error("invalid private key: {0}")]
    InvalidPrivateKey(#[source] TlsError),

    /// The key has a format that is not known.
    #[error("unknown private key format")]
    UnknownPrivateKeyFormat,

    /// A certificate authority is none.
    #[error("failed to add a root certificate: {0}")]
    AddRootCertificate(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// The platform has no root certificates.
    #[error("no valid native root CA certificates found: {0}")]
    NoValidNativeRootCA(#[source] std::io::Error),

    /// The server's name is none.
    #[error("invalid server name: {0}")]
    InvalidServerName(#[source] InvalidDnsNameError),
}

/// What TLS needs of a configuration; ALPN is left to the connector.
pub(in crate::client) fn client_config(config: &Config) -> Result<ClientConfig> {
    let provider = provider()?;
    let verifier = trust::of_cluster(config, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::RustlsTls(RustlsTlsError::AddRootCertificate(Box::new(error))))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some(resolver) = identity::resolver(config, &provider)? else {
        return Ok(builder.with_no_client_auth());
    };
    let mut tls = builder.with_client_cert_resolver(resolver);
    // A session that is resumed goes on as whoever one was before.
    tls.resumption = Resumption::disabled();
    Ok(tls)
}

/// What TLS to a proxy needs: it may have a certificate of the cluster's authority, or one that
/// everybody trusts. It does not get to see the client certificate.
pub(in crate::client) fn proxy_config(config: &Config) -> Result<ClientConfig> {
    let provider = provider()?;
    let verifier = trust::of_proxy(config, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::RustlsTls(RustlsTlsError::AddRootCertificate(Box::new(error))))?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// A connector before it is known which versions of HTTP it speaks.
pub(in crate::client) fn connector(
    config: &Config,
    tls: ClientConfig,
) -> Result<HttpsConnectorBuilder<WantsProtocols1>> {
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let Some(name) = &config.tls_server_name else {
        return Ok(builder);
    };
    let name = ServerName::try_from(name.clone())
        .map_err(|error| Error::RustlsTls(RustlsTlsError::InvalidServerName(error)))?;
    Ok(builder.with_server_name_resolver(FixedServerNameResolver::new(name)))
}

/// The process's own choice, or else aws-lc-rs before ring.
fn provider() -> Result<Arc<CryptoProvider>> {
    if let Some(chosen) = CryptoProvider::get_default() {
        return Ok(chosen.clone());
    }
    #[cfg(feature = "aws-lc-rs")]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    return Err(Error::TlsRequired);
}
