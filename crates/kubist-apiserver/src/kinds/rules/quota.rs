//! The rules of resource quotas.

use std::collections::BTreeSet;

use kubist_core::quantity::Quantity;
use serde_json::{Value, json};

use super::resource_names;
use crate::http::fields::FieldError;
use crate::kinds::amounts;
use crate::object::member::{given, list, text};
use crate::object::meta;

const SCOPES: [&str; 7] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
];

/// The scopes that are there or not: they have no values.
const PLAIN: [&str; 5] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "Terminating",
];

pub(super) fn quota(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    hard(spec, "spec", "hard", errors);
    scopes(spec, errors);
    if let Some(selector) = given(spec, "scopeSelector") {
        scope_selector(spec, selector, errors);
    }
    let Some(old) = old else { return };
    let of = |quota| -> BTreeSet<&str> {
        meta::strings(meta::at(quota, "spec.scopes"))
            .into_iter()
            .collect()
    };
    if of(new) != of(old) {
        let shown = new["spec"].get("scopes").unwrap_or(&Value::Null);
        errors.push(FieldError::immutable("spec.scopes", shown));
    }
}

pub(super) fn status(new: &Value, errors: &mut Vec<FieldError>) {
    for member in ["hard", "used"] {
        hard(&new["status"], "status", member, errors);
    }
}

/// Amounts by the names that quotas know.
fn hard(object: &Value, path: &str, member: &str, errors: &mut Vec<FieldError>) {
    for (name, amount) in amounts::read(object.get(member)) {
        let field = format!("{path}.{member}[{name}]");
        resource_names::of_quota(&name, &field, errors);
        let shown = amount.to_string();
        if amount < Quantity::ZERO {
            let detail = "must be greater than or equal to 0";
            errors.push(FieldError::invalid_text(&field, &shown, detail));
        }
        if resource_names::is_counted(&name) && amount.millis() % 1_000 != 0 {
            errors.push(FieldError::invalid_text(&field, &shown, "must be an integer"));
        }
    }
}

fn scopes(spec: &Value, errors: &mut Vec<FieldError>) {
    let scopes = meta::strings(spec.get("scopes"));
    let shown = json!(scopes);
    let mut refuse = |detail: &str| errors.push(FieldError::invalid("spec.scopes", &shown, detail));
    for scope in &scopes {
        if !SCOPES.contains(scope) {
            refuse("unsupported scope");
        }
        for _ in misapplied(spec, scope) {
            refuse("unsupported scope applied to resource");
        }
    }
    for _ in conflicts(&scopes) {
        refuse("conflicting scopes");
    }
}

fn scope_selector(spec: &Value, selector: &Value, errors: &mut Vec<FieldError>) {
    const PATH: &str = "spec.scopeSelector.matchExpressions";
    let expressions = list(selector, "matchExpressions");
    for expression in expressions {
        let (scope, operator) = (text(expression, "scopeName"), text(expression, "operator"));
        let mut invalid = |member: &str, shown: &Value, detail: &str| {
            errors.push(FieldError::invalid(format!("{PATH}.{member}"), shown, detail));
        };
        if !SCOPES.contains(&scope) {
            invalid("scopeName", &scope.into(), "unsupported scope");
        }
        if PLAIN.contains(&scope) && operator != "Exists" {
            let detail = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
                          ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, \
                          ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
            invalid("operator", &operator.into(), detail);
        }
        let values = meta::strings(expression.get("values"));
        match operator {
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail =
                    "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
                invalid("values", &json!(values), detail);
            }
            "In" | "NotIn" if values.is_empty() => {
                let detail =
                    "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
                errors.push(FieldError::required(format!("{PATH}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => invalid("operator", &operator.into(), "not a valid selector operator"),
        }
        for _ in misapplied(spec, scope) {
            let shown = shown_selector(expressions);
            let detail = "unsupported scope applied to resource";
            errors.push(FieldError::invalid_json(PATH, &shown, detail));
        }
    }
    let names: Vec<&str> = expressions
        .iter()
        .map(|expression| text(expression, "scopeName"))
        .collect();
    for _ in conflicts(&names) {
        let shown = spec.get("scopes").unwrap_or(&Value::Null);
        errors.push(FieldError::invalid(PATH, shown, "conflicting scopes"));
    }
}

/// The resources of a quota that a scope says nothing about.
fn misapplied<'a>(spec: &'a Value, scope: &'a str) -> impl Iterator<Item = &'a String> {
    let names = spec.get("hard").and_then(Value::as_object).into_iter().flatten();
    names.map(|(name, _)| name).filter(move |name| {
        let is_compute = matches!(
            name.as_str(),
            "cpu" | "memory" | "limits.cpu" | "limits.memory" | "requests.cpu" | "requests.memory"
        );
        resource_names::is_of_quotas(name)
            && !match scope {
                "BestEffort" => *name == "pods",
                "VolumeAttributesClass" => {
                    matches!(name.as_str(), "persistentvolumeclaims" | "requests.storage")
                }
                scope if SCOPES.contains(&scope) => *name == "pods" || is_compute,
                _ => true,
            }
    })
}

/// The pairs of scopes that no pod is in.
fn conflicts(scopes: &[&str]) -> impl Iterator<Item = [&'static str; 2]> {
    let pairs = [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];
    let found = pairs.map(|pair| pair.iter().all(|scope| scopes.contains(scope)));
    pairs
        .into_iter()
        .zip(found)
        .filter_map(|(pair, found)| found.then_some(pair))
}

/// A selector as Go shows it.
fn shown_selector(expressions: &[Value]) -> String {
    let shown: Vec<String> = expressions
        .iter()
        .map(|expression| {
            format!(
                r#"{{"ScopeName":{},"Operator":{},"Values":{}}}"#,
                expression["scopeName"], expression["operator"], expression["values"]
            )
        })
        .collect();
    format!(r#"{{"MatchExpressions":[{}]}}"#, shown.join(","))
}
