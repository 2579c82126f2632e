//! The certificates of a configuration, which may be in files.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Config, KubeconfigError, LoadDataError, kubeconfig::load};

/// The DER of every certificate in PEM.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, pem::PemError> {
    let blocks = pem::parse_many(pem)?;
    let is_certificate = |block: &pem::Pem| block.tag() == "CERTIFICATE";
    Ok(blocks
        .into_iter()
        .filter(is_certificate)
        .map(pem::Pem::into_contents)
        .collect())
}

/// Certificate authorities that were read from a file, when the configuration was made.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) file: PathBuf,
    pub(super) certificates: Vec<Vec<u8>>,
}

impl Config {
    /// The file of certificate authorities that is read again; not one whose content somebody has
    /// replaced in [`root_cert`](Config::root_cert).
    pub(crate) fn authorities_file(&self) -> Option<&Path> {
        if let Some(file) = &self.root_cert_file {
            return Some(file);
        }
        let loaded = self.loaded_root_cert.as_ref();
        let loaded = loaded.filter(|loaded| self.root_cert.as_ref() == Some(&loaded.certificates));
        loaded.map(|loaded| loaded.file.as_path())
    }

    /// The files of certificates and keys, which may change.
    pub(crate) fn certificate_files(&self) -> Vec<PathBuf> {
        let user = &self.auth_info;
        let certificate = user.client_certificate.as_ref();
        let certificate = certificate.filter(|_| user.client_certificate_data.is_none());
        let key = user
            .client_key
            .as_ref()
            .filter(|_| user.client_key_data.is_none());
        let of_user = certificate.into_iter().chain(key).map(PathBuf::from);
        let authorities = self.authorities_file().map(Path::to_owned);
        authorities.into_iter().chain(of_user).collect()
    }

    /// The same with what the files hold in place of their names.
    ///
    /// Blocks while it reads.
    pub(crate) fn with_loaded_certificates(mut self) -> Result<Self, KubeconfigError> {
        if let Some(file) = self.authorities_file().map(Path::to_owned) {
            self.root_cert = Some(read_authorities(&file)?);
            self.root_cert_file = None;
            self.loaded_root_cert = None;
        }
        let user = &mut self.auth_info;
        if user.client_certificate_data.is_none()
            && let Some(file) = user.client_certificate.take()
        {
            let data = load(None, Some(&file)).map_err(KubeconfigError::LoadClientCertificate)?;
            user.client_certificate_data = Some(STANDARD.encode(data));
        }
        if user.client_key_data.is_none()
            && let Some(file) = user.client_key.take()
        {
            let data = load(None, Some(&file)).map_err(KubeconfigError::LoadClientKey)?;
            user.client_key_data = Some(STANDARD.encode(data).into());
        }
        Ok(self)
    }
}

fn read_authorities(file: &Path) -> Result<Vec<Vec<u8>>, KubeconfigError> {
    let failed = |error| {
        let error = LoadDataError::ReadFile(error, file.to_owned());
        KubeconfigError::LoadCertificateAuthority(error)
    };
    let pem = std::fs::read(file).map_err(failed)?;
    let certificates = certificates(&pem).map_err(KubeconfigError::ParseCertificates)?;
    if certificates.is_empty() {
        let kind = std::io::ErrorKind::InvalidData;
        return Err(failed(std::io::Error::new(kind, "it has no certificates")));
    }
    Ok(certificates)
}

#[cfg(any(feature = "rustls-tls", feature = "openssl-tls"))]
impl super::AuthInfo {
    /// Whether it names a client certificate or a key.
    pub(crate) fn has_identity(&self) -> bool {
        let has_certificate = self.client_certificate.is_some() || self.client_certificate_data.is_some();
        has_certificate || self.client_key.is_some() || self.client_key_data.is_some()
    }

    /// The client certificate and its key as one PEM, if it names one.
    pub(crate) fn load_identity_pem(&self) -> Result<Option<Vec<u8>>, KubeconfigError> {
        if !self.has_identity() {
            return Ok(None);
        }
        let key_data = self
            .client_key_data
            .as_ref()
            .map(secrecy::ExposeSecret::expose_secret);
        let mut pem = load(key_data, self.client_key.as_deref()).map_err(KubeconfigError::LoadClientKey)?;
        let certificate = load(
            self.client_certificate_data.as_deref(),
            self.client_certificate.as_deref(),
        )
        .map_err(KubeconfigError::LoadClientCertificate)?;
        if !pem.ends_with(b"\n") {
            pem.push(b'\n');
        }
        pem.extend(certificate);
        Ok(Some(pem))
    }
}
