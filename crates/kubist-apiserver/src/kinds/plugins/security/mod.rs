//! Pod security: which pods the labels of a namespace let in, and which they warn about.

mod policy;
mod standards;

use std::collections::BTreeMap;

use serde_json::Value;

use super::Write;
use crate::http::fields::FieldError;
use crate::http::status::Failure;
use crate::kinds::kind::{self, Kind};
use crate::object::member::{list, text};
use crate::object::meta;
use crate::state::Api;
use crate::store::Key;
use policy::{Level, Policy, Standard};
use standards::Violation;

/// How many pods are looked at when the labels of their namespace change.
const MOST_PODS: usize = 3_000;

/// Says why an object may not be written, and warns about what is let through.
///
/// Source: [pod security
/// admission](https://kubernetes.io/docs/concepts/security/pod-security-admission/).
pub(super) fn check(api: &Api, write: Write<'_>) -> Result<(), Failure> {
    if write.kind.is("", "namespaces") {
        return namespace(api, write);
    }
    if write.kind.is("", "pods") {
        return pod(api, write);
    }
    let Some(template) = template(write.kind, write.new).filter(|_| write.subresource.is_empty()) else {
        return Ok(());
    };
    let policy = policy(api, write.namespace());
    warn(write, policy.warn, &policy.warn.violations(template));
    Ok(())
}

/// The pods that an object makes, for kinds that make any.
fn template<'a>(kind: &Kind, object: &'a Value) -> Option<&'a Value> {
    meta::at(object, kind.template_path()?).filter(|template| !template.is_null())
}

fn pod(api: &Api, write: Write<'_>) -> Result<(), Failure> {
    let is_significant = match write.subresource {
        "status" => false,
        _ => write.old.is_none_or(|old| runs_else(write.new, old)),
    };
    if !is_significant {
        return Ok(());
    }
    let policy = policy(api, write.namespace());
    let violations = policy.enforce.violations(write.new);
    if !violations.is_empty() {
        let why = format!(
            "violates PodSecurity \"{}\": {}",
            policy.enforce,
            Violation::told(&violations)
        );
        return Err(write.forbidden(&why));
    }
    warn(write, policy.warn, &policy.warn.violations(write.new));
    Ok(())
}

/// Whether an update makes a pod run something else.
fn runs_else(new: &Value, old: &Value) -> bool {
    let of = |pod: &'_ Value, containers: &str| -> Vec<(String, String)> {
        list(&pod["spec"], containers)
            .iter()
            .map(|container| {
                (
                    text(container, "name").to_owned(),
                    text(container, "image").to_owned(),
                )
            })
            .collect()
    };
    let images = |pod: &Value, containers: &str| -> Vec<String> {
        of(pod, containers).into_iter().map(|(_, image)| image).collect()
    };
    let before = of(old, "ephemeralContainers");
    ["containers", "initContainers"]
        .into_iter()
        .any(|containers| images(new, containers) != images(old, containers))
        || of(new, "ephemeralContainers")
            .iter()
            .any(|container| !before.contains(container))
}

fn warn(write: Write<'_>, standard: Standard, violations: &[Violation]) {
    if !violations.is_empty() {
        let warning = format!(
            "would violate PodSecurity \"{standard}\": {}",
            Violation::told(violations)
        );
        write.warnings.extend(vec![warning]);
    }
}

/// The policy of a namespace; what its labels say wrongly is strict.
fn policy(api: &Api, namespace: &str) -> Policy {
    let found = api
        .store
        .get(&kind::table("", "namespaces"), &Key::new("", namespace));
    let (policy, _) = Policy::of(found.as_ref().and_then(|found| meta::get(&found.value, "labels")));
    policy
}

/// Checks the labels, and what is in a namespace that becomes stricter.
fn namespace(api: &Api, write: Write<'_>) -> Result<(), Failure> {
    if !write.subresource.is_empty() {
        return Ok(());
    }
    let (new, errors) = Policy::of(meta::get(write.new, "labels"));
    let name = meta::name(write.new);
    let invalid = |errors: &[FieldError]| Failure::invalid(&write.kind.group, &write.kind.kind, name, errors);
    let Some(old) = write.old else {
        return if errors.is_empty() {
            Ok(())
        } else {
            Err(invalid(&errors))
        };
    };
    let (old, before) = Policy::of(meta::get(old, "labels"));
    if !errors.is_empty() && errors != before {
        return Err(invalid(&errors));
    }
    let (new, old) = (new.enforce, old.enforce);
    let is_relaxed = new.version == old.version && new.level <= old.level;
    if new.level > Level::Privileged && !is_relaxed {
        write.warnings.extend(of_pods(api, name, new));
    }
    Ok(())
}

/// What the pods of a namespace do that a standard forbids, alike ones together.
fn of_pods(api: &Api, namespace: &str, standard: Standard) -> Vec<String> {
    let (pods, _) = api.store.list(&kind::table("", "pods"), Some(namespace), None);
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (key, pod) in pods.iter().take(MOST_PODS) {
        let violations = standard.violations(&pod.value);
        if !violations.is_empty() {
            let reason = Violation::reasons(&violations);
            reasons.entry(reason).or_default().push(&key.name);
        }
    }
    let mut warnings = Vec::new();
    if pods.len() > MOST_PODS {
        warnings.push(format!(
            "new PodSecurity enforce level only checked against the first {MOST_PODS} of {} existing pods",
            pods.len()
        ));
    }
    if !reasons.is_empty() {
        warnings.push(format!(
            "existing pods in namespace {namespace:?} violate the new PodSecurity enforce level \"{standard}\""
        ));
    }
    let mut told: Vec<String> = reasons
        .iter()
        .filter_map(|(reason, names)| {
            let (first, others) = names.split_first()?;
            Some(match others.len() {
                0 => format!("{first}: {reason}"),
                1 => format!("{first} (and 1 other pod): {reason}"),
                count => format!("{first} (and {count} other pods): {reason}"),
            })
        })
        .collect();
    told.sort_unstable();
    warnings.extend(told);
    warnings
}
