//! `MutatingAdmissionPolicy`: what is changed before it is written, in CEL.

use std::sync::Arc;

use kube_cel::cel::Value as CelValue;
use kubist_merge::Shape;
use kubist_schema::Message;
use serde_json::Value;

use super::super::conditions::{SPENT, Stop, all_hold, evaluate};
use super::super::dispatch::{as_seen, is_foreign, read_strictly, same};
use super::super::expressions::{Variables, of_conditions, or_null};
use super::super::matching::Subject;
use super::super::rounds::Rounds;
use super::super::{Attributes, Operation};
use super::compiled::{Compiled, Mutation};
use super::{Policy, apply, binding_matches, bound, is_exempt, json_patch, matched, params, variables};
use crate::cel::{Budget, Evaluator, Worker};
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Registry};
use crate::object::member::text;
use crate::object::{meta, view};
use crate::state::Api;

const POLICIES: &str = "mutatingadmissionpolicies";
const BINDINGS: &str = "mutatingadmissionpolicybindings";
/// What one mutation may cost.
const BUDGET: u64 = 10_000_000;

/// A policy with its binding and parameter, by their names.
pub(in crate::admission) type Key = (String, String, String);

/// Lets policies change `object`; tells whether one did.
pub(in crate::admission) async fn mutate(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    object: &mut Value,
    old: Option<&Value>,
    rounds: &mut Rounds<Key>,
) -> Result<bool, Failure> {
    if is_exempt(attributes) || attributes.operation == Operation::Delete {
        return Ok(false);
    }
    let policies = bound(api, POLICIES, BINDINGS);
    if policies.is_empty() {
        return Ok(false);
    }
    rounds.begin(Some(object));
    let mut run = Run {
        api,
        attributes,
        old,
        worker: None,
        problems: Vec::new(),
        patched: false,
    };
    let registry = api.registry();
    for invocation in run.invocations(&registry, &policies, object).await? {
        run.invoke(&invocation, object, rounds).await?;
    }
    if run.patched {
        rounds.changed();
    }
    rounds.end(Some(object));
    match run.refusal() {
        Some(refusal) => Err(refusal),
        None => Ok(run.patched),
    }
}

/// A policy that is asked, for one binding and parameter.
struct Invocation<'p> {
    policy: &'p Policy,
    binding: Arc<Value>,
    resource: Arc<Kind>,
    param: Option<Value>,
    compiled: Arc<Compiled>,
}

impl Invocation<'_> {
    fn key(&self) -> Key {
        let param = self.param.as_ref().map(|param| {
            let (namespace, name) = (meta::text(param, "namespace"), meta::name(param));
            format!("{namespace}/{name}")
        });
        (
            self.policy.name().to_owned(),
            meta::name(&self.binding).to_owned(),
            param.unwrap_or_default(),
        )
    }
}

/// Why a policy did not do what it should.
struct Problem {
    policy: String,
    binding: Option<String>,
    message: String,
    /// Whether it is the object that is wrong, not the configuration.
    is_invalid: bool,
}

struct Run<'a> {
    api: &'a Arc<Api>,
    attributes: &'a Attributes<'a>,
    old: Option<&'a Value>,
    /// What evaluates, once something is to be.
    worker: Option<Worker>,
    problems: Vec<Problem>,
    patched: bool,
}

