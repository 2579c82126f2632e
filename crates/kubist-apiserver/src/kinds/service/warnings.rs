//! What a service is warned about.

use serde_json::Value;

use super::spec::is_external;
use crate::object::member::{list, text};

/// The warnings that a write of this service gets.
pub(crate) fn warnings(service: &Value) -> Vec<String> {
    let spec = &service["spec"];
    let mut warnings = Vec::new();
    if !list(spec, "externalIPs").is_empty() {
        warnings
            .push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".into());
    }
    if !text(spec, "externalName").is_empty() && !is_external(spec) {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    if text(spec, "trafficDistribution") == "PreferClose" {
        let warning = "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"";
        warnings.push(warning.into());
    }
    warnings
}
