//! Configuration, access, nodes and events.

use serde_json::Value;

use super::row::{Row, or, or_none};
use crate::object::meta;

pub(super) fn cell(plural: &str, column: &str, row: &Row<'_>) -> Option<Value> {
    Some(match (plural, column) {
        ("configmaps", "Data") => (row.count("data") + row.count("binaryData")).into(),
        ("secrets", "Data") => row.count("data").into(),
        ("secrets", "Type") => row.text("type").into(),
        ("namespaces", "Status") => row.text("status.phase").into(),
        ("serviceaccounts", "Secrets") => row.count("secrets").into(),
        ("resourcequotas", "Request" | "Limit") => quota(row, column == "Limit").into(),
        ("nodes", _) => return node(column, row),
        ("events", _) => return event(column, row),
        ("leases", "Holder") => row.text("spec.holderIdentity").into(),
        ("runtimeclasses", "Handler") => row.text("handler").into(),
        ("priorityclasses", "Value") => row.number("value").into(),
        ("priorityclasses", "Global-Default") => row.flag("globalDefault").into(),
        ("priorityclasses", "PreemptionPolicy") => {
            or(row.text("preemptionPolicy"), "PreemptLowerPriority").into()
        }
        ("rolebindings" | "clusterrolebindings", "Role") => {
            format!("{}/{}", row.text("roleRef.kind"), row.text("roleRef.name")).into()
        }
        ("rolebindings" | "clusterrolebindings", "Users") => subjects(row, "User").into(),
        ("rolebindings" | "clusterrolebindings", "Groups") => subjects(row, "Group").into(),
        ("rolebindings" | "clusterrolebindings", "ServiceAccounts") => subjects(row, "ServiceAccount").into(),
        ("mutatingwebhookconfigurations" | "validatingwebhookconfigurations", "Webhooks") => {
            row.count("webhooks").into()
        }
        ("validatingadmissionpolicies", "Validations") => row.count("spec.validations").into(),
        ("mutatingadmissionpolicies", "Mutations") => row.count("spec.mutations").into(),
        (_, "ParamKind") => match row.text("spec.paramKind.kind") {
            "" => "<unset>".into(),
            kind => format!("{}/{kind}", row.text("spec.paramKind.apiVersion")).into(),
        },
        (_, "PolicyName") => row.text("spec.policyName").into(),
        (_, "ParamRef") => match (
            row.text("spec.paramRef.namespace"),
            row.text("spec.paramRef.name"),
        ) {
            (_, "") => "<unset>".into(),
            ("", name) => name.into(),
            (namespace, name) => format!("{namespace}/{name}").into(),
        },
        ("certificatesigningrequests", _) => return signing_request(column, row),
        ("apiservices", "Service") => match row.text("spec.service.name") {
            "" => "Local".into(),
            name => format!("{}/{name}", row.text("spec.service.namespace")).into(),
        },
        ("apiservices", "Available") => available(row).into(),
        _ => return None,
    })
}

fn available(row: &Row<'_>) -> String {
    let conditions = row.list("status.conditions").iter();
    let mut conditions = conditions.filter(|condition| condition["type"] == "Available");
    let Some(condition) = conditions.next() else {
        return "Unknown".into();
    };
    let (status, reason) = (
        condition["status"].as_str().unwrap_or(""),
        condition["reason"].as_str().unwrap_or(""),
    );
    if status == "True" || reason.is_empty() {
        status.to_owned()
    } else {
        format!("{status} ({reason})")
    }
}

fn subjects(row: &Row<'_>, kind: &str) -> String {
    let subjects = row
        .list("subjects")
        .iter()
        .filter(|subject| subject["kind"] == kind);
    let names: Vec<String> = subjects
        .map(|subject| {
            let text = |field: &str| subject[field].as_str().unwrap_or("");
            match kind {
                "ServiceAccount" => format!("{}/{}", text("namespace"), text("name")),
                _ => text("name").to_owned(),
            }
        })
        .collect();
    names.join(", ")
}

/// What of a quota is used: of limits, or of all else.
fn quota(row: &Row<'_>, limits: bool) -> String {
    let hard = row.at("status.hard").and_then(Value::as_object);
    let used = |name: &str| {
        let used = row.at("status.used").and_then(|used| used.get(name));
        used.and_then(Value::as_str).unwrap_or("0").to_owned()
    };
    let parts: Vec<String> = hard
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.starts_with("limits.") == limits)
        .map(|(name, hard)| format!("{name}: {}/{}", used(name), hard.as_str().unwrap_or("")))
        .collect();
    parts.join(", ")
}

