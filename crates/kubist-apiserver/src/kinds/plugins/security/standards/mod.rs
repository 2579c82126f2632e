//! The pod security standards, as they were in each release.
//!
//! Source: [pod security
//! standards](https://kubernetes.io/docs/concepts/security/pod-security-standards/).

mod baseline;
mod restricted;

use std::collections::BTreeSet;

use serde_json::Value;

use super::policy::{Level, Standard, Version};
use crate::object::member::{list, text};

/// What a pod does that a standard forbids.
#[derive(Debug)]
pub(super) struct Violation {
    reason: String,
    detail: String,
}

impl Violation {
    fn new(reason: impl Into<String>, detail: impl Into<String>) -> Option<Violation> {
        Some(Violation {
            reason: reason.into(),
            detail: detail.into(),
        })
    }

    /// What is forbidden, in short.
    pub(super) fn reasons(violations: &[Violation]) -> String {
        let reasons: Vec<&str> = violations
            .iter()
            .map(|violation| violation.reason.as_str())
            .collect();
        reasons.join(", ")
    }

    /// What is forbidden, and where that is.
    pub(super) fn told(violations: &[Violation]) -> String {
        let told: Vec<String> = violations
            .iter()
            .map(|violation| format!("{} ({})", violation.reason, violation.detail))
            .collect();
        told.join(", ")
    }
}

impl Standard {
    /// What a pod, or a template of pods, does that this forbids.
    pub(super) fn violations(self, pod: &Value) -> Vec<Violation> {
        let pod = Pod {
            annotations: &pod["metadata"]["annotations"],
            spec: &pod["spec"],
        };
        let (version, is_restricted) = (self.version, self.level == Level::Restricted);
        if self.level == Level::Privileged {
            return Vec::new();
        }
        let mut found = baseline::violations(pod, version, is_restricted);
        if is_restricted {
            found.extend(restricted::violations(pod, version));
        }
        found
    }
}

/// What the rules look at.
#[derive(Clone, Copy)]
struct Pod<'a> {
    annotations: &'a Value,
    spec: &'a Value,
}

impl<'a> Pod<'a> {
    /// All containers, in the order in which they start.
    fn containers(self) -> impl Iterator<Item = &'a Value> {
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(move |containers| list(self.spec, containers))
    }

    /// The names of the containers that a rule is about.
    fn which(self, rule: impl Fn(&'a Value) -> bool) -> Vec<&'a str> {
        self.containers()
            .filter(|container| rule(container))
            .map(|container| text(container, "name"))
            .collect()
    }

    fn security(self) -> &'a Value {
        &self.spec["securityContext"]
    }

    /// Whether it is Windows that it runs on, from the release on that heeds it.
    fn is_windows(self, version: Version) -> bool {
        version.is_since(25) && self.spec["os"]["name"] == "windows"
    }

    /// Whether its users are none of the node, from the release on that heeds it.
    fn has_own_users(self, version: Version) -> bool {
        version.is_since(35) && self.spec["hostUsers"] == false
    }
}

/// Who set something: the pod, containers, or both.
fn setters(pod: bool, containers: &[&str]) -> Option<String> {
    let mut setters = Vec::new();
    if pod {
        setters.push("pod".to_owned());
    }
    if !containers.is_empty() {
        setters.push(named(containers));
    }
    (!setters.is_empty()).then(|| setters.join(" and "))
}

/// Containers by their names.
fn named(containers: &[&str]) -> String {
    let noun = plural("container", "containers", containers.len());
    format!("{noun} {}", quoted(containers))
}

fn quoted<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<T> = items.into_iter().collect();
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    format!("\"{}\"", items.join("\", \""))
}

fn plural<'a>(one: &'a str, many: &'a str, count: usize) -> &'a str {
    if count == 1 { one } else { many }
}

/// The texts that are not among those allowed.
fn others<'a>(given: impl IntoIterator<Item = &'a str>, allowed: &[&str]) -> BTreeSet<&'a str> {
    given.into_iter().filter(|one| !allowed.contains(one)).collect()
}
