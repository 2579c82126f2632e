//! The garbage collector.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::actor::Actor;
use super::{Node, nodes, owners, refused};
use crate::http::options::{DeleteOptions, Propagation};
use crate::kinds::kind::table;
use crate::object::meta;
use crate::state::Api;
use crate::store::{Event, Key, Stored};

const ACCOUNT: &str = "generic-garbage-collector";

/// Looks at everything, once something happened that it cares for.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// Up to which revision it knows what happened.
    seen: u64,
    /// Whether it was at work: what it did, or could not do, is looked at again.
    was_busy: bool,
}

impl Collector {
    /// Deletes what lost all of its owners, and finishes foreground and orphaning deletions.
    pub(super) async fn collect(&mut self, api: &Arc<Api>) {
        let (events, seen) = api.store.all_events_after(self.seen);
        let is_new = events.is_none_or(|events| {
            let definitions = table("apiextensions.k8s.io", "customresourcedefinitions");
            // With a definition owners may become known.
            let mut events = events.iter();
            events.any(|(table, event)| *table == definitions || concerns(event))
        });
        if is_new || self.was_busy {
            self.was_busy = collect(api).await;
        }
        self.seen = seen;
    }
}

/// Whether owners or dependents may have come or gone, or a deletion may go on.
fn concerns(event: &Event) -> bool {
    let (after, before) = (
        &event.object.value,
        event.before.as_ref().map(|before| &before.value),
    );
    let changed = |part: fn(&Value) -> bool, same: fn(&Value, &Value) -> bool| {
        let before_had = before.is_some_and(|before| part(before));
        (part(after) || before_had) && before.is_none_or(|before| !same(before, after))
    };
    event.deleted
        || changed(|object| !owners(object).is_empty(), |a, b| owners(a) == owners(b))
        || changed(is_held, |a, b| {
            meta::finalizers(a) == meta::finalizers(b) && meta::is_deleting(a) == meta::is_deleting(b)
        })
}

/// Whether a deletion of the object is finished by the collector.
fn is_held(object: &Value) -> bool {
    let finalizers = meta::finalizers(object);
    finalizers
        .iter()
        .any(|finalizer| matches!(*finalizer, "orphan" | "foregroundDeletion"))
}

/// Does what is to be done now; tells whether there was anything.
async fn collect(api: &Arc<Api>) -> bool {
    let nodes = nodes(api);
    let needs_work = nodes
        .iter()
        .any(|node| !owners(&node.stored.value).is_empty() || is_held(&node.stored.value));
    if !needs_work {
        return false;
    }
    let mut was_busy = false;
    let mut dependents: HashMap<&str, Vec<&Node>> = HashMap::new();
    for node in &nodes {
        for owner in owners(&node.stored.value) {
            if let Some(uid) = owner["uid"].as_str() {
                dependents.entry(uid).or_default().push(node);
            }
        }
    }
    for node in &nodes {
        let object = &node.stored.value;
        let finalizers = meta::finalizers(object);
        let of = dependents
            .get(meta::uid(object))
            .map(Vec::as_slice)
            .unwrap_or_default();
        if meta::is_deleting(object) && finalizers.contains(&"orphan") {
            for dependent in of {
                disown(api, dependent, &[meta::uid(object)]).await;
            }
            drop_finalizer(api, node, "orphan").await;
            was_busy = true;
            continue;
        }
        if meta::is_deleting(object) && finalizers.contains(&"foregroundDeletion") {
            let blocking = |dependent: &&&Node| {
                owners(&dependent.stored.value)
                    .iter()
                    .any(|owner| owner["uid"] == meta::uid(object) && owner["blockOwnerDeletion"] == true)
            };
            if of.iter().filter(blocking).count() == 0 {
                drop_finalizer(api, node, "foregroundDeletion").await;
                was_busy = true;
            }
        }
        was_busy |= attempt(api, node, &dependents).await;
    }
    was_busy
}

