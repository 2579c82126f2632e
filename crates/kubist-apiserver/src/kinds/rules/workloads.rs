//! The rules of pods and of what makes them.

use serde_json::Value;

use super::immutable;
use crate::http::fields::FieldError;
use crate::kinds::kind::Kind;
use crate::object::meta;
use crate::object::metavalidate;

pub(super) fn workload(kind: &Kind, new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if let Some(replicas) = spec
        .get("replicas")
        .and_then(Value::as_i64)
        .filter(|replicas| *replicas < 0)
    {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("spec.replicas", &replicas.into(), detail));
    }
    let selector = spec.get("selector").filter(|selector| !selector.is_null());
    let labels = meta::at(spec, "template.metadata.labels");
    match selector {
        None => errors.push(FieldError::required("spec.selector", "")),
        Some(selector) if is_empty_selector(selector) => {
            let detail = format!("empty selector is invalid for {}", kind.kind.to_lowercase());
            errors.push(FieldError::invalid("spec.selector", selector, &detail));
        }
        Some(selector) if !selector_matches(selector, labels) => {
            let value = labels.cloned().unwrap_or(Value::Null);
            let detail = "`selector` does not match template `labels`";
            errors.push(FieldError::invalid(
                "spec.template.metadata.labels",
                &value,
                detail,
            ));
        }
        Some(_) => {}
    }
    template(&spec["template"], "spec.template", &["Always"], errors);
    if let Some(old) = old {
        if kind.plural == "statefulsets" {
            let fixed = |object: &Value| {
                let mut spec = object["spec"].clone();
                if let Some(spec) = spec.as_object_mut() {
                    for field in [
                        "replicas",
                        "ordinals",
                        "template",
                        "updateStrategy",
                        "revisionHistoryLimit",
                        "persistentVolumeClaimRetentionPolicy",
                        "minReadySeconds",
                    ] {
                        spec.remove(field);
                    }
                }
                spec
            };
            if fixed(new) != fixed(old) {
                errors.push(FieldError::forbidden(
                    "spec",
                    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                     'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                     'minReadySeconds' are forbidden",
                ));
            }
        } else {
            immutable(new, old, "spec.selector", errors);
        }
    }
}

fn is_empty_selector(selector: &Value) -> bool {
    let empty = |key: &str| match selector.get(key) {
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        _ => true,
    };
    empty("matchLabels") && empty("matchExpressions")
}

/// Whether a selector in an object matches these labels.
pub(crate) fn selector_matches(selector: &Value, labels: Option<&Value>) -> bool {
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    let equal = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .all(|(key, value)| label(key) == value.as_str());
    equal
        && selector
            .get("matchExpressions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .all(|expression| {
                let values = meta::strings(expression.get("values"));
                let found = label(expression["key"].as_str().unwrap_or(""));
                match expression["operator"].as_str().unwrap_or("") {
                    "In" => found.is_some_and(|found| values.contains(&found)),
                    "NotIn" => found.is_none_or(|found| !values.contains(&found)),
                    "Exists" => found.is_some(),
                    "DoesNotExist" => found.is_none(),
                    _ => false,
                }
            })
}

pub(super) fn template(template: &Value, path: &str, policies: &[&str], errors: &mut Vec<FieldError>) {
    let labels = meta::get(template, "labels");
    errors.extend(metavalidate::labels(labels, &format!("{path}.labels")));
    pod_spec(&template["spec"], &format!("{path}.spec"), errors);
    let policy = template["spec"]["restartPolicy"].as_str().unwrap_or("");
    let known = matches!(policy, "Always" | "OnFailure" | "Never");
    if known && !policies.contains(&policy) {
        let field = format!("{path}.spec.restartPolicy");
        errors.push(FieldError::not_supported(field, &policy.into(), policies));
    }
}

pub(super) fn pod_spec(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let list = |key: &str| {
        spec.get(key)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let volumes: Vec<&str> = list("volumes")
        .iter()
        .filter_map(|volume| volume["name"].as_str())
        .collect();
    if list("containers").is_empty() {
        errors.push(FieldError::required(format!("{path}.containers"), ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for key in ["initContainers", "containers", "ephemeralContainers"] {
        for (at, container) in list(key).iter().enumerate() {
            let path = format!("{path}.{key}[{at}]");
            let name = container["name"].as_str().unwrap_or("");
            if name.is_empty() {
                errors.push(FieldError::required(format!("{path}.name"), ""));
            } else {
                for problem in metavalidate::name_problems(metavalidate::NameRule::Label, name) {
                    errors.push(FieldError::invalid_text(format!("{path}.name"), name, &problem));
                }
                if names.contains(&name) {
                    errors.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
                }
                names.push(name);
            }
            let image = container["image"].as_str().unwrap_or("");
            if image.is_empty() {
                errors.push(FieldError::required(format!("{path}.image"), ""));
            } else if image.trim() != image {
                let detail = "must not have leading or trailing whitespace";
                errors.push(FieldError::invalid_text(format!("{path}.image"), image, detail));
            }
            for (at, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
                let number = port["containerPort"].as_i64().unwrap_or(0);
                if number == 0 {
                    errors.push(FieldError::required(
                        format!("{path}.ports[{at}].containerPort"),
                        "",
                    ));
                } else if !(1..=65535).contains(&number) {
                    errors.push(FieldError::invalid(
                        format!("{path}.ports[{at}].containerPort"),
                        &number.into(),
                        "must be between 1 and 65535, inclusive",
                    ));
                }
            }
            for (at, mount) in container["volumeMounts"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                let name = mount["name"].as_str().unwrap_or("");
                let field = format!("{path}.volumeMounts[{at}]");
                if name.is_empty() {
                    errors.push(FieldError::required(format!("{field}.name"), ""));
                } else if !volumes.contains(&name) {
                    errors.push(not_found(format!("{field}.name"), name));
                }
                if mount["mountPath"].as_str().unwrap_or("").is_empty() {
                    errors.push(FieldError::required(format!("{field}.mountPath"), ""));
                }
            }
        }
    }
    for (at, volume) in list("volumes").iter().enumerate() {
        let name = volume["name"].as_str().unwrap_or("");
        let field = format!("{path}.volumes[{at}].name");
        if name.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if volumes[..at.min(volumes.len())].contains(&name) {
            errors.push(FieldError::duplicate(field, &name.into()));
        }
    }
}

fn not_found(field: String, value: &str) -> FieldError {
    FieldError::not_found(field, &value.into())
}
