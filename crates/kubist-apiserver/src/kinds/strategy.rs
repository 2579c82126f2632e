//! The rules that differ from kind to kind, gathered in one place.
//!
//! Everything else treats all kinds alike and asks here: how objects may be called, what a
//! create and an update set by themselves, what deletes them, and what follows a write.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::access::users::User;
use crate::crd;
use crate::http::fields::FieldError;
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Schema};
use crate::kinds::rules;
use crate::kinds::service::{self, Reservation};
use crate::kinds::{
    app_armor, autoscaler, default_classes, defaults, plugins, pod_admission, prepare, signing,
};
use crate::object::decode;
use crate::object::meta;
use crate::object::metavalidate::NameRule;
use crate::state::Api;
use crate::store::Key;

/// How objects of a kind may be called.
pub(crate) fn name_rule(kind: &Kind) -> NameRule {
    if kind.custom().is_some() {
        return NameRule::Subdomain;
    }
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "namespaces" | "services") => NameRule::Label,
        ("rbac.authorization.k8s.io", _) => NameRule::PathSegment,
        _ => NameRule::Subdomain,
    }
}

/// Whether an update may come without a resource version.
pub(crate) fn allows_unconditional_update(kind: &Kind) -> bool {
    kind.custom().is_none()
        && !matches!(
            (kind.group.as_str(), kind.plural.as_str()),
            ("apiextensions.k8s.io", _)
                | ("apiregistration.k8s.io", _)
                | ("coordination.k8s.io", _)
                | ("admissionregistration.k8s.io", _)
                | ("policy", _)
                | (
                    "storage.k8s.io",
                    "csinodes" | "csidrivers" | "csistoragecapacities"
                )
                | ("node.k8s.io" | "discovery.k8s.io" | "resource.k8s.io", _)
        )
}

/// Whether an update of what is not there creates it.
pub(crate) fn creates_on_update(kind: &Kind) -> bool {
    kind.custom().is_none()
        && matches!(
            (kind.group.as_str(), kind.plural.as_str()),
            ("", "events" | "services" | "endpoints")
                | ("events.k8s.io", "events")
                | ("coordination.k8s.io", "leases")
                | ("rbac.authorization.k8s.io", _)
        )
}

/// What the object would be if nothing had been set, for ownership of fields.
pub(crate) fn empty(kind: &Kind) -> Value {
    let mut value = match &kind.schema {
        Schema::Builtin(message) => decode::zero(message),
        Schema::Custom(_) => json!({}),
    };
    value["apiVersion"] = kind.api_version().into();
    value["kind"] = kind.kind.as_str().into();
    value
}

/// Fills in what the client left out.
pub(crate) fn default(kind: &Kind, object: &mut Value) {
    match &kind.schema {
        Schema::Builtin(message) => defaults::apply(message, object),
        Schema::Custom(custom) => crd::structure::default(&custom.schema, object),
    }
}

/// Fills in what follows from a name that was generated.
pub(crate) fn named(kind: &Kind, object: &mut Value) {
    if kind.is("", "namespaces") {
        default(kind, object);
    }
}

/// Whether objects of a kind count their changes, and which part of them counts.
fn counts_generation(kind: &Kind) -> bool {
    if kind.custom().is_some() {
        return true;
    }
    matches!(
        (kind.group.as_str(), kind.plural.as_str()),
        ("", "pods" | "replicationcontrollers" | "podtemplates")
            | (
                "apps",
                "deployments" | "statefulsets" | "daemonsets" | "replicasets"
            )
            | ("batch", _)
            | (
                "networking.k8s.io",
                "ingresses" | "ingressclasses" | "networkpolicies"
            )
            | ("policy", _)
            | ("apiextensions.k8s.io" | "admissionregistration.k8s.io", _)
            | ("flowcontrol.apiserver.k8s.io", _)
            | ("discovery.k8s.io", _)
            | ("scheduling.k8s.io", _)
            | ("resource.k8s.io", "deviceclasses" | "resourceslices")
    )
}

