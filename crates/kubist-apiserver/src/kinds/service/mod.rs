//! Services: what they are given, what they keep and what they lose.

pub(crate) mod address;
pub(crate) mod rules;

use serde_json::{Map, Value, json};

use crate::http::fields::FieldError;
use crate::kinds::defaults::{or, text};
use crate::kinds::kind;
use crate::object::meta;
use crate::state::Api;

/// The ports of nodes that services may have.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30_000..=32_767;

/// Gives a new service its addresses and ports.
pub(crate) fn prepare_create(api: &Api, object: &mut Value) {
    allocate(api, object);
}

/// Keeps what a service has, takes what its type has no use for, and gives what it lacks.
pub(crate) fn prepare_update(api: &Api, new: &mut Value, old: &Value) {
    keep(new, old);
    drop_unused(new, old);
    allocate(api, new);
}

fn spec(object: &Value) -> &Value {
    object.get("spec").unwrap_or(&Value::Null)
}

fn ty(object: &Value) -> &str {
    spec(object).get("type").and_then(Value::as_str).unwrap_or("")
}

fn ports(object: &Value) -> &[Value] {
    let ports = spec(object).get("ports").and_then(Value::as_array);
    ports.map(Vec::as_slice).unwrap_or_default()
}

fn needs_address(object: &Value) -> bool {
    ty(object) != "ExternalName"
}

fn needs_node_ports(object: &Value) -> bool {
    match ty(object) {
        "NodePort" => true,
        "LoadBalancer" => spec(object).get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)),
        _ => false,
    }
}

fn has_node_ports(object: &Value) -> bool {
    matches!(ty(object), "NodePort" | "LoadBalancer")
}

fn needs_health_port(object: &Value) -> bool {
    ty(object) == "LoadBalancer" && spec(object)["externalTrafficPolicy"] == "Local"
}

fn is_reached_from_outside(object: &Value) -> bool {
    let has_addresses = spec(object)["externalIPs"]
        .as_array()
        .is_some_and(|addresses| !addresses.is_empty());
    has_node_ports(object) || ty(object) == "ClusterIP" && has_addresses
}

/// Keeps what was allocated where the client left it out.
fn keep(new: &mut Value, old: &Value) {
    let old_spec = spec(old).clone();
    if needs_address(new) && needs_address(old) {
        let spec = meta::child(new, "spec");
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if let Some(value) = old_spec.get(key) {
                // A new address makes a new list of them.
                if key != "clusterIPs" || spec.get("clusterIP") == old_spec.get("clusterIP") {
                    or(spec, key, value.clone());
                }
            }
        }
    }
    if has_node_ports(new) && has_node_ports(old) {
        let number = |port: &Value| port.get("nodePort").and_then(Value::as_i64).unwrap_or(0);
        let name = |port: &Value| port.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
        let given: Vec<i64> = ports(new).iter().map(number).collect();
        for port in ports_mut(new) {
            let before = ports(old).iter().find(|before| name(before) == name(port));
            let before = before.map_or(0, number);
            if number(port) == 0 && before != 0 && !given.contains(&before) {
                port["nodePort"] = before.into();
            }
        }
    }
    if needs_health_port(new)
        && needs_health_port(old)
        && let Some(port) = old_spec.get("healthCheckNodePort")
    {
        or(meta::child(new, "spec"), "healthCheckNodePort", port.clone());
    }
}

/// Takes what only the old type had, unless the client says something else about it.
fn drop_unused(new: &mut Value, old: &Value) {
    let old_spec = spec(old).clone();
    let same = |new: &Value, key: &str| spec(new).get(key) == old_spec.get(key);
    let take = |new: &mut Value, keys: &[&str]| {
        let spec = meta::child(new, "spec");
        for key in keys {
            spec.remove(*key);
        }
    };
    if needs_address(old)
        && !needs_address(new)
        && (same(new, "clusterIP") || spec(new).get("clusterIP").is_none())
    {
        take(new, &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]);
    }
    if ty(new) == "ExternalName" && same(new, "internalTrafficPolicy") {
        take(new, &["internalTrafficPolicy"]);
    }
    if has_node_ports(old) && !has_node_ports(new) {
        let before: Vec<Value> = ports(old).iter().map(|port| port["nodePort"].clone()).collect();
        let after: Vec<Value> = ports(new).iter().map(|port| port["nodePort"].clone()).collect();
        if before == after {
            for port in ports_mut(new) {
                if let Value::Object(port) = port {
                    port.remove("nodePort");
                }
            }
        }
    }
    if needs_health_port(old) && !needs_health_port(new) && same(new, "healthCheckNodePort") {
        take(new, &["healthCheckNodePort"]);
    }
    if is_reached_from_outside(old) && !is_reached_from_outside(new) && same(new, "externalTrafficPolicy") {
        take(new, &["externalTrafficPolicy"]);
    }
    if ty(old) == "LoadBalancer" && ty(new) != "LoadBalancer" {
        for key in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
            if same(new, key) {
                take(new, &[key]);
            }
        }
        meta::child(new, "status").insert("loadBalancer".into(), json!({}));
    }
}

fn ports_mut(object: &mut Value) -> impl Iterator<Item = &mut Value> {
    let ports = meta::child(object, "spec").get_mut("ports");
    ports.and_then(Value::as_array_mut).into_iter().flatten()
}

