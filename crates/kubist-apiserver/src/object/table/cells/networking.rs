//! How pods are reached.

use serde_json::Value;

use super::row::{Row, first, or, or_none, pairs, selector};

/// How many addresses or hosts are shown.
const SHOWN: usize = 3;

pub(super) fn cell(plural: &str, column: &str, row: &Row<'_>) -> Option<Value> {
    Some(match (plural, column) {
        ("services", "Type") => row.text("spec.type").into(),
        ("services", "Cluster-IP") => {
            let first = row.strings("spec.clusterIPs").first().copied();
            or_none(first.unwrap_or_else(|| row.text("spec.clusterIP"))).into()
        }
        ("services", "External-IP") => external_ip(row).into(),
        ("services", "Port(s)") => ports(row).into(),
        ("services", "Selector") => pairs(row.at("spec.selector")).into(),
        ("ingresses", "Class") => or_none(row.text("spec.ingressClassName")).into(),
        ("ingresses", "Hosts") => {
            let rules = row.list("spec.rules").iter();
            let hosts: Vec<String> = rules
                .filter_map(|rule| rule["host"].as_str())
                .filter(|host| !host.is_empty())
                .map(str::to_owned)
                .collect();
            or(&first(&hosts, SHOWN, ","), "*").into()
        }
        ("ingresses", "Address") => balanced(row).join(",").into(),
        ("ingresses", "Ports") => match row.count("spec.tls") {
            0 => "80".into(),
            _ => "80, 443".into(),
        },
        ("ingressclasses", "Controller") => row.text("spec.controller").into(),
        ("ingressclasses", "Parameters") => parameters(row).into(),
        ("networkpolicies", "Pod-Selector") => selector(row.at("spec.podSelector")).into(),
        ("endpoints", "Endpoints") => endpoints(row).into(),
        ("endpointslices", "AddressType") => row.text("addressType").into(),
        ("endpointslices", "Ports") => {
            let ports = row.list("ports").iter().map(|port| match port["port"].as_i64() {
                Some(port) => port.to_string(),
                None => "*".to_owned(),
            });
            or(&few(&ports.collect::<Vec<_>>()), "<unset>").into()
        }
        ("endpointslices", "Endpoints") => {
            let endpoints = row.list("endpoints").iter();
            let addresses: Vec<String> = endpoints
                .flat_map(|endpoint| endpoint["addresses"].as_array().into_iter().flatten())
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            or(&few(&addresses), "<unset>").into()
        }
        ("ipaddresses", "ParentRef") => {
            let parts =
                ["resource", "namespace", "name"].map(|part| row.text(&format!("spec.parentRef.{part}")));
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            or(&parts.join("/"), "<none>").into()
        }
        ("servicecidrs", "CIDRs") => row.strings("spec.cidrs").join(",").into(),
        _ => return None,
    })
}

/// The first few; how many more there are is not said.
fn few(items: &[String]) -> String {
    match items.len() {
        more if more > SHOWN => {
            let shown = items.get(..SHOWN).unwrap_or(items).join(",");
            format!("{shown} + {} more...", more - SHOWN)
        }
        _ => items.join(","),
    }
}

/// Where a balancer is.
fn balanced<'a>(row: &Row<'a>) -> Vec<&'a str> {
    row.list("status.loadBalancer.ingress")
        .iter()
        .filter_map(|ingress| {
            let address = ingress["ip"].as_str().filter(|address| !address.is_empty());
            address.or_else(|| ingress["hostname"].as_str().filter(|host| !host.is_empty()))
        })
        .collect()
}

fn external_ip(row: &Row<'_>) -> String {
    let own = row.strings("spec.externalIPs");
    match row.text("spec.type") {
        "ExternalName" => row.text("spec.externalName").to_owned(),
        "LoadBalancer" => {
            let all: Vec<&str> = balanced(row).into_iter().chain(own).collect();
            or(&all.join(","), "<pending>")
        }
        _ => or_none(&own.join(",")),
    }
}

fn ports(row: &Row<'_>) -> String {
    let ports: Vec<String> = row
        .list("spec.ports")
        .iter()
        .map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match port["nodePort"].as_i64().unwrap_or(0) {
                0 => format!("{}/{protocol}", port["port"]),
                node => format!("{}:{node}/{protocol}", port["port"]),
            }
        })
        .collect();
    or_none(&ports.join(","))
}

fn parameters(row: &Row<'_>) -> String {
    let text = |field: &str| row.text(&format!("spec.parameters.{field}"));
    match (text("kind"), text("apiGroup")) {
        ("", _) => "<none>".into(),
        (kind, "") => format!("{kind}/{}", text("name")),
        (kind, group) => format!("{kind}.{group}/{}", text("name")),
    }
}

fn endpoints(row: &Row<'_>) -> String {
    let mut all: Vec<String> = Vec::new();
    for subset in row.list("subsets") {
        let list = |field: &str| subset[field].as_array().cloned().unwrap_or_default();
        let (addresses, ports) = (list("addresses"), list("ports"));
        for address in addresses.iter().filter_map(|address| address["ip"].as_str()) {
            if ports.is_empty() {
                all.push(address.to_owned());
            }
            for port in &ports {
                all.push(match address.contains(':') {
                    true => format!("[{address}]:{}", port["port"]),
                    false => format!("{address}:{}", port["port"]),
                });
            }
        }
    }
    or_none(&first(&all, SHOWN, ","))
}
