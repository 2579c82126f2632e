//! What built-in admission plugins do to new pods: priorities, runtime classes, tolerations.

use serde_json::{Value, json};

use crate::http::status::Failure;
use crate::kinds::defaults::or;
use crate::kinds::kind;
use crate::object::meta;
use crate::state::Api;
use crate::store::Key;

/// Completes a new pod, or says why there may be none.
///
/// Source: [admission
/// plugins](https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/), `Priority`,
/// `RuntimeClass` and `DefaultTolerationSeconds`.
pub(crate) fn admit(api: &Api, pod: &mut Value) -> Result<(), Failure> {
    let name = meta::name(pod).to_owned();
    let refuse = |why: String| Failure::forbidden("", "pods", &name, &why);
    set_priority(api, pod).map_err(refuse)?;
    set_runtime(api, pod).map_err(refuse)?;
    tolerate_short_absences(pod);
    Ok(())
}

fn set_priority(api: &Api, pod: &mut Value) -> Result<(), String> {
    let named = meta::at(pod, "spec.priorityClassName").and_then(Value::as_str);
    let class = match named.filter(|name| !name.is_empty()) {
        Some(name) => {
            let key = Key::new("", name);
            let found = api
                .store
                .get(&kind::table("scheduling.k8s.io", "priorityclasses"), &key);
            Some(
                found
                    .ok_or_else(|| format!("no PriorityClass with name {name} was found"))?
                    .value,
            )
        }
        None => {
            let (classes, _) =
                api.store
                    .list(&kind::table("scheduling.k8s.io", "priorityclasses"), None, None);
            let defaults = classes.into_iter().map(|(_, stored)| stored.value);
            defaults
                .filter(|class| class["globalDefault"] == true)
                .min_by_key(|class| class["value"].as_i64())
        }
    };
    let value = class
        .as_ref()
        .and_then(|class| class["value"].as_i64())
        .unwrap_or(0);
    let preemption = class
        .as_ref()
        .and_then(|class| class["preemptionPolicy"].as_str());
    let preemption = preemption.unwrap_or("PreemptLowerPriority");
    let name = class.as_ref().map(|class| meta::name(class).to_owned());
    let spec = meta::child(pod, "spec");
    if let Some(name) = name {
        spec.insert("priorityClassName".into(), name.into());
    }
    let computed = "priority admission controller computed";
    if let Some(given) = spec
        .get("priority")
        .and_then(Value::as_i64)
        .filter(|given| *given != value)
    {
        return Err(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; {computed} {value} from the \
             given PriorityClass name"
        ));
    }
    let given = spec.get("preemptionPolicy").and_then(Value::as_str);
    if let Some(given) = given.filter(|given| *given != preemption) {
        return Err(format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; {computed} {preemption} \
             from the given PriorityClass name"
        ));
    }
    or(spec, "priority", value);
    or(spec, "preemptionPolicy", preemption);
    Ok(())
}

/// Says why there may be no new class of priorities: only one is that of pods which ask for none.
pub(crate) fn admit_priority_class(api: &Api, class: &Value) -> Result<(), Failure> {
    if class["globalDefault"] != true {
        return Ok(());
    }
    let (classes, _) = api
        .store
        .list(&kind::table("scheduling.k8s.io", "priorityclasses"), None, None);
    let mut others = classes
        .iter()
        .filter(|(_, stored)| stored.value["globalDefault"] == true);
    let Some((_, other)) = others.next() else {
        return Ok(());
    };
    let why = format!(
        "PriorityClass {} is already marked as default. Only one default can exist",
        meta::name(&other.value)
    );
    let name = meta::name(class);
    Err(Failure::forbidden(
        "scheduling.k8s.io",
        "priorityclasses",
        name,
        &why,
    ))
}

fn set_runtime(api: &Api, pod: &mut Value) -> Result<(), String> {
    let spec = meta::child(pod, "spec");
    let named = spec.get("runtimeClassName").and_then(Value::as_str).unwrap_or("");
    let class = if named.is_empty() {
        None
    } else {
        let found = api.store.get(
            &kind::table("node.k8s.io", "runtimeclasses"),
            &Key::new("", named),
        );
        Some(
            found
                .ok_or_else(|| format!("pod rejected: RuntimeClass \"{named}\" not found"))?
                .value,
        )
    };
    let overhead = class
        .as_ref()
        .and_then(|class| meta::at(class, "overhead.podFixed"));
    match (spec.get("overhead"), overhead) {
        (Some(given), None) if given.as_object().is_some_and(|given| !given.is_empty()) => {
            return Err(
                "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead".into(),
            );
        }
        (Some(given), Some(overhead)) if given != overhead => {
            return Err("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead".into());
        }
        (None, Some(overhead)) => {
            spec.insert("overhead".into(), overhead.clone());
        }
        _ => {}
    }
    let Some(class) = class else { return Ok(()) };
    let wanted = meta::at(&class, "scheduling.nodeSelector").and_then(Value::as_object);
    for (label, value) in wanted.into_iter().flatten() {
        let selector = crate::kinds::defaults::meta_child(spec, "nodeSelector");
        let given = selector.entry(label).or_insert_with(|| value.clone());
        if given != value {
            return Err(
                "pod rejected: conflict: runtimeClass.scheduling.nodeSelector".to_owned()
                    + &format!(
                        "[{label}] = {}; pod.spec.nodeSelector[{label}] = {}",
                        value, given
                    ),
            );
        }
    }
    Ok(())
}

/// Pods stay for a while on nodes that are not heard of.
pub(crate) fn tolerate_short_absences(pod: &mut Value) {
    let tolerations = meta::child(pod, "spec")
        .entry("tolerations")
        .or_insert_with(|| json!([]));
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
