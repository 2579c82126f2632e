//! What a service's spec asks for.

use crate::object::member::{list, text};
use serde_json::Value;

pub(super) fn is_headless(spec: &Value) -> bool {
    text(spec, "clusterIP") == "None"
        || list(spec, "clusterIPs")
            .first()
            .is_some_and(|first| first == "None")
}

pub(super) fn is_external(spec: &Value) -> bool {
    text(spec, "type") == "ExternalName"
}

pub(super) fn is_balanced(spec: &Value) -> bool {
    text(spec, "type") == "LoadBalancer"
}

/// Whether the service has addresses, `None` among them.
pub(super) fn needs_address(spec: &Value) -> bool {
    matches!(text(spec, "type"), "ClusterIP" | "NodePort" | "LoadBalancer")
}

pub(super) fn needs_node_ports(spec: &Value) -> bool {
    text(spec, "type") == "NodePort"
        || is_balanced(spec) && spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false))
}

/// Whether somebody asks its nodes whether they have endpoints.
pub(super) fn needs_health_port(spec: &Value) -> bool {
    is_balanced(spec) && text(spec, "externalTrafficPolicy") == "Local"
}

/// Whether it can be reached from outside.
pub(super) fn is_exposed(spec: &Value) -> bool {
    match text(spec, "type") {
        "LoadBalancer" | "NodePort" => true,
        "ClusterIP" => !list(spec, "externalIPs").is_empty(),
        _ => false,
    }
}
