//! The rules of built-in kinds.
//!
//! What the tables know (enumerations) is checked for every kind; what upstream wrote by hand
//! is here for the kinds that operators meet every day.

mod config;
mod objects;
mod webhooks;
mod workloads;

use kubist_schema::{Field, Message};
use serde_json::Value;

use crate::crd;
use crate::http::fields::FieldError;
use crate::kinds::kind::Kind;
use crate::kinds::{pod, signing};
use crate::object::meta;
use config::{config_map, secret};
use objects::{binding, claim, lease, service};
use workloads::{pod_spec, template, workload};

pub(crate) use webhooks::client_config;
pub(crate) use workloads::selector_matches;

/// What breaks the rules of the kind; `old` is there for an update.
pub(crate) fn validate(
    kind: &Kind,
    message: &'static Message,
    new: &Value,
    old: Option<&Value>,
    subresource: &str,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if kind.group == "admissionregistration.k8s.io" && kind.plural.ends_with("webhookconfigurations") {
        webhooks::validate(new, &mut errors);
        return errors;
    }
    for field in message.json_fields() {
        // Definitions have their own complaints about these.
        if kind.group == "apiextensions.k8s.io" {
            break;
        }
        // Status is written by those who know better.
        if let (Some(value), false) = (new.get(field.json), matches!(field.json, "status" | "metadata")) {
            enumerations(field, value, field.json, &mut errors);
        }
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "configmaps") => config_map(new, old, &mut errors),
        ("", "secrets") => secret(new, old, &mut errors),
        ("", "pods") => {
            pod_spec(&new["spec"], "spec", &mut errors);
            if let Some(old) = old {
                errors.extend(match subresource {
                    "resize" => pod::validate_resize(new, old),
                    _ => pod::validate_update(new, old),
                });
            }
        }
        ("", "services") => service(new, old, &mut errors),
        ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets") => {
            workload(kind, new, old, &mut errors)
        }
        ("batch", "jobs") => {
            template(
                &new["spec"]["template"],
                "spec.template",
                &["OnFailure", "Never"],
                &mut errors,
            );
            if let Some(old) = old {
                immutable(new, old, "spec.selector", &mut errors);
                immutable(new, old, "spec.completionMode", &mut errors);
            }
        }
        ("batch", "cronjobs") => {
            let job = &new["spec"]["jobTemplate"]["spec"]["template"];
            template(
                job,
                "spec.jobTemplate.spec.template",
                &["OnFailure", "Never"],
                &mut errors,
            );
            if new["spec"]["schedule"].as_str().unwrap_or("").is_empty() {
                errors.push(FieldError::required("spec.schedule", ""));
            }
        }
        ("certificates.k8s.io", "certificatesigningrequests") => {
            errors.extend(signing::validate(new, old));
        }
        ("coordination.k8s.io", "leases") => lease(new, &mut errors),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            binding(new, old, &mut errors)
        }
        ("", "persistentvolumeclaims") => claim(new, old, &mut errors),
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
            let allowed = match allowed {
                ["Always", "Never", "OnFailure"] => &["Always", "OnFailure", "Never"],
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
