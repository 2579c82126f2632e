//! The rules of what a container asks for.

use kubist_core::quantity::Quantity;
use serde_json::{Map, Value};

use crate::http::fields::FieldError;
use crate::object::metavalidate;

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
            validate_name(name, &field, errors);
            if quantity(amount).is_some_and(|amount| amount < Quantity::ZERO) {
                let detail = "must be greater than or equal to 0";
                errors.push(FieldError::invalid(field, amount, detail));
            }
        }
    }
    for (name, request) in requests {
        let Some(limit) = limits.get(name) else {
            needs_limit |= !is_overcommitted(name);
            continue;
        };
        let (Some(asked), Some(most)) = (quantity(request), quantity(limit)) else {
            continue;
        };
        let shown = limit.as_str().unwrap_or_default();
        let detail = if !is_overcommitted(name) && asked != most {
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

/// Whether it is a resource that Kubernetes knows by itself.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether containers may be promised more of it than there is.
fn is_overcommitted(name: &str) -> bool {
    is_native(name) && !name.starts_with("hugepages-")
}

fn validate_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    let problems = metavalidate::qualified_name_problems(name);
    for problem in &problems {
        errors.push(FieldError::invalid_text(field, name, problem));
    }
    let is_standard =
        matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if problems.is_empty() && !name.contains('/') && !is_standard {
        for detail in [
            "must be a standard resource type or fully qualified",
            "must be a standard resource for containers",
        ] {
            errors.push(FieldError::invalid_text(field, name, detail));
        }
    }
}
