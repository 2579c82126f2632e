//! The rules of services.

use serde_json::{Value, json};

use super::spec::{is_balanced, is_exposed, is_external, is_headless, needs_address, needs_health_port};
use super::{families, ip};
use crate::http::fields::FieldError;
use crate::kinds::ports::{PORT, target_problems};
use crate::object::member::{given, list, number, text};
use crate::object::metavalidate::{self, NameRule};

/// What breaks the rules of services; `old` is there for an update.
pub(crate) fn validate(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if let Some(old) = old {
        validate_change(spec, &old["spec"], errors);
    }
    let ports = list(spec, "ports");
    if ports.is_empty() && !is_external(spec) && !is_headless(spec) {
        errors.push(FieldError::required("spec.ports", ""));
    }
    validate_type(spec, errors);
    for (at, port) in ports.iter().enumerate() {
        validate_port(port, ports, at, errors);
    }
    let selector = given(spec, "selector");
    errors.extend(metavalidate::labels(selector, "spec.selector"));
    validate_affinity(spec, errors);
    errors.extend(families::validate(spec));
    for (at, address) in list(spec, "externalIPs").iter().enumerate() {
        let why = match ip::parse(address.as_str().unwrap_or("")) {
            Ok(address) => ip::special(address),
            Err(why) => Some(why),
        };
        if let Some(why) = why {
            errors.push(FieldError::invalid(
                format!("spec.externalIPs[{at}]"),
                address,
                why,
            ));
        }
    }
    validate_pairs(spec, errors);
    validate_balancer(spec, errors);
    validate_traffic(spec, errors);
}

/// What breaks the rules of a service's status.
pub(crate) fn validate_status(service: &Value, errors: &mut Vec<FieldError>) {
    let field = "status.loadBalancer.ingress";
    let ingress = list(&service["status"]["loadBalancer"], "ingress");
    if !ingress.is_empty() && !is_balanced(&service["spec"]) {
        let detail = "may only be used when `spec.type` is 'LoadBalancer'";
        errors.push(FieldError::forbidden(field, detail));
        return;
    }
    for (at, ingress) in ingress.iter().enumerate() {
        let (address, host) = (text(ingress, "ip"), text(ingress, "hostname"));
        if !address.is_empty()
            && let Err(why) = ip::parse(address)
        {
            errors.push(FieldError::invalid_text(
                format!("{field}[{at}].ip"),
                address,
                why,
            ));
        }
        if !host.is_empty() {
            for problem in metavalidate::name_problems(NameRule::Subdomain, host) {
                errors.push(FieldError::invalid_text(
                    format!("{field}[{at}].hostname"),
                    host,
                    &problem,
                ));
            }
            if ip::parse(host).is_ok() {
                let detail = "must be a DNS name, not an IP address";
                errors.push(FieldError::invalid_text(
                    format!("{field}[{at}].hostname"),
                    host,
                    detail,
                ));
            }
        }
    }
}

/// What may not change.
fn validate_change(spec: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let had = text(old, "clusterIP");
    let keeps = needs_address(old) && needs_address(spec);
    if keeps && !had.is_empty() && text(spec, "clusterIP") != had {
        let value = spec.get("clusterIPs").cloned().unwrap_or_default();
        errors.push(FieldError::invalid(
            "spec.clusterIPs[0]",
            &value,
            "may not change once set",
        ));
    }
    let class = |spec: &Value| given(spec, "loadBalancerClass").cloned();
    if is_balanced(old) && is_balanced(spec) && class(old) != class(spec) {
        let value = class(spec).unwrap_or_default();
        errors.push(FieldError::invalid(
            "spec.loadBalancerClass",
            &value,
            "may not change once set",
        ));
    }
}

fn validate_type(spec: &Value, errors: &mut Vec<FieldError>) {
    let kind = text(spec, "type");
    if kind == "LoadBalancer" {
        for (at, port) in list(spec, "ports").iter().enumerate() {
            if number(port, "port") == 10_250 {
                let detail = "may not expose port 10250 externally since it is used by kubelet";
                let field = format!("spec.ports[{at}]");
                errors.push(FieldError::invalid(field, &10_250.into(), detail));
            }
        }
    }
    if matches!(kind, "LoadBalancer" | "NodePort") && is_headless(spec) {
        let detail = format!("may not be set to 'None' for {kind} services");
        errors.push(FieldError::invalid_text("spec.clusterIPs[0]", "None", &detail));
    }
    if kind != "ExternalName" {
        return;
    }
    let is_set = |field: &str| match given(spec, field) {
        None => false,
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
        if is_set(field) || field == "clusterIPs" && !text(spec, "clusterIP").is_empty() {
            let detail = "may not be set for ExternalName services";
            errors.push(FieldError::forbidden(format!("spec.{field}"), detail));
        }
    }
    // A dot at the end makes a name complete.
    let name = text(spec, "externalName");
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        errors.push(FieldError::required("spec.externalName", ""));
    } else {
        for problem in metavalidate::name_problems(NameRule::Subdomain, name) {
            errors.push(FieldError::invalid_text("spec.externalName", name, &problem));
        }
    }
}

