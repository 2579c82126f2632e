//! The rules of jobs, and of what makes them.

use serde_json::{Value, json};

use super::common::{non_negative, selector_matches};
use super::cron;
use super::immutable;
use super::job_policies;
use super::pods::template;
use crate::http::fields::FieldError;
use crate::object::member::{given, integer, list, text};
use crate::object::meta;

pub(super) fn job(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if old.is_none() {
        generated_selector(new, errors);
    }
    job_spec(spec, "spec", errors);
    let labels = meta::at(spec, "template.metadata.labels");
    if !selector_matches(&spec["selector"], labels) {
        let detail = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid(
            "spec.template.metadata.labels",
            labels.unwrap_or(&Value::Null),
            detail,
        ));
    }
    let Some(old) = old else { return };
    if !may_grow(spec, &old["spec"]) {
        immutable(new, old, "spec.completions", errors);
    }
    for field in [
        "selector",
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ] {
        immutable(new, old, &format!("spec.{field}"), errors);
    }
    let suspended = old["spec"]["suspend"] == true && given(&old["status"], "startTime").is_none();
    if template_of(spec, suspended) != template_of(&old["spec"], suspended) {
        let detail = "field is immutable";
        errors.push(FieldError::invalid("spec.template", &spec["template"], detail));
    }
}

/// What a job's status says may not contradict itself, nor go back.
pub(super) fn status(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let status = &new["status"];
    let count = |status: &Value, field: &str| integer(status, field).unwrap_or(0);
    non_negative(
        status,
        "status",
        &["active", "succeeded", "failed", "ready", "terminating"],
        errors,
    );
    let is = |name: &str| {
        let is_true = |condition: &Value| condition["type"] == name && condition["status"] == "True";
        list(status, "conditions").iter().any(is_true)
    };
    let has_ended = given(status, "completionTime").is_some();
    if (is("Complete") || is("Failed")) && count(status, "active") > 0 {
        let detail = "active>0 is invalid for finished job";
        let active = count(status, "active").into();
        errors.push(FieldError::invalid("status.active", &active, detail));
    }
    if is("Complete") && !has_ended {
        let detail = "completionTime is required for Complete jobs";
        errors.push(FieldError::required("status.completionTime", detail));
    }
    if has_ended && !is("Complete") {
        let detail = "cannot set completionTime when there is no Complete=True condition";
        let time = &status["completionTime"];
        errors.push(FieldError::invalid("status.completionTime", time, detail));
    }
    for (end, before) in [("Complete", "SuccessCriteriaMet"), ("Failed", "FailureTarget")] {
        if is(end) && !is(before) {
            let article = if before == "SuccessCriteriaMet" {
                "true"
            } else {
                "True"
            };
            let detail = format!("cannot set {end}=True condition without the {before}={article} condition");
            errors.push(FieldError::invalid_of("status.conditions", &detail));
        }
    }
    if is("Complete") && is("Failed") {
        let detail = "cannot set Complete=True and Failed=true conditions";
        errors.push(FieldError::invalid_of("status.conditions", detail));
    }
    let Some(old) = old else { return };
    for field in ["succeeded", "failed"] {
        if count(status, field) < count(&old["status"], field) {
            let detail = format!("cannot decrease the {field} counter");
            let now = count(status, field).into();
            errors.push(FieldError::invalid(format!("status.{field}"), &now, &detail));
        }
    }
}

/// Whether a job of numbered pods may have more of them: all of them run at once.
fn may_grow(new: &Value, old: &Value) -> bool {
    text(new, "completionMode") == "Indexed"
        && integer(new, "completions") == integer(new, "parallelism")
        && integer(old, "completions") == integer(old, "parallelism")
}

/// What of a template may not change; one whose pods did not begin may be moved to other nodes.
fn template_of(spec: &Value, suspended: bool) -> Value {
    let mut template = spec["template"].clone();
    if suspended && let Some(spec) = template["spec"].as_object_mut() {
        for field in ["affinity", "nodeSelector", "tolerations", "schedulingGates"] {
            spec.remove(field);
        }
    }
    if suspended && let Some(metadata) = template["metadata"].as_object_mut() {
        metadata.remove("annotations");
        metadata.remove("labels");
    }
    template
}

