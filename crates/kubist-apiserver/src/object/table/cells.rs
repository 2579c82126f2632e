//! Cells of built-in kinds.

use jiff::Timestamp;
use serde_json::Value;

use crate::kinds::kind::Kind;
use crate::object::meta;

/// The cell of a built-in kind in the column called `column`.
pub(crate) fn builtin(kind: &Kind, column: &str, object: &Value, now: Timestamp) -> Value {
    match column {
        "Name" => return meta::name(object).into(),
        "Age" | "Duration" if column == "Age" => {
            return age(meta::text(object, "creationTimestamp"), now).into();
        }
        "Created At" => return meta::text(object, "creationTimestamp").into(),
        _ => {}
    }
    let text = |path: &str| {
        meta::at(object, path)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let number = |path: &str| meta::at(object, path).and_then(Value::as_i64).unwrap_or(0);
    let list = |path: &str| {
        meta::at(object, path)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let or_none = |text: String| {
        if text.is_empty() {
            "<none>".to_owned()
        } else {
            text
        }
    };
    let strings = |path: &str| or_none(meta::strings(meta::at(object, path)).join(","));
    let count = |path: &str| match meta::at(object, path) {
        Some(Value::Object(map)) => map.len(),
        Some(Value::Array(items)) => items.len(),
        _ => 0,
    };
    match (kind.plural.as_str(), column) {
        ("configmaps", "Data") => (count("data") + count("binaryData")).into(),
        ("secrets", "Data") => count("data").into(),
        ("secrets" | "services", "Type") => match kind.plural.as_str() {
            "secrets" => text("type").into(),
            _ => text("spec.type").into(),
        },
        ("namespaces", "Status") => text("status.phase").into(),
        ("serviceaccounts", "Secrets") => count("secrets").into(),
        ("pods", "Ready") => {
            let statuses = list("status.containerStatuses");
            let ready = statuses.iter().filter(|status| status["ready"] == true).count();
            format!("{ready}/{}", list("spec.containers").len()).into()
        }
        ("pods", "Status") => pod_status(object).into(),
        ("pods", "Restarts") => {
            let restarts = list("status.containerStatuses")
                .iter()
                .filter_map(|s| s["restartCount"].as_i64());
            restarts.sum::<i64>().to_string().into()
        }
        ("pods", "IP") => or_none(text("status.podIP")).into(),
        ("pods", "Node") => or_none(text("spec.nodeName")).into(),
        ("pods", "Nominated Node") => or_none(text("status.nominatedNodeName")).into(),
        ("pods", "Readiness Gates") => match count("spec.readinessGates") {
            0 => "<none>".into(),
            gates => format!("0/{gates}").into(),
        },
        ("deployments" | "replicasets" | "statefulsets" | "replicationcontrollers", "Desired") => {
            number("spec.replicas").into()
        }
        ("deployments" | "statefulsets", "Ready") => {
            format!("{}/{}", number("status.readyReplicas"), number("spec.replicas")).into()
        }
        ("deployments", "Up-to-date") => number("status.updatedReplicas").into(),
        ("deployments", "Available") => number("status.availableReplicas").into(),
        ("replicasets" | "replicationcontrollers", "Current") => number("status.replicas").into(),
        ("replicasets" | "replicationcontrollers", "Ready") => number("status.readyReplicas").into(),
        ("daemonsets", "Desired") => number("status.desiredNumberScheduled").into(),
        ("daemonsets", "Current") => number("status.currentNumberScheduled").into(),
        ("daemonsets", "Ready") => number("status.numberReady").into(),
        ("daemonsets", "Up-to-date") => number("status.updatedNumberScheduled").into(),
        ("daemonsets", "Available") => number("status.numberAvailable").into(),
        ("daemonsets", "Node Selector") => pairs(meta::at(object, "spec.template.spec.nodeSelector")).into(),
        ("jobs", "Status") => job_status(object).into(),
        ("jobs", "Completions") => {
            let wanted = meta::at(object, "spec.completions").and_then(Value::as_i64);
            match wanted {
                Some(wanted) => format!("{}/{wanted}", number("status.succeeded")).into(),
                None => format!("{}/1", number("status.succeeded")).into(),
            }
        }
        ("jobs", "Duration") => match (text("status.startTime"), text("status.completionTime")) {
            (start, _) if start.is_empty() => "".into(),
            (start, end) => {
                let end = end.parse().unwrap_or(now);
                age(&start, end).into()
            }
        },
        ("cronjobs", "Schedule") => text("spec.schedule").into(),
        ("cronjobs", "Timezone") => or_none(text("spec.timeZone")).into(),
        ("cronjobs", "Suspend") => if meta::at(object, "spec.suspend") == Some(&Value::Bool(true)) {
            "True"
        } else {
            "False"
        }
        .into(),
        ("cronjobs", "Active") => count("status.active").into(),
        ("cronjobs", "Last Schedule") => match text("status.lastScheduleTime") {
            time if time.is_empty() => "<none>".into(),
            time => age(&time, now).into(),
        },
        (_, "Containers") => {
            let containers = meta::at(object, "spec.template.spec.containers")
                .or_else(|| meta::at(object, "spec.jobTemplate.spec.template.spec.containers"))
                .or_else(|| meta::at(object, "template.spec.containers"));
            names(containers, "name").into()
        }
        (_, "Images") => {
            let containers = meta::at(object, "spec.template.spec.containers")
                .or_else(|| meta::at(object, "spec.jobTemplate.spec.template.spec.containers"))
                .or_else(|| meta::at(object, "template.spec.containers"));
            names(containers, "image").into()
        }
        ("services", "Selector") => pairs(meta::at(object, "spec.selector")).into(),
        (_, "Selector") => pairs(meta::at(object, "spec.selector.matchLabels")).into(),
        ("services", "Cluster-IP") => or_none(text("spec.clusterIP")).into(),
        ("services", "External-IP") => match text("spec.type").as_str() {
            "ExternalName" => text("spec.externalName").into(),
            "LoadBalancer" => {
                let addresses = names(meta::at(object, "status.loadBalancer.ingress"), "ip");
                if addresses == "<none>" {
                    "<pending>".into()
                } else {
                    addresses.into()
                }
            }
            _ => strings("spec.externalIPs").into(),
        },
        ("services", "Port(s)") => {
            let ports: Vec<String> = list("spec.ports")
                .iter()
                .map(|port| {
                    let protocol = port["protocol"].as_str().unwrap_or("TCP");
                    match port["nodePort"].as_i64() {
                        Some(node) => format!("{}:{node}/{protocol}", port["port"]),
                        None => format!("{}/{protocol}", port["port"]),
                    }
                })
                .collect();
            or_none(ports.join(",")).into()
        }
        ("leases", "Holder") => text("spec.holderIdentity").into(),
        ("nodes", "Status") => {
            let ready = list("status.conditions")
                .iter()
                .find(|condition| condition["type"] == "Ready");
            match ready.and_then(|ready| ready["status"].as_str()) {
                Some("True") => "Ready".into(),
                Some(_) => "NotReady".into(),
                None => "Unknown".into(),
            }
        }
        ("nodes", "Version") => text("status.nodeInfo.kubeletVersion").into(),
        ("nodes", "Roles") => "<none>".into(),
        ("persistentvolumeclaims", "Status") => text("status.phase").into(),
        ("persistentvolumeclaims", "Volume") => text("spec.volumeName").into(),
        ("persistentvolumeclaims" | "persistentvolumes", "Capacity") => {
            let path = if kind.plural == "persistentvolumes" {
                "spec.capacity.storage"
            } else {
                "status.capacity.storage"
            };
            text(path).into()
        }
        ("persistentvolumeclaims" | "persistentvolumes", "Access Modes") => {
            let path = if kind.plural == "persistentvolumes" {
                "spec.accessModes"
            } else {
                "status.accessModes"
            };
            meta::strings(meta::at(object, path)).join(",").into()
        }
        ("persistentvolumeclaims" | "persistentvolumes", "StorageClass") => {
            text("spec.storageClassName").into()
        }
        ("persistentvolumes", "Status") => text("status.phase").into(),
        ("persistentvolumes", "Reclaim Policy") => text("spec.persistentVolumeReclaimPolicy").into(),
        ("events", "Last Seen") => {
            let time = [
                text("lastTimestamp"),
                text("eventTime"),
                text("metadata.creationTimestamp"),
            ];
            time.into_iter()
                .find(|time| !time.is_empty())
                .map_or_else(|| "<unknown>".into(), |time| age(&time, now))
                .into()
        }
        ("events", "Type") => text("type").into(),
        ("events", "Reason") => text("reason").into(),
        ("events", "Object") => {
            // The other group calls it by another name.
            let of = if object.get("involvedObject").is_some() {
                "involvedObject"
            } else {
                "regarding"
            };
            format!(
                "{}/{}",
                text(&format!("{of}.kind")).to_lowercase(),
                text(&format!("{of}.name"))
            )
            .into()
        }
        ("events", "Message") => match text("message") {
            message if message.is_empty() => text("note").trim().into(),
            message => message.trim().into(),
        },
        ("customresourcedefinitions", _) => text("metadata.creationTimestamp").into(),
        ("rolebindings" | "clusterrolebindings", "Role") => {
            format!("{}/{}", text("roleRef.kind"), text("roleRef.name")).into()
        }
        ("endpointslices", "AddressType") => text("addressType").into(),
        ("priorityclasses", "Value") => number("value").into(),
        ("poddisruptionbudgets", "Allowed Disruptions") => number("status.disruptionsAllowed").into(),
        ("poddisruptionbudgets", "Min Available") => shown(meta::at(object, "spec.minAvailable")),
        ("poddisruptionbudgets", "Max Unavailable") => shown(meta::at(object, "spec.maxUnavailable")),
        ("ingresses", "Class") => or_none(text("spec.ingressClassName")).into(),
        ("ingresses", "Hosts") => match names(meta::at(object, "spec.rules"), "host") {
            hosts if hosts == "<none>" => "*".into(),
            hosts => hosts.into(),
        },
        ("ingresses", "Ports") => "80".into(),
        ("networkpolicies", "Pod-Selector") => pairs(meta::at(object, "spec.podSelector.matchLabels")).into(),
        ("storageclasses", "Provisioner") => text("provisioner").into(),
        ("mutatingwebhookconfigurations" | "validatingwebhookconfigurations", "Webhooks") => {
            count("webhooks").into()
        }
        ("horizontalpodautoscalers", "MinPods") => number("spec.minReplicas").into(),
        ("horizontalpodautoscalers", "MaxPods") => number("spec.maxReplicas").into(),
        ("horizontalpodautoscalers", "Replicas") => number("status.currentReplicas").into(),
        ("horizontalpodautoscalers", "Reference") => format!(
            "{}/{}",
            text("spec.scaleTargetRef.kind"),
            text("spec.scaleTargetRef.name")
        )
        .into(),
        _ => "<unknown>".into(),
    }
}

fn shown(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => text.as_str().into(),
        Some(Value::Null) | None => "N/A".into(),
        Some(other) => other.to_string().into(),
    }
}

/// Labels as text.
fn pairs(map: Option<&Value>) -> String {
    let pairs: Vec<String> = map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    if pairs.is_empty() {
        "<none>".into()
    } else {
        pairs.join(",")
    }
}

fn names(list: Option<&Value>, field: &str) -> String {
    let names: Vec<&str> = list
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| item[field].as_str())
        .collect();
    if names.is_empty() {
        "<none>".into()
    } else {
        names.join(",")
    }
}

