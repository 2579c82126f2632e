//! The end of namespaces.

mod conditions;
mod content;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::actor::Actor;
use super::{Node, refused};
use crate::kinds::kind::table;
use crate::object::meta;
use crate::state::Api;
use content::Content;

const ACCOUNT: &str = "namespace-controller";

/// The controller's own finalizer.
const FINALIZER: &str = "kubernetes";

/// When to look again after somebody would not let something be deleted.
const REFUSED: Duration = Duration::from_secs(5);

/// Deletes what is in namespaces that are being deleted, says in their conditions what is left, and lets go
/// of those that are empty; tells when to look again even if nothing moved.
///
/// Source: the namespace controller, and
/// [KEP-5080](https://github.com/kubernetes/enhancements/issues/5080) for the order.
pub(super) async fn empty_namespaces(api: &Arc<Api>) -> Option<Duration> {
    let registry = api.registry();
    let kind = registry.get("", "v1", "namespaces")?;
    let (namespaces, _) = api.store.list(&table("", "namespaces"), None, None);
    let mut again: Option<Duration> = None;
    for (key, stored) in namespaces {
        let finalizers = meta::strings(meta::at(&stored.value, "spec.finalizers"));
        if !meta::is_deleting(&stored.value) || finalizers.is_empty() {
            continue;
        }
        let node = Node {
            kind: Arc::clone(kind),
            key,
            stored: stored.clone(),
        };
        let wait = empty(api, &node).await;
        again = [again, wait].into_iter().flatten().min();
    }
    again
}

async fn empty(api: &Arc<Api>, namespace: &Node) -> Option<Duration> {
    let controller = Actor::new(ACCOUNT);
    let content = Content::delete(api, &controller, namespace).await;
    let now = api.identity.timestamp();
    let status = controller.rewrite(api, namespace, "status", |namespace| {
        conditions::set(namespace, &content, &now);
    });
    refused(namespace, status.await);
    if !content.failures.is_empty() {
        return Some(REFUSED);
    }
    if content.is_left {
        return content.wait;
    }
    let finalize = controller.rewrite(api, namespace, "finalize", |namespace| {
        let rest: Vec<Value> = meta::strings(meta::at(namespace, "spec.finalizers"))
            .into_iter()
            .filter(|finalizer| *finalizer != FINALIZER)
            .map(Value::from)
            .collect();
        let spec = meta::child(namespace, "spec");
        if rest.is_empty() {
            spec.remove("finalizers");
        } else {
            spec.insert("finalizers".into(), rest.into());
        }
    });
    refused(namespace, finalize.await);
    None
}
