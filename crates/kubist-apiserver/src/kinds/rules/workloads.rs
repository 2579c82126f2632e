//! The rules of what keeps pods running.

use serde_json::{Value, json};

use super::common::{
    amount, is_empty_selector, is_selector, is_zero, name, non_negative, selector, selector_matches, share,
};
use super::pods::template;
use super::{immutable, storage};
use crate::http::fields::FieldError;
use crate::kinds::kind::Kind;
use crate::object::member::{given, integer, list, text};
use crate::object::meta;
use crate::object::metavalidate::NameRule;

pub(super) fn revision(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    if let Some(old) = old {
        immutable(new, old, "data", errors);
    }
    if let Some(number) = integer(new, "revision").filter(|number| *number < 0) {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("revision", &number.into(), detail));
    }
}

pub(super) fn deployment(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    non_negative(spec, "spec", &["replicas"], errors);
    selected_template(spec, "deployment", errors);
    deployment_strategy(&spec["strategy"], errors);
    non_negative(
        spec,
        "spec",
        &[
            "minReadySeconds",
            "revisionHistoryLimit",
            "progressDeadlineSeconds",
        ],
        errors,
    );
    let ready = integer(spec, "minReadySeconds").unwrap_or(0);
    if let Some(deadline) = integer(spec, "progressDeadlineSeconds").filter(|deadline| *deadline <= ready) {
        let detail = "must be greater than minReadySeconds";
        errors.push(FieldError::invalid(
            "spec.progressDeadlineSeconds",
            &deadline.into(),
            detail,
        ));
    }
    if let Some(old) = old {
        immutable(new, old, "spec.selector", errors);
    }
}

pub(super) fn replica_set(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    non_negative(&new["spec"], "spec", &["replicas", "minReadySeconds"], errors);
    // Sic: upstream checks it as a deployment's.
    selected_template(&new["spec"], "deployment", errors);
    if let Some(old) = old {
        immutable(new, old, "spec.selector", errors);
    }
}

pub(super) fn replication_controller(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    non_negative(spec, "spec", &["minReadySeconds", "replicas"], errors);
    let chosen = spec["selector"].as_object();
    if chosen.is_none_or(serde_json::Map::is_empty) {
        errors.push(FieldError::required("spec.selector", ""));
    }
    let Some(made) = given(spec, "template") else {
        errors.push(FieldError::required("spec.template", ""));
        return;
    };
    let labels = meta::get(made, "labels");
    if !selector_matches(&json!({"matchLabels": spec["selector"]}), labels) {
        errors.push(unmatched(labels));
    }
    template(made, "spec.template", errors);
    always(made, errors);
}

pub(super) fn daemon_set(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let nothing = Value::Null;
    let chosen = given(spec, "selector").unwrap_or(&nothing);
    selector(chosen, "spec.selector", errors);
    let labels = meta::at(spec, "template.metadata.labels");
    if is_selector(chosen) && (chosen.is_null() || !selector_matches(chosen, labels)) {
        errors.push(unmatched(labels));
    }
    if !chosen.is_null() && is_empty_selector(chosen) {
        errors.push(empty_selector(chosen, "daemonset"));
    }
    template(&spec["template"], "spec.template", errors);
    always(&spec["template"], errors);
    non_negative(spec, "spec", &["minReadySeconds"], errors);
    daemon_strategy(&spec["updateStrategy"], errors);
    non_negative(spec, "spec", &["revisionHistoryLimit"], errors);
    if let Some(old) = old {
        immutable(new, old, "spec.selector", errors);
    }
}

/// What a stateful set may change of its spec.
const CHANGES: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

