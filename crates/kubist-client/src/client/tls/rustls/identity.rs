//! With which certificate to go there.

use std::{fmt, sync::Arc};

use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};

use super::RustlsTlsError;
use crate::{
    Config, Error, Result,
    client::{auth::Renewed, tls::Reloaded},
    config::AuthInfo,
};

/// What gives the client certificate of a configuration, if it may have one.
pub(super) fn resolver(
    config: &Config,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ResolvesClientCert>>> {
    let user = &config.auth_info;
    if user.has_identity() {
        let (user, provider) = (user.clone(), provider.clone());
        let identity = Reloaded::new(move || identity(&user, &provider).map(Arc::new))?;
        return Ok(Some(Arc::new(FileIdentity(identity))));
    }
    let Some(exec) = &user.exec else {
        return Ok(None);
    };
    Ok(Some(Arc::new(PluginIdentity {
        credentials: Renewed::of_plugin(exec).map_err(Error::Auth)?,
        provider: provider.clone(),
    })))
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

/// The certificate that a plugin gave last; the request that opens the connection has asked it.
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
