//! What a policy or a binding may match, and with which parameters.

use serde_json::Value;

use super::required_one_of;
use crate::http::fields::FieldError;
use crate::kinds::rules::{label_selector, webhook_rule};
use crate::object::member::{given, list, text};
use crate::object::meta;
use crate::object::metavalidate::{NameRule, label_value_problems, name_problems};

/// The operations whose objects can be changed.
const MUTABLE: [&str; 4] = ["*", "CONNECT", "CREATE", "UPDATE"];

pub(super) fn resources(resources: &Value, path: &str, errors: &mut Vec<FieldError>) {
    required_one_of(resources, path, "matchPolicy", &["Equivalent", "Exact"], errors);
    for field in ["namespaceSelector", "objectSelector"] {
        let place = format!("{path}.{field}");
        match resources.get(field).filter(|selector| selector.is_object()) {
            None => errors.push(FieldError::required(place, "")),
            Some(selector) => strict_selector(selector, &place, errors),
        }
    }
    for field in ["resourceRules", "excludeResourceRules"] {
        for (at, rule) in list(resources, field).iter().enumerate() {
            let place = format!("{path}.{field}[{at}]");
            names(rule, &place, errors);
            webhook_rule(rule, &place, errors);
        }
    }
}

/// A selector whose values must be such as labels can have.
fn strict_selector(selector: &Value, path: &str, errors: &mut Vec<FieldError>) {
    label_selector(selector, path, errors);
    for (at, expression) in list(selector, "matchExpressions").iter().enumerate() {
        for (value_at, value) in meta::strings(expression.get("values")).iter().enumerate() {
            for problem in label_value_problems(value) {
                let field = format!("{path}.matchExpressions[{at}].values[{value_at}]");
                errors.push(FieldError::invalid_text(field, value, &problem));
            }
        }
    }
}

fn names(rule: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let names = meta::strings(rule.get("resourceNames"));
    for (at, name) in names.iter().enumerate() {
        let field = format!("{path}.resourceNames[{at}]");
        segment(name, &field, errors);
        if names.iter().take(at).any(|other| other == name) {
            errors.push(FieldError::duplicate(field, &(*name).into()));
        }
    }
}

/// A name that can be a step of a path.
fn segment(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    let mut invalid = |detail: &str| errors.push(FieldError::invalid_text(field, name, detail));
    if matches!(name, "." | "..") {
        invalid(&format!("may not be '{name}'"));
        return;
    }
    for sign in ['/', '%'] {
        if name.contains(sign) {
            invalid(&format!("may not contain '{sign}'"));
        }
    }
}

/// Refuses operations that leave nothing to change.
pub(super) fn mutates(resources: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for rule in list(resources, "resourceRules") {
        for operation in meta::strings(rule.get("operations")) {
            if !MUTABLE.contains(&operation) {
                let field = format!("{path}.resourceRules.operations");
                errors.push(FieldError::not_supported(field, &operation.into(), &MUTABLE));
            }
        }
    }
}

pub(super) fn param_kind(kind: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let field = format!("{path}.apiVersion");
    let api_version = text(kind, "apiVersion");
    let (group, version) = meta::group_version(api_version);
    if api_version.is_empty() {
        errors.push(FieldError::required(field, ""));
    } else if api_version.matches('/').count() > 1 {
        let detail = format!("unexpected GroupVersion string: {api_version}");
        errors.push(FieldError::invalid_text(field, api_version, &detail));
    } else {
        let mut invalid = |value: &str, rule: NameRule| {
            let problems = name_problems(rule, value);
            if !problems.is_empty() {
                errors.push(FieldError::invalid_text(
                    field.as_str(),
                    value,
                    &problems.join(","),
                ));
            }
        };
        if !group.is_empty() {
            invalid(group, NameRule::Subdomain);
        }
        if version.is_empty() {
            let detail = "version must be specified";
            errors.push(FieldError::invalid_text(field, api_version, detail));
        } else {
            invalid(version, NameRule::Label1035);
        }
    }
    let field = format!("{path}.kind");
    let kind = text(kind, "kind");
    let problems = name_problems(NameRule::Label1035, &kind.to_lowercase());
    if kind.is_empty() {
        errors.push(FieldError::required(field, ""));
    } else if !problems.is_empty() {
        let detail = format!(
            "may have mixed case, but should otherwise match: {}",
            problems.join(",")
        );
        errors.push(FieldError::invalid_text(field, kind, &detail));
    }
}

pub(super) fn param_ref(reference: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let name = text(reference, "name");
    let has_selector = given(reference, "selector").is_some();
    let exclusive = "name and selector are mutually exclusive";
    if !name.is_empty() {
        segment(name, &format!("{path}.name"), errors);
        if has_selector {
            errors.push(FieldError::forbidden(format!("{path}.name"), exclusive));
        }
    }
    if has_selector {
        let field = format!("{path}.selector");
        strict_selector(&reference["selector"], &field, errors);
        if !name.is_empty() {
            errors.push(FieldError::forbidden(field, exclusive));
        }
    } else if name.is_empty() {
        let detail = "one of name or selector must be specified";
        errors.push(FieldError::required(path, detail));
    }
    required_one_of(
        reference,
        path,
        "parameterNotFoundAction",
        &["Deny", "Allow"],
        errors,
    );
}
