//! Cluster roles that are made of others.

use std::sync::Arc;

use serde_json::Value;

use super::account;
use crate::admission::{self, Attributes, Operation, Origin};
use crate::http::options::WriteOptions;
use crate::http::status::Failure;
use crate::http::warnings::Warnings;
use crate::kinds::kind::{Kind, table};
use crate::kinds::ownership;
use crate::kinds::rules::selector_matches;
use crate::object::meta;
use crate::state::Api;
use crate::store::{Key, Stored, TableName};

/// Looks at roles, once one of them changed.
#[derive(Debug, Default)]
pub(super) struct Aggregator {
    /// The last write to a role that it knows of; none if there is something to be tried again.
    seen: Option<u64>,
}

impl Aggregator {
    /// Gives roles with an `aggregationRule` the rules of those that it selects.
    pub(super) async fn aggregate(&mut self, api: &Arc<Api>) {
        let name = table("rbac.authorization.k8s.io", "clusterroles");
        let last = api.store.last(&name);
        if self.seen != Some(last) {
            let is_done = aggregate(api, &name).await;
            self.seen = is_done.then_some(last);
        }
    }
}

/// Tells whether nothing is left to be done.
async fn aggregate(api: &Arc<Api>, name: &TableName) -> bool {
    let (roles, _) = api.store.list(name, None, None);
    let registry = api.registry();
    let Some(kind) = registry.get("rbac.authorization.k8s.io", "v1", "clusterroles") else {
        return true;
    };
    let mut is_done = true;
    for (key, role) in &roles {
        let selectors = meta::at(&role.value, "aggregationRule.clusterRoleSelectors");
        let Some(selectors) = selectors.and_then(Value::as_array) else {
            continue;
        };
        let mut rules: Vec<&Value> = Vec::new();
        for selector in selectors {
            let selected = roles.iter().filter(|(other, stored)| {
                other != key && selector_matches(selector, meta::get(&stored.value, "labels"))
            });
            for (_, stored) in selected {
                let found = stored.value.get("rules").and_then(Value::as_array);
                for rule in found.into_iter().flatten() {
                    if !rules.contains(&rule) {
                        rules.push(rule);
                    }
                }
            }
        }
        let rules: Value = rules.into_iter().cloned().collect();
        if role.value.get("rules") != Some(&rules)
            && let Err(failure) = write(api, kind, key, role, rules).await
        {
            is_done = false;
            tracing::debug!(
                role = key.name,
                error = failure.message,
                "a controller was refused"
            );
        }
    }
    is_done
}

async fn write(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    key: &Key,
    old: &Stored,
    rules: Value,
) -> Result<(), Failure> {
    let mut new = Value::clone(&old.value);
    new["rules"] = rules;
    ownership::manage(
        api,
        kind,
        &old.value,
        &mut new,
        "clusterrole-aggregation-controller",
        "",
    );
    let user = account("clusterrole-aggregation-controller");
    let warnings = Warnings::default();
    let origin = Origin {
        user: &user,
        warnings: &warnings,
    };
    let attributes = Attributes::new(origin, kind, Operation::Update, "", &key.name)
        .options(WriteOptions::default().told("UpdateOptions"), false);
    admission::mutate(api, &attributes, Some(&mut new), Some(&old.value)).await?;
    admission::validate(api, &attributes, Some(&new), Some(&old.value)).await?;
    // Whoever was faster made the store move: there will be another look.
    let _ = api.store.update(&kind.table, key.clone(), old.revision, new);
    Ok(())
}