pub(super) fn cron_job(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let name = meta::name(new);
    if name.len() > 52 {
        let detail = "must be no more than 52 characters";
        errors.push(FieldError::invalid_text("metadata.name", name, detail));
    }
    let schedule = text(spec, "schedule");
    if schedule.is_empty() {
        errors.push(FieldError::required("spec.schedule", ""));
    } else if let Some(why) = cron::problem(schedule) {
        errors.push(FieldError::invalid_text("spec.schedule", schedule, &why));
    }
    if let Some(zone) = given(spec, "timeZone").and_then(Value::as_str) {
        let why = match zone {
            "" => Some("timeZone must be nil or non-empty string".to_owned()),
            zone if zone.eq_ignore_ascii_case("local") => Some(
                "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
                    .to_owned(),
            ),
            zone if jiff::tz::TimeZone::get(zone).is_err() => Some(format!("unknown time zone {zone}")),
            _ => None,
        };
        if let Some(why) = why {
            errors.push(FieldError::invalid_text("spec.timeZone", zone, &why));
        }
    }
    non_negative(spec, "spec", &["startingDeadlineSeconds"], errors);
    job_spec(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec", errors);
    non_negative(
        spec,
        "spec",
        &["successfulJobsHistoryLimit", "failedJobsHistoryLimit"],
        errors,
    );
}

fn job_spec(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    non_negative(
        spec,
        path,
        &[
            "parallelism",
            "completions",
            "activeDeadlineSeconds",
            "backoffLimit",
            "ttlSecondsAfterFinished",
            "backoffLimitPerIndex",
            "maxFailedIndexes",
        ],
        errors,
    );
    let is_indexed = text(spec, "completionMode") == "Indexed";
    let completions = integer(spec, "completions");
    if is_indexed && completions.is_none() {
        let detail = "when completion mode is Indexed";
        errors.push(FieldError::required(format!("{path}.completions"), detail));
    }
    if let (Some(failed), Some(all)) = (integer(spec, "maxFailedIndexes"), completions)
        && failed > all
    {
        let detail = "must be less than or equal to completions";
        errors.push(FieldError::invalid(
            format!("{path}.maxFailedIndexes"),
            &failed.into(),
            detail,
        ));
    }
    if !is_indexed {
        for field in ["backoffLimitPerIndex", "maxFailedIndexes"] {
            if let Some(value) = given(spec, field) {
                let detail = "requires indexed completion mode";
                errors.push(FieldError::invalid(format!("{path}.{field}"), value, detail));
            }
        }
        if given(spec, "successPolicy").is_some() {
            let detail = "requires indexed completion mode";
            let shown = json!({"Rules": spec["successPolicy"].get("rules")});
            errors.push(FieldError::invalid(
                format!("{path}.successPolicy"),
                &shown,
                detail,
            ));
        }
    }
    if let Some(manager) = given(spec, "managedBy").and_then(Value::as_str)
        && manager
            .split_once('/')
            .is_none_or(|(domain, name)| domain.is_empty() || name.is_empty())
    {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(FieldError::invalid_text(
            format!("{path}.managedBy"),
            manager,
            detail,
        ));
    }
    job_policies::validate(spec, path, errors);
    template(&spec["template"], &format!("{path}.template"), errors);
    let policy = text(&spec["template"]["spec"], "restartPolicy");
    if policy.is_empty() || policy == "Always" {
        let field = format!("{path}.template.spec.restartPolicy");
        errors.push(FieldError::required(
            field,
            "valid values: \"OnFailure\", \"Never\"",
        ));
    }
}

/// What the server chose may not be chosen by somebody else.
fn generated_selector(job: &Value, errors: &mut Vec<FieldError>) {
    const LABEL: &str = "batch.kubernetes.io/controller-uid";
    let spec = &job["spec"];
    if spec["manualSelector"] == true {
        if given(spec, "selector").is_none() {
            errors.push(FieldError::required("spec.selector", ""));
        }
        return;
    }
    let expected = json!({"matchLabels": {LABEL: meta::uid(job)}});
    if spec["selector"] != expected {
        let detail = "`selector` not auto-generated";
        errors.push(FieldError::invalid("spec.selector", &spec["selector"], detail));
    }
}
