//! What policies and bindings may be, checked when they are written.

mod constraints;
mod expressions;

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::kinds::rules::{match_conditions, one_of};
use crate::object::member::{given, list, text};
use crate::object::meta;
use crate::object::metavalidate::{NameRule, name_problems};
use constraints::{mutates, param_kind, param_ref, resources};
use expressions::Checks;

pub(crate) use expressions::uncompiled;

const ACTIONS: [&str; 3] = ["Audit", "Deny", "Warn"];
const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
/// How many annotations a policy may make.
const ANNOTATIONS: usize = 20;

/// What is wrong with a policy or a binding; `old` is there for an update.
pub(crate) fn validate(plural: &str, new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    match plural {
        "validatingadmissionpolicies" => validating(new, old, errors),
        "mutatingadmissionpolicies" => mutating(new, old, errors),
        "validatingadmissionpolicybindings" => {
            binding(new, errors);
            actions(&new["spec"], errors);
        }
        "mutatingadmissionpolicybindings" => {
            binding(new, errors);
            let resources = &new["spec"]["matchResources"];
            mutates(resources, "spec.matchResources", errors);
        }
        _ => {}
    }
}

/// What all policies have.
fn policy(new: &Value, old: Option<&Value>, is_mutating: bool, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    required_one_of(spec, "spec", "failurePolicy", &["Fail", "Ignore"], errors);
    if given(spec, "paramKind").is_some() {
        param_kind(&spec["paramKind"], "spec.paramKind", errors);
    }
    if given(spec, "matchConstraints").is_some() {
        let constraints = &spec["matchConstraints"];
        resources(constraints, "spec.matchConstraints", errors);
        if list(constraints, "resourceRules").is_empty() {
            errors.push(FieldError::required("spec.matchConstraints.resourceRules", ""));
        }
    } else {
        errors.push(FieldError::required("spec.matchConstraints", ""));
    }
    if is_mutating {
        mutates(&spec["matchConstraints"], "spec.matchConstraints", errors);
    }
    let conditions = spec.get("matchConditions");
    if old.is_none_or(|old| old["spec"].get("matchConditions") != conditions) {
        match_conditions(
            conditions,
            given(spec, "paramKind").is_some(),
            "spec.matchConditions",
            errors,
        );
    }
}

fn required_one_of(spec: &Value, path: &str, field: &str, known: &[&str], errors: &mut Vec<FieldError>) {
    if text(spec, field).is_empty() {
        errors.push(FieldError::required(format!("{path}.{field}"), ""));
    } else {
        one_of(spec, path, field, known, errors);
    }
}

fn validating(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    policy(new, old, false, errors);
    let spec = &new["spec"];
    let (validations, annotations) = (list(spec, "validations"), list(spec, "auditAnnotations"));
    if validations.is_empty() && annotations.is_empty() {
        Checks::run(spec, errors, |_, _| {});
        let detail = "validations or auditAnnotations must contain at least one item";
        errors.push(FieldError::required("spec.validations", detail));
        errors.push(FieldError::required("spec.auditAnnotations", detail));
        return;
    }
    let name = meta::name(new);
    Checks::run(spec, errors, |checks, errors| {
        for (at, validation) in validations.iter().enumerate() {
            let path = format!("spec.validations[{at}]");
            checks.validation(validation, &path, errors);
            one_of(validation, &path, "reason", &REASONS, errors);
        }
        if annotations.len() > ANNOTATIONS {
            let detail = format!("must not have more than {ANNOTATIONS} auditAnnotations");
            let shown = annotations.iter().map(|annotation| {
                format!(
                    "{{\"Key\":{},\"ValueExpression\":{}}}",
                    annotation["key"], annotation["valueExpression"]
                )
            });
            let shown = format!("[{}]", shown.collect::<Vec<String>>().join(","));
            errors.push(FieldError::invalid_json("spec.auditAnnotations", &shown, &detail));
        }
        for (at, annotation) in annotations.iter().enumerate() {
            let path = format!("spec.auditAnnotations[{at}]");
            checks.annotation(name, annotation, &path, errors);
            let key = text(annotation, "key");
            if annotations.iter().take(at).any(|other| text(other, "key") == key) {
                errors.push(FieldError::duplicate(format!("{path}.key"), &key.into()));
            }
        }
    });
}

fn mutating(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    policy(new, old, true, errors);
    let spec = &new["spec"];
    let mutations = list(spec, "mutations");
    Checks::run(spec, errors, |checks, errors| {
        for (at, mutation) in mutations.iter().enumerate() {
            checks.mutation(mutation, &format!("spec.mutations[{at}]"), errors);
        }
    });
    if mutations.is_empty() {
        let detail = "mutations must contain at least one item";
        errors.push(FieldError::required("spec.mutations", detail));
    }
    required_one_of(spec, "spec", "reinvocationPolicy", &["IfNeeded", "Never"], errors);
}

fn binding(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let policy = text(spec, "policyName");
    if policy.is_empty() {
        errors.push(FieldError::required("spec.policyName", ""));
    } else {
        for problem in name_problems(NameRule::Subdomain, policy) {
            errors.push(FieldError::invalid_text("spec.policyName", policy, &problem));
        }
    }
    if given(spec, "paramRef").is_some() {
        param_ref(&spec["paramRef"], "spec.paramRef", errors);
    }
    if given(spec, "matchResources").is_some() {
        resources(&spec["matchResources"], "spec.matchResources", errors);
    }
}

fn actions(spec: &Value, errors: &mut Vec<FieldError>) {
    const PATH: &str = "spec.validationActions";
    let actions = meta::strings(spec.get("validationActions"));
    for (at, action) in actions.iter().enumerate() {
        let field = format!("{PATH}[{at}]");
        if !ACTIONS.contains(action) {
            errors.push(FieldError::not_supported(
                field.as_str(),
                &(*action).into(),
                &ACTIONS,
            ));
        }
        if actions.iter().take(at).any(|other| other == action) {
            errors.push(FieldError::duplicate(field, &(*action).into()));
        }
    }
    if actions.contains(&"Deny") && actions.contains(&"Warn") {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in \
                      the API response and headers serves no purpose)";
        errors.push(FieldError::invalid(PATH, &actions.clone().into(), detail));
    }
    if actions.is_empty() {
        errors.push(FieldError::required(
            PATH,
            "at least one validation action is required",
        ));
    }
}
