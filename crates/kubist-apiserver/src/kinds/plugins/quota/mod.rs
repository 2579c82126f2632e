//! Quotas: what writes take from them, and what they refuse.
//!
//! A quota counts what its status says, as upstream's does: a write is charged to `status.used` before it
//! happens, and whoever keeps `status.hard` and corrects `status.used` afterwards is the controller. Without
//! controllers a quota has no status, and limits nothing.

mod ledger;
mod measure;
mod scope;

use std::collections::HashSet;
use std::sync::Arc;

use kubist_core::quantity::Quantity;
use serde_json::Value;

use super::Write;
use crate::http::status::Failure;
use crate::kinds::amounts::pods::{self, Part};
use crate::kinds::amounts::{self, Amounts};
use crate::kinds::kind::{self, Kind};
use crate::kinds::ownership;
use crate::object::member::{list, text};
use crate::object::meta;
use crate::state::Api;
use crate::store::{Key, Stored};

pub(crate) use ledger::{Charge, Ledger};
use measure::Measure;

/// Who writes what a request is charged with.
const MANAGER: &str = "kube-apiserver";

/// Charges a write to the quotas of its namespace, or says which of them it exceeds.
///
/// The charge is to be kept until the write is done: meanwhile nobody counts anew. What is not kept is given back.
///
/// Source: [resource quotas](https://kubernetes.io/docs/concepts/policy/resource-quotas/).
pub(super) fn charge<'a>(api: &'a Api, write: Write<'_>) -> Result<Option<Charge<'a>>, Failure> {
    if quotas(api, write.namespace()).is_empty() {
        return Ok(None);
    }
    let Some(measure) = Measure::of(write.kind).filter(|measure| measure.charges(write)) else {
        return Ok(None);
    };
    let mut charge = Charge::begin(api, write.namespace());
    loop {
        let mut changes = Vec::new();
        for (key, quota) in quotas(api, write.namespace()) {
            if !charge.has_taken_from(&key)
                && let Some(wanted) = wanted(&quota.value, &measure, write)?
            {
                changes.push((key, quota, wanted));
            }
        }
        if write.dry_run || changes.is_empty() {
            return Ok((!charge.is_empty()).then_some(charge));
        }
        for (key, quota, wanted) in changes {
            let mut used = used(&quota.value);
            amounts::add(&mut used, &wanted);
            // Where the quota itself moved, this looks again.
            if write_used(api, key.clone(), &quota, &used) {
                charge.took(key, wanted);
            }
        }
    }
}

/// Takes back what a write was charged with that did not happen.
fn give_back(api: &Api, key: &Key, amounts: &Amounts) {
    let table = kind::table("", "resourcequotas");
    while let Some(quota) = api.store.get(&table, key) {
        let mut used = used(&quota.value);
        for (name, amount) in amounts {
            if let Some(used) = used.get_mut(name) {
                *used = (*used - *amount).max(Quantity::ZERO);
            }
        }
        if write_used(api, key.clone(), &quota, &used) {
            return;
        }
    }
}

fn used(quota: &Value) -> Amounts {
    amounts::read(meta::at(quota, "status.used"))
}

fn quotas(api: &Api, namespace: &str) -> Vec<(Key, Stored)> {
    let table = kind::table("", "resourcequotas");
    api.store.list(&table, Some(namespace), None).0
}

fn write_used(api: &Api, key: Key, quota: &Stored, used: &Amounts) -> bool {
    let registry = api.registry();
    let Some(kind) = registry.get("", "v1", "resourcequotas") else {
        return true;
    };
    let mut new = Value::clone(&quota.value);
    meta::child(&mut new, "status").insert("used".into(), amounts::write(used));
    ownership::manage(api, kind, &quota.value, &mut new, MANAGER, "status");
    api.store.update(&kind.table, key, quota.revision, new).is_ok()
}

/// What a write takes from a quota, if it takes anything.
fn wanted(quota: &Value, measure: &Measure, write: Write<'_>) -> Result<Option<Amounts>, Failure> {
    let hard = amounts::read(meta::at(quota, "status.hard"));
    let before = used(quota);
    let counted: Vec<&String> = hard.keys().filter(|name| measure.counts(name)).collect();
    if counted.is_empty() || !scope::matches(quota, measure, write.new) {
        return Ok(None);
    }
    let name = meta::name(quota);
    if let Some(missing) = unspecified(measure, &counted, write.new) {
        return Err(write.forbidden(&format!("failed quota: {name}: must specify {missing}")));
    }
    if counted.iter().any(|name| !before.contains_key(*name)) {
        let names: Vec<&str> = counted.iter().map(|name| name.as_str()).collect();
        let why = format!("status unknown for quota: {name}, resources: {}", names.join(","));
        return Err(write.forbidden(&why));
    }
    let mut wanted = measure.used_by(write.new, None);
    if let Some(old) = write.old.filter(|old| scope::matches(quota, measure, old)) {
        for (name, before) in measure.used_by(old, None) {
            if let Some(wanted) = wanted.get_mut(&name) {
                *wanted -= before;
            }
        }
    }
    wanted.retain(|name, amount| *amount > Quantity::ZERO && hard.contains_key(name));
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut used = before.clone();
    amounts::add(&mut used, &wanted);
    let exceeded: Vec<&String> = wanted
        .keys()
        .filter(|name| used.get(*name) > hard.get(*name))
        .collect();
    if !exceeded.is_empty() && write.subresource != "status" {
        let told = |amounts: &Amounts| {
            let told: Vec<String> = exceeded
                .iter()
                .filter_map(|name| Some(format!("{name}={}", amounts.get(*name)?)))
                .collect();
            told.join(",")
        };
        let (requested, used, limited) = (told(&wanted), told(&before), told(&hard));
        return Err(write.forbidden(&format!(
            "exceeded quota: {name}, requested: {requested}, used: {used}, limited: {limited}"
        )));
    }
    Ok(Some(wanted))
}

