//! Classes that objects get which ask for none.

use serde_json::Value;

use crate::kinds::kind::{self, Kind};
use crate::object::meta;
use crate::state::Api;

/// Gives a new claim the default class of storage, and a new ingress that of ingresses, if there is
/// one; of several, the one that was made last.
///
/// Source: [admission
/// plugins](https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/),
/// `DefaultStorageClass` and `DefaultIngressClass`.
pub(crate) fn admit(api: &Api, kind: &Kind, object: &mut Value) {
    let (group, classes, annotation, field) = match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "persistentvolumeclaims") => (
            "storage.k8s.io",
            "storageclasses",
            "storageclass.kubernetes.io/is-default-class",
            "storageClassName",
        ),
        ("networking.k8s.io", "ingresses") => (
            "networking.k8s.io",
            "ingressclasses",
            "ingressclass.kubernetes.io/is-default-class",
            "ingressClassName",
        ),
        _ => return,
    };
    let own = |annotation: &str| {
        meta::get(object, "annotations").is_some_and(|annotations| annotations.get(annotation).is_some())
    };
    // Before there were fields, there were annotations.
    let old = [
        "volume.beta.kubernetes.io/storage-class",
        "kubernetes.io/ingress.class",
    ];
    let is_set = meta::at(object, &format!("spec.{field}")).is_some_and(|class| !class.is_null());
    if is_set || old.into_iter().any(own) {
        return;
    }
    let (classes, _) = api.store.list(&kind::table(group, classes), None, None);
    let is_default = |class: &Value| {
        let annotations = meta::get(class, "annotations");
        annotations.and_then(|annotations| annotations.get(annotation)) == Some(&Value::from("true"))
    };
    let default = classes
        .iter()
        .map(|(_, stored)| &stored.value)
        .filter(|class| is_default(class))
        .max_by_key(|class| {
            (
                meta::text(class, "creationTimestamp"),
                std::cmp::Reverse(meta::name(class)),
            )
        });
    if let Some(class) = default {
        meta::child(object, "spec").insert(field.into(), meta::name(class).into());
    }
}
