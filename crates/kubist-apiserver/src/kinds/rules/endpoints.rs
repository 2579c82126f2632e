//! The rules of endpoints, and of slices of them.

use std::net::IpAddr;

use std::collections::HashSet;

use serde_json::Value;

use super::immutable;
use crate::http::fields::FieldError;
use crate::kinds::ports::PORT;
use crate::kinds::service::parse_address;
use crate::object::member::{given, integer, list, text};
use crate::object::meta;
use crate::object::metavalidate::{self, NameRule};

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// How much a slice may have of each.
const MOST_ENDPOINTS: usize = 1_000;
const MOST_ADDRESSES: usize = 100;
const MOST_PORTS: usize = 20_000;

pub(super) fn endpoints(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    // What was there before there were rules may stay.
    if old.is_some_and(|old| old.get("subsets") == new.get("subsets")) {
        return;
    }
    for (at, subset) in list(new, "subsets").iter().enumerate() {
        let path = format!("subsets[{at}]");
        let kinds = ["addresses", "notReadyAddresses"];
        if kinds.iter().all(|kind| list(subset, kind).is_empty()) {
            let detail = "must specify `addresses` or `notReadyAddresses`";
            errors.push(FieldError::required(&path, detail));
        }
        for kind in kinds {
            for (at, address) in list(subset, kind).iter().enumerate() {
                endpoint_address(address, &format!("{path}.{kind}[{at}]"), errors);
            }
        }
        let ports = list(subset, "ports");
        for (at, port) in ports.iter().enumerate() {
            endpoint_port(port, ports.len() > 1, &format!("{path}.ports[{at}]"), errors);
        }
    }
}

fn endpoint_address(address: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let field = format!("{path}.ip");
    if let Err(why) = parse_address(text(address, "ip")) {
        errors.push(FieldError::invalid_text(&field, text(address, "ip"), why));
    }
    named(address, "hostname", NameRule::Label, path, errors);
    named(address, "nodeName", NameRule::Subdomain, path, errors);
    reachable(text(address, "ip"), &field, errors);
}

fn named(object: &Value, field: &str, rule: NameRule, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(name) = given(object, field).and_then(Value::as_str) {
        for problem in metavalidate::name_problems(rule, name) {
            errors.push(FieldError::invalid_text(
                format!("{path}.{field}"),
                name,
                &problem,
            ));
        }
    }
}