fn validate_port(port: &Value, ports: &[Value], at: usize, errors: &mut Vec<FieldError>) {
    let path = format!("spec.ports[{at}]");
    let name = text(port, "name");
    if name.is_empty() {
        if ports.len() > 1 {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
    } else {
        for problem in metavalidate::name_problems(NameRule::Label, name) {
            errors.push(FieldError::invalid_text(format!("{path}.name"), name, &problem));
        }
        let before = ports.get(..at).unwrap_or_default();
        if before.iter().any(|other| text(other, "name") == name) {
            errors.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
        }
    }
    let own = number(port, "port");
    if !(1..=65_535).contains(&own) {
        errors.push(FieldError::invalid(format!("{path}.port"), &own.into(), PORT));
    }
    for problem in target_problems(&port["targetPort"]) {
        errors.push(FieldError::invalid(
            format!("{path}.targetPort"),
            &port["targetPort"],
            problem,
        ));
    }
    if let Some(protocol) = port["appProtocol"].as_str() {
        for problem in metavalidate::qualified_name_problems(protocol) {
            errors.push(FieldError::invalid_text(
                format!("{path}.appProtocol"),
                protocol,
                &problem,
            ));
        }
    }
}

fn validate_affinity(spec: &Value, errors: &mut Vec<FieldError>) {
    const LONGEST: i64 = 86_400;
    if text(spec, "sessionAffinity") != "ClientIP" {
        return;
    }
    let field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    match spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"].as_i64() {
        None => errors.push(FieldError::required(field, "")),
        Some(seconds) if seconds <= 0 || seconds > LONGEST => {
            let detail = format!("must be greater than 0 and less than {LONGEST}");
            errors.push(FieldError::invalid(field, &seconds.into(), &detail));
        }
        Some(_) => {}
    }
}

/// Ports that are there twice, and ports of nodes where there are none.
fn validate_pairs(spec: &Value, errors: &mut Vec<FieldError>) {
    let ports = list(spec, "ports");
    if text(spec, "type") == "ClusterIP" {
        for (at, _) in ports
            .iter()
            .enumerate()
            .filter(|(_, port)| number(port, "nodePort") != 0)
        {
            let detail = "may not be used when `type` is 'ClusterIP'";
            errors.push(FieldError::forbidden(
                format!("spec.ports[{at}].nodePort"),
                detail,
            ));
        }
    }
    for field in ["nodePort", "port"] {
        let pair = |port: &Value| (text(port, "protocol").to_owned(), number(port, field));
        for (at, port) in ports.iter().enumerate() {
            let before = ports.get(..at).unwrap_or_default();
            if number(port, field) == 0 || !before.iter().any(|other| pair(other) == pair(port)) {
                continue;
            }
            errors.push(if field == "nodePort" {
                FieldError::duplicate(format!("spec.ports[{at}].nodePort"), &port["nodePort"])
            } else {
                let value = format!(
                    r#"{{"Name":"","Protocol":{},"AppProtocol":null,"Port":{},"TargetPort":0,"NodePort":0}}"#,
                    json!(text(port, "protocol")),
                    number(port, "port")
                );
                FieldError::duplicate_json(format!("spec.ports[{at}]"), &value)
            });
        }
    }
}

fn validate_balancer(spec: &Value, errors: &mut Vec<FieldError>) {
    const ONLY: &str = "may only be used when `type` is 'LoadBalancer'";
    let ranges = list(spec, "loadBalancerSourceRanges");
    if !ranges.is_empty() && !is_balanced(spec) {
        errors.push(FieldError::forbidden("spec.LoadBalancerSourceRanges", ONLY));
    }
    for (at, range) in ranges.iter().enumerate() {
        if !range.as_str().is_some_and(|range| ip::is_range(range.trim())) {
            let field = format!("spec.LoadBalancerSourceRanges[{at}]");
            let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
            errors.push(FieldError::invalid(field, range, detail));
        }
    }
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if given(spec, field).is_some() && !is_balanced(spec) {
            errors.push(FieldError::forbidden(format!("spec.{field}"), ONLY));
        }
    }
    if let Some(class) = spec["loadBalancerClass"].as_str() {
        for problem in metavalidate::qualified_name_problems(class) {
            errors.push(FieldError::invalid_text(
                "spec.loadBalancerClass",
                class,
                &problem,
            ));
        }
    }
}

fn validate_traffic(spec: &Value, errors: &mut Vec<FieldError>) {
    let external = text(spec, "externalTrafficPolicy");
    if !is_exposed(spec) && !external.is_empty() {
        let detail = "may only be set for externally-accessible services";
        errors.push(FieldError::invalid_text(
            "spec.externalTrafficPolicy",
            external,
            detail,
        ));
    }
    let health = number(spec, "healthCheckNodePort");
    if !needs_health_port(spec) && health != 0 {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        errors.push(FieldError::invalid(
            "spec.healthCheckNodePort",
            &health.into(),
            detail,
        ));
    }
    let known = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    if let Some(distribution) = given(spec, "trafficDistribution")
        && !known.iter().any(|known| distribution == known)
    {
        errors.push(FieldError::not_supported(
            "spec.trafficDistribution",
            distribution,
            &known,
        ));
    }
}
