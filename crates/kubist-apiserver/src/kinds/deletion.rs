//! How objects go: what may not, who holds them, and how long it takes.

use serde_json::Value;

use crate::crd;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::object::meta;
use crate::state::Api;

/// Refuses what must never be deleted.
pub(crate) fn admit_delete(kind: &Kind, name: &str) -> Result<(), Failure> {
    if kind.is("", "namespaces") && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(Failure::forbidden(
            "",
            "namespaces",
            name,
            "this namespace may not be deleted",
        ));
    }
    if kind.is("scheduling.k8s.io", "priorityclasses") && name.starts_with("system-") {
        let why = "this is a system priority class and cannot be deleted";
        return Err(Failure::forbidden(&kind.group, &kind.plural, name, why));
    }
    Ok(())
}

/// Whether a delete answers with the object rather than a `Status`.
pub(crate) fn returns_deleted(kind: &Kind) -> bool {
    kind.custom().is_none()
        && kind.group.is_empty()
        && matches!(
            kind.plural.as_str(),
            "pods"
                | "podtemplates"
                | "persistentvolumes"
                | "persistentvolumeclaims"
                | "resourcequotas"
                | "serviceaccounts"
                | "services"
        )
}

/// Whether a delete that does not say what becomes of dependents leaves them.
pub(crate) fn leaves_orphans(kind: &Kind) -> bool {
    kind.is("batch", "jobs") || kind.is("", "replicationcontrollers")
}

/// How many seconds a delete waits.
pub(crate) fn grace(kind: &Kind, object: &Value, asked: Option<i64>) -> i64 {
    if !is_graceful(kind) {
        return 0;
    }
    let unscheduled = meta::at(object, "spec.nodeName")
        .and_then(Value::as_str)
        .unwrap_or("")
        .is_empty();
    let finished = matches!(
        meta::at(object, "status.phase").and_then(Value::as_str),
        Some("Succeeded" | "Failed")
    );
    if unscheduled || finished {
        return 0;
    }
    let own = meta::at(object, "spec.terminationGracePeriodSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(0);
    match asked {
        Some(seconds) if seconds < 0 => 1,
        Some(seconds) => seconds,
        None => own.max(0),
    }
}

/// Whether somebody else finishes a delete after a while.
pub(crate) fn is_graceful(kind: &Kind) -> bool {
    kind.is("", "pods")
}

/// Marks kinds that are deleted in their own way; tells whether something holds them, or
/// nothing for kinds without a way of their own.
pub(crate) fn mark_specially(api: &Api, kind: &Kind, object: &mut Value) -> Option<bool> {
    if kind.is("", "namespaces") {
        // Even one that nothing holds is marked first, and goes with the next delete.
        if !meta::is_deleting(object) {
            meta::set(object, "deletionTimestamp", api.identity.timestamp());
            meta::child(object, "status").insert("phase".into(), "Terminating".into());
            return Some(true);
        }
        return Some(!may_vanish(kind, object));
    }
    if kind.is("apiextensions.k8s.io", "customresourcedefinitions") {
        return Some(crd::mark(api, object));
    }
    None
}

/// Whether nothing holds an object any longer that is being deleted: the write that leads here removes it.
pub(crate) fn is_finished(kind: &Kind, object: &Value) -> bool {
    meta::is_deleting(object)
        && meta::finalizers(object).is_empty()
        && meta::get(object, "deletionGracePeriodSeconds")
            .and_then(Value::as_i64)
            .unwrap_or(0)
            == 0
        && may_vanish(kind, object)
}

/// Whether an object whose last finalizer went may be removed.
fn may_vanish(kind: &Kind, object: &Value) -> bool {
    !kind.is("", "namespaces") || meta::strings(meta::at(object, "spec.finalizers")).is_empty()
}
