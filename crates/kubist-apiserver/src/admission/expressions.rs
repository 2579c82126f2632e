//! The names that expressions of admission can use, and their values for a request.
//!
//! <https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/>

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use kube_cel::cel::Value as CelValue;
use kube_cel::cel::objects::{Key, Map as CelMap};
use serde_json::{Map, Value, json};

use super::Attributes;
use super::authority::Rbac;
use super::matching::Subject;
use super::review;
use crate::cel::{
    Authority, BOOL, DYN, Environment, INT, STRING, Simple, Type, authorizer, request_resource, to_cel,
};
use crate::kinds::kind::{Kind, table};
use crate::object::meta;
use crate::state::Api;
use crate::store;

/// The fields of a namespace's metadata that expressions see.
const NAMESPACE: [&str; 11] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "name",
    "namespace",
    "resourceVersion",
];

/// What an expression may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// The request and its objects.
    Request,
    /// These, and who may do what.
    Authorizer,
}

/// The environment of an expression.
pub(super) fn environment(names: Names, has_params: bool) -> Environment {
    static REQUEST: LazyLock<Environment> = LazyLock::new(|| {
        Environment::new([
            ("object", DYN),
            ("oldObject", DYN),
            ("request", request_type()),
            ("namespaceObject", namespace_type()),
        ])
    });
    let mut environment = REQUEST.clone();
    if has_params {
        environment = environment.with("params", DYN);
    }
    if names == Names::Authorizer {
        environment = environment
            .with("authorizer", Type::Simple(Simple::Authorizer))
            .with("authorizer.requestResource", Type::Simple(Simple::ResourceCheck));
    }
    environment
}

fn request_type() -> Type {
    let kind = Type::object(
        "kubernetes.GroupVersionKind",
        [("group", STRING), ("version", STRING), ("kind", STRING)],
    );
    let resource = Type::object(
        "kubernetes.GroupVersionResource",
        [("group", STRING), ("version", STRING), ("resource", STRING)],
    );
    let user = Type::object(
        "kubernetes.UserInfo",
        [
            ("username", STRING),
            ("uid", STRING),
            ("groups", Type::list(STRING)),
            ("extra", Type::map(STRING, Type::list(STRING))),
        ],
    );
    Type::object(
        "kubernetes.AdmissionRequest",
        [
            ("kind", kind.clone()),
            ("resource", resource.clone()),
            ("subResource", STRING),
            ("requestKind", kind),
            ("requestResource", resource),
            ("requestSubResource", STRING),
            ("name", STRING),
            ("namespace", STRING),
            ("operation", STRING),
            ("userInfo", user),
            ("dryRun", BOOL),
            ("options", DYN),
        ],
    )
}

fn namespace_type() -> Type {
    let time = || Type::Simple(Simple::Timestamp);
    let texts = || Type::map(STRING, STRING);
    let metadata = Type::object(
        "kubernetes.NamespaceMetadata",
        [
            ("name", STRING),
            ("generateName", STRING),
            ("namespace", STRING),
            ("labels", texts()),
            ("annotations", texts()),
            ("UID", STRING),
            ("creationTimestamp", time()),
            ("deletionGracePeriodSeconds", INT),
            ("deletionTimestamp", time()),
            ("generation", INT),
            ("resourceVersion", STRING),
            ("finalizers", Type::list(STRING)),
        ],
    );
    let condition = Type::object(
        "kubernetes.NamespaceCondition",
        [
            ("status", STRING),
            ("type", STRING),
            ("lastTransitionTime", time()),
            ("message", STRING),
            ("reason", STRING),
        ],
    );
    let status = Type::object(
        "kubernetes.NamespaceStatus",
        [("conditions", Type::list(condition)), ("phase", STRING)],
    );
    let spec = Type::object("kubernetes.NamespaceSpec", [("finalizers", Type::list(STRING))]);
    Type::object(
        "kubernetes.Namespace",
        [("metadata", metadata), ("spec", spec), ("status", status)],
    )
}

/// The values of variables for a request.
pub(super) type Variables = Vec<(&'static str, CelValue)>;

/// Those of the request and its objects, as the resource that matched has them.
pub(super) fn of_request(attributes: &Attributes<'_>, resource: &Kind, subject: Subject<'_>) -> Variables {
    let mut request = review::request(attributes, resource, "", subject);
    if let Some(request) = request.as_object_mut() {
        request.remove("object");
        request.remove("oldObject");
    }
    vec![
        ("object", or_null(subject.object)),
        ("oldObject", or_null(subject.old)),
        ("request", to_cel(&request)),
    ]
}

/// Those that say who may do what.
pub(super) fn of_authorizer(api: &Arc<Api>, attributes: &Attributes<'_>) -> Variables {
    let authority: Arc<dyn Authority> = Arc::new(Rbac::new(api, attributes.origin.user));
    let requested = json!({
        "group": attributes.kind.group,
        "resource": attributes.kind.plural,
        "subresource": attributes.subresource,
        "namespace": attributes.namespace,
        "name": attributes.name,
    });
    vec![
        ("authorizer", authorizer(&authority)),
        (
            "authorizer.requestResource",
            request_resource(&authority, requested),
        ),
    ]
}

/// The namespace that the request is about something in.
pub(super) fn of_namespace(api: &Api, attributes: &Attributes<'_>) -> (&'static str, CelValue) {
    let inside = !attributes.namespace.is_empty() && !attributes.kind.is("", "namespaces");
    let namespace = inside
        .then(|| {
            let key = store::Key::new("", &attributes.namespace);
            api.store.get(&table("", "namespaces"), &key)
        })
        .flatten();
    let shown = namespace.map(|namespace| {
        let metadata = NAMESPACE
            .into_iter()
            .filter_map(|field| Some((field.to_owned(), meta::get(&namespace.value, field)?.clone())));
        let metadata: Map<String, Value> = metadata.collect();
        let part = |field: &str| namespace.value.get(field).cloned().unwrap_or(json!({}));
        json!({"metadata": metadata, "spec": part("spec"), "status": part("status")})
    });
    ("namespaceObject", or_null(shown.as_ref()))
}

/// The same values for conditions: they do not see the namespace, and of the request its own
/// resource, not the one that matched.
pub(super) fn of_conditions(variables: &Variables) -> Variables {
    let values = variables.iter().map(|(name, value)| match (*name, value) {
        ("namespaceObject", _) => ("namespaceObject", CelValue::Null),
        ("request", CelValue::Map(request)) => {
            let mut fields = HashMap::clone(&request.map);
            if let Some(own) = fields.get(&Key::from("requestResource")).cloned() {
                fields.insert("resource".into(), own);
            }
            let map = Arc::new(fields);
            ("request", CelValue::Map(CelMap { map }))
        }
        (name, value) => (name, value.clone()),
    });
    values.collect()
}

pub(super) fn or_null(value: Option<&Value>) -> CelValue {
    value.map_or(CelValue::Null, to_cel)
}
