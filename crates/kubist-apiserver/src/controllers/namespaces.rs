//! The end of namespaces.

use std::sync::Arc;

use serde_json::json;

use super::collector::{delete, is_foreground};
use super::{account, nodes};
use crate::admission::Origin;
use crate::endpoints::subresource;
use crate::http::options::{DeleteOptions, Propagation, WriteOptions};
use crate::http::request::Warnings;
use crate::kinds::kind::table;
use crate::object::meta;
use crate::state::Api;

/// Deletes what is in namespaces that are being deleted, and then lets go of them.
pub(super) async fn empty_namespaces(api: &Arc<Api>) {
    let user = account("namespace-controller");
    let warnings = Warnings::default();
    let origin = Origin {
        user: &user,
        warnings: &warnings,
    };
    let (namespaces, _) = api.store.list(&table("", "namespaces"), None, None);
    for (key, namespace) in namespaces {
        if !meta::is_deleting(&namespace.value) {
            continue;
        }
        let mut left = false;
        for node in nodes(api) {
            if !node.kind.namespaced || node.key.namespace != key.name {
                continue;
            }
            left = true;
            if !meta::is_deleting(&node.stored.value) || is_foreground(&node.stored.value) {
                let options = DeleteOptions {
                    propagation: Some(Propagation::Background),
                    grace: Some(0),
                    ..DeleteOptions::default()
                };
                delete(api, &node, &options).await;
            }
        }
        if left {
            // The deletions above may have emptied it; the next look will tell.
            continue;
        }
        let registry = api.registry();
        let Some(kind) = registry.get("", "v1", "namespaces") else {
            continue;
        };
        let current = meta::strings(meta::at(&namespace.value, "spec.finalizers"));
        let rest: Vec<&str> = current
            .into_iter()
            .filter(|finalizer| *finalizer != "kubernetes")
            .collect();
        let new = json!({"spec": {"finalizers": rest}});
        let _ = subresource::namespace::finish_namespace(
            api,
            kind,
            &key.name,
            new,
            &WriteOptions::default(),
            origin,
        )
        .await;
    }
}
