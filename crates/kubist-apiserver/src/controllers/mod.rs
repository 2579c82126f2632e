//! What keeps a cluster tidy: the garbage collector and the namespace controller.
//!
//! Both follow the store like any client and act through the same functions as requests
//! do. They look at the whole state whenever it moved: a test cluster is small, and a
//! rule that only depends on the state can't miss an event.

mod aggregation;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::access::roles;
use crate::access::users::User;
use crate::admission::{self, Attributes, Operation, Origin};
use crate::endpoints::delete;
use crate::endpoints::subresource;
use crate::http::options::{DeleteOptions, Propagation, WriteOptions};
use crate::http::request::Warnings;
use crate::http::status::Failure;
use crate::kinds::defaults;
use crate::kinds::kind::{Kind, table};
use crate::kinds::strategy;
use crate::object::meta;
use crate::object::view;
use crate::state::Api;
use crate::store::{Key, Stored};

/// Lays what every server has: namespaces, the default roles and the `kubernetes` service.
pub(crate) fn lay(api: &Arc<Api>, fresh: bool, controllers: bool) {
    crate::crd::lifecycle::refresh(api);
    if !fresh {
        return;
    }
    let registry = api.registry();
    if let Some(kind) = registry.get("", "v1", "namespaces") {
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            put(api, kind, "", name, json!({}));
        }
    }
    for (plural, objects) in [
        ("clusterroles", roles::cluster_roles(controllers)),
        ("clusterrolebindings", roles::cluster_role_bindings()),
    ] {
        if let Some(kind) = registry.get("rbac.authorization.k8s.io", "v1", plural) {
            for object in objects {
                let name = meta::name(&object).to_owned();
                put(api, kind, "", &name, object);
            }
        }
    }
    if let Some(kind) = registry.get("", "v1", "services") {
        let labels = json!({"component": "apiserver", "provider": "kubernetes"});
        put(
            api,
            kind,
            "default",
            "kubernetes",
            json!({
                "metadata": {"labels": labels},
                "spec": {
                    "clusterIP": crate::kinds::address::FIRST,
                    "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
                },
            }),
        );
    }
}

fn put(api: &Arc<Api>, kind: &Arc<Kind>, namespace: &str, name: &str, mut object: Value) {
    meta::set(&mut object, "name", name);
    if !namespace.is_empty() {
        meta::set(&mut object, "namespace", namespace);
    }
    if let crate::kinds::kind::Schema::Builtin(message) = &kind.schema {
        if let Ok((decoded, _)) = crate::object::decode::decode(message, object.clone()) {
            object = decoded;
        }
        defaults::apply(message, &mut object);
    }
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind.as_str().into();
    strategy::prepare_create(api, kind, &mut object, &User::default());
    // A fresh store has nothing under this name.
    let _ = api.store.create(&kind.table, Key::new(namespace, name), object);
}

/// Runs the controllers until the server closes.
pub(crate) fn start(api: &Arc<Api>) {
    let weak = Arc::downgrade(api);
    let closing = api.closing.clone();
    let mut moved = api.store.subscribe_any();
    api.tasks.spawn(async move {
        loop {
            moved.mark_unchanged();
            let Some(api) = weak.upgrade() else { return };
            collect(&api).await;
            empty_namespaces(&api).await;
            aggregation::aggregate(&api).await;
            drop(api);
            tokio::select! {
                () = closing.cancelled() => return,
                changed = moved.changed() => if changed.is_err() { return },
            }
            // One look serves a burst of writes.
            tokio::task::yield_now().await;
        }
    });
}

/// An object, and how to reach it.
struct Node {
    kind: Arc<Kind>,
    key: Key,
    stored: Stored,
}

/// Every object of every kind that can be deleted, each table once.
fn nodes(api: &Api) -> Vec<Node> {
    let registry = api.registry();
    let mut seen = HashSet::new();
    let mut nodes = Vec::new();
    for kind in registry.kinds().iter().filter(|kind| kind.allows("delete")) {
        if !seen.insert(Arc::clone(&kind.table)) {
            continue;
        }
        let (items, _) = api.store.list(&kind.table, None, None);
        nodes.extend(items.into_iter().map(|(key, stored)| Node {
            kind: Arc::clone(kind),
            key,
            stored,
        }));
    }
    nodes
}

/// An owner as an object names it.
fn owners(object: &Value) -> &[Value] {
    meta::get(object, "ownerReferences")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Deletes what lost all of its owners, and finishes foreground and orphaning deletions.
async fn collect(api: &Arc<Api>) {
    let nodes = nodes(api);
    let needs_work = nodes.iter().any(|node| {
        !owners(&node.stored.value).is_empty()
            || meta::finalizers(&node.stored.value)
                .iter()
                .any(|finalizer| matches!(*finalizer, "orphan" | "foregroundDeletion"))
    });
    if !needs_work {
        return;
    }
    let by_uid: HashMap<&str, &Node> = nodes
        .iter()
        .map(|node| (meta::uid(&node.stored.value), node))
        .collect();
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
            }
        }
        attempt(api, node, &by_uid, &dependents).await;
    }
}

