//! What is in a namespace that is being deleted.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::Node;
use super::super::actor::Actor;
use super::super::collector::is_foreground;
use crate::http::options::{DeleteOptions, Propagation};
use crate::kinds::kind::Kind;
use crate::object::meta;
use crate::state::Api;

/// What is left after everything was deleted that can be.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Whether anything is left.
    pub(super) is_left: bool,
    /// How many objects are left of each resource, if it came to more than pods.
    pub(super) resources: BTreeMap<String, usize>,
    /// How many objects each finalizer holds, if it came to more than pods.
    pub(super) finalizers: BTreeMap<String, usize>,
    /// Why something could not be deleted.
    pub(super) failures: Vec<String>,
    /// How long it takes until pods should be gone.
    pub(super) wait: Option<Duration>,
}

impl Content {
    /// Deletes the pods of a namespace, and once they are gone all the rest.
    pub(super) async fn delete(api: &Arc<Api>, controller: &Actor, namespace: &Node) -> Content {
        let mut content = Content::default();
        let registry = api.registry();
        let mut seen = HashSet::new();
        let (pods, others): (Vec<_>, Vec<_>) = registry
            .kinds()
            .iter()
            .filter(|kind| kind.namespaced && kind.allows("delete"))
            .filter(|kind| seen.insert((kind.group.as_str(), kind.plural.as_str())))
            .partition(|kind| kind.is("", "pods"));
        for kind in pods {
            let grace = grace_left(api, kind, namespace);
            let left = content.delete_all(api, controller, kind, namespace).await;
            if left.is_empty() {
                continue;
            }
            content.is_left = true;
            content.wait = (!grace.is_zero()).then_some(grace);
            if grace.is_zero() && !left.iter().any(|object| held(object)) {
                content.failures.push(format!(
                    "unexpected items still remain in namespace: {} for gvr: /v1, Resource=pods",
                    namespace.key.name
                ));
            }
        }
        if content.is_left || !content.failures.is_empty() {
            return content;
        }
        for kind in others {
            let left = content.delete_all(api, controller, kind, namespace).await;
            content.is_left |= !left.is_empty();
            // Those without finalizers came after the look; the next one deletes them.
            if left.iter().any(|object| held(object)) {
                let resource = format!("{}.{}", kind.plural, kind.group);
                content.resources.insert(resource, left.len());
            }
            for finalizer in left.iter().flat_map(|object| meta::finalizers(object)) {
                *content.finalizers.entry(finalizer.to_owned()).or_default() += 1;
            }
        }
        content
    }

    /// Deletes the objects of a kind; gives those that are left.
    async fn delete_all(
        &mut self,
        api: &Arc<Api>,
        controller: &Actor,
        kind: &Arc<Kind>,
        namespace: &Node,
    ) -> Vec<Arc<Value>> {
        let options = DeleteOptions {
            propagation: Some(Propagation::Background),
            ..DeleteOptions::default()
        };
        for node in objects(api, kind, namespace) {
            let object = &node.stored.value;
            if meta::is_deleting(object) && !is_foreground(object) {
                continue;
            }
            let name = if kind.allows("deletecollection") {
                ""
            } else {
                &node.key.name
            };
            match controller.delete(api, &node, &options, name).await {
                Err(failure) if failure.code != 404 => {
                    self.failures.push(failure.message);
                    // What is true of one is mostly true of all.
                    break;
                }
                _ => {}
            }
        }
        let left = objects(api, kind, namespace).into_iter();
        left.map(|node| node.stored.value).collect()
    }
}

fn objects(api: &Api, kind: &Arc<Kind>, namespace: &Node) -> Vec<Node> {
    let (items, _) = api.store.list(&kind.table, Some(&namespace.key.name), None);
    let of_kind = |(key, stored)| Node {
        kind: Arc::clone(kind),
        key,
        stored,
    };
    items.into_iter().map(of_kind).collect()
}

fn held(object: &Value) -> bool {
    !meta::finalizers(object).is_empty()
}

/// How much is left of the longest time that pods get to end.
fn grace_left(api: &Api, kind: &Arc<Kind>, namespace: &Node) -> Duration {
    let since: Option<Timestamp> = meta::text(&namespace.stored.value, "deletionTimestamp")
        .parse()
        .ok();
    let elapsed = since.map_or(0, |since| api.identity.now().duration_since(since).as_secs());
    let longest = objects(api, kind, namespace)
        .iter()
        .map(|pod| &pod.stored.value)
        .filter(|pod| {
            let phase = meta::at(pod, "status.phase").and_then(Value::as_str);
            !matches!(phase, Some("Succeeded" | "Failed"))
        })
        .filter_map(|pod| meta::at(pod, "spec.terminationGracePeriodSeconds")?.as_i64())
        .max();
    let left = longest.unwrap_or(0).saturating_sub(elapsed).max(0);
    Duration::from_secs(left.unsigned_abs())
}
