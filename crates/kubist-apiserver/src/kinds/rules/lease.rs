//! The rules of leases.

use serde_json::Value;

use crate::http::fields::FieldError;

pub(super) fn lease(new: &Value, errors: &mut Vec<FieldError>) {
    let spec = &new["spec"];
    if let Some(seconds) = spec.get("leaseDurationSeconds").and_then(Value::as_i64)
        && seconds <= 0
    {
        let detail = "must be greater than 0";
        errors.push(FieldError::invalid(
            "spec.leaseDurationSeconds",
            &seconds.into(),
            detail,
        ));
    }
    if let Some(count) = spec.get("leaseTransitions").and_then(Value::as_i64)
        && count < 0
    {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(
            "spec.leaseTransitions",
            &count.into(),
            detail,
        ));
    }
}