/// Deletes an object without owners that had some, or forgets owners that are gone.
async fn attempt(
    api: &Arc<Api>,
    node: &Node,
    by_uid: &HashMap<&str, &Node>,
    dependents: &HashMap<&str, Vec<&Node>>,
) {
    let object = &node.stored.value;
    if owners(object).is_empty() || meta::is_deleting(object) {
        return;
    }
    let (mut solid, mut dangling, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for owner in owners(object) {
        let uid = owner["uid"].as_str().unwrap_or("");
        let found = by_uid.get(uid).filter(|found| {
            // An owner in another namespace is no owner.
            found.key.namespace.is_empty() || found.key.namespace == node.key.namespace
        });
        match found {
            None => dangling.push(uid),
            Some(found) if is_foreground(&found.stored.value) => waiting.push(uid),
            Some(_) => solid.push(uid),
        }
    }
    if !solid.is_empty() {
        let gone: Vec<&str> = dangling.into_iter().chain(waiting).collect();
        if !gone.is_empty() {
            disown(api, node, &gone).await;
        }
        return;
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
    let user = account("generic-garbage-collector");
    let warnings = Warnings::default();
    let origin = Origin {
        user: &user,
        warnings: &warnings,
    };
    refused(
        node,
        delete::delete_asked(api, &node.kind, &node.key, &options, origin, &node.key.name).await,
    );
}

fn is_foreground(object: &Value) -> bool {
    meta::is_deleting(object) && meta::finalizers(object).contains(&"foregroundDeletion")
}

/// Removes owner references from an object.
async fn disown(api: &Arc<Api>, node: &Node, uids: &[&str]) {
    let done = rewrite(api, node, |object| {
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
    let done = rewrite(api, node, |object| {
        let rest = meta::finalizers(object)
            .into_iter()
            .filter(|f| *f != finalizer)
            .map(str::to_owned)
            .collect();
        meta::set_finalizers(object, rest);
    });
    refused(node, done.await);
}

/// Says that somebody would not let a controller do its work; it tries again with the next write.
fn refused<T>(node: &Node, done: Result<T, Failure>) {
    if let Err(failure) = done {
        let (kind, name) = (&node.kind.kind, &node.key.name);
        tracing::debug!(kind, name, error = failure.message, "a controller was refused");
    }
}

/// Who controllers are.
fn account(name: &str) -> User {
    User {
        name: format!("system:serviceaccount:kube-system:{name}"),
        groups: [
            "system:serviceaccounts",
            "system:serviceaccounts:kube-system",
            "system:authenticated",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..User::default()
    }
}

/// Changes an object as it is now; the last finalizer's end is the object's.
///
/// Whoever was faster made the store move: there will be another look.
async fn rewrite(api: &Arc<Api>, node: &Node, change: impl FnOnce(&mut Value)) -> Result<(), Failure> {
    let Some(old) = api.store.get(&node.kind.table, &node.key) else {
        return Ok(());
    };
    let before = view::object(api, &node.kind, &old.value).await?;
    let mut new = before.clone();
    change(&mut new);
    if new == before {
        return Ok(());
    }
    let user = account("generic-garbage-collector");
    let warnings = Warnings::default();
    let origin = Origin {
        user: &user,
        warnings: &warnings,
    };
    let (namespace, name) = (&node.key.namespace, &node.key.name);
    let attributes = Attributes::new(origin, &node.kind, Operation::Update, namespace, name)
        .options(WriteOptions::default().told("UpdateOptions"), false);
    admission::mutate(api, &attributes, Some(&mut new), Some(&before)).await?;
    admission::validate(api, &attributes, Some(&new), Some(&before)).await?;
    let new = view::stored(api, &node.kind, new).await?;
    let finished = strategy::is_finished(&node.kind, &new);
    let written = if finished {
        api.store
            .delete(&node.kind.table, node.key.clone(), old.revision, Some(new))
    } else {
        api.store
            .update(&node.kind.table, node.key.clone(), old.revision, new)
    };
    if let Ok(stored) = written {
        strategy::after_write(
            api,
            &node.kind,
            (!finished).then_some(&stored.value),
            Some(&old.value),
        );
    }
    Ok(())
}

/// Deletes what is in namespaces that are being deleted, and then lets go of them.
async fn empty_namespaces(api: &Arc<Api>) {
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
                let user = account("generic-garbage-collector");
                let warnings = Warnings::default();
                let origin = Origin {
                    user: &user,
                    warnings: &warnings,
                };
                refused(
                    &node,
                    delete::delete_asked(api, &node.kind, &node.key, &options, origin, &node.key.name).await,
                );
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
        let _ =
            subresource::finish_namespace(api, kind, &key.name, new, &WriteOptions::default(), origin).await;
    }
}
