//! What resources may be called: by containers, limit ranges and quotas.

use crate::http::fields::FieldError;
use crate::object::metavalidate;

/// What resources are called that quotas count by themselves.
const OF_QUOTAS: [&str; 19] = [
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// The resources of which there are no parts.
const COUNTED: [&str; 9] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// The name of any resource.
pub(super) fn any(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    let problems = metavalidate::qualified_name_problems(name);
    for problem in &problems {
        errors.push(FieldError::invalid_text(field, name, problem));
    }
    if problems.is_empty() && !name.contains('/') && name != "storage" && !is_of_quotas(name) {
        let detail = "must be a standard resource type or fully qualified";
        errors.push(FieldError::invalid_text(field, name, detail));
    }
}

/// The name of a resource that containers ask for.
pub(super) fn of_container(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    any(name, field, errors);
    let is_standard =
        matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if !name.contains('/') && !is_standard {
        let detail = "must be a standard resource for containers";
        errors.push(FieldError::invalid_text(field, name, detail));
    } else if !is_native(name) && !is_extended(name) {
        let detail = "doesn't follow extended resource name standard";
        errors.push(FieldError::invalid_text(field, name, detail));
    }
}

/// The name of a resource that a quota counts.
pub(super) fn of_quota(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    any(name, field, errors);
    if !name.contains('/') && !is_of_quotas(name) {
        let detail = "must be a standard resource for quota";
        errors.push(FieldError::invalid_text(field, name, detail));
    }
}

/// Whether it is a resource that Kubernetes knows by itself.
pub(crate) fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether containers may be promised more of it than there is.
pub(super) fn is_overcommitted(name: &str) -> bool {
    is_native(name) && !name.starts_with("hugepages-")
}

/// Whether there are only whole ones.
pub(super) fn is_counted(name: &str) -> bool {
    COUNTED.contains(&name) || is_extended(name)
}

/// Whether quotas count it by themselves.
pub(super) fn is_of_quotas(name: &str) -> bool {
    OF_QUOTAS.contains(&name) || name.starts_with("hugepages-") || name.starts_with("requests.hugepages-")
}

fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && metavalidate::qualified_name_problems(&format!("requests.{name}")).is_empty()
}