impl Run<'_> {
    /// What matches, as things are before any of it is asked.
    async fn invocations<'p>(
        &mut self,
        registry: &Registry,
        policies: &'p [Policy],
        object: &Value,
    ) -> Result<Vec<Invocation<'p>>, Failure> {
        let subject = Subject {
            object: Some(object),
            old: self.old,
        };
        let mut invocations = Vec::new();
        for policy in policies {
            let found = matched(self.api, registry, policy, self.attributes, subject);
            let resource = match found {
                Ok(Some(resource)) => resource,
                Ok(None) => continue,
                Err(why) => {
                    self.broken(policy, None, &format!("failed to configure policy: {why}"));
                    continue;
                }
            };
            let param_kind = match params::kind(registry, policy.spec()) {
                Ok(kind) => kind,
                Err(why) => {
                    self.broken(policy, None, &format!("failed to configure policy: {why}"));
                    continue;
                }
            };
            for binding in &policy.bindings {
                let matches = binding_matches(self.api, registry, binding, self.attributes, subject);
                let collected = match matches {
                    Ok(true) => {
                        params::collect(self.api, param_kind.as_ref(), binding, self.attributes).await
                    }
                    Ok(false) => continue,
                    Err(why) => Err(why),
                };
                let params = match collected {
                    Ok(params) => params,
                    Err(why) => {
                        self.broken(
                            policy,
                            Some(binding),
                            &format!("failed to configure binding: {why}"),
                        );
                        continue;
                    }
                };
                for param in params {
                    let compiled = self.api.policies.compiled(POLICIES, policy).await;
                    let compiled = compiled
                        .ok_or_else(|| Failure::internal("an admission policy cannot be compiled"))?;
                    invocations.push(Invocation {
                        policy,
                        binding: Arc::clone(binding),
                        resource: Arc::clone(&resource),
                        param,
                        compiled,
                    });
                }
            }
        }
        Ok(invocations)
    }

    fn broken(&mut self, policy: &Policy, binding: Option<&Value>, message: &str) {
        self.problem(policy, binding, message.to_owned(), false);
    }

    fn problem(&mut self, policy: &Policy, binding: Option<&Value>, message: String, is_invalid: bool) {
        if !policy.ignores_failures() {
            self.problems.push(Problem {
                policy: policy.name().to_owned(),
                binding: binding.map(|binding| meta::name(binding).to_owned()),
                message,
                is_invalid,
            });
        }
    }

    /// Asks one policy.
    async fn invoke(
        &mut self,
        invocation: &Invocation<'_>,
        object: &mut Value,
        rounds: &mut Rounds<Key>,
    ) -> Result<(), Failure> {
        let (policy, binding) = (invocation.policy, invocation.binding.as_ref());
        match self.is_asked(invocation, object).await? {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(why) => {
                self.problem(policy, Some(binding), why, true);
                return Ok(());
            }
        }
        let key = invocation.key();
        if !rounds.asks(&key) {
            return Ok(());
        }
        let before = object.clone();
        for at in 0..invocation.compiled.mutations.len() {
            match self.change(invocation, at, object).await {
                Ok(()) => self.patched = true,
                Err(Unchanged::Refused(failure)) => return Err(failure),
                Err(Unchanged::Failed(why)) => self.problem(policy, Some(binding), why, true),
            }
        }
        if before != *object {
            rounds.changed();
        }
        if text(policy.spec(), "reinvocationPolicy") == "IfNeeded" {
            rounds.saw(key);
        }
        Ok(())
    }

    /// Whether the policy's conditions hold.
    async fn is_asked(
        &mut self,
        invocation: &Invocation<'_>,
        object: &Value,
    ) -> Result<Result<bool, String>, Failure> {
        if invocation.compiled.conditions.is_empty() {
            return Ok(Ok(true));
        }
        let compiled = Arc::clone(&invocation.compiled);
        let variables = of_conditions(&self.variables(invocation, object).await?);
        let holds = self
            .evaluate(move |evaluator| all_hold(&compiled.conditions, &compiled.scope(evaluator, variables)));
        Ok(holds.await.unwrap_or_else(Err))
    }

    /// Runs `work` on the deep stack that all evaluations for the request share.
    async fn evaluate<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Evaluator) -> T + Send + 'static,
    ) -> Result<T, String> {
        if self.worker.is_none() {
            self.worker = Worker::start();
        }
        let result = match &self.worker {
            Some(worker) => worker.run(work).await,
            None => None,
        };
        if result.is_none() {
            self.worker = None;
        }
        result.ok_or_else(|| "internal error: the evaluation failed".into())
    }

    async fn variables(&self, invocation: &Invocation<'_>, object: &Value) -> Result<Variables, Failure> {
        let (api, attributes, resource) = (self.api, self.attributes, invocation.resource.as_ref());
        let object = as_seen(api, attributes, resource, Some(object)).await?;
        let old = as_seen(api, attributes, resource, self.old).await?;
        let seen = Subject {
            object: object.as_deref(),
            old: old.as_deref(),
        };
        let mut variables = variables(api, attributes, resource, seen);
        variables.push(("params", or_null(invocation.param.as_ref())));
        Ok(variables)
    }

    /// Makes one change.
    async fn change(
        &mut self,
        invocation: &Invocation<'_>,
        at: usize,
        object: &mut Value,
    ) -> Result<(), Unchanged> {
        let (api, attributes, resource) = (self.api, self.attributes, &invocation.resource);
        let variables = self.variables(invocation, object).await?;
        let seen = as_seen(api, attributes, resource, Some(object)).await?;
        let seen = seen.map_or(Value::Null, std::borrow::Cow::into_owned);
        let compiled = Arc::clone(&invocation.compiled);
        let kind = Arc::clone(resource);
        let foreign = foreign_message(attributes);
        let patched = self.evaluate(move |evaluator| {
            let shape = foreign.map_or_else(|| kind.shape(), Shape::message);
            mutated(evaluator, &compiled, at, variables, shape, &seen)
        });
        let patched = patched.await??;
        if is_foreign(attributes) {
            *object = patched;
            return Ok(());
        }
        let patched = read_strictly(resource, patched)?;
        *object = if same(attributes.kind, resource) {
            patched
        } else {
            view::convert(api, resource, attributes.kind, patched).await?
        };
        Ok(())
    }

    /// The answer to a request that policies could not be asked about.
    fn refusal(&self) -> Option<Failure> {
        let told = |problem: &Problem| match &problem.binding {
            Some(binding) => format!(
                "policy '{}' with binding '{binding}' denied request: {}",
                problem.policy, problem.message
            ),
            None => format!("policy {:?} denied request: {}", problem.policy, problem.message),
        };
        let first = self.problems.first()?;
        let mut failure = self.attributes.forbidden(None, "");
        failure.message = told(first);
        if first.is_invalid {
            failure.reason = "Invalid".into();
        }
        Some(
            self.problems
                .iter()
                .fold(failure, |failure, problem| failure.cause("", &told(problem), "")),
        )
    }
}

