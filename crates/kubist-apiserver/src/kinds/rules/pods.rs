//! The rules of pods, and of templates for them.

mod containers;
mod env;
mod handlers;
mod resources;
mod scheduling;
mod security;
mod volumes;
mod warnings;

use serde_json::Value;

use super::common::{address, name};
use crate::http::fields::FieldError;
use crate::object::member::{given, integer, list, text};
use crate::object::meta;
use crate::object::metavalidate::{self, NameRule};

pub(super) use warnings::{fraction, warnings};

/// What is wrong with the template of pods.
pub(super) fn template(template: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let labels = meta::get(template, "labels");
    errors.extend(metavalidate::labels(labels, &format!("{path}.labels")));
    let spec = &template["spec"];
    pod_spec(spec, &format!("{path}.spec"), errors);
    if !list(spec, "ephemeralContainers").is_empty() {
        let field = format!("{path}.spec.ephemeralContainers");
        errors.push(FieldError::forbidden(
            field,
            "ephemeral containers not allowed in pod template",
        ));
    }
}

/// What is wrong with a pod's spec.
pub(super) fn pod_spec(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let volumes = volumes::validate(spec, path, errors);
    containers::validate(spec, path, &volumes, errors);
    let selector = spec.get("nodeSelector");
    errors.extend(metavalidate::labels(selector, &format!("{path}.nodeSelector")));
    security::of_pod(spec, path, errors);
    scheduling::affinity(&spec["affinity"], &format!("{path}.affinity"), errors);
    dns(spec, path, errors);
    for (at, gate) in list(spec, "readinessGates").iter().enumerate() {
        let condition = text(gate, "conditionType");
        for problem in metavalidate::qualified_name_problems(condition) {
            let field = format!("{path}.readinessGates[{at}].conditionType");
            errors.push(FieldError::invalid_text(field, condition, &problem));
        }
    }
    scheduling::spread(spec, path, errors);
    name(spec, path, "serviceAccountName", NameRule::Subdomain, errors);
    name(spec, path, "nodeName", NameRule::Subdomain, errors);
    if let Some(deadline) = integer(spec, "activeDeadlineSeconds")
        && !(1..=i64::from(i32::MAX)).contains(&deadline)
    {
        let field = format!("{path}.activeDeadlineSeconds");
        let detail = format!("must be between 1 and {}, inclusive", i32::MAX);
        errors.push(FieldError::invalid(field, &deadline.into(), &detail));
    }
    name(spec, path, "hostname", NameRule::Label, errors);
    name(spec, path, "subdomain", NameRule::Label, errors);
    scheduling::tolerations(spec, path, errors);
    for (at, alias) in list(spec, "hostAliases").iter().enumerate() {
        let path = format!("{path}.hostAliases[{at}]");
        address(&alias["ip"], format!("{path}.ip"), errors);
        for (at, host) in meta::strings(alias.get("hostnames")).into_iter().enumerate() {
            for problem in metavalidate::name_problems(NameRule::Subdomain, host) {
                let field = format!("{path}.hostnames[{at}]");
                errors.push(FieldError::invalid_text(field, host, &problem));
            }
        }
    }
    name(spec, path, "priorityClassName", NameRule::Subdomain, errors);
    name(spec, path, "runtimeClassName", NameRule::Subdomain, errors);
}

fn dns(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    const MOST: usize = 3;
    let path = format!("{path}.dnsConfig");
    let config = given(spec, "dnsConfig");
    let servers = config
        .map(|config| list(config, "nameservers"))
        .unwrap_or_default();
    if text(spec, "dnsPolicy") == "None" {
        if config.is_none() {
            let detail = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.push(FieldError::required(&path, detail));
            return;
        }
        if servers.is_empty() {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            errors.push(FieldError::required(format!("{path}.nameservers"), detail));
        }
    }
    if servers.len() > MOST {
        let field = format!("{path}.nameservers");
        let detail = format!("must not have more than {MOST} nameservers");
        errors.push(FieldError::invalid(field, &servers.to_vec().into(), &detail));
    }
    for (at, server) in servers.iter().enumerate() {
        address(server, format!("{path}.nameservers[{at}]"), errors);
    }
}
