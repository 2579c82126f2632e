//! Binding and eviction of pods.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{ask_create, body, change, done, same_name};
use crate::endpoints::{delete, read};
use crate::http::answer::Answer;
use crate::http::fields::FieldError;
use crate::http::options::{DeleteOptions, WriteOptions};
use crate::http::request::Request;
use crate::http::status::Failure;
use crate::kinds::kind::Kind;
use crate::kinds::pod;
use crate::object::meta;
use crate::state::Api;
use crate::store::{Key, Stored};

pub(super) async fn bind(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let options = WriteOptions::parse(&request.query, "CreateOptions")?;
    let mut binding = body(request, "Binding")?;
    same_name(request, &binding, "Binding")?;
    ask_create(api, kind, request, "binding", &options, &mut binding).await?;
    let node = meta::at(&binding, "target.name")
        .and_then(Value::as_str)
        .unwrap_or("");
    let what = meta::at(&binding, "target.kind")
        .and_then(Value::as_str)
        .unwrap_or("");
    let mut errors = Vec::new();
    if !matches!(what, "" | "Node") {
        errors.push(FieldError::not_supported(
            "target.kind",
            &what.into(),
            &["Node", "<empty>"],
        ));
    }
    if node.is_empty() {
        errors.push(FieldError::required("target.name", ""));
    }
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    match told.as_slice() {
        [] => {}
        [one] => return Err(Failure::unknown(one.as_str())),
        many => return Err(Failure::unknown(format!("[{}]", many.join(", ")))),
    }
    change(api, kind, request, &options, |pod| {
        let conflict = |why: &str| Failure::conflict("", "pods/binding", &request.target.name, why);
        if meta::is_deleting(pod) {
            let why = format!(
                "pod {} is being deleted, cannot be assigned to a host",
                request.target.name
            );
            return Err(conflict(&why));
        }
        let before = meta::at(pod, "spec.nodeName")
            .and_then(Value::as_str)
            .unwrap_or("");
        if !before.is_empty() {
            let why = format!(
                "pod {} is already assigned to node {before:?}",
                request.target.name
            );
            return Err(conflict(&why));
        }
        meta::child(pod, "spec").insert("nodeName".into(), node.into());
        for (from, to) in [("annotations", "annotations"), ("labels", "labels")] {
            if let Some(Value::Object(extra)) = meta::get(&binding, from).cloned() {
                let map = meta::object(meta::metadata(pod).entry(to).or_insert(Value::Null));
                map.extend(extra);
            }
        }
        let scheduled = json!({
            "type": "PodScheduled", "status": "True", "lastProbeTime": null,
            "lastTransitionTime": api.identity.timestamp(),
        });
        pod::set_condition(pod, scheduled);
        Ok(())
    })?;
    Ok(done(201))
}

pub(super) async fn evict(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let mut eviction = body(request, "Eviction")?;
    same_name(request, &eviction, "Eviction")?;
    let create = WriteOptions::parse(&request.query, "CreateOptions")?;
    ask_create(api, kind, request, "eviction", &create, &mut eviction).await?;
    let mut options = DeleteOptions::parse(&request.query, eviction.get("deleteOptions"))?;
    let stored = read::find(api, kind, request)?;
    disrupt(api, &stored, options.dry_run)?;
    let key = Key::new(&request.target.namespace, &request.target.name);
    if !options.dry_run {
        delete::check(kind, &key, &stored, &options)?;
        let told = tell_why(api, kind, request, &create, &options)?;
        if options.resource_version.is_some() {
            options.resource_version = Some(meta::text(&told, "resourceVersion").to_owned());
        }
    }
    delete::delete_object(api, kind, &key, &options)?;
    Ok(done(201))
}

/// Says in the conditions of a pod why it goes (KEP-3329), if it is still the one that was meant.
fn tell_why(
    api: &Arc<Api>,
    kind: &Arc<Kind>,
    request: &Request,
    create: &WriteOptions,
    options: &DeleteOptions,
) -> Result<Arc<Value>, Failure> {
    let evicted = json!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastProbeTime": null,
        "lastTransitionTime": api.identity.timestamp(),
    });
    change(api, kind, request, create, |pod| {
        let version = meta::text(pod, "resourceVersion");
        if options
            .resource_version
            .as_deref()
            .is_some_and(|meant| meant != version)
        {
            return Err(Failure::modified("", "pods", &request.target.name));
        }
        pod::set_condition(pod, evicted.clone());
        Ok(())
    })
}