/// Refuses what must not be created now, and adds what built-in admission adds.
pub(crate) fn admit_create(api: &Api, kind: &Kind, object: &mut Value) -> Result<(), Failure> {
    if kind.namespaced {
        admit_into_namespace(api, kind, object)?;
    }
    if let Some(custom) = kind.custom()
        && crd::lifecycle::is_terminating(api, custom)
    {
        let why = "create not allowed while custom resource definition is terminating";
        return Err(Failure::forbidden(
            &kind.group,
            &kind.plural,
            meta::name(object),
            why,
        ));
    }
    if kind.custom().is_none() {
        prepare::admit_create(kind, object);
    }
    plugins::complete(api, kind, object);
    if kind.is("", "pods") {
        pod_admission::admit(api, object)?;
    }
    if kind.is("scheduling.k8s.io", "priorityclasses") {
        pod_admission::admit_priority_class(api, object)?;
    }
    default_classes::admit(api, kind, object);
    Ok(())
}

/// Whether built-in admission adds to new objects of a kind.
pub(crate) fn is_completed(kind: &Kind) -> bool {
    kind.is("", "pods") || kind.is("", "persistentvolumeclaims") || kind.is("networking.k8s.io", "ingresses")
}

fn admit_into_namespace(api: &Api, kind: &Kind, object: &Value) -> Result<(), Failure> {
    let namespace = meta::text(object, "namespace");
    let Some(found) = api.store.get(
        &crate::kinds::kind::table("", "namespaces"),
        &Key::new("", namespace),
    ) else {
        return Err(Failure::not_found("", "namespaces", namespace));
    };
    if meta::is_deleting(&found.value) {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        return Err(
            Failure::forbidden(&kind.group, &kind.plural, meta::name(object), &why).cause(
                "NamespaceTerminating",
                &format!("namespace {namespace} is being terminated"),
                "metadata.namespace",
            ),
        );
    }
    Ok(())
}

/// Gives an object what there is only one of; `old` is there for an update.
pub(crate) fn allocate<'a>(
    api: &'a Api,
    kind: &Kind,
    new: &mut Value,
    old: Option<&Value>,
    subresource: &str,
) -> Result<Option<Reservation<'a>>, Failure> {
    if !kind.is("", "services") || !subresource.is_empty() {
        return Ok(None);
    }
    let allocated = service::allocate(api, new, old);
    let refused =
        |errors: Vec<FieldError>| Failure::invalid(&kind.group, &kind.kind, meta::name(new), &errors);
    allocated.map(Some).map_err(refused)
}

/// What a write of this object is warned about; `old` is there for an update.
pub(crate) fn warnings(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<String> {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "services") => service::warnings(object),
        ("apiextensions.k8s.io", "customresourcedefinitions") => crd::warnings(object),
        _ if kind.custom().is_some() => Vec::new(),
        // Who changes pods is mostly nobody who reads warnings.
        ("", "pods") if old.is_some() => Vec::new(),
        _ if counts_generation(kind)
            && old.is_some_and(|old| meta::generation(old) == meta::generation(object)) =>
        {
            Vec::new()
        }
        _ => rules::warnings(kind, object, old),
    }
}

/// Sets what a new object gets from the server; gives what the writer is warned of.
pub(crate) fn prepare_create(api: &Api, kind: &Kind, object: &mut Value, user: &User) -> Vec<String> {
    meta::remove(object, "selfLink");
    meta::set(object, "uid", api.identity.uid());
    meta::set(object, "creationTimestamp", api.identity.timestamp());
    if has_status(kind) {
        reset_status(kind, object, None);
    }
    if counts_generation(kind) {
        meta::set(object, "generation", 1);
    }
    if kind.custom().is_none() {
        prepare::prepare_create(kind, object);
        if kind.is("certificates.k8s.io", "certificatesigningrequests") {
            signing::prepare_create(object, user);
        }
    }
    if kind.is("", "pods") {
        return app_armor::carry(object);
    }
    Vec::new()
}

/// Whether `status` can be written under its own path only.
pub(super) fn has_status(kind: &Kind) -> bool {
    kind.subresource("status").is_some()
}

/// Sets `status` to that of `from`, or to an empty one.
fn reset_status(kind: &Kind, object: &mut Value, from: Option<&Value>) {
    let status = match (from, &kind.schema) {
        (Some(from), _) => from.get("status").cloned(),
        (None, Schema::Builtin(message)) => decode::zero(message).get("status").cloned(),
        (None, Schema::Custom(_)) => None,
    };
    if let Value::Object(object) = object {
        match status {
            Some(status) => object.insert("status".into(), status),
            None => object.remove("status"),
        };
    }
}

