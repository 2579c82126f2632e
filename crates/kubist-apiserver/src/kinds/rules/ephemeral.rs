//! Containers that are added to a pod that runs.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::member::list;

const FIELD: &str = "spec.ephemeralContainers";

/// The rules of an update through `ephemeralcontainers`: what is there stays as it is.
pub(super) fn additions(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let kept = list(&new["spec"], "ephemeralContainers");
    for before in list(&old["spec"], "ephemeralContainers") {
        let name = &before["name"];
        let what = match kept.iter().find(|container| container["name"] == *name) {
            Some(after) if after == before => continue,
            Some(_) => "changed",
            None => "removed",
        };
        errors.push(FieldError::forbidden(
            FIELD,
            &format!("existing ephemeral containers {name} may not be {what}\n"),
        ));
    }
}
