//! Hashes that discovery tells, so that clients notice other storage.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use crate::kinds::kind::Kind;

/// The name of a kind's storage version, as `k8s.io/apiserver/pkg/endpoints/discovery` makes it.
pub(crate) fn storage_version(kind: &Kind) -> String {
    let (group, version) = match kind.custom() {
        Some(custom) => (kind.group.as_str(), custom.storage_version.as_str()),
        None => stored_as(kind),
    };
    let hash = Sha256::digest(format!("{group}/{version}/{}", kind.kind));
    base64::engine::general_purpose::STANDARD.encode(&hash[..8])
}

/// The group and version in which a real server stores a built-in kind.
fn stored_as(kind: &Kind) -> (&str, &str) {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("events.k8s.io", "Event") => ("", "v1"),
        (group @ "autoscaling", "HorizontalPodAutoscaler") => (group, "v2"),
        (group @ "apiextensions.k8s.io", "CustomResourceDefinition")
        | (
            group @ "admissionregistration.k8s.io",
            "MutatingAdmissionPolicy" | "MutatingAdmissionPolicyBinding",
        ) => (group, "v1beta1"),
        (group, _) => (group, &kind.version),
    }
}