fn node(column: &str, row: &Row<'_>) -> Option<Value> {
    let address = |kind: &str| {
        let addresses = row.list("status.addresses").iter();
        let mut addresses = addresses.filter(|address| address["type"] == kind);
        let address = addresses.next().and_then(|address| address["address"].as_str());
        or_none(address.unwrap_or(""))
    };
    let info = |field: &str| or(row.text(&format!("status.nodeInfo.{field}")), "<unknown>");
    Some(match column {
        "Status" => {
            let mut conditions = row.list("status.conditions").iter();
            let ready = conditions.rfind(|condition| condition["type"] == "Ready");
            let mut status = match ready.and_then(|ready| ready["status"].as_str()) {
                Some("True") => "Ready",
                Some(_) => "NotReady",
                None => "Unknown",
            }
            .to_owned();
            if row.flag("spec.unschedulable") {
                status.push_str(",SchedulingDisabled");
            }
            status.into()
        }
        "Roles" => roles(row).into(),
        "Version" => row.text("status.nodeInfo.kubeletVersion").into(),
        "Internal-IP" => address("InternalIP").into(),
        "External-IP" => address("ExternalIP").into(),
        "OS-Image" => info("osImage").into(),
        "Kernel-Version" => info("kernelVersion").into(),
        "Container-Runtime" => info("containerRuntimeVersion").into(),
        _ => return None,
    })
}

fn roles(row: &Row<'_>) -> String {
    let labels = meta::get(row.object, "labels").and_then(Value::as_object);
    let mut roles: Vec<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(
            |(label, value)| match label.strip_prefix("node-role.kubernetes.io/") {
                Some(role) => Some(role),
                None if label == "kubernetes.io/role" => value.as_str(),
                None => None,
            },
        )
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    or_none(&roles.join(","))
}

/// An event under the names of either of its groups.
fn event(column: &str, row: &Row<'_>) -> Option<Value> {
    let of = if row.at("involvedObject").is_some() {
        "involvedObject"
    } else {
        "regarding"
    };
    let either = |names: &[&str]| -> String {
        let mut found = names
            .iter()
            .map(|name| row.text(name))
            .filter(|text| !text.is_empty());
        found.next().unwrap_or("").to_owned()
    };
    let since = |names: &[&'static str]| {
        let known = names.iter().find(|name| !row.text(name).is_empty());
        known.map_or_else(|| "<unknown>".to_owned(), |name| row.since(name))
    };
    Some(match column {
        "Last Seen" => since(&[
            "series.lastObservedTime",
            "lastTimestamp",
            "deprecatedLastTimestamp",
            "eventTime",
            "metadata.creationTimestamp",
        ])
        .into(),
        "First Seen" => since(&["firstTimestamp", "deprecatedFirstTimestamp", "eventTime"]).into(),
        "Type" => row.text("type").into(),
        "Reason" => row.text("reason").into(),
        "Object" => {
            let kind = row.text(&format!("{of}.kind")).to_lowercase();
            format!("{kind}/{}", row.text(&format!("{of}.name"))).into()
        }
        "Subobject" => row.text(&format!("{of}.fieldPath")).into(),
        "Source" => {
            let component = either(&[
                "source.component",
                "deprecatedSource.component",
                "reportingComponent",
                "reportingController",
            ]);
            let instance = either(&["source.host", "deprecatedSource.host", "reportingInstance"]);
            match (component.as_str(), instance.as_str()) {
                ("", _) | (_, "") => component.into(),
                (component, instance) => format!("{component}, {instance}").into(),
            }
        }
        "Message" => either(&["message", "note"]).trim().into(),
        "Count" => {
            let counts = ["series.count", "count", "deprecatedCount"].map(|path| row.number(path));
            counts.into_iter().find(|count| *count > 0).unwrap_or(1).into()
        }
        _ => return None,
    })
}

fn signing_request(column: &str, row: &Row<'_>) -> Option<Value> {
    let is = |name: &str| {
        row.list("status.conditions")
            .iter()
            .any(|condition| condition["type"] == name)
    };
    Some(match column {
        "SignerName" => or_none(row.text("spec.signerName")).into(),
        "Requestor" => row.text("spec.username").into(),
        "RequestedDuration" => match row.number("spec.expirationSeconds") {
            0 => "<none>".into(),
            seconds => super::duration(seconds).into(),
        },
        "Condition" => {
            let mut states = Vec::new();
            if is("Denied") {
                states.push("Denied");
            } else if is("Approved") {
                states.push("Approved");
            } else {
                states.push("Pending");
            }
            if is("Failed") {
                states.push("Failed");
            }
            if !row.text("status.certificate").is_empty() {
                states.push("Issued");
            }
            states.join(",").into()
        }
        _ => return None,
    })
}
