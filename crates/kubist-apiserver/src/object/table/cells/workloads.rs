//! What keeps pods running, and jobs.

use serde_json::Value;

use super::age;
use super::row::{Row, each, first, or_none, pairs, selector};
use crate::object::meta;

pub(super) fn cell(plural: &str, column: &str, row: &Row<'_>) -> Option<Value> {
    let template = || {
        row.at("spec.template")
            .or_else(|| row.at("spec.jobTemplate.spec.template"))
            .or_else(|| row.at("template"))
    };
    let containers = || template().and_then(|template| meta::at(template, "spec.containers"));
    Some(match (plural, column) {
        ("deployments" | "replicasets" | "statefulsets" | "replicationcontrollers", "Desired") => {
            row.number("spec.replicas").into()
        }
        ("deployments" | "statefulsets", "Ready") => format!(
            "{}/{}",
            row.number("status.readyReplicas"),
            row.number("spec.replicas")
        )
        .into(),
        ("deployments", "Up-to-date") => row.number("status.updatedReplicas").into(),
        ("deployments", "Available") => row.number("status.availableReplicas").into(),
        ("replicasets" | "replicationcontrollers", "Current") => row.number("status.replicas").into(),
        ("replicasets" | "replicationcontrollers", "Ready") => row.number("status.readyReplicas").into(),
        ("daemonsets", "Desired") => row.number("status.desiredNumberScheduled").into(),
        ("daemonsets", "Current") => row.number("status.currentNumberScheduled").into(),
        ("daemonsets", "Ready") => row.number("status.numberReady").into(),
        ("daemonsets", "Up-to-date") => row.number("status.updatedNumberScheduled").into(),
        ("daemonsets", "Available") => row.number("status.numberAvailable").into(),
        ("daemonsets", "Node Selector") => pairs(row.at("spec.template.spec.nodeSelector")).into(),
        ("jobs", "Status") => job_status(row).into(),
        ("jobs", "Completions") => {
            let wanted = row.at("spec.completions").and_then(Value::as_i64);
            format!("{}/{}", row.number("status.succeeded"), wanted.unwrap_or(1)).into()
        }
        ("jobs", "Duration") => match (row.text("status.startTime"), row.text("status.completionTime")) {
            ("", _) => "".into(),
            (start, end) => age(start, end.parse().unwrap_or(row.now)).into(),
        },
        ("cronjobs", "Schedule") => row.text("spec.schedule").into(),
        ("cronjobs", "Timezone") => or_none(row.text("spec.timeZone")).into(),
        ("cronjobs", "Suspend") => if row.flag("spec.suspend") { "True" } else { "False" }.into(),
        ("cronjobs", "Active") => row.count("status.active").into(),
        ("cronjobs", "Last Schedule") => match row.text("status.lastScheduleTime") {
            "" => "<none>".into(),
            _ => row.since("status.lastScheduleTime").into(),
        },
        ("controllerrevisions", "Controller") => controller(row).into(),
        ("controllerrevisions", "Revision") => row.number("revision").into(),
        ("poddisruptionbudgets", "Allowed Disruptions") => row.number("status.disruptionsAllowed").into(),
        ("poddisruptionbudgets", "Min Available") => amount(row.at("spec.minAvailable")).into(),
        ("poddisruptionbudgets", "Max Unavailable") => amount(row.at("spec.maxUnavailable")).into(),
        ("horizontalpodautoscalers", "Targets") => targets(row).into(),
        ("horizontalpodautoscalers", "MinPods") => match row.at("spec.minReplicas") {
            Some(least) => least.to_string().into(),
            None => "<unset>".into(),
        },
        ("horizontalpodautoscalers", "MaxPods") => row.number("spec.maxReplicas").into(),
        ("horizontalpodautoscalers", "Replicas") => row.number("status.currentReplicas").into(),
        ("horizontalpodautoscalers", "Reference") => {
            let target = ["spec.scaleTargetRef.kind", "spec.scaleTargetRef.name"];
            target.map(|path| row.text(path)).join("/").into()
        }
        ("podtemplates", "Pod Labels") => pairs(row.at("template.metadata.labels")).into(),
        (_, "Containers") => each(containers(), "name").into(),
        (_, "Images") => each(containers(), "image").into(),
        ("replicationcontrollers", "Selector") => pairs(row.at("spec.selector")).into(),
        ("cronjobs", "Selector") => selector(row.at("spec.jobTemplate.spec.selector")).into(),
        ("deployments" | "replicasets" | "daemonsets" | "jobs", "Selector") => {
            selector(row.at("spec.selector")).into()
        }
        _ => return None,
    })
}

