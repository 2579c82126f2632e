//! TLS by OpenSSL.

use std::net::IpAddr;

use http::Uri;
use hyper_openssl::client::legacy::HttpsConnector;
use openssl::{
    error::ErrorStack,
    pkey::PKey,
    ssl::{ConnectConfiguration, SslConnector, SslConnectorBuilder, SslMethod, SslVerifyMode},
    x509::{X509, store::X509StoreBuilder},
};
use thiserror::Error;

use crate::{Config, Error, Result, client::auth::Renewed};

/// Why TLS cannot be set up.
///
/// ```no_run
/// use kubist_client::{Client, Config, Error, client::OpensslTlsError};
///
/// # fn run(config: Config) -> Result<(), Error> {
/// match Client::try_from(config) {
///     Err(Error::OpensslTls(OpensslTlsError::CreateSslConnector(error))) => {
///         eprintln!("TLS cannot be set up: {error}");
///     }
///     result => drop(result?),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Error)]
pub enum OpensslTlsError {
    /// The connector cannot be created.
    #[error("failed to create OpenSSL HTTPS connector: {0}")]
    CreateHttpsConnector(#[source] ErrorStack),

    /// What the connector is made of cannot be created.
    #[error("failed to create OpenSSL SSL connector: {0}")]
    CreateSslConnector(#[source] SslConnectorError),
}

/// What of a configuration OpenSSL does not take.
#[derive(Debug, Error)]
pub enum SslConnectorError {
    /// OpenSSL itself cannot be set up.
    #[error("failed to build SslConnectorBuilder: {0}")]
    CreateBuilder(#[source] ErrorStack),

    /// A certificate authority is none.
    #[error("failed to add a root certificate: {0}")]
    AddRootCertificate(#[source] ErrorStack),

    /// The client certificate is no PEM.
    #[error("failed to deserialize PEM-encoded chain of certificates: {0}")]
    DeserializeCertificateChain(#[source] ErrorStack),

    /// The client key has no certificate.
    #[error("identity PEM is missing certificate")]
    MissingCertificate,

    /// The client key is no PEM, or there is none.
    #[error("failed to deserialize PEM-encoded private key: {0}")]
    DeserializePrivateKey(#[source] ErrorStack),

    /// The certificate or its key cannot be used, or not together.
    #[error("failed to set the client certificate: {0}")]
    SetIdentity(#[source] ErrorStack),
}

/// What TLS needs of a configuration; ALPN is left to the connector.
pub(in crate::client) fn connector_builder(config: &Config) -> Result<SslConnectorBuilder> {
    let identity = identity(config)?;
    builder(config, identity).map_err(failed)
}

/// What TLS to a proxy needs: it may have a certificate of the cluster's authority, or one that
/// everybody trusts. It does not get to see the client certificate.
#[cfg(not(feature = "rustls-tls"))]
pub(in crate::client) fn proxy_builder(config: &Config) -> Result<SslConnectorBuilder> {
    let build = || {
        let mut builder =
            SslConnector::builder(SslMethod::tls()).map_err(SslConnectorError::CreateBuilder)?;
        if config.accept_invalid_certs {
            builder.set_verify(SslVerifyMode::NONE);
        }
        for der in config.root_cert.iter().flatten() {
            let added = X509::from_der(der).and_then(|root| builder.cert_store_mut().add_cert(root));
            added.map_err(SslConnectorError::AddRootCertificate)?;
        }
        Ok(builder)
    };
    build().map_err(failed)
}

/// Wraps another connector's connections, and expects the name that a configuration says.
pub(in crate::client) fn connector<H>(
    config: &Config,
    builder: SslConnectorBuilder,
    connector: H,
) -> Result<HttpsConnector<H>> {
    named(config.tls_server_name.clone(), builder, connector)
}

/// Wraps connections to a proxy.
#[cfg(not(feature = "rustls-tls"))]
pub(in crate::client) fn proxy_connector<H>(
    builder: SslConnectorBuilder,
    connector: H,
) -> Result<HttpsConnector<H>> {
    named(None, builder, connector)
}

fn named<H>(name: Option<String>, builder: SslConnectorBuilder, connector: H) -> Result<HttpsConnector<H>> {
    let mut https = HttpsConnector::with_connector(connector, builder)
        .map_err(|error| Error::OpensslTls(OpensslTlsError::CreateHttpsConnector(error)))?;
    https.set_callback(move |connection, uri| expect(connection, name.as_deref(), uri));
    Ok(https)
}

/// Expects a name, or that of the URL; there, addresses may have brackets that certificates don't.
fn expect(
    connection: &mut ConnectConfiguration,
    name: Option<&str>,
    uri: &Uri,
) -> std::result::Result<(), ErrorStack> {
    let host = uri.host().unwrap_or_default();
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let name = name.unwrap_or(host);
    connection.set_use_server_name_indication(false);
    connection.set_verify_hostname(false);
    match name.parse::<IpAddr>() {
        Ok(address) => connection.param_mut().set_ip(address),
        Err(_) => {
            connection.set_hostname(name)?;
            connection.param_mut().set_host(name)
        }
    }
}

fn failed(error: SslConnectorError) -> Error {
    Error::OpensslTls(OpensslTlsError::CreateSslConnector(error))
}

/// A key and a certificate as one PEM: the user's, or what a plugin gave last.
fn identity(config: &Config) -> Result<Option<Vec<u8>>> {
    let user = &config.auth_info;
    if user.has_identity() {
        return user.load_identity_pem().map_err(Error::InferKubeconfig);
    }
    let plugin = user.exec.as_ref().map(Renewed::of_plugin);
    let plugin = plugin.transpose().map_err(Error::Auth)?;
    let current = plugin.and_then(|plugin| plugin.current());
    Ok(current.and_then(|current| current.identity.clone()))
}

fn builder(config: &Config, identity: Option<Vec<u8>>) -> Result<SslConnectorBuilder, SslConnectorError> {
    let mut builder = SslConnector::builder(SslMethod::tls()).map_err(SslConnectorError::CreateBuilder)?;
    if config.accept_invalid_certs {
        builder.set_verify(SslVerifyMode::NONE);
    }
    if let Some(roots) = &config.root_cert {
        // Only these, in place of those that everybody trusts.
        let mut store = X509StoreBuilder::new().map_err(SslConnectorError::AddRootCertificate)?;
        for der in roots {
            let added = X509::from_der(der).and_then(|root| store.add_cert(root));
            added.map_err(SslConnectorError::AddRootCertificate)?;
        }
        builder.set_cert_store(store.build());
    }
    if let Some(pem) = identity {
        set_identity(&mut builder, &pem)?;
    }
    Ok(builder)
}

fn set_identity(builder: &mut SslConnectorBuilder, pem: &[u8]) -> Result<(), SslConnectorError> {
    let chain = X509::stack_from_pem(pem).map_err(SslConnectorError::DeserializeCertificateChain)?;
    let mut chain = chain.into_iter();
    let certificate = chain.next().ok_or(SslConnectorError::MissingCertificate)?;
    // Without a password: nobody is asked for one.
    let key = PKey::private_key_from_pem_callback(pem, |_| Ok(0));
    let key = key.map_err(SslConnectorError::DeserializePrivateKey)?;
    let mut set = || {
        builder.set_certificate(&certificate)?;
        for intermediate in chain.by_ref() {
            builder.add_extra_chain_cert(intermediate)?;
        }
        builder.set_private_key(&key)?;
        builder.check_private_key()
    };
    set().map_err(SslConnectorError::SetIdentity)
}
