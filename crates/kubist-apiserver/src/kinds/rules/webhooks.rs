//! The rules of webhook configurations.

use std::collections::HashSet;

use serde_json::Value;

use crate::admission::{check_condition, uncompiled};
use crate::http::fields::FieldError;
use crate::object::member::text;
use crate::object::meta;
use crate::object::metavalidate::{NameRule, name_problems, qualified_name_problems};

/// The versions of reviews that webhooks can be asked with.
const REVIEWS: [&str; 2] = ["v1", "v1beta1"];
/// How many conditions a webhook may have.
const CONDITIONS: usize = 64;

pub(super) fn validate(configuration: &Value, errors: &mut Vec<FieldError>) {
    let hooks = configuration.get("webhooks").and_then(Value::as_array);
    let mut names = HashSet::new();
    for (at, hook) in hooks.into_iter().flatten().enumerate() {
        let path = format!("webhooks[{at}]");
        webhook(hook, &path, errors);
        review_versions(hook.get("admissionReviewVersions"), &path, errors);
        let name = text(hook, "name");
        if !name.is_empty() && !names.insert(name) {
            errors.push(FieldError::duplicate(format!("{path}.name"), &name.into()));
        }
    }
}

fn webhook(hook: &Value, path: &str, errors: &mut Vec<FieldError>) {
    qualified(text(hook, "name"), &format!("{path}.name"), errors);
    let rules = hook.get("rules").and_then(Value::as_array);
    for (at, rule) in rules.into_iter().flatten().enumerate() {
        self::rule(rule, &format!("{path}.rules[{at}]"), errors);
    }
    one_of(hook, path, "failurePolicy", &["Fail", "Ignore"], errors);
    one_of(hook, path, "matchPolicy", &["Equivalent", "Exact"], errors);
    if text(hook, "sideEffects").is_empty() {
        let detail = "must specify one of None, NoneOnDryRun";
        errors.push(FieldError::required(format!("{path}.sideEffects"), detail));
    }
    one_of(hook, path, "sideEffects", &["None", "NoneOnDryRun"], errors);
    if let Some(seconds) = hook.get("timeoutSeconds").and_then(Value::as_i64)
        && !(1..=30).contains(&seconds)
    {
        errors.push(FieldError::invalid(
            format!("{path}.timeoutSeconds"),
            &seconds.into(),
            "the timeout value must be between 1 and 30 seconds",
        ));
    }
    for field in ["namespaceSelector", "objectSelector"] {
        if let Some(selector) = hook.get(field) {
            label_selector(selector, &format!("{path}.{field}"), errors);
        }
    }
    one_of(hook, path, "reinvocationPolicy", &["IfNeeded", "Never"], errors);
    let config = hook.get("clientConfig").unwrap_or(&Value::Null);
    client_config(config, &format!("{path}.clientConfig"), errors);
    conditions(
        hook.get("matchConditions"),
        false,
        &format!("{path}.matchConditions"),
        errors,
    );
}

pub(crate) fn one_of(hook: &Value, path: &str, field: &str, known: &[&str], errors: &mut Vec<FieldError>) {
    let value = text(hook, field);
    if !value.is_empty() && !known.contains(&value) {
        errors.push(FieldError::not_supported(
            format!("{path}.{field}"),
            &value.into(),
            known,
        ));
    }
}

/// A name with at least three segments.
fn qualified(name: &str, path: &str, errors: &mut Vec<FieldError>) {
    if name.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let problems = name_problems(NameRule::Subdomain, name);
    if !problems.is_empty() {
        errors.push(FieldError::invalid_text(path, name, &problems.join(",")));
    } else if name.split('.').count() < 3 {
        let detail = "should be a domain with at least three segments separated by dots";
        errors.push(FieldError::invalid_text(path, name, detail));
    }
}

