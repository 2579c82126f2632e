//! The rules of events.

use serde_json::{Value, json};

use super::immutable;
use crate::http::fields::FieldError;
use crate::kinds::event;
use crate::kinds::kind::Kind;
use crate::object::member::{given, text};
use crate::object::meta;
use crate::object::metavalidate;

/// What is wrong with an event; those that tell when they happened say who saw it, and what was done.
pub(super) fn validate(kind: &Kind, new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    // Errors call the fields as `core` does, but for one.
    let mut event = new.clone();
    if let (true, Some(event)) = (event::is_translated(kind), event.as_object_mut()) {
        event::store(event);
    }
    validate_place(&event, errors);
    let happened = given(&event, "eventTime").is_some();
    if happened {
        validate_report(kind, &event, errors);
    }
    if !event::is_translated(kind) {
        return;
    }
    if !happened {
        errors.push(FieldError::required("eventTime", ""));
    }
    let sort = text(&event, "type");
    if !matches!(sort, "Normal" | "Warning") {
        errors.push(FieldError::invalid_text(
            "type",
            "",
            &format!("has invalid value: {sort}"),
        ));
    }
    let Some(old) = old else { return };
    let mut before = old.clone();
    if let Some(before) = before.as_object_mut() {
        event::store(before);
    }
    for field in [
        "involvedObject",
        "reason",
        // Upstream checks it twice.
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ] {
        immutable(&event, &before, field, errors);
    }
}

/// An event is where what it is about is, or in `default` if that is nowhere.
fn validate_place(event: &Value, errors: &mut Vec<FieldError>) {
    let own = meta::text(event, "namespace");
    let nothing = json!({});
    let about = given(event, "involvedObject").unwrap_or(&nothing);
    let namespace = text(about, "namespace");
    let is_fine = match namespace {
        "" => matches!(own, "default" | "kube-system"),
        namespace => namespace == own,
    };
    if !is_fine {
        let detail = "does not match event.namespace";
        errors.push(FieldError::invalid_text(
            "involvedObject.namespace",
            namespace,
            detail,
        ));
    }
}

fn validate_report(kind: &Kind, event: &Value, errors: &mut Vec<FieldError>) {
    /// How long most texts may be.
    const MOST: usize = 128;
    let controller = text(event, "reportingComponent");
    let field = if event::is_translated(kind) {
        "reportingController"
    } else {
        "reportingComponent"
    };
    if controller.is_empty() {
        errors.push(FieldError::required(field, ""));
    }
    for problem in metavalidate::qualified_name_problems(controller) {
        errors.push(FieldError::invalid_text(field, controller, &problem));
    }
    for field in ["reportingInstance", "action", "reason"] {
        let text = text(event, field);
        if text.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if text.len() > MOST {
            let detail = format!("can have at most {MOST} characters");
            errors.push(FieldError::invalid_text(field, "", &detail));
        }
    }
    if text(event, "message").len() > 1024 {
        let detail = "can have at most 1024 characters";
        errors.push(FieldError::invalid_text("message", "", detail));
    }
}
