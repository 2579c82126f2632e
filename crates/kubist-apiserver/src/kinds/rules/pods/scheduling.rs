//! The rules of where pods run.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::kinds::rules::common::selector;
use crate::object::member::{given, integer, list, text};
use crate::object::metavalidate;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn tolerations(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (at, toleration) in list(spec, "tolerations").iter().enumerate() {
        let path = format!("{path}.tolerations[{at}]");
        let (key, operator, effect) = (
            text(toleration, "key"),
            text(toleration, "operator"),
            text(toleration, "effect"),
        );
        if !key.is_empty() {
            label(key, format!("{path}.key"), errors);
        } else if operator != "Exists" {
            let detail =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(FieldError::invalid_text(
                format!("{path}.operator"),
                operator,
                detail,
            ));
        }
        if given(toleration, "tolerationSeconds").is_some() && effect != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid_text(format!("{path}.effect"), effect, detail));
        }
        let value = text(toleration, "value");
        if operator == "Exists" && !value.is_empty() {
            let detail = "value must be empty when `operator` is 'Exists'";
            errors.push(FieldError::invalid_text(
                format!("{path}.operator"),
                value,
                detail,
            ));
        }
        if !matches!(operator, "" | "Equal" | "Exists") {
            let field = format!("{path}.operator");
            errors.push(FieldError::not_supported(
                field,
                &operator.into(),
                &["Equal", "Exists"],
            ));
        }
    }
}

pub(super) fn spread(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let constraints = list(spec, "topologySpreadConstraints");
    for (at, constraint) in constraints.iter().enumerate() {
        let path = format!("{path}.topologySpreadConstraints[{at}]");
        let skew = integer(constraint, "maxSkew").unwrap_or(0);
        if skew <= 0 {
            let field = format!("{path}.maxSkew");
            errors.push(FieldError::invalid(
                field,
                &skew.into(),
                "must be greater than zero",
            ));
        }
        if text(constraint, "topologyKey").is_empty() {
            let detail = "can not be empty";
            errors.push(FieldError::required(format!("{path}.topologyKey"), detail));
        }
        let pair = |constraint: &Value| {
            let key = text(constraint, "topologyKey").to_owned();
            (key, text(constraint, "whenUnsatisfiable").to_owned())
        };
        let before = constraints.get(..at).unwrap_or_default();
        if before.iter().any(|other| pair(other) == pair(constraint)) {
            let (key, otherwise) = pair(constraint);
            let field = format!("{path}.{{topologyKey, whenUnsatisfiable}}");
            errors.push(FieldError::duplicate(
                field,
                &format!("{{{key}, {otherwise}}}").into(),
            ));
        }
        if let Some(chosen) = given(constraint, "labelSelector") {
            selector(chosen, &format!("{path}.labelSelector"), errors);
        }
    }
}

pub(super) fn affinity(affinity: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(nodes) = given(affinity, "nodeAffinity") {
        nodes_affinity(nodes, &format!("{path}.nodeAffinity"), errors);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let path = format!("{path}.{kind}");
        let pods = &affinity[kind];
        for (at, term) in list(pods, REQUIRED).iter().enumerate() {
            pod_term(term, &format!("{path}.{REQUIRED}[{at}]"), errors);
        }
        for (at, weighted) in list(pods, PREFERRED).iter().enumerate() {
            let path = format!("{path}.{PREFERRED}[{at}]");
            weight(weighted, &path, errors);
            pod_term(
                &weighted["podAffinityTerm"],
                &format!("{path}.podAffinityTerm"),
                errors,
            );
        }
    }
}

fn nodes_affinity(nodes: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(required) = given(nodes, REQUIRED) {
        let path = format!("{path}.{REQUIRED}.nodeSelectorTerms");
        let terms = list(required, "nodeSelectorTerms");
        if terms.is_empty() {
            let detail = "must have at least one node selector term";
            errors.push(FieldError::required(&path, detail));
        }
        for (at, term) in terms.iter().enumerate() {
            node_term(term, &format!("{path}[{at}]"), errors);
        }
    }
    for (at, weighted) in list(nodes, PREFERRED).iter().enumerate() {
        let path = format!("{path}.{PREFERRED}[{at}]");
        weight(weighted, &path, errors);
        node_term(&weighted["preference"], &format!("{path}.preference"), errors);
    }
}

fn weight(weighted: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let weight = integer(weighted, "weight").unwrap_or(0);
    if !(1..=100).contains(&weight) {
        let field = format!("{path}.weight");
        errors.push(FieldError::invalid(
            field,
            &weight.into(),
            "must be in the range 1-100",
        ));
    }
}

fn node_term(term: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (at, requirement) in list(term, "matchExpressions").iter().enumerate() {
        let path = format!("{path}.matchExpressions[{at}]");
        let values = list(requirement, "values").len();
        match text(requirement, "operator") {
            "In" | "NotIn" if values == 0 => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(format!("{path}.values"), detail));
            }
            "Exists" | "DoesNotExist" if values > 0 => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(format!("{path}.values"), detail));
            }
            "Gt" | "Lt" if values != 1 => {
                let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                errors.push(FieldError::required(format!("{path}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            other => {
                let field = format!("{path}.operator");
                errors.push(FieldError::invalid_text(
                    field,
                    other,
                    "not a valid selector operator",
                ));
            }
        }
        label(text(requirement, "key"), format!("{path}.key"), errors);
    }
}

fn pod_term(term: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(chosen) = given(term, "labelSelector") {
        selector(chosen, &format!("{path}.labelSelector"), errors);
    }
    let key = text(term, "topologyKey");
    if key.is_empty() {
        errors.push(FieldError::required(
            format!("{path}.topologyKey"),
            "can not be empty",
        ));
    }
    label(key, format!("{path}.topologyKey"), errors);
}

/// The key of a label.
fn label(key: &str, field: String, errors: &mut Vec<FieldError>) {
    for problem in metavalidate::qualified_name_problems(key) {
        errors.push(FieldError::invalid_text(&field, key, &problem));
    }
}
