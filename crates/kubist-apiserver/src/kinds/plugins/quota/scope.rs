//! Which objects a quota is about.

use serde_json::Value;

use super::measure::{Measure, is_terminating};
use crate::kinds::pod;
use crate::object::member::{given, list, text};
use crate::object::meta;

/// Whether an object is in all scopes of a quota.
pub(super) fn matches(quota: &Value, measure: &Measure, object: &Value) -> bool {
    let spec = &quota["spec"];
    let within = |scope: &str, operator: &str, values: &[&str]| match measure {
        Measure::Pods => is_pod_in(object, scope, operator, values),
        Measure::Claims => scope == "VolumeAttributesClass" && has_class(object, operator, values),
        _ => false,
    };
    meta::strings(spec.get("scopes"))
        .into_iter()
        .all(|scope| within(scope, "Exists", &[]))
        && list(&spec["scopeSelector"], "matchExpressions")
            .iter()
            .all(|expression| {
                let values = meta::strings(expression.get("values"));
                within(
                    text(expression, "scopeName"),
                    text(expression, "operator"),
                    &values,
                )
            })
}

fn is_pod_in(pod: &Value, scope: &str, operator: &str, values: &[&str]) -> bool {
    let is_best_effort = || match text(&pod["status"], "qosClass") {
        "" => pod::qos(pod) == "BestEffort",
        class => class == "BestEffort",
    };
    match scope {
        "Terminating" => is_terminating(pod),
        "NotTerminating" => !is_terminating(pod),
        "BestEffort" => is_best_effort(),
        "NotBestEffort" => !is_best_effort(),
        "PriorityClass" => {
            let class = text(&pod["spec"], "priorityClassName");
            is_selected((!class.is_empty()).then_some(class), operator, values)
        }
        "CrossNamespacePodAffinity" => looks_abroad(&pod["spec"]["affinity"]),
        _ => false,
    }
}

/// Whether a pod wants to be near to, or far from, pods of other namespaces.
fn looks_abroad(affinity: &Value) -> bool {
    let is_abroad =
        |term: &Value| !list(term, "namespaces").is_empty() || given(term, "namespaceSelector").is_some();
    ["podAffinity", "podAntiAffinity"].into_iter().any(|kind| {
        let of = |member: &str| list(&affinity[kind], member);
        of("requiredDuringSchedulingIgnoredDuringExecution")
            .iter()
            .any(is_abroad)
            || of("preferredDuringSchedulingIgnoredDuringExecution")
                .iter()
                .any(|weighted| is_abroad(&weighted["podAffinityTerm"]))
    })
}

/// Whether one of the attribute classes that a claim has, had or is to have is selected.
fn has_class(claim: &Value, operator: &str, values: &[&str]) -> bool {
    let classes: Vec<&str> = [
        "spec.volumeAttributesClassName",
        "status.currentVolumeAttributesClassName",
        "status.modifyVolumeStatus.targetVolumeAttributesClassName",
    ]
    .into_iter()
    .filter_map(|path| meta::at(claim, path)?.as_str())
    .filter(|class| !class.is_empty())
    .collect();
    if classes.is_empty() {
        return is_selected(None, operator, values);
    }
    classes
        .into_iter()
        .any(|class| is_selected(Some(class), operator, values))
}

fn is_selected(class: Option<&str>, operator: &str, values: &[&str]) -> bool {
    match operator {
        "In" => class.is_some_and(|class| values.contains(&class)),
        "NotIn" => class.is_none_or(|class| !values.contains(&class)),
        "Exists" => class.is_some(),
        "DoesNotExist" => class.is_none(),
        _ => false,
    }
}
