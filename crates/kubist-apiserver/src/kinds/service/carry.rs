//! What an update carries over, and what a change of the type leaves behind.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::spec::{is_balanced, is_exposed, needs_address, needs_health_port, needs_node_ports};
use crate::object::member::{given, list, number, text};
use crate::object::meta;

/// Fills in what was allocated and is not said again, and brings the one address and the list of
/// them into line, whichever of them a client knows.
pub(super) fn normalize(new: &mut Value, old: Option<&Value>) {
    let Some(old) = old else {
        let one = text(&new["spec"], "clusterIP").to_owned();
        if !one.is_empty() && list(&new["spec"], "clusterIPs").is_empty() {
            meta::child(new, "spec").insert("clusterIPs".into(), json!([one]));
        }
        return;
    };
    carry_over(new, old);
    let (before, after) = (&old["spec"], &new["spec"]);
    let same_list = before.get("clusterIPs") == after.get("clusterIPs");
    let (had, has) = (text(before, "clusterIP"), text(after, "clusterIP").to_owned());
    if had == has {
        return;
    }
    let spec = meta::child(new, "spec");
    if has.is_empty() {
        if same_list {
            spec.remove("clusterIPs");
        }
    } else if same_list || !spec.contains_key("clusterIPs") {
        spec.insert("clusterIPs".into(), json!([has]));
    }
}

fn carry_over(new: &mut Value, old: &Value) {
    let (before, after) = (&old["spec"], &new["spec"]);
    let keeps_address = needs_address(before) && needs_address(after);
    let keeps_ports = needs_node_ports(before) && needs_node_ports(after);
    let keeps_health = needs_health_port(before) && needs_health_port(after);
    let spec = meta::child(new, "spec");
    if keeps_address {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            fill(spec, field, before);
        }
    }
    if keeps_ports {
        carry_node_ports(spec, before);
    }
    if keeps_health {
        fill(spec, "healthCheckNodePort", before);
    }
}

/// Sets a field to what it was, unless it is there.
fn fill(spec: &mut Map<String, Value>, field: &str, before: &Value) {
    let is_there = match spec.get(field) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(value) => value != 0,
    };
    if let (false, Some(value)) = (is_there, given(before, field)) {
        spec.insert(field.into(), value.clone());
    }
}

/// Ports keep those of the nodes by their names, unless another port took them.
fn carry_node_ports(spec: &mut Map<String, Value>, before: &Value) {
    let by_name: HashMap<&str, i64> = list(before, "ports")
        .iter()
        .map(|port| (text(port, "name"), number(port, "nodePort")))
        .collect();
    let Some(ports) = spec.get_mut("ports").and_then(Value::as_array_mut) else {
        return;
    };
    let mut used: BTreeSet<i64> = ports.iter().map(|port| number(port, "nodePort")).collect();
    for port in ports.iter_mut().filter(|port| number(port, "nodePort") == 0) {
        let known = by_name.get(text(port, "name")).copied().unwrap_or(0);
        if let (true, Some(port)) = (known != 0 && used.insert(known), port.as_object_mut()) {
            port.insert("nodePort".into(), known.into());
        }
    }
}

/// Drops what the new type has no use for, if the client left it as it was.
pub(crate) fn prepare_update(new: &mut Value, old: &Value) {
    let before = &old["spec"];
    let after = new["spec"].clone();
    let is_same = |field: &str| given(before, field) == given(&after, field);
    let spec = meta::child(new, "spec");
    let mut drop = |fields: &[&str]| {
        for field in fields.iter().filter(|field| is_same(field)) {
            spec.remove(*field);
        }
    };
    if needs_address(before) && !needs_address(&after) {
        if is_same("clusterIP") && is_same("clusterIPs") {
            drop(&["clusterIP", "clusterIPs"]);
        }
        drop(&["ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]);
    }
    if needs_health_port(before) && !needs_health_port(&after) {
        drop(&["healthCheckNodePort"]);
    }
    if is_balanced(before) && !is_balanced(&after) {
        drop(&["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
    }
    if is_exposed(before) && !is_exposed(&after) {
        drop(&["externalTrafficPolicy"]);
    }
    let node_ports = |spec: &Value| -> Vec<i64> {
        let ports = list(spec, "ports").iter();
        ports.map(|port| number(port, "nodePort")).collect()
    };
    if needs_node_ports(before) && !needs_node_ports(&after) && node_ports(before) == node_ports(&after) {
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
            port.remove("nodePort");
        }
    }
    if is_balanced(before) && !is_balanced(&after) {
        meta::child(new, "status").insert("loadBalancer".into(), json!({}));
    }
}
