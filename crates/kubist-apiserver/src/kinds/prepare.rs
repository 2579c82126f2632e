//! What the strategies of built-in kinds set on writes.

use serde_json::{Value, json};

use crate::kinds::defaults::{meta_child, or};
use crate::kinds::kind::Kind;
use crate::object::member::{given, text};
use crate::object::meta;
use crate::state::Api;

/// Sets what built-in admission sets on a create, before any webhook sees it.
pub(crate) fn admit_create(kind: &Kind, object: &mut Value) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "persistentvolumeclaims") => add_finalizer(object, "kubernetes.io/pvc-protection"),
        ("", "persistentvolumes") => add_finalizer(object, "kubernetes.io/pv-protection"),
        ("", "nodes") => taint(object),
        _ => {}
    }
}

/// Sets what the strategy of a kind sets on a create.
pub(crate) fn prepare_create(kind: &Kind, object: &mut Value) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "namespaces") => {
            let spec = meta::child(object, "spec");
            let list = spec.entry("finalizers").or_insert_with(|| json!([]));
            match list {
                Value::Array(items) if items.iter().any(|item| item == "kubernetes") => {}
                Value::Array(items) => items.push("kubernetes".into()),
                other => *other = json!(["kubernetes"]),
            }
            meta::child(object, "status").insert("phase".into(), "Active".into());
        }
        ("", "pods") => prepare_pod(object),
        ("", "persistentvolumeclaims") => {
            agree_on_source(object, None);
            meta::child(object, "status").insert("phase".into(), "Pending".into());
        }
        ("", "persistentvolumes") => {
            let time = meta::text(object, "creationTimestamp").to_owned();
            let status = meta::child(object, "status");
            status.insert("phase".into(), "Pending".into());
            status.insert("lastPhaseTransitionTime".into(), time.into());
        }
        ("apps", "daemonsets") => {
            let annotations = meta::metadata(object)
                .entry("annotations")
                .or_insert_with(|| json!({}));
            meta::object(annotations).insert("deprecated.daemonset.template.generation".into(), "1".into());
        }
        ("batch", "jobs") => prepare_job(object),
        ("apiextensions.k8s.io", _) => crate::crd::prepare_create(object),
        _ => {}
    }
}

/// Keeps what an update may not change and sets what it must.
pub(crate) fn prepare_update(api: &Api, kind: &Kind, new: &mut Value, old: &Value, subresource: &str) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "namespaces") => {
            // Finalizers have a path of their own.
            if subresource != "finalize"
                && let Some(finalizers) = meta::at(old, "spec.finalizers")
            {
                meta::child(new, "spec").insert("finalizers".into(), finalizers.clone());
            }
        }
        ("", "persistentvolumeclaims") if subresource.is_empty() => agree_on_source(new, Some(old)),
        ("", "services") if subresource.is_empty() => crate::kinds::service::prepare_update(new, old),
        ("", "pods") => crate::kinds::pod::prepare_update(new, old, subresource),
        ("certificates.k8s.io", "certificatesigningrequests") => {
            crate::kinds::signing::prepare_update(api, new, old, subresource);
        }
        ("apps", "daemonsets") if subresource.is_empty() => {
            let changed = meta::at(new, "spec.template") != meta::at(old, "spec.template");
            let before: i64 = meta::get(old, "annotations")
                .and_then(|annotations| annotations.get("deprecated.daemonset.template.generation"))
                .and_then(Value::as_str)
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            let annotations = meta::metadata(new)
                .entry("annotations")
                .or_insert_with(|| json!({}));
            meta::object(annotations).insert(
                "deprecated.daemonset.template.generation".into(),
                (before + i64::from(changed)).to_string().into(),
            );
        }
        ("apiextensions.k8s.io", _) if subresource.is_empty() => crate::crd::prepare_update(new),
        _ => {}
    }
}

