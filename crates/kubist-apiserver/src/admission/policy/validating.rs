//! `ValidatingAdmissionPolicy`: what may not be, in CEL.

use std::cell::LazyCell;
use std::sync::Arc;

use kube_cel::cel::Value as CelValue;
use serde_json::Value;

use super::super::Attributes;
use super::super::conditions::{SPENT, Stop, all_hold, evaluate};
use super::super::dispatch::as_seen;
use super::super::expressions::{Variables, of_conditions, or_null};
use super::super::matching::Subject;
use super::compiled::{Compiled, Validation};
use super::{Policy, binding_matches, bound, is_exempt, matched, params, rights, variables};
use crate::cel::{Budget, Deep, Evaluator, Scope, deeply};
use crate::http::status::Failure;
use crate::kinds::kind::Registry;
use crate::object::meta;
use crate::state::Api;

const POLICIES: &str = "validatingadmissionpolicies";
const BINDINGS: &str = "validatingadmissionpolicybindings";
/// What the expressions of a policy may cost for one binding and parameter.
const BUDGET: u64 = 10_000_000;
/// The longest message that an expression makes.
const MESSAGE: usize = 5 * 1024;

/// Asks the policies whether `object` may become what `old` was.
pub(crate) async fn validate(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    object: Option<&Value>,
    old: Option<&Value>,
) -> Result<(), Failure> {
    rights::check(api, attributes, object, old)?;
    if is_exempt(attributes) {
        return Ok(());
    }
    let policies = bound(api, POLICIES, BINDINGS);
    if policies.is_empty() {
        return Ok(());
    }
    let registry = api.registry();
    let subject = Subject { object, old };
    let mut steps = Vec::new();
    for policy in &policies {
        ask(api, &registry, policy, attributes, subject, &mut steps).await?;
    }
    if steps.is_empty() {
        return Ok(());
    }
    let decided = deeply(move |deep| decide(deep, steps)).await;
    let (denials, warnings) =
        decided.ok_or_else(|| Failure::internal("the evaluation of admission policies failed"))?;
    warnings
        .into_iter()
        .for_each(|warning| attributes.origin.warnings.add(warning));
    match denials.into_iter().next() {
        None => Ok(()),
        Some(denial) => Err(refusal(attributes, object, &denial)),
    }
}

/// What is to be said of one binding of a policy.
enum Step {
    /// It cannot be asked.
    Broken(Denial),
    Evaluate(Box<Case>),
}

/// A binding that matches, with one of its parameters.
struct Case {
    policy: String,
    binding: String,
    ignores_failures: bool,
    warns: bool,
    denies: bool,
    compiled: Arc<Compiled>,
    variables: Variables,
}

/// Why a request is refused.
struct Denial {
    policy: String,
    binding: Option<String>,
    message: String,
    reason: String,
}

/// Adds what a policy has to say about a request.
async fn ask(
    api: &Arc<Api>,
    registry: &Registry,
    policy: &Policy,
    attributes: &Attributes<'_>,
    subject: Subject<'_>,
    steps: &mut Vec<Step>,
) -> Result<(), Failure> {
    let broken = |what: &str, why: String, binding: Option<&Value>| {
        (!policy.ignores_failures()).then(|| {
            Step::Broken(Denial {
                policy: policy.name().to_owned(),
                binding: binding.map(|binding| meta::name(binding).to_owned()),
                message: format!("failed to configure {what}: {why}"),
                reason: String::new(),
            })
        })
    };
    let resource = match matched(api, registry, policy, attributes, subject) {
        Ok(Some(resource)) => resource,
        Ok(None) => return Ok(()),
        Err(why) => {
            steps.extend(broken("policy", why, None));
            return Ok(());
        }
    };
    let param_kind = match params::kind(registry, policy.spec()) {
        Ok(kind) => kind,
        Err(why) => {
            steps.extend(broken("policy", why, None));
            return Ok(());
        }
    };
    let mut shared = None;
    for binding in &policy.bindings {
        let collected = match binding_matches(api, registry, binding, attributes, subject) {
            Ok(true) => params::collect(api, param_kind.as_ref(), binding, attributes).await,
            Ok(false) => continue,
            Err(why) => Err(why),
        };
        let collected = match collected {
            Ok(collected) => collected,
            Err(why) => {
                steps.extend(broken("binding", why, Some(binding)));
                continue;
            }
        };
        for param in collected {
            let (compiled, variables) = match &shared {
                Some(shared) => shared,
                None => {
                    let compiled = api.policies.compiled(POLICIES, policy).await;
                    let compiled = compiled
                        .ok_or_else(|| Failure::internal("an admission policy cannot be compiled"))?;
                    let object = as_seen(api, attributes, &resource, subject.object).await;
                    let old = as_seen(api, attributes, &resource, subject.old).await;
                    let (object, old) = match (object, old) {
                        (Ok(object), Ok(old)) => (object, old),
                        (Err(failure), _) | (_, Err(failure)) => {
                            let why = format!("failed to convert object version: {}", failure.message);
                            steps.extend(broken("binding", why, Some(binding)));
                            continue;
                        }
                    };
                    let seen = Subject {
                        object: object.as_deref(),
                        old: old.as_deref(),
                    };
                    shared.insert((compiled, variables(api, attributes, &resource, seen)))
                }
            };
            let mut variables = variables.clone();
            variables.push(("params", or_null(param.as_ref())));
            let actions = meta::strings(binding["spec"].get("validationActions"));
            steps.push(Step::Evaluate(Box::new(Case {
                policy: policy.name().to_owned(),
                binding: meta::name(binding).to_owned(),
                ignores_failures: policy.ignores_failures(),
                warns: actions.contains(&"Warn"),
                denies: actions.contains(&"Deny"),
                compiled: Arc::clone(compiled),
                variables,
            })));
        }
    }
    Ok(())
}

