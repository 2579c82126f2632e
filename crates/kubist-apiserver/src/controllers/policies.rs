//! What is known of validating policies.

use std::sync::Arc;

use serde_json::json;

use super::actor::Actor;
use super::{Node, refused};
use crate::admission;
use crate::cel::deeply;
use crate::kinds::kind::table;
use crate::object::{member, meta};
use crate::state::Api;

const GROUP: &str = "admissionregistration.k8s.io";
const PLURAL: &str = "validatingadmissionpolicies";
const ACCOUNT: &str = "validatingadmissionpolicy-status-controller";

/// Checks the types in policies that changed.
pub(super) async fn check_types(api: &Arc<Api>) {
    let registry = api.registry();
    let Some(kind) = registry.get(GROUP, "v1", PLURAL) else {
        return;
    };
    let (policies, _) = api.store.list(&table(GROUP, PLURAL), None, None);
    for (key, stored) in policies {
        let observed = member::number(&stored.value["status"], "observedGeneration");
        let generation = meta::generation(&stored.value);
        if generation <= observed {
            continue;
        }
        let (policy, types) = (Arc::clone(&stored.value), Arc::clone(&registry));
        let found = deeply(move |deep| admission::type_warnings(deep, &types, &policy)).await;
        let Some(warnings) = found else { continue };
        let node = Node {
            kind: Arc::clone(kind),
            key,
            stored,
        };
        let controller = Actor::new(ACCOUNT);
        let status = controller.rewrite(api, &node, "status", |policy| {
            if meta::generation(policy) != generation {
                return;
            }
            let status = meta::child(policy, "status");
            status.insert("observedGeneration".into(), generation.into());
            let checked = if warnings.is_empty() {
                json!({})
            } else {
                json!({"expressionWarnings": warnings})
            };
            status.insert("typeChecking".into(), checked);
        });
        refused(&node, status.await);
    }
}
