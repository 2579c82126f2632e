//! What limit ranges give to pods, and refuse.

mod constraint;

use std::sync::Arc;

use kubist_core::quantity::Quantity;
use serde_json::{Map, Value};

use super::Write;
use crate::http::status::Failure;
use crate::kinds::amounts::pods::{self, Part};
use crate::kinds::amounts::{self, Amounts};
use crate::kinds::defaults::meta_child;
use crate::kinds::kind;
use crate::object::member::{given, list, text};
use crate::object::meta;
use crate::state::Api;
use constraint::Usage;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Gives the containers of a pod the requests and limits that its namespace has for those without, and notes
/// that in an annotation.
///
/// Source: [limit ranges](https://kubernetes.io/docs/concepts/policy/limit-range/).
pub(super) fn complete(api: &Api, pod: &mut Value) {
    for range in ranges(api, meta::text(pod, "namespace")) {
        let (mut requests, mut limits) = (Map::new(), Map::new());
        for limit in of_type(&range, "Container") {
            for (from, to) in [("defaultRequest", &mut requests), ("default", &mut limits)] {
                to.extend(
                    given(limit, from)
                        .and_then(Value::as_object)
                        .cloned()
                        .unwrap_or_default(),
                );
            }
        }
        let mut notes = Vec::new();
        for (containers, what) in [("containers", "container"), ("initContainers", "init container")] {
            let Some(Value::Array(containers)) = meta::child(pod, "spec").get_mut(containers) else {
                continue;
            };
            for container in containers.iter_mut().filter_map(Value::as_object_mut) {
                for (part, verb, defaults) in [
                    (Part::Requests, "request", &requests),
                    (Part::Limits, "limit", &limits),
                ] {
                    let set = set_defaults(container, part, defaults);
                    if !set.is_empty() {
                        let name = container.get("name").and_then(Value::as_str).unwrap_or("");
                        notes.push(format!("{} {verb} for {what} {name}", set.join(", ")));
                    }
                }
            }
        }
        if !notes.is_empty() {
            let note = format!("LimitRanger plugin set: {}", notes.join("; "));
            meta_child(meta::metadata(pod), "annotations").insert(ANNOTATION.into(), note.into());
        }
    }
}

/// Sets what is not there; tells what that was.
fn set_defaults<'a>(
    container: &mut Map<String, Value>,
    part: Part,
    defaults: &'a Map<String, Value>,
) -> Vec<&'a str> {
    if defaults.is_empty() {
        return Vec::new();
    }
    let amounts = meta_child(meta_child(container, "resources"), part.member());
    let mut set = Vec::new();
    for (name, amount) in defaults {
        if !amounts.contains_key(name) {
            amounts.insert(name.clone(), amount.clone());
            set.push(name.as_str());
        }
    }
    set.sort_unstable();
    set
}

/// Says why a pod or a claim is outside of the limits of its namespace.
pub(super) fn check(api: &Api, write: Write<'_>) -> Result<(), Failure> {
    let is_checked = if write.kind.is("", "pods") {
        write.old.is_none() && write.subresource.is_empty() || write.subresource == "resize"
    } else {
        write.kind.is("", "persistentvolumeclaims") && write.subresource.is_empty()
    };
    if !is_checked || write.old.is_some_and(meta::is_deleting) {
        return Ok(());
    }
    for range in ranges(api, write.namespace()) {
        let problems = if write.kind.is("", "pods") {
            of_pod(&range, write.new)
        } else {
            of_claim(&range, write.new)
        };
        match problems.as_slice() {
            [] => {}
            [one] => return Err(write.forbidden(one)),
            many => return Err(write.forbidden(&format!("[{}]", many.join(", ")))),
        }
    }
    Ok(())
}

/// Says how a usage breaks the bound of a type of limits on a resource.
type Rule = fn(&Usage, &str, &str, Quantity) -> Option<String>;

fn of_pod(range: &Value, pod: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for limit in list(&range["spec"], "limits") {
        let usages: Vec<Usage> = match text(limit, "type") {
            "Container" => ["containers", "initContainers"]
                .into_iter()
                .flat_map(|containers| list(&pod["spec"], containers))
                .map(|container| {
                    let part = |part: Part| amounts::read(container["resources"].get(part.member()));
                    Usage {
                        requests: part(Part::Requests),
                        limits: part(Part::Limits),
                    }
                })
                .collect(),
            "Pod" => vec![Usage {
                requests: pods::specified(pod, Part::Requests),
                limits: pods::specified(pod, Part::Limits),
            }],
            _ => continue,
        };
        for usage in &usages {
            let rules: [(&str, Rule); 3] = [
                ("min", Usage::below),
                ("max", Usage::above),
                ("maxLimitRequestRatio", Usage::apart),
            ];
            for (member, rule) in rules {
                apply(limit, member, &mut problems, |kind, name, bound| {
                    rule(usage, kind, name, bound)
                });
            }
        }
    }
    problems
}

/// Claims have requests only: limits are none of their own.
fn of_claim(range: &Value, claim: &Value) -> Vec<String> {
    let usage = Usage {
        requests: amounts::read(meta::at(claim, "spec.resources.requests")),
        limits: Amounts::new(),
    };
    let mut problems = Vec::new();
    for limit in of_type(range, "PersistentVolumeClaim") {
        apply(limit, "min", &mut problems, |kind, name, bound| {
            usage.below(kind, name, bound)
        });
        apply(limit, "max", &mut problems, |kind, name, bound| {
            usage.requests_above(kind, name, bound)
        });
    }
    problems
}

/// Adds what a rule says about each bound, once.
fn apply(
    limit: &Value,
    member: &str,
    problems: &mut Vec<String>,
    rule: impl Fn(&str, &str, Quantity) -> Option<String>,
) {
    for (name, bound) in amounts::read(limit.get(member)) {
        if let Some(problem) = rule(text(limit, "type"), &name, bound)
            && !problems.contains(&problem)
        {
            problems.push(problem);
        }
    }
}

fn ranges(api: &Api, namespace: &str) -> Vec<Arc<Value>> {
    let (ranges, _) = api
        .store
        .list(&kind::table("", "limitranges"), Some(namespace), None);
    ranges.into_iter().map(|(_, stored)| stored.value).collect()
}

fn of_type<'a>(range: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    list(&range["spec"], "limits")
        .iter()
        .filter(move |limit| text(limit, "type") == kind)
}
