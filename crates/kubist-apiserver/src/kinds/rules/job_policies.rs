//! The rules of how jobs fail and succeed.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::member::{given, integer, list, text};
use crate::object::metavalidate;

/// How much a policy may have of each.
const MOST_RULES: usize = 20;
const MOST_CODES: usize = 255;

/// What is wrong with the policies in a job's spec.
pub(super) fn validate(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(policy) = given(spec, "podFailurePolicy") {
        failure(spec, policy, &format!("{path}.podFailurePolicy.rules"), errors);
    }
    let is_indexed = text(spec, "completionMode") == "Indexed";
    if let (true, Some(policy)) = (is_indexed, given(spec, "successPolicy")) {
        success(spec, policy, &format!("{path}.successPolicy.rules"), errors);
    }
}

fn failure(spec: &Value, policy: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let rules = list(policy, "rules");
    if rules.len() > MOST_RULES {
        errors.push(FieldError::too_many(path, rules.len(), MOST_RULES));
    }
    for (at, rule) in rules.iter().enumerate() {
        let path = format!("{path}[{at}]");
        let action = text(rule, "action");
        if action.is_empty() {
            let detail = r#"valid values: ["Count" "FailIndex" "FailJob" "Ignore"]"#;
            errors.push(FieldError::required(format!("{path}.action"), detail));
        } else if action == "FailIndex" && given(spec, "backoffLimitPerIndex").is_none() {
            let detail = "requires the backoffLimitPerIndex to be set";
            errors.push(FieldError::invalid_text(format!("{path}.action"), action, detail));
        }
        let codes = given(rule, "onExitCodes");
        if let Some(codes) = codes {
            exit_codes(spec, codes, &format!("{path}.onExitCodes"), errors);
        }
        let conditions = list(rule, "onPodConditions");
        pod_conditions(conditions, &format!("{path}.onPodConditions"), errors);
        match (codes, conditions) {
            (Some(_), [_, ..]) => {
                let detail = "specifying both OnExitCodes and OnPodConditions is not supported";
                errors.push(FieldError::invalid_of(path, detail));
            }
            (None, []) => {
                let detail = "specifying one of OnExitCodes and OnPodConditions is required";
                errors.push(FieldError::invalid_of(path, detail));
            }
            _ => {}
        }
    }
}

fn exit_codes(spec: &Value, codes: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let operator = text(codes, "operator");
    if operator.is_empty() {
        let detail = r#"valid values: ["In" "NotIn"]"#;
        errors.push(FieldError::required(format!("{path}.operator"), detail));
    }
    if let Some(name) = given(codes, "containerName") {
        let pod = &spec["template"]["spec"];
        let mut containers = ["containers", "initContainers"]
            .into_iter()
            .flat_map(|containers| list(pod, containers));
        if !containers.any(|container| container["name"] == *name) {
            let detail = "must be one of the container or initContainer names in the pod template";
            errors.push(FieldError::invalid(format!("{path}.containerName"), name, detail));
        }
    }
    let path = format!("{path}.values");
    let values: Vec<i64> = list(codes, "values").iter().filter_map(Value::as_i64).collect();
    let shown = || Value::from(values.clone());
    if values.is_empty() {
        let shown = given(codes, "values").unwrap_or(&Value::Null);
        errors.push(FieldError::invalid(
            &path,
            shown,
            "at least one value is required",
        ));
    } else if values.len() > MOST_CODES {
        errors.push(FieldError::too_many(&path, values.len(), MOST_CODES));
    }
    for (at, value) in values.iter().enumerate() {
        let field = format!("{path}[{at}]");
        if operator == "In" && *value == 0 {
            let detail = "must not be 0 for the In operator";
            errors.push(FieldError::invalid(&field, &0.into(), detail));
        }
        if values.iter().take(at).any(|other| other == value) {
            errors.push(FieldError::duplicate(field, &(*value).into()));
        }
    }
    if !values.is_sorted() {
        errors.push(FieldError::invalid(path, &shown(), "must be ordered"));
    }
}