/// Evaluates, and gives the denials and warnings in their order.
fn decide(deep: Deep, steps: Vec<Step>) -> (Vec<Denial>, Vec<String>) {
    let evaluator = Evaluator::new(deep);
    let (mut denials, mut warnings) = (Vec::new(), Vec::new());
    for step in steps {
        let mut case = match step {
            Step::Broken(denial) => {
                denials.push(denial);
                continue;
            }
            Step::Evaluate(case) => case,
        };
        let variables = std::mem::take(&mut case.variables);
        let outcome = case.outcome(&evaluator, &variables);
        for (message, reason) in outcome.refused {
            if case.warns {
                warnings.push(format!(
                    "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {message}",
                    case.policy, case.binding
                ));
            }
            if case.denies {
                denials.push(case.denial(message, reason));
            }
        }
        for message in outcome.unannotated {
            denials.push(case.denial(message, String::new()));
        }
    }
    (denials, warnings)
}

/// What the expressions of a case say.
#[derive(Default)]
struct Outcome {
    /// What was refused: messages and reasons.
    refused: Vec<(String, String)>,
    /// Why annotations could not be made.
    unannotated: Vec<String>,
}

impl Case {
    fn denial(&self, message: String, reason: String) -> Denial {
        Denial {
            policy: self.policy.clone(),
            binding: Some(self.binding.clone()),
            message,
            reason,
        }
    }

    /// Whether the policy's conditions hold.
    fn is_asked(&self, evaluator: &Evaluator, variables: &Variables) -> Result<bool, String> {
        // A scope copies all values.
        if self.compiled.conditions.is_empty() {
            return Ok(true);
        }
        let scope = self.compiled.scope(evaluator, of_conditions(variables));
        all_hold(&self.compiled.conditions, &scope)
    }

    fn outcome(&self, evaluator: &Evaluator, variables: &Variables) -> Outcome {
        let mut outcome = Outcome::default();
        let failed = |why: String| (!self.ignores_failures).then_some((why, String::new()));
        // Messages are not to depend on who may do what.
        let messages = LazyCell::new(|| {
            let plain = variables
                .iter()
                .filter(|(name, _)| !name.starts_with("authorizer"));
            self.compiled.scope(evaluator, plain.cloned().collect())
        });
        match self.is_asked(evaluator, variables) {
            Ok(true) => {}
            Ok(false) => return outcome,
            Err(why) => {
                outcome.refused.extend(failed(why));
                return outcome;
            }
        }
        let scope = self.compiled.scope(evaluator, variables.clone());
        let budget = Budget::new(BUDGET);
        let mut results = Vec::new();
        for validation in &self.compiled.validations {
            let source = &validation.expression;
            match evaluate(&source.text, &source.compiled, &scope, &budget) {
                Ok(value) => results.push(Ok(value)),
                Err(Stop::Failed(why)) => results.push(Err(why)),
                Err(Stop::Spent) => {
                    outcome.refused.extend(failed(SPENT.into()));
                    return outcome;
                }
            }
        }
        for (validation, result) in self.compiled.validations.iter().zip(results) {
            match result {
                Ok(CelValue::Bool(true)) => {}
                Ok(_) => {
                    let message = validation.refusal(&messages, &budget);
                    outcome.refused.push((message, validation.reason.clone()));
                }
                Err(why) => outcome.refused.extend(failed(why)),
            }
        }
        let budget = Budget::new(BUDGET);
        for annotation in &self.compiled.annotations {
            let source = &annotation.value;
            let why = match evaluate(&source.text, &source.compiled, &scope, &budget) {
                Ok(CelValue::String(_) | CelValue::Null) => continue,
                Ok(_) => format!(
                    "valueExpression '{}' resulted in unsupported return type. Return type must be either string or null.",
                    source.text
                ),
                Err(Stop::Failed(why)) => why,
                Err(Stop::Spent) => {
                    outcome.refused = failed(SPENT.into()).into_iter().collect();
                    return outcome;
                }
            };
            if !self.ignores_failures {
                outcome.unannotated.push(why);
            }
        }
        outcome
    }
}

impl Validation {
    /// What to say of something that is not as it should be.
    fn refusal<'s>(
        &self,
        scope: &LazyCell<Scope<'s>, impl FnOnce() -> Scope<'s>>,
        budget: &Budget,
    ) -> String {
        let made = self.message_expression.as_ref().and_then(|source| {
            match evaluate(&source.text, &source.compiled, scope, budget) {
                Ok(CelValue::String(text)) => Some(text.trim().to_owned()),
                _ => None,
            }
        });
        let made = made.filter(|text| !text.is_empty() && text.len() <= MESSAGE && !text.contains('\n'));
        if let Some(made) = made {
            return made;
        }
        match self.message.trim() {
            "" => format!("failed expression: {}", self.expression.text.trim()),
            message => message.to_owned(),
        }
    }
}

/// The answer to a request that is refused.
fn refusal(attributes: &Attributes<'_>, object: Option<&Value>, denial: &Denial) -> Failure {
    let policy = &denial.policy;
    let message = &denial.message;
    let why = match &denial.binding {
        Some(binding) => {
            format!("ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {message}")
        }
        None => format!("ValidatingAdmissionPolicy '{policy}' denied request: {message}"),
    };
    let mut failure = attributes.forbidden(object, &why);
    let reason = match denial.reason.as_str() {
        "" => "Invalid",
        reason => reason,
    };
    failure.code = match reason {
        "Forbidden" => 403,
        "Unauthorized" => 401,
        "RequestEntityTooLarge" => 413,
        _ => 422,
    };
    failure.reason = reason.to_owned().into();
    failure.cause("", &why, "")
}