/// How long a client waits for a budget that nobody looked at yet.
const UNPROCESSED_WAIT: u32 = 10;

/// Asks the disruption budget that selects the pod, and takes from it.
fn disrupt(api: &Arc<Api>, pod: &Stored, dry_run: bool) -> Result<(), Failure> {
    let phase = meta::at(&pod.value, "status.phase")
        .and_then(Value::as_str)
        .unwrap_or("");
    if matches!(phase, "Succeeded" | "Failed" | "Pending") || meta::is_deleting(&pod.value) {
        return Ok(());
    }
    loop {
        let budgets = budgets_of(api, &pod.value);
        let budget = match budgets.as_slice() {
            [] => return Ok(()),
            [budget] => budget,
            _ => {
                return Err(Failure::unknown(
                    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
                ));
            }
        };
        let spent = spend(api, &budget.value, meta::name(&pod.value))?;
        let key = Key::new(meta::text(&budget.value, "namespace"), meta::name(&budget.value));
        if dry_run
            || api
                .store
                .update(&budgets_table(), key, budget.revision, spent)
                .is_ok()
        {
            return Ok(());
        }
    }
}

fn budgets_table() -> crate::store::TableName {
    crate::kinds::kind::table("policy", "poddisruptionbudgets")
}

fn budgets_of(api: &Api, pod: &Value) -> Vec<Stored> {
    let namespace = meta::text(pod, "namespace");
    let (budgets, _) = api.store.list(&budgets_table(), Some(namespace), None);
    let selects = |budget: &Value| {
        meta::at(budget, "spec.selector")
            .is_some_and(|selector| crate::kinds::rules::selector_matches(selector, meta::get(pod, "labels")))
    };
    budgets
        .into_iter()
        .map(|(_, budget)| budget)
        .filter(|budget| selects(&budget.value))
        .collect()
}

/// The budget with one disruption less, if there is one.
fn spend(api: &Api, budget: &Value, pod: &str) -> Result<Value, Failure> {
    let name = meta::name(budget);
    let number = |path: &str| meta::at(budget, path).and_then(Value::as_i64).unwrap_or(0);
    let refused = |why: &str| {
        Failure::new(
            429,
            "TooManyRequests",
            "Cannot evict pod as it would violate the pod's disruption budget.",
        )
        .cause("DisruptionBudget", why, "")
    };
    if number("status.observedGeneration") < meta::generation(budget) {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(refused(&why).retry_after(UNPROCESSED_WAIT));
    }
    let allowed = number("status.disruptionsAllowed");
    if allowed <= 0 {
        let (wanted, healthy) = (number("status.desiredHealthy"), number("status.currentHealthy"));
        return Err(refused(&format!(
            "The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
        )));
    }
    let mut spent = budget.clone();
    let now = api.identity.timestamp();
    let status = meta::child(&mut spent, "status");
    status.insert("disruptionsAllowed".into(), (allowed - 1).into());
    let disrupted = status.entry("disruptedPods").or_insert(Value::Null);
    meta::object(disrupted).insert(pod.to_owned(), now.as_str().into());
    if allowed == 1 {
        no_more_disruptions(&mut spent, &now);
    }
    Ok(spent)
}

/// Says in the conditions that a budget is spent.
fn no_more_disruptions(budget: &mut Value, now: &str) {
    let generation = meta::generation(budget);
    let condition = json!({
        "type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods", "message": "",
        "observedGeneration": generation, "lastTransitionTime": now,
    });
    let conditions = meta::child(budget, "status")
        .entry("conditions")
        .or_insert(Value::Null);
    if !conditions.is_array() {
        *conditions = Value::Array(Vec::new());
    }
    if let Value::Array(conditions) = conditions {
        conditions.retain(|known| known["type"] != "DisruptionAllowed");
        conditions.push(condition);
    }
}
