//! What is particular to pods.

use kubist_core::quantity::Quantity;
use serde_json::{Map, Value, json};

use crate::http::fields::FieldError;
use crate::kinds::pod_admission::tolerate_short_absences;
use crate::object::member::{given, integer, list, text};
use crate::object::meta;
use crate::object::metavalidate::{self, NameRule};

/// The quality of service that a pod's requests and limits amount to.
pub(crate) fn qos(pod: &Value) -> &'static str {
    let containers: Vec<&Value> = match given(&pod["spec"], "resources") {
        // What the pod itself asks for goes before what its containers do.
        Some(_) => vec![&pod["spec"]],
        None => ["containers", "initContainers"]
            .into_iter()
            .flat_map(|containers| list(&pod["spec"], containers))
            .collect(),
    };
    let (mut any, mut guaranteed) = (false, true);
    for container in containers {
        let amount = |kind: &str, name: &str| {
            let text = meta::at(container, "resources")?.get(kind)?.get(name)?.as_str()?;
            text.parse::<Quantity>()
                .ok()
                .filter(|quantity| *quantity > Quantity::ZERO)
        };
        for name in ["cpu", "memory"] {
            let (request, limit) = (amount("requests", name), amount("limits", name));
            any |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && request.is_none_or(|request| Some(request) == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// The containers of a pod's spec, and those that initialize it.
pub(crate) fn containers_mut(spec: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let lists = spec
        .iter_mut()
        .filter(|(name, _)| matches!(name.as_str(), "containers" | "initContainers"));
    lists
        .filter_map(|(_, list)| list.as_array_mut())
        .flatten()
        .filter_map(Value::as_object_mut)
}

/// Keeps what an update through `subresource` may not touch.
pub(crate) fn prepare_update(new: &mut Value, old: &Value, subresource: &str) {
    match subresource {
        "" => {
            // Written under its own path only.
            let ephemeral = meta::at(old, "spec.ephemeralContainers").cloned();
            put(meta::child(new, "spec"), "ephemeralContainers", ephemeral);
            tolerate_short_absences(new);
        }
        "status" => {
            let status = meta::child(new, "status");
            if status.get("qosClass").is_none() {
                put(status, "qosClass", meta::at(old, "status.qosClass").cloned());
            }
        }
        "ephemeralcontainers" => {
            let ephemeral = meta::at(new, "spec.ephemeralContainers").cloned();
            keep_but(new, old, |kept| {
                put(meta::child(kept, "spec"), "ephemeralContainers", ephemeral)
            });
        }
        "resize" => {
            let wanted = new.clone();
            keep_but(new, old, |kept| {
                for path in ["containers", "initContainers"] {
                    resize(kept, &wanted, path);
                }
            });
        }
        _ => {}
    }
}

/// Makes `new` what `old` was, but for what `change` does and who manages it.
fn keep_but(new: &mut Value, old: &Value, change: impl FnOnce(&mut Value)) {
    let mut kept = old.clone();
    change(&mut kept);
    for field in ["managedFields", "resourceVersion"] {
        if let Some(value) = meta::get(new, field) {
            meta::set(&mut kept, field, value.clone());
        }
    }
    *new = kept;
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => map.insert(key.into(), value),
        None => map.remove(key),
    };
}

/// Takes over the resources of containers that both pods have.
fn resize(kept: &mut Value, wanted: &Value, list: &str) {
    let wanted = wanted["spec"].get(list).and_then(Value::as_array);
    let containers = meta::child(kept, "spec")
        .get_mut(list)
        .and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten() {
        let name = container.get("name").cloned();
        let same = wanted
            .into_iter()
            .flatten()
            .find(|other| other.get("name") == name.as_ref());
        if let (Some(same), Value::Object(container)) = (same, container) {
            for field in ["resources", "resizePolicy"] {
                put(container, field, same.get(field).cloned());
            }
        }
    }
}

/// What is wrong with a change of resources.
pub(crate) fn validate_resize(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if qos(new) != qos(old) {
        let detail = "Pod QOS Class may not change as a result of resizing";
        let told = meta::at(new, "status.qosClass").and_then(Value::as_str);
        errors.push(FieldError::invalid_text("spec", told.unwrap_or(qos(new)), detail));
    }
    for list in ["containers", "initContainers"] {
        let of = |pod: &Value| {
            pod["spec"]
                .get(list)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        for (at, (new, old)) in of(new).iter().zip(of(old)).enumerate() {
            for kind in ["limits", "requests"] {
                let rest = |container: &Value| {
                    let mut amounts = container["resources"]
                        .get(kind)
                        .and_then(Value::as_object)
                        .cloned();
                    if let Some(amounts) = &mut amounts {
                        amounts.retain(|name, _| name != "cpu" && name != "memory");
                    }
                    amounts.unwrap_or_default()
                };
                if rest(new) != rest(&old) {
                    let field = format!("spec.{list}[{at}].resources.{kind}");
                    errors.push(FieldError::forbidden(
                        field,
                        "only cpu and memory resources are mutable",
                    ));
                }
            }
        }
    }
    errors
}

/// What a pod's spec may not change into.
pub(crate) fn validate_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let (Some(new_spec), Some(old_spec)) = (new.get("spec"), old.get("spec")) else {
        return Vec::new();
    };
    let allowed = |spec: &Value| {
        let mut spec = spec.clone();
        for container in spec.as_object_mut().into_iter().flat_map(containers_mut) {
            container.remove("image");
        }
        if let Some(spec) = spec.as_object_mut() {
            for field in [
                "activeDeadlineSeconds",
                "tolerations",
                "ephemeralContainers",
                "schedulingGates",
            ] {
                spec.remove(field);
            }
        }
        spec
    };
    let mut errors = Vec::new();
    for containers in ["containers", "initContainers"] {
        if list(new_spec, containers).len() != list(old_spec, containers).len() {
            let detail = "pod updates may not add or remove containers";
            errors.push(FieldError::forbidden(format!("spec.{containers}"), detail));
            return errors;
        }
    }
    errors.extend(deadline_shortened(new_spec, old_spec));
    errors.extend(tolerations_kept(new_spec, old_spec));
    errors.extend(gates_removed(new_spec, old_spec));
    if allowed(new_spec) == allowed(old_spec) {
        return errors;
    }
    errors.push(FieldError::forbidden(
        "spec",
        "pod updates may not change fields other than \
         `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` \
         (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if \
         it was previously negative)",
    ));
    errors
}

/// A deadline may be set, and come nearer.
fn deadline_shortened(new: &Value, old: &Value) -> Option<FieldError> {
    const FIELD: &str = "spec.activeDeadlineSeconds";
    let old = integer(old, "activeDeadlineSeconds")?;
    let Some(new) = integer(new, "activeDeadlineSeconds") else {
        let detail = "must not update from a positive integer to nil value";
        return Some(FieldError::invalid(FIELD, &Value::Null, detail));
    };
    let detail = "must be less than or equal to previous value";
    (new > old).then(|| FieldError::invalid(FIELD, &new.into(), detail))
}

/// What holds a pod back may go, and not come.
fn gates_removed(new: &Value, old: &Value) -> Vec<FieldError> {
    let before = list(old, "schedulingGates");
    let mut errors = Vec::new();
    for (at, gate) in list(new, "schedulingGates").iter().enumerate() {
        if !before.contains(gate) {
            let detail = format!(
                "only deletion is allowed, but found new scheduling gate '{}'",
                text(gate, "name")
            );
            errors.push(FieldError::forbidden(
                format!("spec.schedulingGates[{at}].name"),
                &detail,
            ));
        }
    }
    errors
}

/// The rules of an update of a pod's status.
pub(crate) fn validate_status(new: &Value, old: &Value) -> Vec<FieldError> {
    let field = "status.nominatedNodeName";
    let nominated = |pod| meta::at(pod, field).and_then(Value::as_str).unwrap_or("");
    let node = nominated(new);
    if node.is_empty() || node == nominated(old) {
        return Vec::new();
    }
    let mut errors = Vec::new();
    if !text(&new["spec"], "nodeName").is_empty() {
        let detail = "may not be set on pods that are already bound to a node";
        errors.push(FieldError::forbidden(field, detail));
    }
    for problem in metavalidate::name_problems(NameRule::Subdomain, node) {
        errors.push(FieldError::invalid(field, &node.into(), &problem));
    }
    errors
}

/// Tolerations may be added, and may last longer or shorter.
fn tolerations_kept(new: &Value, old: &Value) -> Vec<FieldError> {
    let tolerations = |spec: &Value| -> Vec<Value> {
        let list = spec.get("tolerations").and_then(Value::as_array);
        let mut list = list.cloned().unwrap_or_default();
        for toleration in list.iter_mut().filter_map(Value::as_object_mut) {
            toleration.remove("tolerationSeconds");
        }
        list
    };
    let now = tolerations(new);
    if tolerations(old).iter().all(|toleration| now.contains(toleration)) {
        return Vec::new();
    }
    let detail = "existing toleration can not be modified except its tolerationSeconds";
    vec![FieldError::forbidden("spec.tolerations", detail)]
}

/// Puts a condition of a pod in the place of the one of its type.
pub(crate) fn set_condition(pod: &mut Value, condition: Value) {
    let conditions = meta::child(pod, "status")
        .entry("conditions")
        .or_insert_with(|| json!([]));
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Value::Array(conditions) = conditions else {
        return;
    };
    match conditions
        .iter_mut()
        .find(|known| known.get("type") == condition.get("type"))
    {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
}
