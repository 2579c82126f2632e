//! The rules of built-in kinds.
//!
//! What the tables know (enumerations) is checked for every kind; what upstream wrote by hand
//! is here for the kinds that operators meet every day.

mod aggregation;
mod common;
mod config;
mod cron;
mod endpoints;
mod ephemeral;
mod events;
mod fixed;
mod job_policies;
mod jobs;
mod lease;
mod limit_range;
mod namespaces;
mod networking;
mod nodes;
mod pods;
mod policy;
mod quota;
mod rbac;
mod resource_names;
mod storage;
mod warnings;
mod webhooks;
mod workloads;

use kubist_schema::{Field, Message};
use serde_json::Value;

use crate::crd;
use crate::http::fields::FieldError;
use crate::kinds::kind::Kind;
use crate::kinds::{app_armor, pod, service, signing};
use crate::object::member::list;
use crate::object::meta;
use config::{config_map, secret};
use lease::lease;
use pods::pod_spec;

pub(crate) use common::{selector_matches, values_of};
pub(crate) use resource_names::is_native as is_native_resource;
pub(crate) use warnings::warnings;
pub(crate) use webhooks::{
    client_config, conditions as match_conditions, label_selector, one_of, rule as webhook_rule,
};

/// What breaks the rules of the kind; `old` is there for an update.
pub(crate) fn validate(
    kind: &Kind,
    message: &'static Message,
    new: &Value,
    old: Option<&Value>,
    subresource: &str,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if kind.group == "admissionregistration.k8s.io" {
        match kind.plural.as_str() {
            plural if plural.ends_with("webhookconfigurations") => webhooks::validate(new, &mut errors),
            _ if subresource == "status" => {}
            plural => crate::admission::validate_policy(plural, new, old, &mut errors),
        }
        return errors;
    }
    for field in message.json_fields() {
        // These have their own complaints about them.
        if kind.group == "apiextensions.k8s.io"
            || kind.is("", "resourcequotas")
            || kind.is("", "endpoints")
            || kind.is("", "nodes")
            || kind.is("discovery.k8s.io", "endpointslices")
        {
            break;
        }
        // Status is written by those who know better.
        if let (Some(value), false) = (new.get(field.json), matches!(field.json, "status" | "metadata")) {
            enumerations(field, value, field.json, &mut errors);
        }
    }
    if let Some(old) = old.filter(|_| subresource.is_empty()) {
        fixed::validate(kind, new, old, &mut errors);
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "configmaps") => config_map(new, old, &mut errors),
        ("", "secrets") => secret(new, old, &mut errors),
        ("", "limitranges") => limit_range::limit_range(new, &mut errors),
        ("", "resourcequotas") if subresource == "status" => quota::status(new, &mut errors),
        ("", "resourcequotas") => quota::quota(new, old, &mut errors),
        ("", "namespaces") if subresource == "finalize" => namespaces::finalizers(new, &mut errors),
        ("", "namespaces") if subresource == "status" => namespaces::status(new, &mut errors),
        ("", "nodes") => nodes::node(new, old, &mut errors),
        ("", "pods") => {
            if subresource != "status" {
                pod_spec(&new["spec"], "spec", &mut errors);
            }
            if old.is_none() {
                app_armor::validate(new, &mut errors);
            }
            if old.is_none() && !list(&new["spec"], "ephemeralContainers").is_empty() {
                let field = "spec.ephemeralContainers";
                errors.push(FieldError::forbidden(field, "cannot be set on create"));
            }
            if let Some(old) = old {
                if subresource == "ephemeralcontainers" {
                    ephemeral::additions(new, old, &mut errors);
                }
                errors.extend(match subresource {
                    "resize" => pod::validate_resize(new, old),
                    "status" => pod::validate_status(new, old),
                    _ => pod::validate_update(new, old),
                });
            }
        }
        ("", "services") if subresource == "status" => service::validate_status(new, &mut errors),
        ("", "services") => service::validate(new, old, &mut errors),
        ("apps", _) | ("", "replicationcontrollers") if subresource == "status" => {
            workloads::status(kind, new, &mut errors);
        }
        ("apps", "deployments") => workloads::deployment(new, old, &mut errors),
        ("apps", "replicasets") => workloads::replica_set(new, old, &mut errors),
        ("apps", "daemonsets") => workloads::daemon_set(new, old, &mut errors),
        ("apiregistration.k8s.io", "apiservices") => aggregation::api_service(new, &mut errors),
        ("apps", "controllerrevisions") => workloads::revision(new, old, &mut errors),
        ("apps", "statefulsets") => workloads::stateful_set(new, old, &mut errors),
        ("", "replicationcontrollers") => workloads::replication_controller(new, &mut errors),
        ("batch", "jobs") if subresource == "status" => jobs::status(new, old, &mut errors),
        ("batch", "jobs") => jobs::job(new, old, &mut errors),
        ("batch", "cronjobs") => jobs::cron_job(new, &mut errors),
        ("certificates.k8s.io", "certificatesigningrequests") => {
            errors.extend(signing::validate(new, old));
        }
        ("coordination.k8s.io", "leases") => lease(new, &mut errors),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            rbac::binding(kind, new, old, &mut errors);
        }
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => rbac::role(kind, new, &mut errors),
        ("", "persistentvolumeclaims" | "persistentvolumes") if subresource == "status" => {}
        ("", "persistentvolumeclaims") => storage::claim(new, old, &mut errors),
        ("", "persistentvolumes") => storage::volume(new, old, &mut errors),
        ("storage.k8s.io", "storageclasses") => storage::class(new, old, &mut errors),
        ("", "endpoints") => endpoints::endpoints(new, old, &mut errors),
        ("discovery.k8s.io", "endpointslices") => endpoints::slice(new, old, &mut errors),
        ("storage.k8s.io", "volumeattachments") if subresource.is_empty() => {
            storage::attachment(new, &mut errors);
        }
        ("node.k8s.io", "runtimeclasses") => policy::runtime_class(new, old, &mut errors),
        ("networking.k8s.io", "ingresses") if subresource == "status" => {}
        ("networking.k8s.io", "ingresses") => networking::ingress(new, old, &mut errors),
        ("networking.k8s.io", "ingressclasses") => networking::ingress_class(new, old, &mut errors),
        ("networking.k8s.io", "networkpolicies") => networking::network_policy(new, &mut errors),
        ("policy", "poddisruptionbudgets") if subresource == "status" => {
            policy::budget_status(new, &mut errors);
        }
        ("policy", "poddisruptionbudgets") => policy::budget(new, &mut errors),
        ("autoscaling", "horizontalpodautoscalers") if subresource == "status" => {}
        ("autoscaling", "horizontalpodautoscalers") => policy::autoscaler(new, &mut errors),
        ("scheduling.k8s.io", "priorityclasses") => policy::priority_class(new, old, &mut errors),
        ("" | "events.k8s.io", "events") => events::validate(kind, new, old, &mut errors),
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            errors.extend(crd::definition::validate(new, old))
        }
        _ => {}
    }
    errors
}

