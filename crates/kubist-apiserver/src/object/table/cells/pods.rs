//! Pods: what goes on with them, in a word.

use serde_json::{Value, json};

use super::age;
use super::row::{Row, or_none};
use crate::object::meta;

pub(super) fn cell(plural: &str, column: &str, row: &Row<'_>) -> Option<Value> {
    if plural != "pods" {
        return None;
    }
    Some(match column {
        "Ready" => {
            let running = |status: &&Value| status["ready"] == true && status["state"]["running"].is_object();
            let sidecars = row.list("spec.initContainers").iter();
            let sidecars = sidecars
                .filter(|container| container["restartPolicy"] == "Always")
                .count();
            let ready = row
                .list("status.containerStatuses")
                .iter()
                .filter(running)
                .count();
            let ready_sidecars = row
                .list("status.initContainerStatuses")
                .iter()
                .filter(running)
                .count();
            let all = row.list("spec.containers").len() + sidecars;
            format!("{}/{all}", ready + ready_sidecars.min(sidecars)).into()
        }
        "Status" => status(row).into(),
        "Restarts" => restarts(row).into(),
        "IP" => {
            let first = row.list("status.podIPs").first();
            let address = first.and_then(|first| first["ip"].as_str());
            or_none(address.unwrap_or_else(|| row.text("status.podIP"))).into()
        }
        "Node" => or_none(row.text("spec.nodeName")).into(),
        "Nominated Node" => or_none(row.text("status.nominatedNodeName")).into(),
        "Readiness Gates" => readiness_gates(row).into(),
        _ => return None,
    })
}

/// What a row says of a pod that has ended.
pub(in crate::object::table) fn conditions(pod: &Value) -> Option<Value> {
    let (reason, message) = match meta::at(pod, "status.phase")?.as_str()? {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

fn readiness_gates(row: &Row<'_>) -> String {
    let gates = row.list("spec.readinessGates");
    if gates.is_empty() {
        return "<none>".into();
    }
    let is_true = |gate: &&Value| {
        let conditions = row.list("status.conditions").iter();
        conditions
            .filter(|condition| condition["type"] == gate["conditionType"])
            .any(|condition| condition["status"] == "True")
    };
    format!("{}/{}", gates.iter().filter(is_true).count(), gates.len())
}

fn restarts(row: &Row<'_>) -> String {
    let statuses = row.list("status.containerStatuses");
    let count: i64 = statuses
        .iter()
        .filter_map(|status| status["restartCount"].as_i64())
        .sum();
    let last = statuses
        .iter()
        .filter_map(|status| status["lastState"]["terminated"]["finishedAt"].as_str())
        .max();
    match last {
        Some(last) if count > 0 => format!("{count} ({} ago)", age(last, row.now)),
        _ => count.to_string(),
    }
}

fn status(row: &Row<'_>) -> String {
    let mut status = match row.text("status.reason") {
        "" => row.text("status.phase").to_owned(),
        reason => reason.to_owned(),
    };
    let conditions = row.list("status.conditions");
    let is_true = |name: &str| {
        conditions
            .iter()
            .any(|condition| condition["type"] == name && condition["status"] == "True")
    };
    let is_gated =
        |condition: &Value| condition["type"] == "PodScheduled" && condition["reason"] == "SchedulingGated";
    if conditions.iter().any(is_gated) {
        status = "SchedulingGated".into();
    }
    match initializing(row) {
        Some(word) if !is_true("Initialized") => status = word,
        _ => {
            let mut has_running = false;
            for container in row.list("status.containerStatuses").iter().rev() {
                match ended(&container["state"]) {
                    Some(word) => status = word,
                    None => {
                        has_running |= container["ready"] == true && container["state"]["running"].is_object()
                    }
                }
            }
            if status == "Completed" && has_running {
                status = if is_true("Ready") { "Running" } else { "NotReady" }.into();
            }
        }
    }
    if meta::is_deleting(row.object) {
        let has_ended = matches!(row.text("status.phase"), "Succeeded" | "Failed");
        match row.text("status.reason") {
            "NodeLost" => status = "Unknown".into(),
            _ if !has_ended => status = "Terminating".into(),
            _ => {}
        }
    }
    status
}

/// Why a container waits, or how it ended.
fn ended(state: &Value) -> Option<String> {
    let waiting = state["waiting"]["reason"].as_str().unwrap_or("");
    if !waiting.is_empty() {
        return Some(waiting.to_owned());
    }
    let terminated = state
        .get("terminated")
        .filter(|terminated| terminated.is_object())?;
    Some(match terminated["reason"].as_str().unwrap_or("") {
        "" => exit(terminated),
        reason => reason.to_owned(),
    })
}

fn exit(terminated: &Value) -> String {
    match terminated["signal"].as_i64().unwrap_or(0) {
        0 => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or(0)),
        signal => format!("Signal:{signal}"),
    }
}

/// What the first container does that must end, or begin, before the others start.
fn initializing(row: &Row<'_>) -> Option<String> {
    let containers = row.list("spec.initContainers");
    for (at, status) in row.list("status.initContainerStatuses").iter().enumerate() {
        let spec = containers
            .iter()
            .find(|container| container["name"] == status["name"]);
        let is_sidecar = spec.is_some_and(|container| container["restartPolicy"] == "Always");
        let terminated = &status["state"]["terminated"];
        if is_sidecar && status["started"] == true || terminated["exitCode"] == 0 {
            continue;
        }
        let waiting = status["state"]["waiting"]["reason"].as_str().unwrap_or("");
        return Some(if terminated.is_object() {
            match terminated["reason"].as_str().unwrap_or("") {
                "" => format!("Init:{}", exit(terminated)),
                reason => format!("Init:{reason}"),
            }
        } else if !matches!(waiting, "" | "PodInitializing") {
            format!("Init:{waiting}")
        } else {
            format!("Init:{at}/{}", containers.len())
        });
    }
    None
}
