//! Defaults of pods and of what they are made of.

use serde_json::{Map, Value, json};

use super::{meta_child, or, or_number, text};
use crate::kinds::amounts::pods::{self, Part};
use crate::kinds::pod::containers_mut;

pub(super) fn pod(map: &mut Map<String, Value>) {
    let spec = meta_child(map, "spec");
    or(spec, "enableServiceLinks", true);
    for container in containers_mut(spec) {
        let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) else {
            continue;
        };
        let Some(Value::Object(limits)) = resources.get("limits").cloned() else {
            continue;
        };
        let requests = meta_child(resources, "requests");
        for (name, limit) in limits {
            requests.entry(name).or_insert(limit);
        }
    }
    default_requests(spec);
}

/// A pod that says what it may have asks for as much as its containers do, or else for all of it.
fn default_requests(spec: &mut Map<String, Value>) {
    let all = Value::Object(spec.clone());
    let Some(resources) = spec.get_mut("resources").and_then(Value::as_object_mut) else {
        return;
    };
    let is_empty = |amounts: Option<&Value>| {
        amounts
            .and_then(Value::as_object)
            .is_none_or(|amounts| amounts.is_empty())
    };
    if !is_empty(resources.get("limits")) || !is_empty(resources.get("requests")) {
        let pages = pods::of_all_containers(&all, Part::Limits).into_iter();
        for (name, amount) in pages.filter(|(name, _)| name.starts_with("hugepages-")) {
            or(meta_child(resources, "limits"), &name, amount.to_string());
        }
    }
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else {
        return;
    };
    if limits.is_empty() {
        return;
    }
    let requests = meta_child(resources, "requests");
    for (name, amount) in pods::of_all_containers(&all, Part::Requests) {
        if matches!(name.as_str(), "cpu" | "memory") {
            or(requests, &name, amount.to_string());
        }
    }
    for (name, limit) in limits {
        if pods::is_of_pods(&name) {
            or(requests, &name, limit);
        }
    }
}

pub(super) fn pod_spec(map: &mut Map<String, Value>) {
    or(map, "dnsPolicy", "ClusterFirst");
    or(map, "restartPolicy", "Always");
    or(map, "securityContext", json!({}));
    or(map, "terminationGracePeriodSeconds", 30);
    or(map, "schedulerName", "default-scheduler");
    // The old name of a field goes on being told.
    let account = text(map, "serviceAccountName").to_owned();
    if !account.is_empty() {
        map.insert("serviceAccount".into(), account.into());
    } else if !text(map, "serviceAccount").is_empty() {
        let account = text(map, "serviceAccount").to_owned();
        map.insert("serviceAccountName".into(), account.into());
    }
    if map.get("hostNetwork") == Some(&Value::Bool(true)) {
        for container in containers_mut(map) {
            let ports = container.get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
                let number = port.get("containerPort").and_then(Value::as_i64).unwrap_or(0);
                or_number(port, "hostPort", number);
            }
        }
    }
}

/// A pod's one address is the first of its addresses; where they differ, it was an old client.
pub(super) fn pod_status(map: &mut Map<String, Value>) {
    let one = text(map, "podIP").to_owned();
    let first = map
        .get("podIPs")
        .and_then(|list| list.get(0)?.get("ip")?.as_str());
    match first {
        Some(first) if one.is_empty() => {
            let first = first.to_owned();
            map.insert("podIP".into(), first.into());
        }
        Some(first) if first == one => {}
        _ if !one.is_empty() => {
            map.insert("podIPs".into(), json!([{"ip": one}]));
        }
        _ => {}
    }
}

pub(super) fn container(map: &mut Map<String, Value>) {
    let image = text(map, "image");
    let last = image.rsplit('/').next().unwrap_or(image);
    let (name, digest) = last
        .split_once('@')
        .map_or((last, ""), |(name, digest)| (name, digest));
    let tag = name.split_once(':').map_or("", |(_, tag)| tag);
    let latest = tag == "latest" || tag.is_empty() && digest.is_empty();
    or(
        map,
        "imagePullPolicy",
        if latest { "Always" } else { "IfNotPresent" },
    );
    or(map, "terminationMessagePath", "/dev/termination-log");
    or(map, "terminationMessagePolicy", "File");
}