fn enumerations(field: &'static Field, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut check = |allowed: &[&str], value: &Value, path: &str| {
        if let Some(text) = value.as_str()
            && !allowed.is_empty()
            && !text.is_empty()
            && !allowed.contains(&text)
        {
            // Upstream lists these by hand, not sorted.
            let allowed: &[&str] = match allowed {
                ["Always", "Never", "OnFailure"] => &["Always", "OnFailure", "Never"],
                ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] => {
                    &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]
                }
                ["SCTP", "TCP", "UDP"]
                    if path.starts_with("spec.ingress") || path.starts_with("spec.egress") =>
                {
                    &["TCP", "UDP", "SCTP"]
                }
                ["FallbackToLogsOnError", "File"] => &["File", "FallbackToLogsOnError"],
                ["Indexed", "NonIndexed"] => &["NonIndexed", "Indexed"],
                ["NoExecute", "NoSchedule", "PreferNoSchedule"] => {
                    &["NoSchedule", "PreferNoSchedule", "NoExecute"]
                }
                // These have rules of their own.
                ["OrderedReady", "Parallel"]
                | ["Equal", "Exists", ..]
                | ["Recreate", "RollingUpdate"]
                | ["OnDelete", "RollingUpdate"]
                | ["Never", "PreemptLowerPriority"]
                | ["Delete", "Recycle", "Retain"]
                | ["ReadOnlyMany", "ReadWriteMany", ..] => return,
                ["Egress", "Ingress"] => &["Ingress", "Egress"],
                sorted => sorted,
            };
            errors.push(FieldError::not_supported(path, value, allowed));
        }
    };
    match value {
        Value::Array(items) if field.repeated => {
            for (at, item) in items.iter().enumerate() {
                check(&field.allowed_items, item, &format!("{path}[{at}]"));
            }
        }
        value if !field.map => check(&field.allowed, value, path),
        _ => {}
    }
    let Some(message) = field.message() else { return };
    if message.special.is_some() {
        return;
    }
    let mut inside = |value: &Value, path: &str| {
        for field in message.json_fields() {
            if let Some(value) = value.get(field.json) {
                enumerations(field, value, &format!("{path}.{}", field.json), errors);
            }
        }
    };
    match value {
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| inside(item, &format!("{path}[{at}]")));
        }
        Value::Object(map) if field.map => {
            map.iter()
                .for_each(|(key, value)| inside(value, &format!("{path}[{key}]")));
        }
        value => inside(value, path),
    }
}

fn immutable(new: &Value, old: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let (after, before) = (meta::at(new, path), meta::at(old, path));
    if after != before {
        errors.push(FieldError::immutable(path, after.unwrap_or(&Value::Null)));
    }
}

/// What `immutable: true` forbids.
fn frozen(new: &Value, old: &Value, parts: &[&str], errors: &mut Vec<FieldError>) {
    if old.get("immutable") != Some(&Value::Bool(true)) {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if new.get("immutable") != Some(&Value::Bool(true)) {
        errors.push(FieldError::forbidden("immutable", detail));
    }
    for part in parts {
        if new.get(part) != old.get(part) {
            errors.push(FieldError::forbidden(*part, detail));
        }
    }
}
