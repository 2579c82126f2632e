//! What the server does by itself when a definition changes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{CLEANUP, Custom};
use crate::http::options::DeleteOptions;
use crate::kinds::kind::{Kind, Registry, table};
use crate::kinds::ownership;
use crate::object::meta;
use crate::state::Api;
use crate::store::{Key, Stored};

const TRIES: usize = 32;

/// Follows a write to a definition.
pub(crate) fn changed(api: &Arc<Api>, crds: &Arc<Kind>, new: Option<&Arc<Value>>, old: Option<&Arc<Value>>) {
    let conversion = |crd: Option<&Arc<Value>>| crd.and_then(|crd| meta::at(crd, "spec.conversion").cloned());
    if let Some(old) = old.filter(|_| conversion(new) != conversion(old)) {
        let text = |path: &str| {
            meta::at(old, path)
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let table = table(&text("spec.group"), &text("spec.names.plural"));
        api.conversions.forget(&table);
    }
    if let Some(new) = new {
        let key = Key::new("", meta::name(new));
        if meta::is_deleting(new) {
            finalize(api, crds, &key);
        } else {
            accept(api, crds, &key);
        }
    }
    refresh(api);
}

/// Serves what the stored definitions say.
pub(crate) fn refresh(api: &Api) {
    let (crds, _) = api.store.list(&crds(), None, None);
    api.set_registry(Registry::new(
        crds.iter().flat_map(|(_, crd)| super::kinds(&crd.value)),
    ));
}

fn crds() -> crate::store::TableName {
    table("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Changes a definition's status until it holds still.
fn rewrite(api: &Arc<Api>, crds: &Arc<Kind>, key: &Key, change: impl Fn(&mut Value)) -> Option<Stored> {
    for _ in 0..TRIES {
        let old = api.store.get(&crds.table, key)?;
        let mut new = Value::clone(&old.value);
        change(&mut new);
        if new == *old.value {
            return Some(old);
        }
        ownership::manage(api, crds, &old.value, &mut new, "kube-apiserver", "status");
        if let Ok(stored) = api.store.update(&crds.table, key.clone(), old.revision, new) {
            return Some(stored);
        }
    }
    None
}

/// Accepts the names of a definition unless another one has them.
fn accept(api: &Arc<Api>, crds: &Arc<Kind>, key: &Key) {
    let (others, _) = api.store.list(&crds.table, None, None);
    let now = api.identity.timestamp();
    rewrite(api, crds, key, |crd| {
        let mut taken = Vec::new();
        for (other, stored) in &others {
            if other != key && stored.value["spec"]["group"] == crd["spec"]["group"] {
                let names = &stored.value["status"]["acceptedNames"];
                for name in ["plural", "singular", "kind", "listKind"] {
                    taken.extend(
                        names[name]
                            .as_str()
                            .filter(|name| !name.is_empty())
                            .map(str::to_owned),
                    );
                }
                taken.extend(
                    meta::strings(names.get("shortNames"))
                        .into_iter()
                        .map(str::to_owned),
                );
            }
        }
        accept_names(crd, &taken, &now);
    });
    refresh(api);
    // A name that is free now may be what another definition waits for.
}

fn accept_names(crd: &mut Value, taken: &[String], now: &str) {
    let names = crd["spec"]["names"].clone();
    let mut accepted = crd["status"]["acceptedNames"].clone();
    let mut conflict: Option<(&str, String)> = None;
    let is_taken = |name: &str| taken.iter().any(|known| known == name);
    for (field, reason) in [
        ("plural", "PluralConflict"),
        ("singular", "SingularConflict"),
        ("kind", "KindConflict"),
        ("listKind", "ListKindConflict"),
    ] {
        let name = names[field].as_str().unwrap_or("");
        if is_taken(name) {
            conflict = Some((reason, format!("{name:?} is already in use")));
        } else if !name.is_empty() {
            accepted[field] = name.into();
        }
    }
    let short = meta::strings(names.get("shortNames"));
    if let Some(name) = short.iter().find(|name| is_taken(name)) {
        conflict = Some(("ShortNamesConflict", format!("{name:?} is already in use")));
    } else if !short.is_empty() {
        accepted["shortNames"] = names["shortNames"].clone();
    }
    if let Some(categories) = names.get("categories").filter(|list| !list.is_null()) {
        accepted["categories"] = categories.clone();
    }
    crd["status"]["acceptedNames"] = accepted;

    let established = super::has_condition(crd, "Established");
    match conflict {
        None => {
            set_condition(
                crd,
                now,
                "NamesAccepted",
                true,
                "NoConflicts",
                "no conflicts found",
            );
            if !established {
                let message = "the initial names have been accepted";
                set_condition(crd, now, "Established", true, "InitialNamesAccepted", message);
            }
        }
        Some((reason, message)) => {
            set_condition(crd, now, "NamesAccepted", false, reason, &message);
            if !established {
                let message = "not all names are accepted";
                set_condition(crd, now, "Established", false, "NotAccepted", message);
            }
        }
    }
}

/// Sets a condition, keeping its time if nothing but the time would change.
pub(crate) fn set_condition(
    crd: &mut Value,
    now: &str,
    name: &str,
    status: bool,
    reason: &str,
    message: &str,
) {
    let status = if status { "True" } else { "False" };
    let conditions = meta::child(crd, "status")
        .entry("conditions")
        .or_insert_with(|| json!([]));
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Value::Array(conditions) = conditions else {
        return;
    };
    let mut condition = json!({
        "type": name, "status": status, "lastTransitionTime": now, "reason": reason, "message": message,
    });
    match conditions.iter_mut().find(|known| known["type"] == name) {
        Some(known) => {
            if known["status"] == status {
                condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
            }
            *known = condition;
        }
        None => conditions.push(condition),
    }
}

/// Deletes the objects of a definition that is being deleted, and then the definition.
fn finalize(api: &Arc<Api>, crds: &Arc<Kind>, key: &Key) {
    let Some(crd) = api.store.get(&crds.table, key) else {
        return;
    };
    if !meta::finalizers(&crd.value).contains(&CLEANUP) {
        return;
    }
    let kinds: Vec<Arc<Kind>> = super::kinds(&crd.value).into_iter().map(Arc::new).collect();
    let mut left = 0;
    if let Some(kind) = kinds.first() {
        let (objects, _) = api.store.list(&kind.table, None, None);
        for (key, object) in objects {
            if !meta::is_deleting(&object.value) {
                let _ = crate::endpoints::delete::delete_object(api, kind, &key, &DeleteOptions::default());
            }
        }
        left = api.store.list(&kind.table, None, None).0.len();
    }
    if left > 0 {
        return;
    }
    for _ in 0..TRIES {
        let Some(old) = api.store.get(&crds.table, key) else {
            return;
        };
        let mut new = Value::clone(&old.value);
        let rest: Vec<String> = meta::finalizers(&old.value)
            .into_iter()
            .filter(|finalizer| *finalizer != CLEANUP)
            .map(str::to_owned)
            .collect();
        let done = rest.is_empty();
        meta::set_finalizers(&mut new, rest);
        let written = if done {
            api.store
                .delete(&crds.table, key.clone(), old.revision, Some(new))
        } else {
            api.store.update(&crds.table, key.clone(), old.revision, new)
        };
        if written.is_ok() {
            break;
        }
    }
    // Names that are free again may be what others wait for.
    for (other, stored) in api.store.list(&crds.table, None, None).0 {
        if !meta::is_deleting(&stored.value) && !super::has_condition(&stored.value, "NamesAccepted") {
            accept(api, crds, &other);
        }
    }
}

/// Whether the definition of a kind is being deleted.
pub(crate) fn is_terminating(api: &Api, custom: &Custom) -> bool {
    let crds = crate::kinds::kind::table("apiextensions.k8s.io", "customresourcedefinitions");
    api.store
        .get(&crds, &Key::new("", &custom.crd))
        .is_some_and(|crd| meta::is_deleting(&crd.value))
}

/// Goes on deleting a definition once an object of it is gone.
pub(crate) fn instance_deleted(api: &Arc<Api>, custom: &Custom) {
    let registry = api.registry();
    let Some(crds) = registry.get("apiextensions.k8s.io", "v1", "customresourcedefinitions") else {
        return;
    };
    let key = Key::new("", &custom.crd);
    let deleting = api
        .store
        .get(&crds.table, &key)
        .is_some_and(|crd| meta::is_deleting(&crd.value));
    if deleting {
        finalize(api, crds, &key);
        refresh(api);
    }
}