fn pod_conditions(conditions: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    if conditions.len() > MOST_RULES {
        errors.push(FieldError::too_many(path, conditions.len(), MOST_RULES));
    }
    for (at, condition) in conditions.iter().enumerate() {
        let path = format!("{path}[{at}]");
        let kind = text(condition, "type");
        for problem in metavalidate::qualified_name_problems(kind) {
            errors.push(FieldError::invalid_text(format!("{path}.type"), kind, &problem));
        }
        let allowed = ["False", "True", "Unknown"];
        let field = format!("{path}.status");
        match text(condition, "status") {
            "" => {
                let detail = r#"valid values: ["False" "True" "Unknown"]"#;
                errors.push(FieldError::required(field, detail));
            }
            status if allowed.contains(&status) => {}
            status => errors.push(FieldError::not_supported(field, &status.into(), &allowed)),
        }
    }
}

fn success(spec: &Value, policy: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let rules = list(policy, "rules");
    if rules.is_empty() {
        let detail = "at least one rules must be specified when the successPolicy is specified";
        errors.push(FieldError::required(path, detail));
    }
    if rules.len() > MOST_RULES {
        errors.push(FieldError::too_many(path, rules.len(), MOST_RULES));
    }
    let completions = integer(spec, "completions").unwrap_or(0);
    for (at, rule) in rules.iter().enumerate() {
        let path = format!("{path}[{at}]");
        let indexes = given(rule, "succeededIndexes").and_then(Value::as_str);
        let count = integer(rule, "succeededCount");
        if indexes.is_none() && count.is_none() {
            let detail = "at least one of succeededCount or succeededIndexes must be specified";
            errors.push(FieldError::required(&path, detail));
        }
        let total = indexes.map(|indexes| (indexes, total(indexes, completions)));
        if let Some((indexes, Err(why))) = &total {
            let detail = format!("error parsing succeededIndexes: {why}");
            let field = format!("{path}.succeededIndexes");
            errors.push(FieldError::invalid_text(field, indexes, &detail));
        }
        let Some(count) = count else { continue };
        let field = format!("{path}.succeededCount");
        let mut refuse = |detail: &str| errors.push(FieldError::invalid(&field, &count.into(), detail));
        if count < 0 {
            refuse("must be greater than or equal to 0");
        }
        if count > completions {
            refuse(&format!(
                "must be less than or equal to {completions} (the number of specified completions)"
            ));
        }
        let total = total.map(|(_, total)| total.unwrap_or(0));
        if let Some(total) = total.filter(|total| count > *total) {
            refuse(&format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            ));
        }
    }
}

/// How many numbers a list such as `1,3-5` has.
fn total(indexes: &str, completions: i64) -> Result<i64, String> {
    let mut total = 0;
    let mut last: Option<i64> = None;
    for interval in indexes.split(',').filter(|_| !indexes.is_empty()) {
        let limits: Vec<&str> = interval.split('-').collect();
        if limits.len() > 2 {
            return Err(format!(
                "the fragment {interval:?} violates the requirement that an index interval can have at most two parts separated by '-'"
            ));
        }
        let parse = |text: &str| -> Result<i64, String> {
            let number: i64 = text
                .parse()
                .map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
            if number >= completions {
                return Err(format!("too large index: {text:?}"));
            }
            Ok(number)
        };
        let first = parse(limits.first().copied().unwrap_or(""))?;
        if let Some(last) = last.filter(|last| *last >= first) {
            return Err(format!(
                "non-increasing order, previous: {last}, current: {first}"
            ));
        }
        let end = match limits.get(1) {
            Some(end) => parse(end)?,
            None => first,
        };
        if limits.len() > 1 && first >= end {
            return Err(format!("non-increasing order, previous: {first}, current: {end}"));
        }
        total += end - first + 1;
        last = Some(end);
    }
    Ok(total)
}
