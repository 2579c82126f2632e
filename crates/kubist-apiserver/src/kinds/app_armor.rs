//! AppArmor profiles: annotations of old, and the fields that took their place.
//!
//! The rules are those of KEP-24.

use serde_json::{Value, json};

use crate::http::fields::FieldError;
use crate::object::member::{given, list, text};
use crate::object::meta;

/// What annotations begin with; the container's name follows.
pub(crate) const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Gives containers the profiles that a new pod's annotations name; tells what is out of date.
pub(crate) fn carry(pod: &mut Value) -> Vec<String> {
    if pod["spec"]["os"]["name"] == "windows" {
        return Vec::new();
    }
    let annotations = meta::get(pod, "annotations").cloned().unwrap_or_default();
    let of_pod = given(&pod["spec"]["securityContext"], "appArmorProfile").cloned();
    let mut warnings = Vec::new();
    let spec = meta::child(pod, "spec");
    for containers in LISTS {
        let containers = spec.get_mut(containers).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let annotation = format!("{ANNOTATION}{}", text(container, "name"));
            let Some(told) = annotations.get(&annotation).and_then(Value::as_str) else {
                continue;
            };
            if given(&container["securityContext"], "appArmorProfile").is_some() {
                continue;
            }
            let profile = profile(told).filter(is_whole);
            if profile.is_some() && profile == of_pod {
                continue;
            }
            if let (Some(profile), Some(container)) = (profile, container.as_object_mut()) {
                let context = container.entry("securityContext").or_insert_with(|| json!({}));
                meta::object(context).insert("appArmorProfile".into(), profile);
            }
            warnings.push(format!(
                "metadata.annotations[{annotation}]: deprecated since v1.30; use the \"appArmorProfile\" field instead"
            ));
        }
    }
    warnings
}

/// What is wrong with the annotations of a new pod.
pub(crate) fn validate(pod: &Value, errors: &mut Vec<FieldError>) {
    let annotations = meta::get(pod, "annotations").and_then(Value::as_object);
    let containers = |name: &'static str| {
        list(&pod["spec"], name)
            .iter()
            .enumerate()
            .map(move |(at, container)| (name, at, container))
    };
    for (key, told) in annotations.into_iter().flatten() {
        let Some(name) = key.strip_prefix(ANNOTATION) else {
            continue;
        };
        let (field, told) = (
            format!("metadata.annotations[{key}]"),
            told.as_str().unwrap_or(""),
        );
        let found = LISTS
            .into_iter()
            .flat_map(containers)
            .find(|(_, _, container)| text(container, "name") == name);
        let Some((containers, at, container)) = found else {
            errors.push(FieldError::invalid_text(field, name, "container not found"));
            continue;
        };
        let Some(profile) = profile(told) else {
            let detail = format!("invalid AppArmor profile name: {told:?}");
            errors.push(FieldError::invalid_text(field, told, &detail));
            continue;
        };
        let Some(set) = given(&container["securityContext"], "appArmorProfile") else {
            continue;
        };
        let path = format!("spec.{containers}[{at}].securityContext.appArmorProfile");
        if set["type"] != profile["type"] {
            let detail = "apparmor type in annotation and field must match";
            errors.push(FieldError::forbidden(format!("{path}.type"), detail));
        } else if set.get("localhostProfile") != profile.get("localhostProfile") {
            let detail = "apparmor profile in annotation and field must match";
            errors.push(FieldError::forbidden(format!("{path}.localhostProfile"), detail));
        }
    }
}

/// The profile that an annotation names.
fn profile(annotation: &str) -> Option<Value> {
    match annotation {
        "unconfined" => Some(json!({"type": "Unconfined"})),
        "runtime/default" => Some(json!({"type": "RuntimeDefault"})),
        other => {
            let profile = other.strip_prefix("localhost/")?;
            Some(json!({"type": "Localhost", "localhostProfile": profile}))
        }
    }
}

/// Whether a profile may stand in a field.
fn is_whole(profile: &Value) -> bool {
    const LONGEST: usize = 4095;
    profile["localhostProfile"]
        .as_str()
        .is_none_or(|name| !name.is_empty() && name.trim() == name && name.len() <= LONGEST)
}
