//! Which requests a webhook or a policy wants to see.

use std::sync::Arc;

use serde_json::Value;

use super::{Attributes, Operation};
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Registry, table};
use crate::kinds::rules::selector_matches;
use crate::object::member::list;
use crate::object::meta;
use crate::state::Api;
use crate::store::Key;

pub(super) const GROUP: &str = "admissionregistration.k8s.io";

/// What is decided about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) object: Option<&'a Value>,
    pub(super) old: Option<&'a Value>,
}

/// What a webhook, a policy or a binding wants to see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Criteria<'a> {
    pub(super) rules: &'a [Value],
    pub(super) excluded: &'a [Value],
    pub(super) spec: &'a Value,
}

/// Whether a request is about what configures admission: whoever broke it must be able to mend it.
pub(super) fn is_configuration(attributes: &Attributes<'_>) -> bool {
    attributes.kind.group == GROUP
        && matches!(
            attributes.kind.plural.as_str(),
            "mutatingwebhookconfigurations"
                | "validatingwebhookconfigurations"
                | "mutatingadmissionpolicies"
                | "mutatingadmissionpolicybindings"
                | "validatingadmissionpolicies"
                | "validatingadmissionpolicybindings"
        )
}

impl<'a> Criteria<'a> {
    /// Those of a webhook.
    pub(super) fn of_webhook(spec: &'a Value) -> Criteria<'a> {
        Criteria {
            rules: list(spec, "rules"),
            excluded: &[],
            spec,
        }
    }

    /// Those of a policy or a binding: its `MatchResources`.
    pub(super) fn of_resources(spec: &'a Value) -> Criteria<'a> {
        Criteria {
            rules: list(spec, "resourceRules"),
            excluded: list(spec, "excludeResourceRules"),
            spec,
        }
    }

    /// The resource that matches, the request's own or an equivalent; nothing if none does.
    ///
    /// # Errors
    ///
    /// All matches but a selector, for which something is missing.
    pub(super) fn matched(
        &self,
        api: &Api,
        registry: &Registry,
        attributes: &Attributes<'_>,
        subject: Subject<'_>,
    ) -> Result<Option<Arc<Kind>>, Failure> {
        let namespace = self.namespace_matches(api, attributes, subject);
        if matches!(namespace, Ok(false)) || !self.object_matches(subject) {
            return Ok(None);
        }
        if self.resource(self.excluded, registry, attributes).is_some() {
            return Ok(None);
        }
        let Some(resource) = self.resource(self.rules, registry, attributes) else {
            return Ok(None);
        };
        namespace.map(|_| Some(resource))
    }

    /// As [`Criteria::matched`], where no rules at all are rules that everything matches.
    pub(super) fn matched_or_open(
        &self,
        api: &Api,
        registry: &Registry,
        attributes: &Attributes<'_>,
        subject: Subject<'_>,
    ) -> Result<bool, Failure> {
        let everything = [serde_json::json!({
            "operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"],
        })];
        let rules = if self.rules.is_empty() {
            &everything
        } else {
            self.rules
        };
        let criteria = Criteria { rules, ..*self };
        Ok(criteria.matched(api, registry, attributes, subject)?.is_some())
    }

    /// The resource that a rule matches: the request's, or else an equivalent one.
    fn resource(
        &self,
        rules: &[Value],
        registry: &Registry,
        attributes: &Attributes<'_>,
    ) -> Option<Arc<Kind>> {
        let kind = attributes.kind;
        if rules.iter().any(|rule| rule_matches(rule, kind, attributes)) {
            return registry.get(&kind.group, &kind.version, &kind.plural).cloned();
        }
        if self
            .spec
            .get("matchPolicy")
            .is_some_and(|policy| policy == "Exact")
        {
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

    fn selector(&self, field: &str) -> Option<&'a Value> {
        self.spec.get(field).filter(|selector| !is_empty(selector))
    }

    fn namespace_matches(
        &self,
        api: &Api,
        attributes: &Attributes<'_>,
        subject: Subject<'_>,
    ) -> Result<bool, Failure> {
        let Some(selector) = self.selector("namespaceSelector") else {
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

    fn object_matches(&self, subject: Subject<'_>) -> bool {
        let Some(selector) = self.selector("objectSelector") else {
            return true;
        };
        [subject.object, subject.old]
            .into_iter()
            .flatten()
            .any(|object| selector_matches(selector, meta::get(object, "labels")))
    }
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
    let names = list("resourceNames");
    scope
        && named("operations", attributes.operation.name())
        && named("apiGroups", &kind.group)
        && named("apiVersions", &kind.version)
        && list("resources").iter().any(|item| {
            let (resource, subresource) = item.split_once('/').unwrap_or((item, ""));
            (resource == "*" || resource == kind.plural)
                && (subresource == "*" || subresource == attributes.subresource)
        })
        && (names.is_empty() || names.contains(&attributes.name.as_str()))
}

fn is_empty(selector: &Value) -> bool {
    let empty = |field: &str| match selector.get(field) {
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        _ => true,
    };
    empty("matchLabels") && empty("matchExpressions")
}
