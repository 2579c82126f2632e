//! Whom to trust.

use std::sync::Arc;

use rustls::{
    DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::RustlsTlsError;
use crate::{Config, Error, Result, client::tls::Reloaded};

/// Whom a configuration trusts.
pub(super) fn of_cluster(
    config: &Config,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    if config.accept_invalid_certs {
        return Ok(Trust::Anybody.verifier(provider));
    }
    if config.authorities_file().is_some() {
        let roots = Reloaded::new(read_file(config, provider))?;
        return Ok(Trust::File(roots).verifier(provider));
    }
    match &config.root_cert {
        Some(roots) => {
            let roots = roots.iter().map(|der| CertificateDer::from(der.as_slice()));
            Ok(webpki_verifier(roots, provider).map_err(Error::RustlsTls)?)
        }
        None => default_verifier(provider),
    }
}

/// Whom it trusts as a proxy: the cluster's authorities, and those that everybody trusts.
pub(super) fn of_proxy(
    config: &Config,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>> {
    let of_cluster = of_cluster(config, provider)?;
    let names_authorities = config.root_cert.is_some() || config.authorities_file().is_some();
    if config.accept_invalid_certs || !names_authorities {
        return Ok(of_cluster);
    }
    // The platform may have none.
    Ok(match default_verifier(provider) {
        Ok(default) => Trust::Either(of_cluster, default).verifier(provider),
        Err(_) => of_cluster,
    })
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

/// Reads the certificate authorities of a configuration's file.
fn read_file(
    config: &Config,
    provider: &Arc<CryptoProvider>,
) -> impl Fn() -> Result<Arc<WebPkiServerVerifier>> + Send + Sync + use<> {
    let (config, provider) = (config.clone(), provider.clone());
    move || {
        let loaded = config.clone().with_loaded_certificates();
        let loaded = loaded.map_err(Error::InferKubeconfig)?;
        let roots = loaded.root_cert.iter().flatten();
        let roots = roots.map(|der| CertificateDer::from(der.as_slice()));
        webpki_verifier(roots, &provider).map_err(Error::RustlsTls)
    }
}

/// Who is trusted beyond what rustls has itself.
#[derive(Debug)]
enum Trust {
    /// Any server; `insecure-skip-tls-verify` asked for it.
    Anybody,
    /// Those of a file, which is read again when it may have changed.
    File(Reloaded<WebPkiServerVerifier>),
    /// Whom one of two trusts.
    Either(Arc<dyn ServerCertVerifier>, Arc<dyn ServerCertVerifier>),
}

impl Trust {
    fn verifier(self, provider: &CryptoProvider) -> Arc<dyn ServerCertVerifier> {
        Arc::new(Verifier {
            trust: self,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

#[derive(Debug)]
struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verify = |verifier: &dyn ServerCertVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::File(roots) => verify(&*roots.get()),
            Trust::Either(one, other) => verify(&**one).or_else(|error| verify(&**other).map_err(|_| error)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
