//! What reviews cannot ask, as `pkg/apis/authorization/validation` has it.

use kubist_core::FieldSelector;
use serde_json::Value;

use crate::endpoints::labels;
use crate::http::fields::FieldError;
use crate::http::gojson;
use crate::kinds::kind::Kind;
use crate::kinds::rules::values_of;
use crate::object::member::text;
use crate::object::{meta, metavalidate};

/// What is wrong with what an access review asks.
pub(super) fn problems(kind: &Kind, review: &Value) -> Vec<FieldError> {
    let (is_own, is_local) = match kind.plural.as_str() {
        "selfsubjectaccessreviews" => (true, false),
        "subjectaccessreviews" => (false, false),
        "localsubjectaccessreviews" => (false, true),
        _ => return Vec::new(),
    };
    let mut errors = Vec::new();
    let spec = &review["spec"];
    let given = |key: &str| spec.get(key).filter(|value| !value.is_null());
    let (resource, path) = (given("resourceAttributes"), given("nonResourceAttributes"));
    let refuse_path = |detail: &str| {
        let shown = |path: &Value| {
            let text = |key: &str| Value::from(text(path, key));
            format!("{{\"Path\":{},\"Verb\":{}}}", text("path"), text("verb"))
        };
        path.map(|path| FieldError::invalid_json("spec.nonResourceAttributes", &shown(path), detail))
    };
    if resource.is_some() {
        errors.extend(refuse_path(
            "cannot be specified in combination with resourceAttributes",
        ));
    } else if path.is_none() {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        errors.push(FieldError::invalid(
            "spec.resourceAttributes",
            &Value::Null,
            detail,
        ));
    }
    if !is_own && text(spec, "user").is_empty() && meta::strings(spec.get("groups")).is_empty() {
        let detail = "at least one of user or group must be specified";
        errors.push(FieldError::invalid_text("spec.user", "", detail));
    }
    for selector in SELECTORS {
        if let Some(value) = attribute(spec, selector) {
            selector_problems(selector, value, &mut errors);
        }
    }
    errors.extend(metadata_problem(review, is_local));
    if is_local {
        let asked = resource.map(|resource| text(resource, "namespace"));
        if let Some(asked) = asked.filter(|asked| *asked != meta::text(review, "namespace")) {
            let detail = "must match metadata.namespace";
            let field = "spec.resourceAttributes.namespace";
            errors.push(FieldError::invalid_text(field, asked, detail));
        }
        errors.extend(refuse_path("disallowed on this kind of request"));
    }
    errors
}

/// Says that there is more in the metadata than a review may have.
fn metadata_problem(review: &Value, is_local: bool) -> Option<FieldError> {
    let metadata = review.get("metadata")?;
    let allowed = |field: &str| field == "managedFields" || is_local && field == "namespace";
    let mut given = metadata.as_object()?.iter();
    if given.all(|(field, value)| allowed(field) || value.is_null()) {
        return None;
    }
    let detail = if is_local {
        "must be empty except for namespace"
    } else {
        "must be empty"
    };
    Some(FieldError::invalid_json(
        "metadata",
        &gojson::metadata(metadata),
        detail,
    ))
}

const SELECTORS: [&str; 2] = ["fieldSelector", "labelSelector"];

/// A selector of the resource that is asked about.
fn attribute<'a>(spec: &'a Value, selector: &str) -> Option<&'a Value> {
    let value = spec.get("resourceAttributes")?.get(selector)?;
    (!value.is_null()).then_some(value)
}

fn requirements(selector: &Value) -> &[Value] {
    let list = selector.get("requirements").and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn selector_problems(name: &str, selector: &Value, errors: &mut Vec<FieldError>) {
    let path = format!("spec.resourceAttributes.{name}");
    let raw = text(selector, "rawSelector");
    match (raw.is_empty(), requirements(selector).is_empty()) {
        (false, false) => errors.push(FieldError::invalid_text(
            format!("{path}.rawSelector"),
            raw,
            "may not specified at the same time as requirements",
        )),
        (true, true) => errors.push(FieldError::required(
            format!("{path}.requirements"),
            &format!("when {path} is specified, requirements or rawSelector is required"),
        )),
        _ => {}
    }
    for (at, requirement) in requirements(selector).iter().enumerate() {
        let path = format!("{path}.requirements[{at}]");
        let key = text(requirement, "key");
        if name == "fieldSelector" && key.is_empty() {
            errors.push(FieldError::required(format!("{path}.key"), "must be specified"));
        }
        let has_values = !meta::strings(requirement.get("values")).is_empty();
        // Newer clients may know more operators.
        errors.extend(values_of(text(requirement, "operator"), has_values, &path));
        if name == "labelSelector" {
            for problem in metavalidate::qualified_name_problems(key) {
                errors.push(FieldError::invalid_text(format!("{path}.key"), key, &problem));
            }
            let values = meta::strings(requirement.get("values"));
            for (at, value) in values.into_iter().enumerate() {
                let path = format!("{path}.values[{at}]");
                for problem in metavalidate::label_value_problems(value) {
                    errors.push(FieldError::invalid_text(path.as_str(), value, &problem));
                }
            }
        }
    }
}

/// What is said about selectors that are not understood, or not wholly.
pub(super) fn ignored(spec: &Value) -> Vec<String> {
    let told = SELECTORS.into_iter().filter_map(|name| {
        let selector = attribute(spec, name)?;
        let raw = text(selector, "rawSelector");
        let usable = |requirement: &&Value| is_usable(name, requirement);
        let all = requirements(selector);
        let part = match all.iter().filter(usable).count() {
            _ if all.is_empty() && (raw.is_empty() || is_readable(name, raw)) => return None,
            some if some == all.len() && some > 0 => return None,
            0 => "ignored",
            _ => "partially ignored",
        };
        Some(format!(
            "spec.resourceAttributes.{name} {part} due to parse error"
        ))
    });
    told.collect()
}

fn is_readable(name: &str, raw: &str) -> bool {
    if name == "labelSelector" {
        labels::check(raw).is_ok()
    } else {
        raw.parse::<FieldSelector>().is_ok()
    }
}

fn is_usable(name: &str, requirement: &Value) -> bool {
    let values = meta::strings(requirement.get("values"));
    match text(requirement, "operator") {
        "In" | "NotIn" if name == "fieldSelector" => values.len() == 1,
        "In" | "NotIn" => true,
        "Exists" | "DoesNotExist" => name == "labelSelector",
        _ => false,
    }
}
