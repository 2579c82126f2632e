//! What the strategies of built-in kinds set on writes.

use serde_json::{Value, json};

use crate::kinds::defaults::{meta_child, or, or_number, text};
use crate::kinds::kind::Kind;
use crate::object::meta;
use crate::state::Api;

/// Sets what built-in admission sets on a create, before any webhook sees it.
pub(crate) fn admit_create(kind: &Kind, object: &mut Value) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => admit_pod(object),
        ("", "persistentvolumeclaims") => add_finalizer(object, "kubernetes.io/pvc-protection"),
        ("", "persistentvolumes") => add_finalizer(object, "kubernetes.io/pv-protection"),
        _ => {}
    }
}

/// Sets what the strategy of a kind sets on a create.
pub(crate) fn prepare_create(api: &Api, kind: &Kind, object: &mut Value) {
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
        ("", "services") => allocate_address(api, object),
        ("", "persistentvolumeclaims") => {
            meta::child(object, "status").insert("phase".into(), "Pending".into());
        }
        ("", "persistentvolumes") => {
            meta::child(object, "status").insert("phase".into(), "Pending".into());
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
        ("", "services") if subresource.is_empty() => {
            // What was allocated stays, unless the client says otherwise.
            let was_external = meta::at(old, "spec.type").is_some_and(|ty| ty == "ExternalName");
            let old_spec = old
                .get("spec")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            let spec = meta::child(new, "spec");
            if text(spec, "type") != "ExternalName" && !was_external {
                for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                    if let Some(value) = old_spec.get(key) {
                        or(spec, key, value.clone());
                    }
                }
            }
        }
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
fn add_finalizer(object: &mut Value, finalizer: &str) {
    let mut finalizers: Vec<String> = meta::finalizers(object).into_iter().map(str::to_owned).collect();
    if !finalizers.iter().any(|known| known == finalizer) {
        finalizers.push(finalizer.into());
    }
    meta::set_finalizers(object, finalizers);
}

fn prepare_pod(object: &mut Value) {
    let qos = crate::kinds::pod::qos(object);
    let status = meta::child(object, "status");
    status.insert("phase".into(), "Pending".into());
    status.insert("qosClass".into(), qos.into());
}

/// What the admission plugins for priorities and tolerations add to a pod.
fn admit_pod(object: &mut Value) {
    let spec = meta::child(object, "spec");
    or(spec, "priority", 0);
    or(spec, "preemptionPolicy", "PreemptLowerPriority");
    let tolerations = spec.entry("tolerations").or_insert_with(|| json!([]));
    if !tolerations.is_array() {
        *tolerations = json!([]);
    }
    let Value::Array(tolerations) = tolerations else {
        return;
    };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = tolerations.iter().any(|toleration| {
            let text = |field: &str| toleration.get(field).and_then(Value::as_str).unwrap_or("");
            matches!(text("effect"), "" | "NoExecute") && (text("key") == key || text("key").is_empty())
        });
        if !tolerated {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
}

fn allocate_address(api: &Api, object: &mut Value) {
    let namespaced_name = format!("{}/{}", meta::text(object, "namespace"), meta::name(object));
    let spec = meta::child(object, "spec");
    if text(spec, "type") == "ExternalName" {
        return;
    }
    if text(spec, "clusterIP").is_empty() {
        let address = crate::kinds::address::free(api, &namespaced_name);
        spec.insert("clusterIP".into(), address.into());
    }
    let address = text(spec, "clusterIP").to_owned();
    or(spec, "clusterIPs", json!([address]));
    or(spec, "ipFamilies", json!(["IPv4"]));
    or(spec, "ipFamilyPolicy", "SingleStack");
    if matches!(text(spec, "type"), "NodePort" | "LoadBalancer") {
        for port in spec
            .get_mut("ports")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(port) = port.as_object_mut() {
                let number = i64::try_from(30_000 + api.identity.below(2_768)).unwrap_or(30_000);
                or_number(port, "nodePort", number);
            }
        }
    }
}

fn prepare_job(object: &mut Value) {
    let (uid, name) = (meta::uid(object).to_owned(), meta::name(object).to_owned());
    let spec = meta::child(object, "spec");
    if spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    let template = meta_child(spec, "template");
    let labels = meta_child(meta_child(template, "metadata"), "labels");
    for key in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
        labels.insert(key.into(), uid.as_str().into());
    }
    for key in ["job-name", "batch.kubernetes.io/job-name"] {
        labels.insert(key.into(), name.as_str().into());
    }
    spec.insert(
        "selector".into(),
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}),
    );
}
