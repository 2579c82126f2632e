//! The rules for services, in the order of upstream's `ValidateService`.

use std::net::IpAddr;

use serde_json::Value;

use super::{is_reached_from_outside, needs_health_port, ports, spec, ty};
use crate::http::fields::FieldError;
use crate::object::meta;
use crate::object::metavalidate::{self, NameRule, name_problems, qualified_name_problems};

const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";
const ADDRESS: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const LONGEST_AFFINITY: i64 = 86_400;

/// What is wrong with a service.
pub(crate) fn validate(new: &Value, old: Option<&Value>, subresource: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if subresource == "status" {
        ingress(new, &mut errors);
        return errors;
    }
    if let Some(old) = old {
        changed(new, old, &mut errors);
    }
    let external = ty(new) == "ExternalName";
    if ports(new).is_empty() && !external && spec(new)["clusterIP"] != "None" {
        errors.push(FieldError::required("spec.ports", ""));
    }
    kinds(new, &mut errors);
    every_port(new, &mut errors);
    errors.extend(metavalidate::labels(spec(new).get("selector"), "spec.selector"));
    affinity(new, &mut errors);
    outside(new, &mut errors);
    balancer(new, &mut errors);
    traffic(new, &mut errors);
    addresses(new, &mut errors);
    errors
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    spec(object).get(key).and_then(Value::as_str).unwrap_or("")
}

fn changed(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let had = text(old, "clusterIP");
    let both = |ty: &str| super::ty(new) == ty && super::ty(old) == ty;
    let is_external = |object: &Value| super::ty(object) == "ExternalName";
    if !is_external(new) && !is_external(old) && !had.is_empty() && text(new, "clusterIP") != had {
        errors.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            &spec(new)["clusterIPs"],
            "may not change once set",
        ));
    }
    if both("LoadBalancer") && text(new, "loadBalancerClass") != text(old, "loadBalancerClass") {
        errors.push(FieldError::invalid_text(
            "spec.loadBalancerClass",
            text(new, "loadBalancerClass"),
            "may not change once set",
        ));
    }
}

/// What a type of service may not have.
fn kinds(new: &Value, errors: &mut Vec<FieldError>) {
    match ty(new) {
        ty @ ("LoadBalancer" | "NodePort") if text(new, "clusterIP") == "None" => {
            let detail = format!("may not be set to 'None' for {ty} services");
            errors.push(FieldError::invalid_text("spec.clusterIPs[0]", "None", &detail));
        }
        "ExternalName" => {
            let name = text(new, "externalName");
            if spec(new)["clusterIPs"]
                .as_array()
                .is_some_and(|list| !list.is_empty())
                || !text(new, "clusterIP").is_empty()
            {
                let detail = "may not be set for ExternalName services";
                errors.push(FieldError::forbidden("spec.clusterIPs", detail));
            }
            if name.is_empty() {
                errors.push(FieldError::required("spec.externalName", ""));
            } else {
                for problem in name_problems(NameRule::Subdomain, name.trim_end_matches('.')) {
                    errors.push(FieldError::invalid_text("spec.externalName", name, &problem));
                }
            }
        }
        _ => {}
    }
}

fn every_port(new: &Value, errors: &mut Vec<FieldError>) {
    let ports = ports(new);
    for (at, port) in ports.iter().enumerate() {
        one_port(ports, at, port, errors);
    }
    if ty(new) == "ClusterIP" {
        for (at, port) in ports.iter().enumerate() {
            if port["nodePort"].as_i64().unwrap_or(0) != 0 {
                let detail = "may not be used when `type` is 'ClusterIP'";
                errors.push(FieldError::forbidden(
                    format!("spec.ports[{at}].nodePort"),
                    detail,
                ));
            }
        }
    }
    for (at, port) in ports.iter().enumerate() {
        let is_same = |other: &Value| other["port"] == port["port"] && other["protocol"] == port["protocol"];
        if ports.iter().take(at).any(is_same) {
            let shown = format!(
                "{{\"Name\":\"\",\"Protocol\":{},\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\"NodePort\":0}}",
                port["protocol"], port["port"]
            );
            errors.push(FieldError::duplicate_json(format!("spec.ports[{at}]"), &shown));
        }
    }
}

