//! The rules of APIs that other servers answer.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::member::{integer, text};
use crate::object::meta;

pub(super) fn api_service(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    let name = format!("{}.{}", text(spec, "version"), text(spec, "group"));
    if meta::name(new) != name {
        let detail = format!("must be `spec.version+\".\"+spec.group`: {name:?}");
        errors.push(FieldError::invalid(
            "metadata.name",
            &meta::name(new).into(),
            &detail,
        ));
    }
    for (field, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1_000)] {
        let priority = integer(spec, field).unwrap_or(0);
        if !(1..=most).contains(&priority) {
            let detail = format!("must be positive and less than {most}");
            errors.push(FieldError::invalid(
                format!("spec.{field}"),
                &priority.into(),
                &detail,
            ));
        }
    }
    let service = &spec["service"];
    if service.is_object() {
        for field in ["namespace", "name"] {
            if text(service, field).is_empty() {
                errors.push(FieldError::required(format!("spec.service.{field}"), ""));
            }
        }
    }
}