/// Why an object was not changed.
enum Unchanged {
    /// What the policy's failures policy is about.
    Failed(String),
    /// What is answered whatever that says.
    Refused(Failure),
}

impl From<Failure> for Unchanged {
    fn from(failure: Failure) -> Unchanged {
        Unchanged::Refused(failure)
    }
}

impl From<String> for Unchanged {
    fn from(why: String) -> Unchanged {
        Unchanged::Failed(why)
    }
}

/// The type of an object that is not of the resource's kind, as a `Scale` is not.
fn foreign_message(attributes: &Attributes<'_>) -> Option<&'static Message> {
    let own = attributes.kind.subresource(attributes.subresource)?;
    kubist_schema::kind(&own.group, &own.version, &own.kind).filter(|_| is_foreign(attributes))
}

/// What a mutation makes of an object.
fn mutated(
    evaluator: &Evaluator,
    compiled: &Compiled,
    at: usize,
    variables: Variables,
    shape: Shape<'_>,
    object: &Value,
) -> Result<Value, String> {
    let scope = compiled.scope(evaluator, variables);
    let budget = Budget::new(BUDGET);
    let value = |source: &super::compiled::Source| -> Result<CelValue, String> {
        if let Err(error) = &source.compiled {
            return Err(error.message.clone());
        }
        evaluate(&source.text, &source.compiled, &scope, &budget).map_err(|stop| match stop {
            Stop::Spent => SPENT.to_owned(),
            Stop::Failed(why) => why,
        })
    };
    match compiled.mutations.get(at) {
        Some(Mutation::Apply(source)) => apply::apply(shape, object, &value(source)?),
        Some(Mutation::JsonPatch(source)) => json_patch::patch(object, &value(source)?),
        None => Ok(object.clone()),
    }
}
