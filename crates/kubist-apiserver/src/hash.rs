//! Hashes that discovery and OpenAPI tell, so that clients may cache.

use base64::Engine as _;

use crate::kind::Kind;

/// A name for the storage version of a kind that changes when that version does.
///
/// Real servers hash likewise; nobody may compare hashes of two servers.
pub(crate) fn storage_version(kind: &Kind) -> String {
    let version = kind
        .custom()
        .map_or(kind.version.as_str(), |custom| &custom.storage_version);
    let hash = fnv(format!("{}/{version}/{}", kind.group, kind.kind).as_bytes());
    base64::engine::general_purpose::STANDARD.encode(hash.to_be_bytes())
}

/// FNV-1a: nobody attacks these.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