/// What a quota counts of pods and containers do not ask for, with those containers.
///
/// Only these, as it always was: what is not asked for of others counts as none.
fn unspecified(measure: &Measure, counted: &[&String], object: &Value) -> Option<String> {
    if *measure != Measure::Pods || pods::is_set(object) {
        return None;
    }
    let mut missing = Vec::new();
    for name in counted {
        let (part, resource) = match name.as_str() {
            name @ ("cpu" | "memory") => (Part::Requests, name),
            "requests.cpu" => (Part::Requests, "cpu"),
            "requests.memory" => (Part::Requests, "memory"),
            "limits.cpu" => (Part::Limits, "cpu"),
            "limits.memory" => (Part::Limits, "memory"),
            _ => continue,
        };
        let mut without: Vec<&str> = ["containers", "initContainers"]
            .into_iter()
            .flat_map(|containers| list(&object["spec"], containers))
            .filter(|container| container["resources"][part.member()].get(resource).is_none())
            .map(|container| text(container, "name"))
            .collect();
        without.sort_unstable();
        without.dedup();
        if !without.is_empty() {
            missing.push(format!("{name} for: {}", without.join(",")));
        }
    }
    (!missing.is_empty()).then(|| missing.join("; "))
}

/// The status that a quota should have, by what is in its namespace; nothing while something is being charged.
pub(crate) fn recount(api: &Api, quota: &Value) -> Option<Value> {
    let namespace = meta::text(quota, "namespace");
    let _quiet = api.quotas.quiet(namespace)?;
    let hard = amounts::read(meta::at(quota, "spec.hard"));
    let mut used = amounts::read(meta::at(quota, "status.used"));
    used.extend(counted(api, quota, namespace, &hard));
    used.retain(|name, _| hard.contains_key(name));
    let mut status = quota.get("status").cloned().unwrap_or_default();
    let map = meta::object(&mut status);
    for (member, wanted) in [("hard", hard), ("used", used)] {
        // What is the same number stays as it is written.
        if amounts::read(map.get(member)) != wanted {
            map.insert(member.into(), amounts::write(&wanted));
        }
    }
    Some(status)
}

fn counted(api: &Api, quota: &Value, namespace: &str, hard: &Amounts) -> Amounts {
    let registry = api.registry();
    let mut seen = HashSet::new();
    let mut used = Amounts::new();
    let is_counted = |kind: &&Arc<Kind>| {
        kind.namespaced
            && ["create", "list", "watch", "delete"]
                .iter()
                .all(|verb| kind.allows(verb))
    };
    for kind in registry.kinds().iter().filter(is_counted) {
        let Some(measure) = Measure::of(kind) else {
            continue;
        };
        let names: Vec<&String> = hard.keys().filter(|name| measure.counts(name)).collect();
        if names.is_empty() || !seen.insert(Arc::clone(&kind.table)) {
            continue;
        }
        let mut sum: Amounts = names
            .iter()
            .map(|name| ((*name).clone(), Quantity::ZERO))
            .collect();
        let (objects, _) = api.store.list(&kind.table, Some(namespace), None);
        for (_, object) in &objects {
            if scope::matches(quota, &measure, &object.value) {
                amounts::add(
                    &mut sum,
                    &measure.used_by(&object.value, Some(api.identity.now())),
                );
            }
        }
        amounts::add(&mut used, &sum);
    }
    used.retain(|name, _| hard.contains_key(name));
    used
}

/// What is odd about the limits of a new quota.
pub(super) fn warnings(quota: &Value) -> Vec<String> {
    let hard = amounts::read(meta::at(quota, "spec.hard"));
    let mut warnings = Vec::new();
    for resource in ["cpu", "memory", "storage", "ephemeral-storage"] {
        let names = [format!("requests.{resource}"), resource.to_owned()];
        let bare = if matches!(resource, "cpu" | "memory") {
            2
        } else {
            1
        };
        let request = names.iter().take(bare).find_map(|name| hard.get_key_value(name));
        let limit = hard.get_key_value(&format!("limits.{resource}"));
        if let (Some((request_name, request)), Some((limit_name, limit))) = (request, limit)
            && request > limit
        {
            warnings.push(format!(
                "ResourceQuota {request_name} ({request}) should be less than {limit_name} ({limit})"
            ));
        }
    }
    warnings
}
