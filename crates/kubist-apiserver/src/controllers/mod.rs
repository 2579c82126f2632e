//! What keeps a cluster tidy: the garbage collector, and the controllers of namespaces, quotas,
//! policies and aggregated roles.
//!
//! All follow the store like any client and act through the same functions as requests
//! do. They look at the whole state whenever it moved: a test cluster is small, and a
//! rule that only depends on the state can't miss an event.

mod actor;
mod aggregation;
mod collector;
mod namespaces;
mod policies;
mod quotas;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::access::roles;
use crate::access::users::User;
use crate::http::status::Failure;
use crate::kinds::defaults;
use crate::kinds::kind::Kind;
use crate::kinds::strategy;
use crate::object::meta;
use crate::state::Api;
use crate::store::{Key, Stored};
use aggregation::Aggregator;
use collector::Collector;

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
    for role in roles::defaults(controllers) {
        if let Some(kind) = registry.get("rbac.authorization.k8s.io", "v1", role.plural) {
            lay_object(api, kind, role.object.clone());
        }
    }
    if let Some(kind) = registry.get("scheduling.k8s.io", "v1", "priorityclasses") {
        for (name, value, description) in PRIORITIES {
            let class = json!({"value": value, "description": description});
            put(api, kind, "", name, class);
        }
    }
    if let Some(kind) = registry.get("networking.k8s.io", "v1", "servicecidrs") {
        let range = json!({"spec": {"cidrs": [crate::kinds::service::RANGE]}});
        put(api, kind, "", "kubernetes", range);
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
                    "clusterIP": crate::kinds::service::FIRST,
                    "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
                },
            }),
        );
    }
}

/// The priorities of what a cluster cannot do without.
const PRIORITIES: [(&str, i64, &str); 2] = [
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
];

/// Lays an object that says only what is not the default.
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
    lay_object(api, kind, object);
}

/// Lays an object that is whole but for its identity.
fn lay_object(api: &Arc<Api>, kind: &Arc<Kind>, mut object: Value) {
    // Whoever is here first gets what is asked for.
    let _reserved = strategy::allocate(api, kind, &mut object, None, "");
    strategy::prepare_create(api, kind, &mut object, &User::default());
    let key = Key::new(meta::text(&object, "namespace"), meta::name(&object));
    // A fresh store has nothing under this name.
    let _ = api.store.create(&kind.table, key, object);
}

/// How long the controllers let others write before they look.
const BURST: Duration = Duration::from_millis(1);

/// Runs the controllers until the server closes.
pub(crate) fn start(api: &Arc<Api>) {
    let weak = Arc::downgrade(api);
    let closing = api.closing.clone();
    let mut moved = api.store.subscribe_any();
    api.tasks.spawn(async move {
        let mut collector = Collector::default();
        let mut aggregator = Aggregator::default();
        loop {
            moved.mark_unchanged();
            let Some(api) = weak.upgrade() else { return };
            collector.collect(&api).await;
            let again = namespaces::empty_namespaces(&api).await;
            aggregator.aggregate(&api).await;
            quotas::recount(&api).await;
            policies::check_types(&api).await;
            let ledger = Arc::clone(&api.quotas);
            drop(api);
            tokio::select! {
                () = closing.cancelled() => return,
                changed = moved.changed() => if changed.is_err() { return },
                () = pause(again) => {},
                () = ledger.settled() => {},
            }
            // One look serves a burst of writes, and writers are not kept from their work by many.
            tokio::time::sleep(BURST).await;
        }
    });
}

/// Ends after that time, or never.
async fn pause(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
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