fn one_port(ports: &[Value], at: usize, port: &Value, errors: &mut Vec<FieldError>) {
    let field = |key: &str| format!("spec.ports[{at}].{key}");
    let name = port["name"].as_str().unwrap_or("");
    if name.is_empty() {
        if ports.len() > 1 {
            errors.push(FieldError::required(field("name"), ""));
        }
    } else {
        for problem in name_problems(NameRule::Label, name) {
            errors.push(FieldError::invalid_text(field("name"), name, &problem));
        }
        if ports.iter().take(at).any(|other| other["name"] == name) {
            errors.push(FieldError::duplicate(field("name"), &name.into()));
        }
    }
    let number = port["port"].as_i64().unwrap_or(0);
    let is_port = |number: i64| (1..=65_535).contains(&number);
    if !is_port(number) {
        errors.push(FieldError::invalid(field("port"), &number.into(), PORT_RANGE));
    }
    match &port["targetPort"] {
        Value::Number(target) if !target.as_i64().is_some_and(is_port) => {
            errors.push(FieldError::invalid(
                field("targetPort"),
                &port["targetPort"],
                PORT_RANGE,
            ));
        }
        Value::String(target) => {
            for problem in port_name_problems(target) {
                errors.push(FieldError::invalid_text(field("targetPort"), target, problem));
            }
        }
        _ => {}
    }
    if let Some(protocol) = port["appProtocol"].as_str() {
        for problem in qualified_name_problems(protocol) {
            errors.push(FieldError::invalid_text(field("appProtocol"), protocol, &problem));
        }
    }
}