/// Whether traffic can be sent there.
fn reachable(address: &str, field: &str, errors: &mut Vec<FieldError>) {
    let mut refuse = |detail: &str| errors.push(FieldError::invalid_text(field, address, detail));
    let Ok(parsed) = address.parse::<IpAddr>() else {
        refuse("must be a valid IP address");
        return;
    };
    let (is_local, is_local_group) = match parsed {
        IpAddr::V4(parsed) => (parsed.is_link_local(), parsed.octets().starts_with(&[224, 0, 0])),
        IpAddr::V6(parsed) => (
            parsed.is_unicast_link_local(),
            parsed.segments()[0] & 0xff0f == 0xff02,
        ),
    };
    if parsed.is_unspecified() {
        refuse(&format!("may not be unspecified ({address})"));
    }
    if parsed.is_loopback() {
        refuse("may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    if is_local {
        refuse("may not be in the link-local range (169.254.0.0/16, fe80::/10)");
    }
    if is_local_group {
        refuse("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
    }
}

fn endpoint_port(port: &Value, needs_name: bool, path: &str, errors: &mut Vec<FieldError>) {
    match text(port, "name") {
        "" if needs_name => errors.push(FieldError::required(format!("{path}.name"), "")),
        "" => {}
        name => {
            for problem in metavalidate::name_problems(NameRule::Label, name) {
                errors.push(FieldError::invalid_text(format!("{path}.name"), name, &problem));
            }
        }
    }
    let number = integer(port, "port").unwrap_or(0);
    if !(1..=65_535).contains(&number) {
        errors.push(FieldError::invalid(format!("{path}.port"), &number.into(), PORT));
    }
    protocol(port, path, errors);
}

fn protocol(port: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let field = format!("{path}.protocol");
    match text(port, "protocol") {
        "" => errors.push(FieldError::required(field, "")),
        protocol if PROTOCOLS.contains(&protocol) => {}
        protocol => errors.push(FieldError::not_supported(field, &protocol.into(), &PROTOCOLS)),
    }
    if let Some(name) = given(port, "appProtocol").and_then(Value::as_str) {
        for problem in metavalidate::qualified_name_problems(name) {
            errors.push(FieldError::invalid_text(
                format!("{path}.appProtocol"),
                name,
                &problem,
            ));
        }
    }
}

pub(super) fn slice(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    const KINDS: [&str; 3] = ["FQDN", "IPv4", "IPv6"];
    let kind = text(new, "addressType");
    if kind.is_empty() {
        errors.push(FieldError::required("addressType", ""));
    } else if !KINDS.contains(&kind) {
        errors.push(FieldError::not_supported("addressType", &kind.into(), &KINDS));
    }
    slice_ports(list(new, "ports"), errors);
    if old.is_none_or(|old| old.get("endpoints") != new.get("endpoints")) {
        slice_endpoints(list(new, "endpoints"), kind, errors);
    }
    if let Some(old) = old {
        immutable(new, old, "addressType", errors);
    }
}

fn slice_ports(ports: &[Value], errors: &mut Vec<FieldError>) {
    if ports.len() > MOST_PORTS {
        errors.push(FieldError::too_many("ports", ports.len(), MOST_PORTS));
        return;
    }
    let mut names: HashSet<&str> = HashSet::new();
    for (at, port) in ports.iter().enumerate() {
        let path = format!("ports[{at}]");
        let name = text(port, "name");
        if !name.is_empty() {
            named(port, "name", NameRule::Label, &path, errors);
        }
        if !names.insert(name) {
            errors.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
        }
        protocol(port, &path, errors);
    }
}

fn slice_endpoints(endpoints: &[Value], kind: &str, errors: &mut Vec<FieldError>) {
    if endpoints.len() > MOST_ENDPOINTS {
        errors.push(FieldError::too_many("endpoints", endpoints.len(), MOST_ENDPOINTS));
        return;
    }
    for (at, endpoint) in endpoints.iter().enumerate() {
        let path = format!("endpoints[{at}]");
        let field = format!("{path}.addresses");
        let addresses = meta::strings(endpoint.get("addresses"));
        if addresses.is_empty() {
            let detail = "must contain at least 1 address";
            errors.push(FieldError::required(&field, detail));
        } else if addresses.len() > MOST_ADDRESSES {
            errors.push(FieldError::too_many(&field, addresses.len(), MOST_ADDRESSES));
        }
        for (at, address) in addresses.into_iter().enumerate() {
            slice_address(address, kind, &field, at, errors);
        }
        named(endpoint, "nodeName", NameRule::Subdomain, &path, errors);
        named(endpoint, "hostname", NameRule::Label, &path, errors);
    }
}

fn slice_address(address: &str, kind: &str, field: &str, at: usize, errors: &mut Vec<FieldError>) {
    let item = format!("{field}[{at}]");
    match kind {
        "IPv4" | "IPv6" => {
            if let Err(why) = parse_address(address) {
                errors.push(FieldError::invalid_text(item, address, why));
                return;
            }
            if address.contains(':') != (kind == "IPv6") {
                let detail = format!("must be an {kind} address");
                errors.push(FieldError::invalid_text(field, address, &detail));
            }
            reachable(address, &item, errors);
        }
        "FQDN" => {
            let name = address.strip_suffix('.').unwrap_or(address);
            if name.is_empty() {
                errors.push(FieldError::required(item, ""));
                return;
            }
            let problems = metavalidate::name_problems(NameRule::Subdomain, name);
            if problems.is_empty() && !name.contains('.') {
                let detail = "should be a domain with at least two segments separated by dots";
                errors.push(FieldError::invalid_text(item, address, detail));
                return;
            }
            for problem in problems {
                errors.push(FieldError::invalid_text(&item, address, &problem));
            }
        }
        _ => {}
    }
}
