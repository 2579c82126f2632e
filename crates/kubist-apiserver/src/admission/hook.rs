//! Webhooks as their configurations list them.

use std::sync::Arc;

use serde_json::Value;

use super::matching::{Criteria, GROUP, Subject, is_configuration};
use super::{Attributes, conditions, expressions};
use crate::cel::{Evaluator, Scope, deeply};
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Registry, table};
use crate::object::member::list;
use crate::object::meta;
use crate::state::Api;

/// The configuration of a webhook, and its place there.
pub(super) type Id = (String, usize);

/// One webhook of a configuration.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    /// The name of the configuration and the place in it: what tells hooks apart.
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) spec: Value,
}

impl Hook {
    /// What a field says, or the default that a stored webhook has it at.
    pub(super) fn text(&self, field: &str) -> &str {
        self.spec.get(field).and_then(Value::as_str).unwrap_or("")
    }

    pub(super) fn ignores_failures(&self) -> bool {
        self.text("failurePolicy") == "Ignore"
    }

    pub(super) fn timeout(&self) -> std::time::Duration {
        let seconds = self.spec.get("timeoutSeconds").and_then(Value::as_u64);
        std::time::Duration::from_secs(seconds.unwrap_or(10).clamp(1, 30))
    }

    /// How the webhook is to be called, if at all.
    pub(super) async fn invocation(
        &self,
        api: &Arc<Api>,
        registry: &Registry,
        attributes: &Attributes<'_>,
        subject: Subject<'_>,
    ) -> Result<Option<Invocation>, Failure> {
        if is_configuration(attributes) {
            return Ok(None);
        }
        let criteria = Criteria::of_webhook(&self.spec);
        let Some(resource) = criteria.matched(api, registry, attributes, subject)? else {
            return Ok(None);
        };
        let wanted = self.conditions_hold(api, attributes, &resource, subject).await?;
        Ok(wanted.then_some(Invocation { resource }))
    }

    async fn conditions_hold(
        &self,
        api: &Arc<Api>,
        attributes: &Attributes<'_>,
        resource: &Kind,
        subject: Subject<'_>,
    ) -> Result<bool, Failure> {
        let list = list(&self.spec, "matchConditions");
        if list.is_empty() {
            return Ok(true);
        }
        let mut variables = expressions::of_request(attributes, resource, subject);
        variables.extend(expressions::of_authorizer(api, attributes));
        variables.push(("namespaceObject", expressions::or_null(None)));
        let variables = expressions::of_conditions(&variables);
        let (shared, list) = (Arc::clone(api), list.to_vec());
        let decided = deeply(move |deep| {
            let conditions = shared.policies.conditions(deep, &list);
            let evaluator = Evaluator::new(deep);
            conditions::all_hold(&conditions, &Scope::new(&evaluator, variables, None))
        });
        match decided
            .await
            .unwrap_or_else(|| Err("internal error: the evaluation failed".into()))
        {
            Ok(holds) => Ok(holds),
            Err(_) if self.ignores_failures() => Ok(false),
            Err(why) => Err(attributes.forbidden(subject.object, &why)),
        }
    }
}

/// How a webhook wants to see a request: the resource is the request's own, or an equivalent.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub(super) resource: Arc<Kind>,
}

/// All webhooks of one sort: configurations by name, then in their order.
pub(super) fn hooks(api: &Api, plural: &str) -> Vec<Hook> {
    let (configurations, _) = api.store.list(&table(GROUP, plural), None, None);
    let mut hooks = Vec::new();
    for (_, configuration) in configurations {
        let list = configuration.value.get("webhooks").and_then(Value::as_array);
        for (at, spec) in list.into_iter().flatten().enumerate() {
            hooks.push(Hook {
                id: (meta::name(&configuration.value).to_owned(), at),
                name: spec.get("name").and_then(Value::as_str).unwrap_or("").to_owned(),
                spec: spec.clone(),
            });
        }
    }
    hooks
}