/// Deletes an object without owners that had some, or forgets owners that are gone; tells whether it did.
async fn attempt(api: &Arc<Api>, node: &Node, dependents: &HashMap<&str, Vec<&Node>>) -> bool {
    let object = &node.stored.value;
    if owners(object).is_empty() || meta::is_deleting(object) {
        return false;
    }
    let (mut solid, mut dangling, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for owner in owners(object) {
        let uid = owner["uid"].as_str().unwrap_or("");
        match find(api, owner, node) {
            // Whether it is gone can't be said.
            Owner::Unknown => return false,
            Owner::Gone => dangling.push(uid),
            Owner::There(found) if is_foreground(&found.value) => waiting.push(uid),
            Owner::There(_) => solid.push(uid),
        }
    }
    if !solid.is_empty() {
        let gone: Vec<&str> = dangling.into_iter().chain(waiting).collect();
        if !gone.is_empty() {
            disown(api, node, &gone).await;
        }
        return !gone.is_empty();
    }
    let has_dependents = dependents
        .get(meta::uid(object))
        .is_some_and(|list| !list.is_empty());
    let propagation = if !waiting.is_empty() && has_dependents {
        Propagation::Foreground
    } else if meta::finalizers(object).contains(&"orphan") {
        Propagation::Orphan
    } else if meta::finalizers(object).contains(&"foregroundDeletion") {
        Propagation::Foreground
    } else {
        Propagation::Background
    };
    let options = DeleteOptions {
        propagation: Some(propagation),
        uid: Some(meta::uid(object).to_owned()),
        resource_version: Some(node.stored.revision.to_string()),
        ..DeleteOptions::default()
    };
    // Whoever changed it meanwhile made the store move: there will be another look.
    delete(api, node, &options).await;
    true
}

/// Deletes an object; who may not, tries again with the next write.
async fn delete(api: &Arc<Api>, node: &Node, options: &DeleteOptions) {
    let collector = Actor::new(ACCOUNT);
    refused(node, collector.delete(api, node, options, &node.key.name).await);
}

/// What became of an owner.
enum Owner {
    There(Stored),
    Gone,
    /// No such kind is served, or it is not one that can own the object.
    Unknown,
}

/// Looks where an owner reference points.
fn find(api: &Api, owner: &Value, dependent: &Node) -> Owner {
    let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or("");
    let (group, version) = meta::group_version(text("apiVersion"));
    let registry = api.registry();
    let Some(kind) = registry
        .kinds()
        .iter()
        .find(|kind| kind.group == group && kind.version == version && kind.kind == text("kind"))
    else {
        return Owner::Unknown;
    };
    let namespace = match (kind.namespaced, dependent.key.namespace.as_str()) {
        (true, "") => return Owner::Unknown,
        (true, namespace) => namespace,
        (false, _) => "",
    };
    match api.store.get(&kind.table, &Key::new(namespace, text("name"))) {
        Some(found) if meta::uid(&found.value) == text("uid") => Owner::There(found),
        _ => Owner::Gone,
    }
}

pub(super) fn is_foreground(object: &Value) -> bool {
    meta::is_deleting(object) && meta::finalizers(object).contains(&"foregroundDeletion")
}

/// Removes owner references from an object.
async fn disown(api: &Arc<Api>, node: &Node, uids: &[&str]) {
    let collector = Actor::new(ACCOUNT);
    let done = collector.rewrite(api, node, "", |object| {
        let rest: Vec<Value> = owners(object)
            .iter()
            .filter(|owner| !uids.contains(&owner["uid"].as_str().unwrap_or("")))
            .cloned()
            .collect();
        if rest.is_empty() {
            meta::remove(object, "ownerReferences");
        } else {
            meta::set(object, "ownerReferences", rest);
        }
    });
    refused(node, done.await);
}

async fn drop_finalizer(api: &Arc<Api>, node: &Node, finalizer: &str) {
    let collector = Actor::new(ACCOUNT);
    let done = collector.rewrite(api, node, "", |object| {
        let rest = meta::finalizers(object)
            .into_iter()
            .filter(|f| *f != finalizer)
            .map(str::to_owned)
            .collect();
        meta::set_finalizers(object, rest);
    });
    refused(node, done.await);
}
