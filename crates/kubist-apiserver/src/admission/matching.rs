//! Which requests a webhook wants to see.

use std::sync::Arc;

use serde_json::Value;

use super::hook::{GROUP, Hook};
use super::{Attributes, Operation, conditions, review};
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Registry, table};
use crate::kinds::rules::selector_matches;
use crate::object::meta;
use crate::state::Api;
use crate::store::Key;

/// How a webhook wants to see a request: the resource is the request's own, or an equivalent.
#[derive(Clone, Debug)]
pub(super) struct Invocation {
    pub(super) resource: Arc<Kind>,
}

/// What is decided about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) object: Option<&'a Value>,
    pub(super) old: Option<&'a Value>,
}

/// How `hook` is to be called, if at all.
pub(super) fn invocation(
    api: &Api,
    registry: &Registry,
    hook: &Hook,
    attributes: &Attributes<'_>,
    subject: Subject<'_>,
) -> Result<Option<Invocation>, Failure> {
    // Whoever broke the webhooks must be able to mend them.
    let is_configuration = matches!(
        attributes.kind.plural.as_str(),
        "mutatingwebhookconfigurations"
            | "validatingwebhookconfigurations"
            | "mutatingadmissionpolicies"
            | "mutatingadmissionpolicybindings"
            | "validatingadmissionpolicies"
            | "validatingadmissionpolicybindings"
    );
    if attributes.kind.group == GROUP && is_configuration {
        return Ok(None);
    }
    let namespace = namespace_matches(api, hook, attributes, subject);
    if matches!(namespace, Ok(false)) || !object_matches(hook, subject) {
        return Ok(None);
    }
    let Some(resource) = resource(registry, hook, attributes) else {
        return Ok(None);
    };
    namespace?;
    let request = || review::request(attributes, &resource, "", subject);
    if !conditions::all_hold(hook, attributes, subject, request)? {
        return Ok(None);
    }
    Ok(Some(Invocation { resource }))
}

/// The resource that a rule matches: the request's, or else an equivalent one.
fn resource(registry: &Registry, hook: &Hook, attributes: &Attributes<'_>) -> Option<Arc<Kind>> {
    let kind = attributes.kind;
    let rules = hook.list("rules");
    if rules.iter().any(|rule| rule_matches(rule, kind, attributes)) {
        return registry.get(&kind.group, &kind.version, &kind.plural).cloned();
    }
    if hook.text("matchPolicy") == "Exact" {
        return None;
    }
    // Two groups or versions are the same where they share their objects.
    let equivalents: Vec<&Arc<Kind>> = registry
        .kinds()
        .iter()
        .filter(|other| {
            other.table == kind.table && (other.group != kind.group || other.version != kind.version)
        })
        .filter(|other| {
            attributes.subresource.is_empty() || other.subresource(attributes.subresource).is_some()
        })
        .collect();
    rules.iter().find_map(|rule| {
        let found = equivalents
            .iter()
            .find(|other| rule_matches(rule, other, attributes));
        found.map(|kind| Arc::clone(kind))
    })
}

fn rule_matches(rule: &Value, kind: &Kind, attributes: &Attributes<'_>) -> bool {
    let list = |field: &str| meta::strings(rule.get(field));
    let named = |field: &str, value: &str| list(field).iter().any(|item| *item == "*" || *item == value);
    let in_cluster = attributes.namespace.is_empty() || kind.is("", "namespaces");
    let scope = match rule.get("scope").and_then(Value::as_str) {
        Some("Namespaced") => !in_cluster,
        Some("Cluster") => in_cluster,
        _ => true,
    };
    scope
        && named("operations", attributes.operation.name())
        && named("apiGroups", &kind.group)
        && named("apiVersions", &kind.version)
        && list("resources").iter().any(|item| {
            let (resource, subresource) = item.split_once('/').unwrap_or((item, ""));
            (resource == "*" || resource == kind.plural)
                && (subresource == "*" || subresource == attributes.subresource)
        })
}

fn is_empty(selector: &Value) -> bool {
    let empty = |field: &str| match selector.get(field) {
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        _ => true,
    };
    empty("matchLabels") && empty("matchExpressions")
}

fn namespace_matches(
    api: &Api,
    hook: &Hook,
    attributes: &Attributes<'_>,
    subject: Subject<'_>,
) -> Result<bool, Failure> {
    let Some(selector) = hook
        .spec
        .get("namespaceSelector")
        .filter(|selector| !is_empty(selector))
    else {
        return Ok(true);
    };
    let is_namespace = attributes.kind.is("", "namespaces");
    if attributes.namespace.is_empty() && !is_namespace {
        return Ok(true);
    }
    let written = is_namespace
        && attributes.subresource.is_empty()
        && matches!(attributes.operation, Operation::Create | Operation::Update);
    if let (true, Some(object)) = (written, subject.object) {
        return Ok(selector_matches(selector, meta::get(object, "labels")));
    }
    let key = Key::new("", &attributes.namespace);
    match api.store.get(&table("", "namespaces"), &key) {
        Some(namespace) => Ok(selector_matches(selector, meta::get(&namespace.value, "labels"))),
        None => Err(Failure::not_found("", "namespaces", &attributes.namespace)),
    }
}

fn object_matches(hook: &Hook, subject: Subject<'_>) -> bool {
    let Some(selector) = hook
        .spec
        .get("objectSelector")
        .filter(|selector| !is_empty(selector))
    else {
        return true;
    };
    [subject.object, subject.old]
        .into_iter()
        .flatten()
        .any(|object| selector_matches(selector, meta::get(object, "labels")))
}