/// Keeps what an update through `subresource` may not touch, and counts the change.
pub(crate) fn prepare_update(api: &Api, kind: &Kind, new: &mut Value, old: &Value, subresource: &str) {
    match subresource {
        "status" => keep_all_but_status(kind, new, old),
        "" | "scale" | "finalize" if has_status(kind) => reset_status(kind, new, Some(old)),
        _ => {}
    }
    if kind.custom().is_none() {
        prepare::prepare_update(api, kind, new, old, subresource);
    }
    if counts_generation(kind) && changed(kind, new, old, subresource) {
        meta::set(new, "generation", meta::generation(old) + 1);
    }
}

fn keep_all_but_status(kind: &Kind, new: &mut Value, old: &Value) {
    let mut kept = old.clone();
    if let Value::Object(kept) = &mut kept {
        match new.get("status") {
            Some(status) => kept.insert("status".into(), status.clone()),
            None => kept.remove("status"),
        };
    }
    for field in ["managedFields", "resourceVersion"] {
        match meta::get(new, field) {
            Some(value) => meta::set(&mut kept, field, value.clone()),
            None => meta::remove(&mut kept, field),
        }
    }
    // Built-in kinds let metadata through, custom resources do not.
    if kind.custom().is_none()
        && let (Some(metadata), Value::Object(kept)) = (new.get("metadata"), &mut kept)
    {
        kept.insert("metadata".into(), metadata.clone());
    }
    for field in status_keeps(kind) {
        match meta::get(old, field) {
            Some(value) => meta::set(&mut kept, field, value.clone()),
            None => meta::remove(&mut kept, field),
        }
    }
    *new = kept;
}

/// The metadata that a write of the status of a built-in kind leaves alone.
pub(super) fn status_keeps(kind: &Kind) -> &'static [&'static str] {
    if kind.is("apps", "deployments") {
        &["labels"]
    } else if kind.is("", "pods") {
        &["deletionTimestamp", "ownerReferences"]
    } else {
        &[]
    }
}

/// Whether an update changed what generations count.
fn changed(kind: &Kind, new: &Value, old: &Value, subresource: &str) -> bool {
    let ignored = |key: &str| {
        matches!(key, "metadata" | "apiVersion" | "kind")
            || key == "status" && (has_status(kind) || kind.custom().is_none())
    };
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else {
        return true;
    };
    let annotations = |object: &Map<String, Value>| {
        let annotations = object
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"));
        annotations.cloned()
    };
    if subresource.is_empty() && kind.is("apps", "deployments") && annotations(new) != annotations(old) {
        return true;
    }
    let part = |map: &Map<String, Value>| -> Vec<(String, Value)> {
        map.iter()
            .filter(|(key, _)| !ignored(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    part(new) != part(old)
}

/// What breaks the rules of the kind; `old` is there for an update.
pub(crate) fn validate(kind: &Kind, new: &Value, old: Option<&Value>, subresource: &str) -> Vec<FieldError> {
    match &kind.schema {
        Schema::Builtin(message) => rules::validate(kind, message, new, old, subresource),
        Schema::Custom(custom) => crd::validate::validate(custom, new, old, subresource),
    }
}

/// The form in which an object is stored.
///
/// The storage version has no place for fields that only another version has.
pub(crate) fn storage_form(kind: &Kind, object: &mut Value) {
    if let (true, Value::Object(event)) = (crate::kinds::event::is_translated(kind), &mut *object) {
        crate::kinds::event::store(event);
    }
    if autoscaler::is_translated(kind) {
        autoscaler::store(object);
    }
    if let Schema::Custom(custom) = &kind.schema {
        object["apiVersion"] = meta::api_version(&kind.group, &custom.storage_version).into();
        // A webhook moved the fields instead of losing them.
        if kind.version != custom.storage_version && custom.conversion.is_none() {
            crate::crd::structure::prune(&custom.storage_schema, object);
        }
    }
}

/// Does what follows a write. `new` is absent after a deletion, `old` after a create.
pub(crate) fn after_write(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    new: Option<&Arc<Value>>,
    old: Option<&Arc<Value>>,
) {
    if kind.is("apiextensions.k8s.io", "customresourcedefinitions") {
        crd::lifecycle::changed(api, kind, new, old);
    } else if let Some(custom) = kind.custom() {
        crd::cache::follow(api, kind, custom);
        if new.is_none() {
            crd::lifecycle::instance_deleted(api, custom);
        }
    }
}