pub(super) fn stateful_set(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let policy = text(spec, "podManagementPolicy");
    if !matches!(policy, "OrderedReady" | "Parallel") {
        let detail = "must be 'OrderedReady' or 'Parallel'";
        errors.push(FieldError::invalid_text(
            "spec.podManagementPolicy",
            policy,
            detail,
        ));
    }
    stateful_strategy(&spec["updateStrategy"], errors);
    let retention = &spec["persistentVolumeClaimRetentionPolicy"];
    for field in ["whenDeleted", "whenScaled"] {
        if let Some(policy) =
            given(retention, field).filter(|policy| *policy != "Retain" && *policy != "Delete")
        {
            let field = format!("spec.persistentVolumeClaimRetentionPolicy.{field}");
            errors.push(FieldError::not_supported(field, policy, &["Retain", "Delete"]));
        }
    }
    non_negative(spec, "spec", &["replicas", "minReadySeconds"], errors);
    non_negative(&spec["ordinals"], "spec.ordinals", &["start"], errors);
    name(spec, "spec", "serviceName", NameRule::Label, errors);
    selected_template(spec, "statefulset", errors);
    for (at, claim) in list(spec, "volumeClaimTemplates").iter().enumerate() {
        let path = format!("spec.volumeClaimTemplates[{at}].spec");
        storage::claim_spec(&claim["spec"], &path, errors);
    }
    non_negative(spec, "spec", &["revisionHistoryLimit"], errors);
    let Some(old) = old else { return };
    let fixed = |object: &Value| {
        let mut spec = object["spec"].clone();
        if let Some(spec) = spec.as_object_mut() {
            spec.retain(|field, _| !CHANGES.contains(&field.as_str()));
        }
        spec
    };
    if fixed(new) != fixed(old) {
        errors.push(FieldError::forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
             'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
             'minReadySeconds' are forbidden",
        ));
    }
}

/// What a status says may not contradict itself.
pub(super) fn status(kind: &Kind, new: &Value, errors: &mut Vec<FieldError>) {
    let status = &new["status"];
    let counters: &[&str] = match &*kind.plural {
        "deployments" => &[
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
            "unavailableReplicas",
            "terminatingReplicas",
        ],
        "replicasets" | "replicationcontrollers" => &[
            "replicas",
            "fullyLabeledReplicas",
            "readyReplicas",
            "availableReplicas",
        ],
        "statefulsets" => &[
            "replicas",
            "readyReplicas",
            "currentReplicas",
            "updatedReplicas",
            "availableReplicas",
        ],
        "daemonsets" => &[
            "currentNumberScheduled",
            "numberMisscheduled",
            "desiredNumberScheduled",
            "numberReady",
            "updatedNumberScheduled",
            "numberAvailable",
            "numberUnavailable",
        ],
        _ => return,
    };
    non_negative(status, "status", &["observedGeneration"], errors);
    non_negative(status, "status", counters, errors);
    non_negative(status, "status", &["collisionCount"], errors);
    if kind.plural == "daemonsets" {
        return;
    }
    let count = |field: &str| integer(status, field).unwrap_or(0);
    let parts = counters.iter().filter(|field| {
        !matches!(
            **field,
            "replicas" | "unavailableReplicas" | "terminatingReplicas"
        )
    });
    for field in parts {
        if count(field) > count("replicas") {
            let detail = "cannot be greater than status.replicas";
            errors.push(FieldError::invalid(
                format!("status.{field}"),
                &count(field).into(),
                detail,
            ));
        }
    }
    if count("availableReplicas") > count("readyReplicas") {
        let detail = "cannot be greater than readyReplicas";
        errors.push(FieldError::invalid(
            "status.availableReplicas",
            &count("availableReplicas").into(),
            detail,
        ));
    }
}

/// A selector, and the template whose pods it selects.
fn selected_template(spec: &Value, of: &str, errors: &mut Vec<FieldError>) {
    let chosen = given(spec, "selector");
    match chosen {
        None => errors.push(FieldError::required("spec.selector", "")),
        Some(chosen) => {
            selector(chosen, "spec.selector", errors);
            if is_empty_selector(chosen) {
                errors.push(empty_selector(chosen, of));
            }
        }
    }
    let made = &spec["template"];
    let labels = meta::get(made, "labels");
    match chosen {
        Some(chosen) if !is_selector(chosen) => {
            let error = |detail: &str| match detail {
                "" => FieldError::invalid_without_detail("spec.selector", chosen),
                detail => FieldError::invalid("spec.selector", chosen, detail),
            };
            errors.push(error(if of == "deployment" {
                "invalid label selector"
            } else {
                ""
            }));
            return;
        }
        Some(chosen) if selector_matches(chosen, labels) => {}
        _ => errors.push(unmatched(labels)),
    }
    template(made, "spec.template", errors);
    always(made, errors);
}

fn empty_selector(selector: &Value, of: &str) -> FieldError {
    let detail = format!("empty selector is invalid for {of}");
    FieldError::invalid("spec.selector", selector, &detail)
}

fn unmatched(labels: Option<&Value>) -> FieldError {
    let detail = "`selector` does not match template `labels`";
    FieldError::invalid(
        "spec.template.metadata.labels",
        labels.unwrap_or(&Value::Null),
        detail,
    )
}

