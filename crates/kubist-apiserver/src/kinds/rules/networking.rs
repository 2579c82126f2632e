//! The rules of ingresses and network policies.

use std::net::IpAddr;

use serde_json::Value;

use super::common::{name, required_text, selector};
use super::immutable;
use crate::http::fields::FieldError;
use crate::kinds::ports::{PORT, name_problems, target_problems};
use crate::kinds::service::{is_range, parse_address};
use crate::object::member::{given, integer, list, text};
use crate::object::meta;
use crate::object::metavalidate::{self, NameRule};

/// The class of an ingress before there was a field for it.
const CLASS: &str = "kubernetes.io/ingress.class";

pub(super) fn ingress(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let annotated = meta::get(new, "annotations").and_then(|annotations| annotations.get(CLASS));
    let class = text(spec, "ingressClassName");
    if let (None, Some(Value::String(annotated))) = (old, annotated)
        && !class.is_empty()
        && annotated != class
    {
        let field = format!("annotations.{CLASS}");
        let detail = "must match `ingressClassName` when both are specified";
        errors.push(FieldError::invalid_text(field, annotated, detail));
    }
    let default = given(spec, "defaultBackend");
    let rules = list(spec, "rules");
    if rules.is_empty() && default.is_none() {
        let detail = "either `defaultBackend` or `rules` must be specified";
        let shown = given(spec, "rules").unwrap_or(&Value::Null);
        errors.push(FieldError::invalid("spec", shown, detail));
    }
    if let Some(backend) = default {
        validate_backend(backend, "spec.defaultBackend", errors);
    }
    for (at, rule) in rules.iter().enumerate() {
        let path = format!("spec.rules[{at}]");
        validate_host(text(rule, "host"), &format!("{path}.host"), errors);
        let Some(http) = given(rule, "http") else { continue };
        let paths = list(http, "paths");
        if paths.is_empty() {
            errors.push(FieldError::required(format!("{path}.http.paths"), ""));
        }
        for (at, http_path) in paths.iter().enumerate() {
            validate_path(http_path, &format!("{path}.http.paths[{at}]"), errors);
        }
    }
    for (at, tls) in list(spec, "tls").iter().enumerate() {
        let path = format!("spec.tls[{at}]");
        name(tls, &path, "secretName", NameRule::Subdomain, errors);
        for (host_at, host) in meta::strings(tls.get("hosts")).into_iter().enumerate() {
            let field = format!("spec.tls[{at}].hosts[{host_at}]");
            for problem in host_problems(host) {
                errors.push(FieldError::invalid_text(&field, host, &problem));
            }
        }
    }
    name(spec, "spec", "ingressClassName", NameRule::Subdomain, errors);
}

fn host_problems(host: &str) -> Vec<String> {
    match host.strip_prefix("*.") {
        Some(rest) => metavalidate::name_problems(NameRule::Subdomain, rest),
        None => metavalidate::name_problems(NameRule::Subdomain, host),
    }
}

fn validate_host(host: &str, field: &str, errors: &mut Vec<FieldError>) {
    if host.is_empty() {
        return;
    }
    if parse_address(host).is_ok() {
        let detail = "must be a DNS name, not an IP address";
        errors.push(FieldError::invalid_text(field, host, detail));
        return;
    }
    for problem in host_problems(host) {
        errors.push(FieldError::invalid_text(field, host, &problem));
    }
}

fn validate_path(path: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let own = text(path, "path");
    let inside = format!("{field}.path");
    match text(path, "pathType") {
        "" => {
            let detail = "pathType must be specified";
            errors.push(FieldError::required(format!("{field}.pathType"), detail));
        }
        "Exact" | "Prefix" => {
            if !own.starts_with('/') {
                errors.push(FieldError::invalid_text(&inside, own, "must be an absolute path"));
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"] {
                if own.contains(part) {
                    let detail = format!("must not contain '{part}'");
                    errors.push(FieldError::invalid_text(&inside, own, &detail));
                }
            }
            for end in ["/..", "/."] {
                if own.ends_with(end) {
                    let detail = format!("cannot end with '{end}'");
                    errors.push(FieldError::invalid_text(&inside, own, &detail));
                }
            }
        }
        "ImplementationSpecific" if !own.is_empty() && !own.starts_with('/') => {
            errors.push(FieldError::invalid_text(&inside, own, "must be an absolute path"));
        }
        _ => {}
    }
    validate_backend(&path["backend"], &format!("{field}.backend"), errors);
}

fn validate_backend(backend: &Value, field: &str, errors: &mut Vec<FieldError>) {
    match (given(backend, "resource"), given(backend, "service")) {
        (Some(_), Some(_)) => {
            let detail = "cannot set both resource and service backends";
            errors.push(FieldError::invalid_text(field, "", detail));
        }
        (Some(resource), None) => {
            for part in ["kind", "name"] {
                required_text(resource, &format!("{field}.resource"), part, errors);
            }
        }
        (None, Some(service)) => validate_service(service, field, errors),
        (None, None) => {
            let detail = "resource or service backend is required";
            errors.push(FieldError::invalid_text(field, "", detail));
        }
    }
}