fn allocate(api: &Api, object: &mut Value) {
    if needs_address(object) {
        let has_selector = spec(object)["selector"]
            .as_object()
            .is_some_and(|selector| !selector.is_empty());
        let spec = meta::child(object, "spec");
        if text(spec, "clusterIP").is_empty() {
            spec.insert("clusterIP".into(), address::free(api).into());
        }
        let address = text(spec, "clusterIP").to_owned();
        or(spec, "clusterIPs", json!([address]));
        // Nobody knows where a headless service without a selector leads.
        if address == "None" && !has_selector {
            or(spec, "ipFamilyPolicy", "RequireDualStack");
            or(spec, "ipFamilies", json!(["IPv4", "IPv6"]));
        }
        or(spec, "ipFamilies", json!(["IPv4"]));
        or(spec, "ipFamilyPolicy", "SingleStack");
    }
    let mut taken = taken_node_ports(api, object);
    if needs_node_ports(object) {
        let mut own: Vec<(String, i64)> = ports(object).iter().map(node_port).collect();
        for port in ports_mut(object) {
            let (protocol, number) = node_port(port);
            if number == 0 {
                // One number does for both protocols of a port.
                let twin = own
                    .iter()
                    .find(|(other, number)| *other != protocol && *number != 0)
                    .map(|(_, number)| *number)
                    .filter(|_| own.len() == 2 && port_is_twin(&own));
                let number = twin.unwrap_or_else(|| free_node_port(api, &taken, &own));
                port["nodePort"] = number.into();
                own.push((protocol.clone(), number));
            }
            taken.push((protocol, port["nodePort"].as_i64().unwrap_or(0)));
        }
    }
    if needs_health_port(object) {
        let number = free_node_port(api, &taken, &[]);
        or(meta::child(object, "spec"), "healthCheckNodePort", number);
    }
}

fn port_is_twin(own: &[(String, i64)]) -> bool {
    matches!(own, [(one, _), (other, _)] if one != other)
}

fn node_port(port: &Value) -> (String, i64) {
    let protocol = port["protocol"].as_str().unwrap_or("TCP").to_owned();
    (protocol, port["nodePort"].as_i64().unwrap_or(0))
}

/// The ports of nodes that other services have, by protocol.
fn taken_node_ports(api: &Api, object: &Value) -> Vec<(String, i64)> {
    others(api, object)
        .iter()
        .flat_map(|other| {
            let health = other["spec"]["healthCheckNodePort"].as_i64();
            let health = health.map(|number| ("TCP".to_owned(), number));
            ports(other)
                .iter()
                .map(node_port)
                .chain(health)
                .collect::<Vec<_>>()
        })
        .filter(|(_, number)| *number != 0)
        .collect()
}

fn others(api: &Api, object: &Value) -> Vec<std::sync::Arc<Value>> {
    let (services, _) = api.store.list(&kind::table("", "services"), None, None);
    let (name, namespace) = (meta::name(object), meta::text(object, "namespace"));
    services
        .into_iter()
        .map(|(_, stored)| stored.value)
        .filter(|other| meta::name(other) != name || meta::text(other, "namespace") != namespace)
        .collect()
}

fn free_node_port(api: &Api, taken: &[(String, i64)], own: &[(String, i64)]) -> i64 {
    let (first, last) = (*NODE_PORTS.start(), *NODE_PORTS.end());
    let count = last - first + 1;
    let start = i64::try_from(api.identity.below(count.unsigned_abs())).unwrap_or(0);
    (0..count)
        .map(|step| first + (start + step) % count)
        .find(|number| !taken.iter().chain(own).any(|(_, other)| other == number))
        .unwrap_or(first)
}

/// What is wrong with the addresses and ports that a client chose.
pub(crate) fn unavailable(api: &Api, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let chosen = spec(new)["clusterIP"].as_str().unwrap_or("");
    let had = old.map_or("", |old| spec(old)["clusterIP"].as_str().unwrap_or(""));
    if needs_address(new) && !matches!(chosen, "" | "None") && chosen != had {
        let taken = others(api, new)
            .iter()
            .any(|other| spec(other)["clusterIP"] == chosen);
        let problem = match address::is_in_range(chosen) {
            false => Some("the provided network does not match the current range"),
            true => taken.then_some("provided IP is already allocated"),
        };
        if let Some(problem) = problem {
            let detail = format!("failed to allocate IP {chosen}: {problem}");
            errors.push(FieldError::invalid(
                "spec.clusterIPs",
                &spec(new)["clusterIPs"],
                &detail,
            ));
        }
    }
    let before: Vec<(String, i64)> =
        old.map_or_else(Vec::new, |old| ports(old).iter().map(node_port).collect());
    let mut taken = taken_node_ports(api, new);
    for (at, port) in ports(new).iter().enumerate() {
        let (protocol, number) = node_port(port);
        let kept = before.contains(&(protocol.clone(), number));
        if number == 0 || !has_node_ports(new) {
            continue;
        }
        let problem = if !NODE_PORTS.contains(&number) {
            let (first, last) = (NODE_PORTS.start(), NODE_PORTS.end());
            Some(format!(
                "provided port is not in the valid range. The range of valid ports is {first}-{last}"
            ))
        } else if !kept && taken.contains(&(protocol.clone(), number)) {
            Some("provided port is already allocated".to_owned())
        } else {
            None
        };
        if let Some(problem) = problem {
            let field = format!("spec.ports[{at}].nodePort");
            errors.push(FieldError::invalid(field, &number.into(), &problem));
        }
        taken.push((protocol, number));
    }
    errors
}

/// Fills in what the status of a load balancer implies.
pub(crate) fn default_status(map: &mut Map<String, Value>) {
    let ingress = map
        .get_mut("status")
        .and_then(|status| status.get_mut("loadBalancer"))
        .and_then(|balancer| balancer.get_mut("ingress"))
        .and_then(Value::as_array_mut);
    for address in ingress.into_iter().flatten().filter_map(Value::as_object_mut) {
        if !text(address, "ip").is_empty() {
            or(address, "ipMode", "VIP");
        }
    }
}
