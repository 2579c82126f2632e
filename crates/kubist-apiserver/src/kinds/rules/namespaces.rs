//! The rules of namespaces' own parts.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::{meta, metavalidate};

/// The finalizers that a namespace has besides those of its metadata.
pub(super) fn finalizers(new: &Value, errors: &mut Vec<FieldError>) {
    let finalizers = meta::strings(meta::at(new, "spec.finalizers"));
    for (at, finalizer) in finalizers.iter().enumerate() {
        let field = format!("spec.finalizers[{at}]");
        for problem in metavalidate::qualified_name_problems(finalizer) {
            errors.push(FieldError::invalid_text(&field, finalizer, &problem));
        }
        if metavalidate::is_unqualified(finalizer) {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid_text(&field, finalizer, detail));
        }
    }
}

/// The phase, which follows from whether the namespace is being deleted.
pub(super) fn status(new: &Value, errors: &mut Vec<FieldError>) {
    let (phase, when) = if meta::is_deleting(new) {
        ("Terminating", "is not empty")
    } else {
        ("Active", "is empty")
    };
    let given = meta::at(new, "status.phase")
        .and_then(Value::as_str)
        .unwrap_or("");
    if given != phase {
        let detail = format!("may only be '{phase}' if `deletionTimestamp` {when}");
        errors.push(FieldError::invalid_text("status.Phase", given, &detail));
    }
}