/// Nothing is to run on a node before it is known to be ready.
fn taint(node: &mut Value) {
    const KEY: &str = "node.kubernetes.io/not-ready";
    let taints = meta::child(node, "spec")
        .entry("taints")
        .or_insert_with(|| json!([]));
    if !taints.is_array() {
        *taints = json!([]);
    }
    if let Value::Array(taints) = taints
        && !taints
            .iter()
            .any(|taint| taint["key"] == KEY && taint["effect"] == "NoSchedule")
    {
        taints.push(json!({"key": KEY, "effect": "NoSchedule"}));
    }
}

/// Where the content of a claim comes from is said in two ways, of which the older knows less.
///
/// Source: [KEP-1495](https://github.com/kubernetes/enhancements/issues/1495).
fn agree_on_source(claim: &mut Value, old: Option<&Value>) {
    const FIELDS: [&str; 3] = ["apiGroup", "kind", "name"];
    let had_source = old.is_some_and(|old| {
        ["dataSource", "dataSourceRef"]
            .into_iter()
            .any(|field| given(&old["spec"], field).is_some())
    });
    if !had_source && !text(&claim["spec"]["dataSourceRef"], "namespace").is_empty() {
        // Sources elsewhere are for those who try them out.
        meta::child(claim, "spec").remove("dataSourceRef");
    }
    let spec = &claim["spec"];
    let (source, reference) = (given(spec, "dataSource"), given(spec, "dataSourceRef"));
    let is_known = |source: &Value| {
        matches!(
            (text(source, "apiGroup"), text(source, "kind")),
            ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
        )
    };
    let copy = |of: &Value| -> Value {
        let members = FIELDS.map(|field| (field.to_owned(), of[field].clone()));
        members.into_iter().collect::<serde_json::Map<_, _>>().into()
    };
    let (field, value) = match (source, reference) {
        // Others were always let through, and forgotten.
        (Some(source), None) if !had_source && !is_known(source) => ("dataSource", None),
        (Some(source), None) => ("dataSourceRef", Some(copy(source))),
        (None, Some(reference)) => ("dataSource", Some(copy(reference))),
        _ => return,
    };
    let spec = meta::child(claim, "spec");
    match value {
        Some(value) => spec.insert(field.into(), value),
        None => spec.remove(field),
    };
}

fn add_finalizer(object: &mut Value, finalizer: &str) {
    let mut finalizers: Vec<String> = meta::finalizers(object).into_iter().map(str::to_owned).collect();
    if !finalizers.iter().any(|known| known == finalizer) {
        finalizers.push(finalizer.into());
    }
    meta::set_finalizers(object, finalizers);
}

fn prepare_pod(object: &mut Value) {
    let time = meta::text(object, "creationTimestamp").to_owned();
    let qos = crate::kinds::pod::qos(object);
    let status = meta::child(object, "status");
    status.insert("phase".into(), "Pending".into());
    status.insert("qosClass".into(), qos.into());
    if let Some(seconds) = meta::child(object, "spec").get_mut("terminationGracePeriodSeconds")
        && seconds.as_i64().is_some_and(|seconds| seconds < 0)
    {
        *seconds = 1.into();
    }
    let gates = meta::at(object, "spec.schedulingGates").and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        let gated = json!({
            "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
            "lastProbeTime": null, "lastTransitionTime": time,
        });
        meta::child(object, "status").insert("conditions".into(), json!([gated]));
    }
}

/// Makes the pods of a job known by labels that no other job has, unless somebody chose some.
fn prepare_job(object: &mut Value) {
    const PREFIX: &str = "batch.kubernetes.io/";
    let (uid, name) = (meta::uid(object).to_owned(), meta::name(object).to_owned());
    let spec = meta::child(object, "spec");
    if spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    let template = meta_child(spec, "template");
    let labels = meta_child(meta_child(template, "metadata"), "labels");
    for (key, value) in [("controller-uid", &uid), ("job-name", &name)] {
        or(labels, key, value.as_str());
        or(labels, &format!("{PREFIX}{key}"), value.as_str());
    }
    let labels = labels.clone();
    let selected = meta_child(meta_child(spec, "selector"), "matchLabels");
    or(selected, &format!("{PREFIX}controller-uid"), uid);
    let metadata = meta::metadata(object);
    or(metadata, "labels", labels);
}
