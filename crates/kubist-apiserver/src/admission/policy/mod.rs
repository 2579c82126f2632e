//! Admission policies: rules in CEL that decide about requests inside of the server.
//!
//! A policy says what holds, a binding where, and a parameter with what. What is written takes
//! effect with the next request. The order, the words and what fails how are those of
//! `k8s.io/apiserver/pkg/admission/plugin/policy`.

mod apply;
mod compiled;
mod json_patch;
mod mutating;
mod params;
mod rights;
mod rules;
mod types;
mod validating;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

pub(super) use mutating::mutate;
pub(crate) use rules::{uncompiled, validate as validate_policy};
pub(crate) use types::warnings as type_warnings;
pub(super) use validating::validate;

use super::conditions::Condition;
use super::matching::{Criteria, GROUP, Subject, is_configuration};
use super::{Attributes, conditions, expressions};
use crate::cel::{Deep, deeply};
use crate::kinds::kind::{Kind, Registry, table};
use crate::object::member::text;
use crate::object::meta;
use crate::state::Api;
use compiled::Compiled;

/// How many compiled policies are kept, and how many lists of conditions.
const KEPT: usize = 256;

/// What was compiled, until something else needs the room.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    /// By their kinds and names, with the versions that they are of.
    compiled: Mutex<HashMap<Name, (u64, Arc<Compiled>)>>,
    /// Conditions of webhooks, by their expressions.
    conditions: Mutex<HashMap<Vec<String>, Arc<Vec<Condition>>>>,
}

/// The plural name of a policy's kind, and its own.
type Name = (&'static str, String);

impl Policies {
    async fn compiled(&self, plural: &'static str, policy: &Policy) -> Option<Arc<Compiled>> {
        let key = (plural, policy.name().to_owned());
        if let Some((revision, compiled)) = self.compiled.lock().get(&key)
            && *revision == policy.revision
        {
            return Some(Arc::clone(compiled));
        }
        let value = Arc::clone(&policy.value);
        let compiled = Arc::new(deeply(move |deep| Compiled::of(deep, &value)).await?);
        keep(
            &mut self.compiled.lock(),
            key,
            (policy.revision, Arc::clone(&compiled)),
        );
        Some(compiled)
    }

    /// The `matchConditions` of a webhook.
    pub(super) fn conditions(&self, deep: Deep, list: &[Value]) -> Arc<Vec<Condition>> {
        let key: Vec<String> = list
            .iter()
            .map(|condition| text(condition, "expression").to_owned())
            .collect();
        if let Some(conditions) = self.conditions.lock().get(&key) {
            return Arc::clone(conditions);
        }
        let environment = expressions::environment(expressions::Names::Authorizer, false);
        let conditions = Arc::new(conditions::conditions(deep, list, &environment));
        keep(&mut self.conditions.lock(), key, Arc::clone(&conditions));
        conditions
    }
}

/// Inserts in the place of any other, once there are many: which are needed next cannot be known.
fn keep<K: Clone + Eq + Hash, V>(kept: &mut HashMap<K, V>, key: K, value: V) {
    if kept.len() >= KEPT
        && !kept.contains_key(&key)
        && let Some(other) = kept.keys().next().cloned()
    {
        kept.remove(&other);
    }
    kept.insert(key, value);
}

/// A policy with its bindings.
#[derive(Debug)]
struct Policy {
    value: Arc<Value>,
    revision: u64,
    bindings: Vec<Arc<Value>>,
}

impl Policy {
    fn name(&self) -> &str {
        meta::name(&self.value)
    }

    fn spec(&self) -> &Value {
        &self.value["spec"]
    }

    fn ignores_failures(&self) -> bool {
        text(self.spec(), "failurePolicy") == "Ignore"
    }
}

/// The policies of one sort that are bound, by name.
fn bound(api: &Api, policies: &str, bindings: &str) -> Vec<Policy> {
    let (bindings, _) = api.store.list(&table(GROUP, bindings), None, None);
    if bindings.is_empty() {
        return Vec::new();
    }
    let (policies, _) = api.store.list(&table(GROUP, policies), None, None);
    let policies = policies.into_iter().filter_map(|(_, policy)| {
        let of = |binding: &Value| text(&binding["spec"], "policyName") == meta::name(&policy.value);
        let bindings: Vec<Arc<Value>> = bindings
            .iter()
            .filter(|(_, binding)| of(&binding.value))
            .map(|(_, binding)| Arc::clone(&binding.value))
            .collect();
        (!bindings.is_empty()).then_some(Policy {
            value: policy.value,
            revision: policy.revision,
            bindings,
        })
    });
    policies.collect()
}

/// Whether policies are not asked about a request: it is about them, or must not break.
fn is_exempt(attributes: &Attributes<'_>) -> bool {
    let kind = attributes.kind;
    let is_review = match kind.group.as_str() {
        "authentication.k8s.io" => matches!(kind.plural.as_str(), "selfsubjectreviews" | "tokenreviews"),
        "authorization.k8s.io" => true,
        _ => false,
    };
    is_review || is_configuration(attributes)
}

/// Whether a policy matches: as which resource, or why that cannot be said.
fn matched(
    api: &Api,
    registry: &Registry,
    policy: &Policy,
    attributes: &Attributes<'_>,
    subject: Subject<'_>,
) -> Result<Option<Arc<Kind>>, String> {
    let Some(constraints) = policy.spec().get("matchConstraints") else {
        return Err("policy contained no match constraints, a required field".into());
    };
    Criteria::of_resources(constraints)
        .matched(api, registry, attributes, subject)
        .map_err(|failure| failure.message)
}

/// Whether a binding matches, or why that cannot be said.
fn binding_matches(
    api: &Api,
    registry: &Registry,
    binding: &Value,
    attributes: &Attributes<'_>,
    subject: Subject<'_>,
) -> Result<bool, String> {
    match binding["spec"]
        .get("matchResources")
        .filter(|resources| resources.is_object())
    {
        None => Ok(true),
        Some(resources) => Criteria::of_resources(resources)
            .matched_or_open(api, registry, attributes, subject)
            .map_err(|failure| failure.message),
    }
}

/// Values for the expressions of a policy, but for its parameter.
fn variables(
    api: &Arc<Api>,
    attributes: &Attributes<'_>,
    resource: &Kind,
    seen: Subject<'_>,
) -> expressions::Variables {
    let mut variables = expressions::of_request(attributes, resource, seen);
    variables.extend(expressions::of_authorizer(api, attributes));
    variables.push(expressions::of_namespace(api, attributes));
    variables
}