pub(crate) fn rule(rule: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let operations = strings(rule, "operations");
    list(&operations, &format!("{path}.operations"), "operations", errors);
    let known = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    for (at, operation) in operations.iter().enumerate() {
        if !known.contains(operation) {
            let field = format!("{path}.operations[{at}]");
            errors.push(FieldError::not_supported(field, &(*operation).into(), &known));
        }
    }
    list(
        &strings(rule, "apiGroups"),
        &format!("{path}.apiGroups"),
        "API groups",
        errors,
    );
    let versions = strings(rule, "apiVersions");
    list(&versions, &format!("{path}.apiVersions"), "API versions", errors);
    for (at, version) in versions.iter().enumerate() {
        if version.is_empty() {
            errors.push(FieldError::required(format!("{path}.apiVersions[{at}]"), ""));
        }
    }
    resources(&strings(rule, "resources"), &format!("{path}.resources"), errors);
    one_of(rule, path, "scope", &["*", "Cluster", "Namespaced"], errors);
}

fn strings<'a>(value: &'a Value, field: &str) -> Vec<&'a str> {
    meta::strings(value.get(field))
}

/// A list that is not empty, and has either a wildcard or something else.
fn list(items: &[&str], path: &str, noun: &str, errors: &mut Vec<FieldError>) {
    if items.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if items.len() > 1 && items.contains(&"*") {
        let detail = format!("if '*' is present, must not specify other {noun}");
        errors.push(FieldError::invalid(path, &items.into(), &detail));
    }
}

fn resources(items: &[&str], path: &str, errors: &mut Vec<FieldError>) {
    if items.is_empty() {
        errors.push(FieldError::required(path, ""));
    }
    let (mut whole, mut anywhere): (HashSet<&str>, HashSet<&str>) = (HashSet::new(), HashSet::new());
    for (at, item) in items.iter().enumerate() {
        if item.is_empty() {
            errors.push(FieldError::required(format!("{path}[{at}]"), ""));
            continue;
        }
        let Some((resource, part)) = item.split_once('/') else {
            continue;
        };
        if whole.contains(resource) {
            let detail = format!("if '{resource}/*' is present, must not specify {item}");
            errors.push(FieldError::invalid_text(format!("{path}[{at}]"), item, &detail));
        }
        if anywhere.contains(part) {
            let detail = format!("if '*/{part}' is present, must not specify {item}");
            errors.push(FieldError::invalid_text(format!("{path}[{at}]"), item, &detail));
        }
        if part == "*" {
            whole.insert(resource);
        }
        if resource == "*" {
            anywhere.insert(part);
        }
    }
    if items.len() > 1 && items.contains(&"*/*") {
        let detail = "if '*/*' is present, must not specify other resources";
        errors.push(FieldError::invalid(path, &items.into(), detail));
    }
    if items.contains(&"*") && items.iter().any(|item| *item != "*" && !item.contains('/')) {
        let detail = "if '*' is present, must not specify other resources without subresources";
        errors.push(FieldError::invalid(path, &items.into(), detail));
    }
}

fn review_versions(versions: Option<&Value>, path: &str, errors: &mut Vec<FieldError>) {
    let path = format!("{path}.admissionReviewVersions");
    let versions = meta::strings(versions);
    if versions.is_empty() {
        errors.push(FieldError::required(path, "must specify one of v1, v1beta1"));
        return;
    }
    for (at, version) in versions.iter().enumerate() {
        let problems = name_problems(NameRule::Label1035, version);
        if versions.iter().take(at).any(|other| other == version) {
            let field = format!("{path}[{at}]");
            errors.push(FieldError::invalid_text(field, version, "duplicate version"));
        } else if !problems.is_empty() {
            let detail = problems.join(", ");
            errors.push(FieldError::invalid_text(
                format!("{path}[{at}]"),
                version,
                &detail,
            ));
        }
    }
    if !versions.iter().any(|version| REVIEWS.contains(version)) {
        let detail = "must include at least one of v1, v1beta1";
        errors.push(FieldError::invalid(path, &versions.into(), detail));
    }
}

pub(crate) fn label_selector(selector: &Value, path: &str, errors: &mut Vec<FieldError>) {
    errors.extend(crate::object::metavalidate::labels(
        selector.get("matchLabels"),
        &format!("{path}.matchLabels"),
    ));
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for (at, expression) in expressions.into_iter().flatten().enumerate() {
        let path = format!("{path}.matchExpressions[{at}]");
        let values = strings(expression, "values");
        let operator = text(expression, "operator");
        match operator {
            "In" | "NotIn" if values.is_empty() => errors.push(FieldError::required(
                format!("{path}.values"),
                "must be specified when `operator` is 'In' or 'NotIn'",
            )),
            "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(FieldError::forbidden(
                format!("{path}.values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => errors.push(FieldError::invalid_text(
                format!("{path}.operator"),
                other,
                "not a valid selector operator",
            )),
        }
        let key = text(expression, "key");
        for problem in qualified_name_problems(key) {
            errors.push(FieldError::invalid_text(format!("{path}.key"), key, &problem));
        }
    }
}

