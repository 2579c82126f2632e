//! What is used of quotas.

use std::sync::Arc;

use super::actor::Actor;
use super::{Node, refused};
use crate::kinds::kind::table;
use crate::kinds::plugins;
use crate::state::Api;

const ACCOUNT: &str = "resourcequota-controller";

/// Keeps the status of quotas true to what they say and to what is in their namespaces.
pub(super) async fn recount(api: &Arc<Api>) {
    let registry = api.registry();
    let Some(kind) = registry.get("", "v1", "resourcequotas") else {
        return;
    };
    let (quotas, _) = api.store.list(&table("", "resourcequotas"), None, None);
    for (key, stored) in quotas {
        let node = Node {
            kind: Arc::clone(kind),
            key,
            stored,
        };
        let controller = Actor::new(ACCOUNT);
        let status = controller.rewrite(api, &node, "status", |quota| {
            if let Some(status) = plugins::recount(api, quota) {
                quota["status"] = status;
            }
        });
        refused(&node, status.await);
    }
}
