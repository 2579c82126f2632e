//! What many kinds are checked for.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::kinds::service::parse_address;
use crate::object::member::{given, integer, list, text};
use crate::object::meta;
use crate::object::metavalidate::{self, NameRule};

/// Numbers that may not be below 0.
pub(super) fn non_negative(object: &Value, path: &str, fields: &[&str], errors: &mut Vec<FieldError>) {
    for field in fields {
        if let Some(number) = integer(object, field).filter(|number| *number < 0) {
            let detail = "must be greater than or equal to 0";
            errors.push(FieldError::invalid(
                format!("{path}.{field}"),
                &number.into(),
                detail,
            ));
        }
    }
}

pub(super) fn required_text(object: &Value, path: &str, field: &str, errors: &mut Vec<FieldError>) {
    if text(object, field).is_empty() {
        errors.push(FieldError::required(format!("{path}.{field}"), ""));
    }
}

/// A name, if there is one.
pub(super) fn name(object: &Value, path: &str, field: &str, rule: NameRule, errors: &mut Vec<FieldError>) {
    let name = text(object, field);
    if name.is_empty() {
        return;
    }
    for problem in metavalidate::name_problems(rule, name) {
        errors.push(FieldError::invalid_text(
            format!("{path}.{field}"),
            name,
            &problem,
        ));
    }
}

pub(super) fn address(value: &Value, field: String, errors: &mut Vec<FieldError>) {
    if let Err(why) = parse_address(value.as_str().unwrap_or("")) {
        errors.push(FieldError::invalid(field, value, why));
    }
}

/// Checks the one of these members that is there, and refuses further ones in these words; whether there
/// is one.
pub(super) fn only_one(
    object: &Value,
    kinds: &[&'static str],
    path: &str,
    detail: &str,
    errors: &mut Vec<FieldError>,
    check: impl FnOnce(&'static str, &Value, &str, &mut Vec<FieldError>),
) -> bool {
    let mut check = Some(check);
    for kind in kinds {
        let Some(member) = given(object, kind) else {
            continue;
        };
        let path = format!("{path}.{kind}");
        match check.take() {
            Some(check) => check(kind, member, &path, errors),
            None => errors.push(FieldError::forbidden(path, detail)),
        }
    }
    check.is_none()
}

/// A selector of labels, as objects have them.
pub(super) fn selector(selector: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let labels = selector.get("matchLabels");
    errors.extend(metavalidate::labels(labels, &format!("{path}.matchLabels")));
    for (at, expression) in list(selector, "matchExpressions").iter().enumerate() {
        let path = format!("{path}.matchExpressions[{at}]");
        let has_values = !list(expression, "values").is_empty();
        let operator = text(expression, "operator");
        errors.extend(values_of(operator, has_values, &path));
        if !matches!(operator, "In" | "NotIn" | "Exists" | "DoesNotExist") {
            let detail = "not a valid selector operator";
            errors.push(FieldError::invalid_text(
                format!("{path}.operator"),
                operator,
                detail,
            ));
        }
        let key = text(expression, "key");
        for problem in metavalidate::qualified_name_problems(key) {
            errors.push(FieldError::invalid_text(format!("{path}.key"), key, &problem));
        }
    }
}

/// Whether a requirement of a selector has values where its operator wants some, and only there.
pub(crate) fn values_of(operator: &str, has_values: bool, path: &str) -> Option<FieldError> {
    let field = format!("{path}.values");
    match operator {
        "In" | "NotIn" if !has_values => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            Some(FieldError::required(field, detail))
        }
        "Exists" | "DoesNotExist" if has_values => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            Some(FieldError::forbidden(field, detail))
        }
        _ => None,
    }
}

/// Whether a selector can be used at all.
pub(super) fn is_selector(selector: &Value) -> bool {
    list(selector, "matchExpressions").iter().all(|expression| {
        let has_values = !list(expression, "values").is_empty();
        match text(expression, "operator") {
            "In" | "NotIn" => has_values,
            "Exists" | "DoesNotExist" => !has_values,
            _ => false,
        }
    })
}

pub(super) fn is_empty_selector(selector: &Value) -> bool {
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
        && list(selector, "matchExpressions").iter().all(|expression| {
            let values = meta::strings(expression.get("values"));
            let found = label(text(expression, "key"));
            match text(expression, "operator") {
                "In" => found.is_some_and(|found| values.contains(&found)),
                "NotIn" => found.is_none_or(|found| !values.contains(&found)),
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => false,
            }
        })
}

/// A number or a percentage that may not be below 0.
pub(super) fn amount(object: &Value, path: &str, field: &str, errors: &mut Vec<FieldError>) {
    let Some(value) = given(object, field) else { return };
    match value {
        Value::String(text) if !is_percentage(text) => errors.push(FieldError::invalid(
            format!("{path}.{field}"),
            value,
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex \
             used for validation is '[0-9]+%')",
        )),
        Value::String(_) => {}
        _ => non_negative(object, path, &[field], errors),
    }
}

/// An [`amount`] of at most all.
pub(super) fn share(object: &Value, path: &str, field: &str, errors: &mut Vec<FieldError>) {
    let is_more = percentage(object.get(field)).is_some_and(|percent| percent > 100);
    if let (true, Some(value)) = (is_more, given(object, field)) {
        let detail = "must not be greater than 100%";
        errors.push(FieldError::invalid(format!("{path}.{field}"), value, detail));
    }
}

/// Whether an [`amount`] is 0 or 0%; one that is not there is none.
pub(super) fn is_zero(object: &Value, field: &str) -> bool {
    match object.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::String(_)) => percentage(object.get(field)) == Some(0),
        Some(value) => value == 0,
    }
}

fn is_percentage(text: &str) -> bool {
    text.strip_suffix('%')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

fn percentage(value: Option<&Value>) -> Option<u64> {
    let text = value?.as_str().filter(|text| is_percentage(text))?;
    text.trim_end_matches('%').parse().ok()
}
