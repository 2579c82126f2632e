//! `matchConditions`: expressions that say whether a webhook is called.

use kube_cel::cel::Value as CelValue;
use serde_json::Value;

use super::Attributes;
use super::hook::Hook;
use super::matching::Subject;
use crate::cel::{Budget, Deep, EvalError, Evaluator, Expression, deep, to_cel};
use crate::http::status::Failure;

fn environment() -> crate::cel::Environment {
    crate::cel::Environment::new([
        ("object", crate::cel::DYN),
        ("oldObject", crate::cel::DYN),
        ("request", crate::cel::DYN),
    ])
}
/// What the conditions of one webhook may cost together.
const BUDGET: u64 = 100_000;

/// Whether an expression can be a condition; what is wrong with it otherwise.
pub(crate) fn check(expression: &str) -> Result<(), String> {
    let compiled = deep(|deep| Expression::compile(deep, expression, &environment()).map(|_| ()));
    compiled.unwrap_or_else(|| Err("internal error: the compiler failed".into()))
}

/// Whether all conditions hold. One that is false decides, even where others fail.
pub(super) fn all_hold(
    hook: &Hook,
    attributes: &Attributes<'_>,
    subject: Subject<'_>,
    request: impl FnOnce() -> Value,
) -> Result<bool, Failure> {
    let conditions = hook.list("matchConditions");
    if conditions.is_empty() {
        return Ok(true);
    }
    let or_null = |value: Option<&Value>| value.map_or(CelValue::Null, to_cel);
    let mut request = request();
    if let Some(request) = request.as_object_mut() {
        request.remove("object");
        request.remove("oldObject");
    }
    let variables = [
        ("object", or_null(subject.object)),
        ("oldObject", or_null(subject.old)),
        ("request", to_cel(&request)),
    ];
    let decided = deep(|deep| decide(deep, conditions, &variables));
    let failures = match decided {
        Some(Ok(holds)) => return Ok(holds),
        Some(Err(failures)) => failures,
        None => vec!["internal error: the evaluation failed".to_owned()],
    };
    if hook.ignores_failures() {
        return Ok(false);
    }
    let why = match failures.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let kind = attributes.kind;
    Err(Failure::forbidden(
        &kind.group,
        &kind.plural,
        &attributes.name,
        &why,
    ))
}

/// Whether all hold, or why that cannot be said.
fn decide(deep: Deep, conditions: &[Value], variables: &[(&str, CelValue)]) -> Result<bool, Vec<String>> {
    let (evaluator, budget) = (Evaluator::new(deep), Budget::new(BUDGET));
    let mut failures = Vec::new();
    for condition in conditions {
        let text = |field: &str| condition.get(field).and_then(Value::as_str).unwrap_or("");
        let result = Expression::compile(deep, text("expression"), &environment())
            .map_err(EvalError::Failed)
            .and_then(|expression| evaluator.evaluate(&expression, variables, &budget));
        match result {
            Ok(CelValue::Bool(true)) => {}
            Ok(CelValue::Bool(false)) => return Ok(false),
            Ok(_) => failures.push(format!("expression '{}' did not give a bool", text("expression"))),
            Err(EvalError::Budget) => {
                failures.push("validation failed due to running out of cost budget, no further validation rules will be run".into());
                break;
            }
            Err(EvalError::Failed(why)) => {
                failures.push(format!(
                    "expression '{}' resulted in error: {why}",
                    text("expression")
                ));
            }
        }
    }
    if failures.is_empty() {
        Ok(true)
    } else {
        Err(failures)
    }
}
