//! Binding and eviction of pods.

use std::sync::Arc;

use serde_json::Value;

use super::{ask_create, body, change, done};
use crate::endpoints::read;
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
    if !errors.is_empty() {
        return Err(Failure::invalid("", "Binding", &request.target.name, &errors));
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
        pod::set_condition(pod, "PodScheduled", &api.identity.timestamp());
        Ok(())
    })?;
    Ok(done(201))
}

pub(super) async fn evict(api: &Arc<Api>, kind: &Arc<Kind>, request: &Request) -> Result<Answer, Failure> {
    let mut eviction = body(request, "Eviction")?;
    let create = WriteOptions::parse(&request.query, "CreateOptions")?;
    ask_create(api, kind, request, "eviction", &create, &mut eviction).await?;
    let options = DeleteOptions::parse(&request.query, eviction.get("deleteOptions"))?;
    let stored = read::find(api, kind, request)?;
    disruption_allowed(api, &stored)?;
    let key = Key::new(&request.target.namespace, &request.target.name);
    crate::endpoints::delete::delete_object(api, kind, &key, &options)?;
    Ok(done(201))
}

/// Asks the disruption budgets that select the pod.
fn disruption_allowed(api: &Api, pod: &Stored) -> Result<(), Failure> {
    let phase = meta::at(&pod.value, "status.phase")
        .and_then(Value::as_str)
        .unwrap_or("");
    if matches!(phase, "Succeeded" | "Failed" | "Pending") || meta::is_deleting(&pod.value) {
        return Ok(());
    }
    let (budgets, _) = api.store.list(
        &crate::kinds::kind::table("policy", "poddisruptionbudgets"),
        Some(meta::text(&pod.value, "namespace")),
        None,
    );
    for (_, budget) in budgets {
        let Some(selector) = meta::at(&budget.value, "spec.selector") else {
            continue;
        };
        if !crate::kinds::rules::selector_matches(selector, meta::get(&pod.value, "labels")) {
            continue;
        }
        let allowed = meta::at(&budget.value, "status.disruptionsAllowed")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        if allowed <= 0 {
            let name = meta::name(&budget.value);
            let healthy = meta::at(&budget.value, "status.currentHealthy")
                .and_then(Value::as_i64)
                .unwrap_or(0);
            let wanted = meta::at(&budget.value, "status.desiredHealthy")
                .and_then(Value::as_i64)
                .unwrap_or(0);
            return Err(Failure::new(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
            )
            .cause(
                "DisruptionBudget",
                &format!(
                    "The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
                ),
                "",
            ));
        }
    }
    Ok(())
}