/// The pods of what keeps them running end only with it.
fn always(template: &Value, errors: &mut Vec<FieldError>) {
    let spec = &template["spec"];
    let policy = text(spec, "restartPolicy");
    if matches!(policy, "OnFailure" | "Never") {
        let field = "spec.template.spec.restartPolicy";
        errors.push(FieldError::not_supported(field, &policy.into(), &["Always"]));
    }
    if given(spec, "activeDeadlineSeconds").is_some() {
        let detail = "activeDeadlineSeconds in ReplicaSet is not Supported";
        errors.push(FieldError::forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            detail,
        ));
    }
}

fn deployment_strategy(strategy: &Value, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.strategy.rollingUpdate";
    let rolling = given(strategy, "rollingUpdate");
    match (text(strategy, "type"), rolling) {
        ("Recreate", Some(_)) => {
            let detail = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden(FIELD, detail));
        }
        ("RollingUpdate", Some(rolling)) => {
            amount(rolling, FIELD, "maxUnavailable", errors);
            amount(rolling, FIELD, "maxSurge", errors);
            if is_zero(rolling, "maxUnavailable") && is_zero(rolling, "maxSurge") {
                errors.push(FieldError::invalid(
                    format!("{FIELD}.maxUnavailable"),
                    &rolling["maxUnavailable"],
                    "may not be 0 when `maxSurge` is 0",
                ));
            }
            share(rolling, FIELD, "maxUnavailable", errors);
        }
        ("Recreate" | "RollingUpdate", _) => {}
        (other, _) => errors.push(FieldError::not_supported_json(
            "spec.strategy",
            &format!(r#"{{"Type":{},"RollingUpdate":null}}"#, json!(other)),
            &["Recreate", "RollingUpdate"],
        )),
    }
}

fn daemon_strategy(strategy: &Value, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.updateStrategy.rollingUpdate";
    match (text(strategy, "type"), given(strategy, "rollingUpdate")) {
        ("RollingUpdate", Some(rolling)) => {
            for field in ["maxUnavailable", "maxSurge"] {
                amount(rolling, FIELD, field, errors);
                share(rolling, FIELD, field, errors);
            }
            match (is_zero(rolling, "maxUnavailable"), is_zero(rolling, "maxSurge")) {
                (true, true) => {
                    let detail = "cannot be 0 when maxSurge is 0";
                    errors.push(FieldError::required(format!("{FIELD}.maxUnavailable"), detail));
                }
                (false, false) => errors.push(FieldError::invalid(
                    format!("{FIELD}.maxSurge"),
                    &rolling["maxSurge"],
                    "may not be set when maxUnavailable is non-zero",
                )),
                _ => {}
            }
        }
        ("RollingUpdate", None) => errors.push(FieldError::required(FIELD, "")),
        ("OnDelete", _) => {}
        (other, _) => errors.push(FieldError::not_supported_json(
            "spec.updateStrategy",
            &format!(r#"{{"Type":{},"RollingUpdate":null}}"#, json!(other)),
            &["RollingUpdate", "OnDelete"],
        )),
    }
}

fn stateful_strategy(strategy: &Value, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.updateStrategy.rollingUpdate";
    match (text(strategy, "type"), given(strategy, "rollingUpdate")) {
        ("RollingUpdate", Some(rolling)) => {
            non_negative(rolling, FIELD, &["partition"], errors);
            amount(rolling, FIELD, "maxUnavailable", errors);
            share(rolling, FIELD, "maxUnavailable", errors);
        }
        ("OnDelete", Some(rolling)) => {
            let shown = format!(
                r#"{{"Partition":{},"MaxUnavailable":{}}}"#,
                rolling["partition"], rolling["maxUnavailable"]
            );
            let detail = "only allowed for updateStrategy 'RollingUpdate'";
            errors.push(FieldError::invalid_json(FIELD, &shown, detail));
        }
        ("RollingUpdate" | "OnDelete", None) => {}
        ("", _) => errors.push(FieldError::required("spec.updateStrategy", "")),
        (other, _) => errors.push(FieldError::invalid_json(
            "spec.updateStrategy",
            &format!(r#"{{"Type":{},"RollingUpdate":null}}"#, json!(other)),
            "must be 'RollingUpdate' or 'OnDelete'",
        )),
    }
}
