//! TLS by rustls.

use std::{fmt, sync::Arc};

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder, builderstates::WantsProtocols1};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        ResolvesClientCert, Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{
        CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use thiserror::Error;

use super::Reloaded;
use crate::{Config, Error, Result, client::auth::Renewed, config::AuthInfo};

/// Why TLS cannot be set up.
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
    let verifier = verifier(config, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::RustlsTls(RustlsTlsError::AddRootCertificate(Box::new(error))))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let user = &config.auth_info;
    let resolver: Arc<dyn ResolvesClientCert> = if user.has_identity() {
        let (of_reading, user) = (provider, user.clone());
        let identity = Reloaded::new(move || identity(&user, &of_reading).map(Arc::new))?;
        Arc::new(FileIdentity(identity))
    } else if let Some(exec) = &user.exec {
        let credentials = Renewed::of_plugin(exec).map_err(Error::Auth)?;
        Arc::new(PluginIdentity {
            credentials,
            provider,
        })
    } else {
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
    let of_cluster = verifier(config, &provider)?;
    let trusts_anyway = config.accept_invalid_certs || !names_authorities(config);
    let verifier = match default_verifier(&provider) {
        Ok(default) if !trusts_anyway => Arc::new(Either(of_cluster, default)),
        _ => of_cluster,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::RustlsTls(RustlsTlsError::AddRootCertificate(Box::new(error))))?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

fn names_authorities(config: &Config) -> bool {
    config.root_cert.is_some() || config.authorities_file().is_some()
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

fn verifier(config: &Config, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
    if config.accept_invalid_certs {
        return Ok(Arc::new(AnyServer(provider.clone())));
    }
    if config.authorities_file().is_some() {
        return Ok(Arc::new(FileRoots::open(config, provider.clone())?));
    }
    match &config.root_cert {
        Some(roots) => {
            let roots = roots.iter().map(|der| CertificateDer::from(der.as_slice()));
            Ok(webpki_verifier(roots, provider).map_err(Error::RustlsTls)?)
        }
        None => default_verifier(provider),
    }
}

#[cfg(feature = "webpki-roots")]
fn default_verifier(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
    Ok(webpki_verifier(roots, provider).map_err(Error::RustlsTls)?)
}

#[cfg(not(feature = "webpki-roots"))]
fn default_verifier(provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
    let verifier = rustls_platform_verifier::Verifier::new(provider.clone()).map_err(|error| {
        Error::RustlsTls(RustlsTlsError::NoValidNativeRootCA(std::io::Error::other(error)))
    })?;
    Ok(Arc::new(verifier))
}

fn webpki_verifier<'a>(
    roots: impl Iterator<Item = CertificateDer<'a>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, RustlsTlsError> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store
            .add(root)
            .map_err(|error| RustlsTlsError::AddRootCertificate(Box::new(error)))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
        .build()
        .map_err(|error| RustlsTlsError::AddRootCertificate(Box::new(error)))
}

/// The client certificate and key of a user.
fn identity(user: &AuthInfo, provider: &CryptoProvider) -> Result<CertifiedKey> {
    let pem = user.load_identity_pem().map_err(Error::InferKubeconfig)?;
    let (chain, key) = parse_identity(&pem.unwrap_or_default()).map_err(Error::RustlsTls)?;
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| Error::RustlsTls(RustlsTlsError::InvalidPrivateKey(error)))
}

/// The certificates and the key of one PEM.
fn parse_identity(
    pem: &[u8],
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), RustlsTlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(RustlsTlsError::InvalidIdentityPem)?;
    if chain.is_empty() {
        return Err(RustlsTlsError::MissingCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => RustlsTlsError::MissingPrivateKey,
        other => RustlsTlsError::InvalidIdentityPem(other),
    })?;
    Ok((chain, key))
}

/// A client certificate, whose files are read again when they may have changed.
#[derive(Debug)]
struct FileIdentity(Reloaded<CertifiedKey>);

impl ResolvesClientCert for FileIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.get())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The certificate that a program gave last; the request that opens the connection has asked it.
struct PluginIdentity {
    credentials: Arc<Renewed>,
    provider: Arc<CryptoProvider>,
}

impl ResolvesClientCert for PluginIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let current = self.credentials.current()?;
        let (chain, key) = match parse_identity(current.identity.as_deref()?) {
            Ok(identity) => identity,
            Err(error) => {
                tracing::warn!(%error, "credential plugin gave an invalid certificate");
                return None;
            }
        };
        match CertifiedKey::from_der(chain, key, &self.provider) {
            Ok(key) => Some(Arc::new(key)),
            Err(error) => {
                tracing::warn!(%error, "credential plugin gave an invalid certificate");
                None
            }
        }
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for PluginIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PluginIdentity")
    }
}

/// Trusts the certificate authorities of a file, which is read again when it may have changed.
#[derive(Debug)]
struct FileRoots {
    verifier: Reloaded<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl FileRoots {
    fn open(config: &Config, provider: Arc<CryptoProvider>) -> Result<Self> {
        let (config, of_reading) = (config.clone(), provider.clone());
        let read = move || {
            let loaded = config.clone().with_loaded_certificates();
            let loaded = loaded.map_err(Error::InferKubeconfig)?;
            let roots = loaded.root_cert.iter().flatten();
            let roots = roots.map(|der| CertificateDer::from(der.as_slice()));
            webpki_verifier(roots, &of_reading).map_err(Error::RustlsTls)
        };
        Ok(Self {
            verifier: Reloaded::new(read)?,
            provider,
        })
    }
}

impl ServerCertVerifier for FileRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        self.verifier
            .get()
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Trusts whom one of two trusts.
#[derive(Debug)]
struct Either(Arc<dyn ServerCertVerifier>, Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for Either {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verify = |verifier: &Arc<dyn ServerCertVerifier>| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        verify(&self.0).or_else(|error| verify(&self.1).map_err(|_| error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Trusts any server; `insecure-skip-tls-verify` asked for it.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_in_pieces() {
        let certificate = "-----BEGIN CERTIFICATE-----\nAQ==\n-----END CERTIFICATE-----\n";
        let pkcs8 = "-----BEGIN PRIVATE KEY-----\nAQ==\n-----END PRIVATE KEY-----\n";
        for key in [
            pkcs8.to_owned(),
            pkcs8.replace("PRIVATE", "RSA PRIVATE"),
            pkcs8.replace("PRIVATE", "EC PRIVATE"),
        ] {
            let (chain, _) =
                parse_identity(format!("{key}{certificate}{certificate}").as_bytes()).expect("whole");
            assert_eq!(chain.len(), 2);
        }
        let missing = |pem: &str| parse_identity(pem.as_bytes()).expect_err("is half");
        assert!(matches!(missing(pkcs8), RustlsTlsError::MissingCertificate));
        assert!(matches!(missing(certificate), RustlsTlsError::MissingPrivateKey));
    }
}