/// What is wrong with the name of a container's port.
pub(crate) fn port_name_problems(name: &str) -> Vec<&'static str> {
    let mut problems = Vec::new();
    if name.len() > 15 {
        problems.push("must be no more than 15 characters");
    }
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.to_ascii_lowercase().chars().all(is_plain) {
        problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !name.chars().any(|c| c.is_ascii_lowercase()) {
        problems.push("must contain at least one letter (a-z)");
    }
    if name.contains("--") {
        problems.push("must not contain consecutive hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') {
        problems.push("must not begin or end with a hyphen");
    }
    problems
}

fn affinity(new: &Value, errors: &mut Vec<FieldError>) {
    if text(new, "sessionAffinity") != "ClientIP" {
        return;
    }
    let seconds = &spec(new)["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"];
    if !seconds
        .as_i64()
        .is_some_and(|seconds| (1..=LONGEST_AFFINITY).contains(&seconds))
    {
        errors.push(FieldError::invalid(
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            seconds,
            &format!("must be greater than 0 and less than {LONGEST_AFFINITY}"),
        ));
    }
}

fn outside(new: &Value, errors: &mut Vec<FieldError>) {
    let addresses = spec(new).get("externalIPs");
    for (at, address) in meta::strings(addresses).into_iter().enumerate() {
        let field = format!("spec.externalIPs[{at}]");
        let problem = match address.parse::<IpAddr>() {
            Err(_) => Some(ADDRESS),
            Ok(parsed) if parsed.is_unspecified() => Some("may not be unspecified (0.0.0.0 or ::)"),
            Ok(parsed) if parsed.is_loopback() => {
                Some("may not be in the loopback range (127.0.0.0/8, ::1/128)")
            }
            Ok(parsed) if parsed.is_multicast() => {
                Some("may not be in the multicast range (224.0.0.0/4, ff00::/8)")
            }
            Ok(_) => None,
        };
        if let Some(problem) = problem {
            errors.push(FieldError::invalid_text(field, address, problem));
        }
    }
}

fn balancer(new: &Value, errors: &mut Vec<FieldError>) {
    let is_balancer = ty(new) == "LoadBalancer";
    let only = "may only be used when `type` is 'LoadBalancer'";
    let ranges = meta::strings(spec(new).get("loadBalancerSourceRanges"));
    if !ranges.is_empty() && !is_balancer {
        errors.push(FieldError::forbidden("spec.LoadBalancerSourceRanges", only));
    }
    for (at, range) in ranges.into_iter().enumerate().filter(|_| is_balancer) {
        let is_range = range.trim().split_once('/').is_some_and(|(address, length)| {
            let most = if address.contains(':') { 128 } else { 32 };
            address.parse::<IpAddr>().is_ok() && length.parse::<u8>().is_ok_and(|length| length <= most)
        });
        if !is_range {
            let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
            let field = format!("spec.LoadBalancerSourceRanges[{at}]");
            errors.push(FieldError::invalid_text(field, range, detail));
        }
    }
    let given = |key: &str| spec(new).get(key).is_some_and(|value| !value.is_null());
    if given("allocateLoadBalancerNodePorts") && !is_balancer {
        errors.push(FieldError::forbidden("spec.allocateLoadBalancerNodePorts", only));
    }
    if given("loadBalancerClass") && !is_balancer {
        errors.push(FieldError::forbidden("spec.loadBalancerClass", only));
    }
}

fn traffic(new: &Value, errors: &mut Vec<FieldError>) {
    let policy = text(new, "externalTrafficPolicy");
    if !policy.is_empty() && !is_reached_from_outside(new) {
        let detail = "may only be set for externally-accessible services";
        errors.push(FieldError::invalid_text(
            "spec.externalTrafficPolicy",
            policy,
            detail,
        ));
    }
    let health = spec(new)["healthCheckNodePort"].as_i64().unwrap_or(0);
    if health != 0 && !needs_health_port(new) {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(FieldError::invalid(
            "spec.healthCheckNodePort",
            &health.into(),
            detail,
        ));
    }
    let distribution = text(new, "trafficDistribution");
    let supported = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    if !distribution.is_empty() && !supported.contains(&distribution) {
        errors.push(FieldError::not_supported(
            "spec.trafficDistribution",
            &distribution.into(),
            &supported,
        ));
    }
}

fn addresses(new: &Value, errors: &mut Vec<FieldError>) {
    if ty(new) == "ExternalName" {
        return;
    }
    let first = text(new, "clusterIP");
    let all = meta::strings(spec(new).get("clusterIPs"));
    let shown = &spec(new)["clusterIPs"];
    let families = meta::strings(spec(new).get("ipFamilies"));
    for (at, family) in families.iter().enumerate() {
        if families.iter().take(at).any(|before| before == family) {
            errors.push(FieldError::duplicate(
                format!("spec.ipFamilies[{at}]"),
                &(*family).into(),
            ));
        }
    }
    if first.is_empty() && !all.is_empty() {
        let detail = "must be empty when `clusterIP` is not specified";
        errors.push(FieldError::invalid("spec.clusterIPs", shown, detail));
    } else if !first.is_empty() && all.first().is_some_and(|other| *other != first) {
        let detail = "first value must match `clusterIP`";
        errors.push(FieldError::invalid("spec.clusterIPs", shown, detail));
    }
    for (at, address) in all.iter().enumerate().filter(|(_, address)| **address != "None") {
        if address.parse::<IpAddr>().is_err() {
            let field = format!("spec.clusterIPs[{at}]");
            errors.push(FieldError::invalid_text(field, address, ADDRESS));
        }
    }
    if let Some(Ok(IpAddr::V6(_))) = all.first().map(|address| address.parse()) {
        errors.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            shown,
            "IPv6 is not configured on this cluster",
        ));
    }
    if text(new, "ipFamilyPolicy") == "RequireDualStack" && first != "None" {
        errors.push(FieldError::invalid_text(
            "spec.ipFamilyPolicy",
            "RequireDualStack",
            "this cluster is not configured for dual-stack services",
        ));
    }
}

/// Where a load balancer is reached.
fn ingress(new: &Value, errors: &mut Vec<FieldError>) {
    let ingress = meta::at(new, "status.loadBalancer.ingress").and_then(Value::as_array);
    let ingress = ingress.map(Vec::as_slice).unwrap_or_default();
    if !ingress.is_empty() && ty(new) != "LoadBalancer" {
        let detail = "may only be used when `spec.type` is 'LoadBalancer'";
        errors.push(FieldError::forbidden("status.loadBalancer.ingress", detail));
        return;
    }
    for (at, entry) in ingress.iter().enumerate() {
        if let Some(address) = entry["ip"].as_str().filter(|address| !address.is_empty())
            && address.parse::<IpAddr>().is_err()
        {
            let field = format!("status.loadBalancer.ingress[{at}].ip");
            errors.push(FieldError::invalid_text(field, address, ADDRESS));
        }
    }
}