/// What is wrong with where a webhook is.
pub(crate) fn client_config(config: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let url = config.get("url").and_then(Value::as_str);
    let service = config.get("service").filter(|service| service.is_object());
    match (url, service) {
        (Some(url), None) => self::url(url, &format!("{path}.url"), errors),
        (None, Some(service)) => self::service(service, &format!("{path}.service"), errors),
        _ => errors.push(FieldError::required(
            path,
            "exactly one of url or service is required",
        )),
    }
}

fn url(url: &str, path: &str, errors: &mut Vec<FieldError>) {
    const FORM: &str = "; desired format: https://host[/path]";
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = rest.split_once("://").unwrap_or(("", rest));
    let authority = if scheme.is_empty() {
        ""
    } else {
        rest.split('/').next().unwrap_or("")
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let mut invalid = |value: &str, detail: &str| errors.push(FieldError::invalid_text(path, value, detail));
    if scheme != "https" {
        invalid(scheme, &format!("'https' is the only allowed URL scheme{FORM}"));
    }
    if host.is_empty() {
        invalid(host, &format!("host must be specified{FORM}"));
    }
    if !user.is_empty() {
        invalid(user, "user information is not permitted in the URL");
    }
    if !fragment.is_empty() {
        invalid(fragment, "fragments are not permitted in the URL");
    }
    if !query.is_empty() {
        invalid(query, "query parameters are not permitted in the URL");
    }
}

fn service(service: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for field in ["name", "namespace"] {
        if text(service, field).is_empty() {
            let detail = format!("service {field} is required");
            errors.push(FieldError::required(format!("{path}.{field}"), &detail));
        }
    }
    if let Some(port) = service.get("port").and_then(Value::as_i64)
        && !(1..=65535).contains(&port)
    {
        let detail = "port is not valid: must be between 1 and 65535, inclusive";
        errors.push(FieldError::invalid(format!("{path}.port"), &port.into(), detail));
    }
    let url_path = text(service, "path");
    if matches!(url_path, "" | "/") {
        return;
    }
    let mut invalid =
        |detail: &str| errors.push(FieldError::invalid_text(format!("{path}.path"), url_path, detail));
    if url_path == "//" {
        invalid("segment[0] may not be empty");
        return;
    }
    if !url_path.starts_with('/') {
        invalid("must start with a '/'");
    }
    let steps = url_path.trim_start_matches('/').trim_end_matches('/');
    for (at, step) in steps.split('/').enumerate() {
        if step.is_empty() {
            invalid(&format!("segment[{at}] may not be empty"));
            continue;
        }
        for problem in name_problems(NameRule::Subdomain, step) {
            invalid(&format!("segment[{at}]: {problem}"));
        }
    }
}

pub(crate) fn conditions(
    conditions: Option<&Value>,
    has_params: bool,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let conditions = conditions
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if conditions.len() > CONDITIONS {
        errors.push(FieldError::too_many(path, conditions.len(), CONDITIONS));
        return;
    }
    let mut names = HashSet::new();
    for (at, condition) in conditions.iter().enumerate() {
        let expression = text(condition, "expression").trim();
        let field = format!("{path}[{at}].expression");
        if expression.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if let Err(error) = check_condition(expression, has_params) {
            errors.push(uncompiled(&field, expression, &error));
        }
        let name = text(condition, "name");
        let field = format!("{path}[{at}].name");
        if name.is_empty() {
            errors.push(FieldError::required(field, ""));
            continue;
        }
        for problem in qualified_name_problems(name) {
            errors.push(FieldError::invalid_text(field.as_str(), name, &problem));
        }
        if !names.insert(name) {
            errors.push(FieldError::duplicate(field, &name.into()));
        }
    }
}
