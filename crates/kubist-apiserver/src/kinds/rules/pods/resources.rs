//! The rules of what a container asks for.

use kubist_core::quantity::Quantity;
use serde_json::{Map, Value};

use super::super::resource_names;
use crate::http::fields::FieldError;

pub(super) fn validate(resources: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let nothing = Map::new();
    let amounts = |field: &str| {
        resources
            .get(field)
            .and_then(Value::as_object)
            .unwrap_or(&nothing)
    };
    let (limits, requests) = (amounts("limits"), amounts("requests"));
    let mut needs_limit = false;
    for (field, amounts) in [("limits", limits), ("requests", requests)] {
        for (name, amount) in amounts {
            let field = format!("{path}.{field}[{name}]");
            resource_names::of_container(name, &field, errors);
            if quantity(amount).is_some_and(|amount| amount < Quantity::ZERO) {
                let detail = "must be greater than or equal to 0";
                errors.push(FieldError::invalid(field, amount, detail));
            }
        }
    }
    for (name, request) in requests {
        let Some(limit) = limits.get(name) else {
            needs_limit |= !resource_names::is_overcommitted(name);
            continue;
        };
        let (Some(asked), Some(most)) = (quantity(request), quantity(limit)) else {
            continue;
        };
        let shown = limit.as_str().unwrap_or_default();
        let detail = if !resource_names::is_overcommitted(name) && asked != most {
            format!("must be equal to {name} limit of {shown}")
        } else if asked > most {
            format!("must be less than or equal to {name} limit of {shown}")
        } else {
            continue;
        };
        errors.push(FieldError::invalid(format!("{path}.requests"), request, &detail));
    }
    if needs_limit {
        let detail = "Limit must be set for non overcommitable resources";
        errors.push(FieldError::required(format!("{path}.limits"), detail));
    }
}

fn quantity(value: &Value) -> Option<Quantity> {
    value.as_str()?.parse().ok()
}