fn validate_service(service: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let path = format!("{field}.service");
    required_text(service, &path, "name", errors);
    name(service, &path, "name", NameRule::Label, errors);
    let port = &service["port"];
    match (text(port, "name"), integer(port, "number").unwrap_or(0)) {
        ("", 0) => {
            let detail = "port name or number is required";
            errors.push(FieldError::required(field, detail));
        }
        ("", number) if !(1..=65_535).contains(&number) => {
            let field = format!("{path}.port.number");
            errors.push(FieldError::invalid(field, &number.into(), PORT));
        }
        ("", _) => {}
        (named, 0) => {
            for problem in name_problems(named) {
                let field = format!("{path}.port.name");
                errors.push(FieldError::invalid_text(field, named, problem));
            }
        }
        _ => {
            let detail = "cannot set both port name & port number";
            errors.push(FieldError::invalid_text(field, "", detail));
        }
    }
}

pub(super) fn ingress_class(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let controller = text(&new["spec"], "controller");
    if controller
        .split_once('/')
        .is_none_or(|(domain, path)| domain.is_empty() || path.is_empty())
    {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(FieldError::invalid_text("spec.controller", controller, detail));
    }
    if let Some(old) = old {
        immutable(new, old, "spec.controller", errors);
    }
}

pub(super) fn network_policy(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    selector(&spec["podSelector"], "spec.podSelector", errors);
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (at, rule) in list(spec, direction).iter().enumerate() {
            let path = format!("spec.{direction}[{at}]");
            for (at, port) in list(rule, "ports").iter().enumerate() {
                validate_ports(port, &format!("{path}.ports[{at}]"), errors);
            }
            for (at, peer) in list(rule, peers).iter().enumerate() {
                validate_peer(peer, &format!("{path}.{peers}[{at}]"), errors);
            }
        }
    }
    let types = list(spec, "policyTypes");
    if types.len() > 2 {
        let detail = "may not specify more than two policyTypes";
        errors.push(FieldError::invalid(
            "spec.policyTypes",
            &types.to_vec().into(),
            detail,
        ));
    }
}

fn validate_ports(port: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let own = given(port, "port");
    if let Some(own) = own {
        for problem in target_problems(own) {
            errors.push(FieldError::invalid(format!("{path}.port"), own, problem));
        }
    }
    let Some(end) = integer(port, "endPort") else {
        return;
    };
    let field = format!("{path}.endPort");
    let detail = match own.map(Value::as_i64) {
        None => "may not be specified when `port` is not specified",
        Some(None) => "may not be specified when `port` is non-numeric",
        Some(Some(own)) if end < own => {
            // The message has the other of the two.
            let detail = "must be greater than or equal to `port`";
            errors.push(FieldError::invalid(field, &own.into(), detail));
            return;
        }
        Some(Some(_)) if !(1..=65_535).contains(&end) => PORT,
        Some(Some(_)) => return,
    };
    errors.push(FieldError::invalid(field, &end.into(), detail));
}

fn validate_peer(peer: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut count = 0;
    for field in ["podSelector", "namespaceSelector"] {
        if let Some(chosen) = given(peer, field) {
            count += 1;
            selector(chosen, &format!("{path}.{field}"), errors);
        }
    }
    let block = given(peer, "ipBlock");
    if let Some(block) = block {
        validate_block(block, &format!("{path}.ipBlock"), errors);
        if count > 0 {
            let detail = "may not specify both ipBlock and another peer";
            errors.push(FieldError::forbidden(path, detail));
        }
    }
    if count == 0 && block.is_none() {
        errors.push(FieldError::required(path, "must specify a peer"));
    }
}

const RANGE: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

fn validate_block(block: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let range = text(block, "cidr");
    if range.is_empty() {
        errors.push(FieldError::required(format!("{path}.cidr"), ""));
        return;
    }
    if !is_range(range) {
        errors.push(FieldError::invalid_text(format!("{path}.cidr"), range, RANGE));
        return;
    }
    for (at, except) in meta::strings(block.get("except")).into_iter().enumerate() {
        let field = format!("{path}.except[{at}]");
        if !is_range(except) {
            errors.push(FieldError::invalid_text(field, except, RANGE));
        } else if !is_strict_subset(except, range) {
            let detail = "must be a strict subset of `cidr`";
            errors.push(FieldError::invalid_text(field, except, detail));
        }
    }
}

/// Whether one range of addresses is a part of another, and not the whole.
fn is_strict_subset(part: &str, whole: &str) -> bool {
    let parse = |range: &str| -> Option<(u128, bool, u32)> {
        let (address, bits) = range.split_once('/')?;
        let bits: u32 = bits.parse().ok()?;
        Some(match address.parse().ok()? {
            IpAddr::V4(address) => (u128::from(u32::from(address)) << 96, false, bits),
            IpAddr::V6(address) => (u128::from(address), true, bits),
        })
    };
    let (Some((part, part_is_6, part_bits)), Some((whole, whole_is_6, bits))) = (parse(part), parse(whole))
    else {
        return false;
    };
    let prefix = |address: u128| address.checked_shr(128 - bits.min(128)).unwrap_or(0);
    part_is_6 == whole_is_6 && part_bits > bits && prefix(part) == prefix(whole)
}
