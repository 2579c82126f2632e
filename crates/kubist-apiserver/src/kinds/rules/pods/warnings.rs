//! What pods, and templates for them, are warned about.

use crate::object::member::{given, integer, list, text};
use serde_json::Value;

/// Labels of nodes that go by another name.
const OLD_LABELS: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "v1.17",
        "topology.kubernetes.io/region",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "v1.17",
        "topology.kubernetes.io/zone",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "v1.17",
        "node.kubernetes.io/instance-type",
    ),
];

/// The warnings that a write of this pod's spec gets.
pub(crate) fn warnings(spec: &Value, path: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for (label, since, instead) in OLD_LABELS {
        if spec["nodeSelector"].get(label).is_some() {
            warnings.push(format!(
                "{path}.nodeSelector[{label}]: deprecated since {since}; use \"{instead}\" instead"
            ));
        }
    }
    for (at, volume) in list(spec, "volumes").iter().enumerate() {
        if given(volume, "gitRepo").is_some() {
            warnings.push(format!(
                "{path}.volumes[{at}].gitRepo: deprecated in v1.11, and disabled by default in v1.33+"
            ));
        }
    }
    for (at, secret) in list(spec, "imagePullSecrets").iter().enumerate() {
        if text(secret, "name").is_empty() {
            warnings.push(format!(
                "{path}.imagePullSecrets[{at}].name: invalid empty name \"\""
            ));
        }
    }
    for (at, constraint) in list(spec, "topologySpreadConstraints").iter().enumerate() {
        if given(constraint, "labelSelector").is_none() {
            warnings.push(format!(
                "{path}.topologySpreadConstraints[{at}].labelSelector: a null labelSelector results in matching no \
                 pod"
            ));
        }
    }
    if integer(spec, "terminationGracePeriodSeconds").is_some_and(|seconds| seconds < 0) {
        warnings.push(format!(
            "{path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
        ));
    }
    for kind in ["initContainers", "containers"] {
        for (at, container) in list(spec, kind).iter().enumerate() {
            of_container(container, &format!("{path}.{kind}[{at}]"), &mut warnings);
        }
    }
    warnings
}

fn of_container(container: &Value, path: &str, warnings: &mut Vec<String>) {
    let variables = list(container, "env");
    for (at, variable) in variables.iter().enumerate() {
        let name = text(variable, "name");
        let before = variables.get(..at).unwrap_or_default();
        // One that uses the other extends it.
        let extends = text(variable, "value").contains(&format!("$({name})"));
        if !extends && before.iter().any(|other| text(other, "name") == name) {
            warnings.push(format!(
                "{path}.env[{at}]: hides previous definition of \"{name}\", which may be dropped when using apply"
            ));
        }
    }
    let ports = list(container, "ports");
    let key = |port: &Value| {
        let numbers = ["containerPort", "hostPort"].map(|field| integer(port, field).unwrap_or(0));
        let protocol = text(port, "protocol").to_owned();
        (numbers, protocol, text(port, "hostIP").to_owned())
    };
    for (at, port) in ports.iter().enumerate() {
        let before = ports.get(..at).unwrap_or_default();
        if let Some(first) = before.iter().position(|other| key(other) == key(port)) {
            warnings.push(format!(
                "{path}.ports[{at}]: duplicate port definition with {path}.ports[{first}]"
            ));
        }
    }
}