fn job_status(job: &Value) -> &'static str {
    let is = |name: &str| {
        let conditions = meta::at(job, "status.conditions").and_then(Value::as_array);
        conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == name && condition["status"] == "True")
    };
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if meta::is_deleting(job) {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else if is("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

/// The one word for what goes on with a pod.
fn pod_status(pod: &Value) -> String {
    let mut status = meta::at(pod, "status.phase")
        .and_then(Value::as_str)
        .unwrap_or("")
        .to_owned();
    if let Some(reason) = meta::at(pod, "status.reason")
        .and_then(Value::as_str)
        .filter(|reason| !reason.is_empty())
    {
        status = reason.to_owned();
    }
    for container in meta::at(pod, "status.containerStatuses")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        for state in ["waiting", "terminated"] {
            let reason = container["state"][state]["reason"].as_str().unwrap_or("");
            if !reason.is_empty() {
                status = reason.to_owned();
            }
        }
    }
    if meta::is_deleting(pod) {
        "Terminating".into()
    } else {
        status
    }
}

/// How long ago a time was, as people say it: two units at most, and fewer the longer it is.
pub(crate) fn age(time: &str, now: Timestamp) -> String {
    let Ok(time) = time.parse::<Timestamp>() else {
        return "<unknown>".into();
    };
    let seconds = now.as_second() - time.as_second();
    if seconds < -1 {
        return "<invalid>".into();
    }
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |first: i64, unit: &str, second: i64, other: &str| {
        if second == 0 {
            format!("{first}{unit}")
        } else {
            format!("{first}{unit}{second}{other}")
        }
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => two(days, "d", hours % 24, "h"),
        () if hours < 24 * 365 * 2 => format!("{days}d"),
        () if hours < 24 * 365 * 8 => two(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_as_kubectl_tells_them() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().expect("a time");
        for (time, want) in [
            ("2026-01-10T00:00:00Z", "0s"),
            ("2026-01-09T23:58:01Z", "119s"),
            ("2026-01-09T23:54:30Z", "5m30s"),
            ("2026-01-09T23:00:00Z", "60m"),
            ("2026-01-09T20:30:00Z", "3h30m"),
            ("2026-01-09T00:00:00Z", "24h"),
            ("2026-01-06T22:00:00Z", "3d2h"),
            ("2025-12-01T00:00:00Z", "40d"),
            ("nonsense", "<unknown>"),
        ] {
            assert_eq!(age(time, now), want, "{time}");
        }
    }
}