fn amount(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "N/A".into(),
        Some(other) => other.to_string(),
    }
}

fn controller(row: &Row<'_>) -> String {
    let owners = row.list("metadata.ownerReferences").iter();
    let mut owners = owners.filter(|owner| owner["controller"] == true);
    let Some(owner) = owners.next() else {
        return "<none>".into();
    };
    let text = |field: &str| owner[field].as_str().unwrap_or("");
    let (group, _) = meta::group_version(text("apiVersion"));
    let kind = text("kind").to_lowercase();
    match group {
        "" => format!("{kind}/{}", text("name")),
        group => format!("{kind}.{group}/{}", text("name")),
    }
}

fn job_status(row: &Row<'_>) -> &'static str {
    let is = |name: &str| {
        let conditions = row.list("status.conditions").iter();
        conditions
            .filter(|condition| condition["type"] == name)
            .any(|condition| condition["status"] == "True")
    };
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if meta::is_deleting(row.object) {
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

/// What an autoscaler sees, and what it wants to see.
fn targets(row: &Row<'_>) -> String {
    let current = row.list("status.currentMetrics");
    let metrics: Vec<String> = row
        .list("spec.metrics")
        .iter()
        .enumerate()
        .map(|(at, metric)| target(metric, current.get(at)))
        .collect();
    if metrics.is_empty() {
        "<none>".into()
    } else {
        first(&metrics, 2, ", ")
    }
}

fn target(metric: &Value, status: Option<&Value>) -> String {
    const UNKNOWN: &str = "<unknown>";
    let (field, is_resource) = match metric["type"].as_str().unwrap_or("") {
        "Resource" => ("resource", true),
        "ContainerResource" => ("containerResource", true),
        "Pods" => ("pods", false),
        "Object" => ("object", false),
        "External" => ("external", false),
        _ => return UNKNOWN.into(),
    };
    let wanted = &metric[field]["target"];
    let current = status.map(|status| &status[field]["current"]);
    let shown = |name: &str| {
        let value = current.and_then(|current| current[name].as_str());
        value.unwrap_or(UNKNOWN).to_owned()
    };
    let average = wanted["averageValue"].as_str();
    if is_resource {
        let name = metric[field]["name"].as_str().unwrap_or("");
        return match average {
            Some(average) => format!("{name}: {}/{average}", shown("averageValue")),
            None => {
                let percent = |value: Option<&Value>, otherwise: &str| {
                    let percent = value.and_then(Value::as_i64);
                    percent.map_or_else(|| otherwise.to_owned(), |percent| format!("{percent}%"))
                };
                let seen = current.map(|current| &current["averageUtilization"]);
                let seen = percent(seen, UNKNOWN);
                format!(
                    "{name}: {seen}/{}",
                    percent(wanted.get("averageUtilization"), "<auto>")
                )
            }
        };
    }
    match (average, field) {
        (Some(average), "pods") => format!("{}/{average}", shown("averageValue")),
        (Some(average), _) => format!("{}/{average} (avg)", shown("averageValue")),
        (None, _) => format!("{}/{}", shown("value"), wanted["value"].as_str().unwrap_or("")),
    }
}
