//! Hashes that discovery and OpenAPI tell, so that clients may cache.

use base64::Engine as _;
use sha2::{Digest as _, Sha256, Sha512};

use crate::kinds::kind::Kind;

/// The name of a kind's storage version, as `k8s.io/apiserver/pkg/endpoints/discovery` makes it.
pub(crate) fn storage_version(kind: &Kind) -> String {
    let version = kind
        .custom()
        .map_or(kind.version.as_str(), |custom| &custom.storage_version);
    let hash = Sha256::digest(format!("{}/{version}/{}", kind.group, kind.kind));
    base64::engine::general_purpose::STANDARD.encode(&hash[..8])
}

/// The name of a document's content.
pub(crate) fn document(bytes: &[u8]) -> String {
    Sha512::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}
