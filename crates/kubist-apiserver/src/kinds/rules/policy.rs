//! The rules of disruption budgets, of scaling by load, and of priorities.

use serde_json::Value;

use super::common::{amount, non_negative, required_text, selector, share};
use super::immutable;
use crate::http::fields::FieldError;
use crate::object::member::{given, integer, list, text};
use crate::object::meta;
use crate::object::metavalidate::{self, NameRule};

pub(super) fn budget(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let limits = ["minAvailable", "maxUnavailable"];
    if limits.iter().all(|limit| given(spec, limit).is_some()) {
        let shown = format!(
            r#"{{"MinAvailable":{},"Selector":{},"MaxUnavailable":{},"UnhealthyPodEvictionPolicy":{}}}"#,
            spec["minAvailable"],
            spec["selector"],
            spec["maxUnavailable"],
            spec["unhealthyPodEvictionPolicy"]
        );
        let detail = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid_json("spec", &shown, detail));
    }
    for limit in limits {
        amount(spec, "spec", limit, errors);
        share(spec, "spec", limit, errors);
    }
    if let Some(chosen) = given(spec, "selector") {
        selector(chosen, "spec.selector", errors);
    }
}

pub(super) fn budget_status(new: &Value, errors: &mut Vec<FieldError>) {
    let counters = [
        "disruptionsAllowed",
        "currentHealthy",
        "desiredHealthy",
        "expectedPods",
    ];
    non_negative(&new["status"], "status", &counters, errors);
}

pub(super) fn autoscaler(new: &Value, errors: &mut Vec<FieldError>) {
    const METRICS: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];
    let spec = &new["spec"];
    let least = integer(spec, "minReplicas").unwrap_or(1);
    if least < 1 {
        let detail = "must be greater than or equal to 1";
        errors.push(FieldError::invalid("spec.minReplicas", &least.into(), detail));
    }
    let scales_by_others = |metric: &Value| matches!(text(metric, "type"), "Object" | "External");
    if least == 0 && !list(spec, "metrics").iter().any(scales_by_others) {
        let detail =
            "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.push(FieldError::forbidden("spec.metrics", detail));
    }
    let most = integer(spec, "maxReplicas").unwrap_or(0);
    if most < 1 {
        let detail = "must be set and greater than 0";
        errors.push(FieldError::required("spec.maxReplicas", detail));
    }
    if most < least {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid("spec.maxReplicas", &most.into(), detail));
    }
    let target = &spec["scaleTargetRef"];
    for field in ["kind", "name"] {
        required_text(target, "spec.scaleTargetRef", field, errors);
    }
    if text(target, "apiVersion").is_empty() {
        let detail = "apiVersion must specify API group";
        errors.push(FieldError::invalid_text(
            "spec.scaleTargetRef.apiVersion",
            "",
            detail,
        ));
    }
    for (at, metric) in list(spec, "metrics").iter().enumerate() {
        let path = format!("spec.metrics[{at}]");
        let kind = text(metric, "type");
        if !METRICS.contains(&kind) {
            errors.push(FieldError::not_supported(
                format!("{path}.type"),
                &kind.into(),
                &METRICS,
            ));
        }
        if let Some(resource) = given(metric, "resource") {
            resource_metric(resource, &format!("{path}.resource"), errors);
        }
    }
    for direction in ["scaleUp", "scaleDown"] {
        let window = integer(&spec["behavior"][direction], "stabilizationWindowSeconds");
        if let Some(window) = window.filter(|window| !(0..=3_600).contains(window)) {
            let field = format!("spec.behavior.{direction}.stabilizationWindowSeconds");
            let detail = if window < 0 {
                "must be greater than or equal to zero"
            } else {
                "must be less than or equal to 3600"
            };
            errors.push(FieldError::invalid(field, &window.into(), detail));
        }
    }
}

fn resource_metric(resource: &Value, path: &str, errors: &mut Vec<FieldError>) {
    required_text(resource, path, "name", errors);
    let target = &resource["target"];
    let set = ["averageUtilization", "averageValue"].map(|field| given(target, field).is_some());
    match set {
        [false, false] => {
            let detail = "must set either a target raw value or a target utilization";
            errors.push(FieldError::required(
                format!("{path}.target.averageUtilization"),
                detail,
            ));
        }
        [true, true] => {
            let detail = "may not set both a target raw value and a target utilization";
            errors.push(FieldError::forbidden(
                format!("{path}.target.averageValue"),
                detail,
            ));
        }
        _ => {}
    }
}

pub(super) fn runtime_class(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let handler = text(new, "handler");
    for problem in metavalidate::name_problems(NameRule::Label, handler) {
        errors.push(FieldError::invalid_text("handler", handler, &problem));
    }
    if let Some(old) = old {
        immutable(new, old, "handler", errors);
    }
}

/// The largest priority that is not the system's.
const MOST: i64 = 1_000_000_000;

pub(super) fn priority_class(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    const SYSTEM: [&str; 2] = ["system-cluster-critical", "system-node-critical"];
    let name = meta::name(new);
    let value = integer(new, "value").unwrap_or(0);
    if name.starts_with("system-") {
        if !SYSTEM.contains(&name) {
            let detail = format!(
                "priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a \
                 known system priority class"
            );
            errors.push(FieldError::forbidden("metadata.name", &detail));
        }
    } else if value > MOST {
        let detail = format!("maximum allowed value of a user defined priority is {MOST}");
        errors.push(FieldError::forbidden("value", &detail));
    }
    if let Some(policy) = given(new, "preemptionPolicy")
        && !["PreemptLowerPriority", "Never"]
            .iter()
            .any(|known| policy == known)
    {
        errors.push(FieldError::not_supported(
            "preemptionPolicy",
            policy,
            &["PreemptLowerPriority", "Never"],
        ));
    }
    let Some(old) = old else { return };
    if integer(old, "value").unwrap_or(0) != value {
        let detail = "may not be changed in an update.";
        errors.push(FieldError::forbidden("value", detail));
    }
    immutable(new, old, "preemptionPolicy", errors);
}
