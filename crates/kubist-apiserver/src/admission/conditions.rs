//! `matchConditions`: expressions that say whether a webhook or a policy is asked.

use kube_cel::cel::Value as CelValue;
use serde_json::Value;

use super::expressions::{Names, environment};
use crate::cel::{BOOL, Budget, CompileError, Deep, Environment, EvalError, Expression, Scope, Type, deep};

/// What the conditions of one webhook or policy may cost together.
const BUDGET: u64 = 2_500_000;
/// What an evaluation says that cannot go on.
pub(super) const SPENT: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// A condition that was compiled.
#[derive(Debug)]
pub(super) struct Condition {
    expression: String,
    compiled: Result<Expression, CompileError>,
}

/// Compiles an expression that must be of one of these types.
pub(super) fn compile(
    deep: Deep,
    source: &str,
    environment: &Environment,
    wanted: &[Type],
) -> Result<Expression, CompileError> {
    let compiled = Expression::compile(deep, source, environment)?;
    if wanted.is_empty() || wanted.contains(compiled.ty()) {
        return Ok(compiled);
    }
    let found = compiled.ty().result_name();
    let names: Vec<String> = wanted.iter().map(Type::result_name).collect();
    Err(CompileError::of(match names.as_slice() {
        [one] => format!("must evaluate to {one} but got {found}"),
        many => format!("must evaluate to one of [{}] but got {found}", many.join(" ")),
    }))
}

/// Whether an expression can be a condition; what is wrong with it otherwise.
pub(crate) fn check(expression: &str, has_params: bool) -> Result<(), CompileError> {
    let environment = environment(Names::Authorizer, has_params);
    let compiled = deep(|deep| compile(deep, expression, &environment, &[BOOL]).map(|_| ()));
    compiled.unwrap_or_else(|| Err(CompileError::of("internal error: the compiler failed".into())))
}

/// Compiles the `matchConditions` in a list.
pub(super) fn conditions(deep: Deep, list: &[Value], environment: &Environment) -> Vec<Condition> {
    let conditions = list.iter().map(|condition| {
        let expression = condition.get("expression").and_then(Value::as_str).unwrap_or("");
        Condition {
            expression: expression.to_owned(),
            compiled: compile(deep, expression, environment, &[BOOL]),
        }
    });
    conditions.collect()
}

/// Whether all conditions hold. One that is false decides, even where others fail.
///
/// # Errors
///
/// Why that cannot be said.
pub(super) fn all_hold(conditions: &[Condition], scope: &Scope<'_>) -> Result<bool, String> {
    let budget = Budget::new(BUDGET);
    let mut failures = Vec::new();
    for condition in conditions {
        match evaluate(&condition.expression, &condition.compiled, scope, &budget) {
            Ok(CelValue::Bool(true)) => {}
            Ok(CelValue::Bool(false)) => return Ok(false),
            Ok(_) => failures.push(format!(
                "expression '{}' did not give a bool",
                condition.expression
            )),
            Err(Stop::Spent) => return Err(SPENT.into()),
            Err(Stop::Failed(why)) => failures.push(why),
        }
    }
    failures.dedup();
    match failures.as_slice() {
        [] => Ok(true),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

/// Why an evaluation gave nothing.
pub(super) enum Stop {
    /// Nothing more can be evaluated.
    Spent,
    Failed(String),
}

/// Evaluates a compiled expression, with errors in the words of upstream's admission.
pub(super) fn evaluate(
    source: &str,
    compiled: &Result<Expression, CompileError>,
    scope: &Scope<'_>,
    budget: &Budget,
) -> Result<CelValue, Stop> {
    let expression = compiled
        .as_ref()
        .map_err(|error| Stop::Failed(format!("compilation error: {}", error.message)))?;
    scope.evaluate(expression, budget).map_err(|error| match error {
        EvalError::Budget if budget.is_spent() => Stop::Spent,
        EvalError::Budget => Stop::Failed(format!(
            "expression '{source}' resulted in error: operation cancelled: actual cost limit exceeded"
        )),
        EvalError::Failed(why) => Stop::Failed(format!("expression '{source}' resulted in error: {why}")),
    })
}
