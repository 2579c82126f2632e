//! The rules of limit ranges.

use std::collections::BTreeSet;

use kubist_core::quantity::Quantity;
use serde_json::{Map, Value};

use super::resource_names;
use crate::http::fields::FieldError;
use crate::kinds::amounts::{self, Amounts};
use crate::object::member::{list, text};
use crate::object::metavalidate;

pub(super) fn limit_range(new: &Value, errors: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    for (at, limit) in list(&new["spec"], "limits").iter().enumerate() {
        let path = format!("spec.limits[{at}]");
        let kind = text(limit, "type");
        type_name(kind, &format!("{path}.type"), errors);
        if !seen.insert(kind) {
            errors.push(FieldError::duplicate(format!("{path}.type"), &kind.into()));
        }
        names(limit, kind, &path, errors);
        let storage = ["min", "max"].map(|bound| limit[bound]["storage"].is_string());
        if kind == "PersistentVolumeClaim" && storage == [false, false] {
            let detail = "either minimum or maximum storage value is required, but neither was provided";
            errors.push(FieldError::required(format!("{path}.limits"), detail));
        }
        bounds(limit, kind, &path, errors);
    }
}

fn type_name(kind: &str, field: &str, errors: &mut Vec<FieldError>) {
    let problems = metavalidate::qualified_name_problems(kind);
    for problem in &problems {
        errors.push(FieldError::invalid_text(field, kind, problem));
    }
    let is_known = matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim");
    if problems.is_empty() && !kind.contains('/') && !is_known {
        let detail = "must be a standard limit type or fully qualified";
        errors.push(FieldError::invalid_text(field, kind, detail));
    }
}

fn names(limit: &Value, kind: &str, path: &str, errors: &mut Vec<FieldError>) {
    let nothing = Map::new();
    for member in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
        let amounts = limit.get(member).and_then(Value::as_object).unwrap_or(&nothing);
        if kind == "Pod" && member.starts_with("default") {
            if !amounts.is_empty() {
                let detail = "may not be specified when `type` is 'Pod'";
                errors.push(FieldError::forbidden(format!("{path}.{member}"), detail));
            }
            continue;
        }
        for name in amounts.keys() {
            let field = format!("{path}.{member}[{name}]");
            match kind {
                "Pod" | "Container" => resource_names::of_container(name, &field, errors),
                _ => resource_names::any(name, &field, errors),
            }
        }
    }
}

/// Whether the bounds of each resource agree with each other.
fn bounds(limit: &Value, kind: &str, path: &str, errors: &mut Vec<FieldError>) {
    let of = |member: &str| amounts::read(limit.get(member));
    let (least, most, ratios) = (of("min"), of("max"), of("maxLimitRequestRatio"));
    let (limits, requests) = if kind == "Pod" {
        (Amounts::new(), Amounts::new())
    } else {
        (of("default"), of("defaultRequest"))
    };
    let all: BTreeSet<&String> = [&least, &most, &limits, &requests, &ratios]
        .into_iter()
        .flat_map(|amounts| amounts.keys())
        .collect();
    for name in all {
        let amounts = [&least, &most, &limits, &requests].map(|amounts| amounts.get(name).copied());
        let [min, max, limit, request] = amounts;
        let mut ordered = |member: &str,
                           (low, low_name): (Option<Quantity>, &str),
                           (high, high_name): (Option<Quantity>, &str),
                           shown: Option<Quantity>| {
            if let (Some(low), Some(high), Some(shown)) = (low, high, shown)
                && low > high
            {
                let detail = format!("{low_name} value {low} is greater than {high_name} value {high}");
                let field = format!("{path}.{member}[{name}]");
                errors.push(FieldError::invalid_text(field, &shown.to_string(), &detail));
            }
        };
        ordered("min", (min, "min"), (max, "max"), min);
        ordered(
            "defaultRequest",
            (min, "min"),
            (request, "default request"),
            request,
        );
        ordered(
            "defaultRequest",
            (request, "default request"),
            (max, "max"),
            request,
        );
        ordered(
            "defaultRequest",
            (request, "default request"),
            (limit, "default limit"),
            request,
        );
        ordered("default", (min, "min"), (limit, "default"), min);
        ordered("default", (limit, "default"), (max, "max"), max);
        if let Some(ratio) = ratios.get(name) {
            let field = format!("{path}.maxLimitRequestRatio[{name}]");
            ratio_bounds(*ratio, min, max, &field, errors);
        }
        if let (Some(limit), Some(request)) = (limit, request)
            && !resource_names::is_overcommitted(name)
            && limit != request
        {
            let detail =
                format!("default value {limit} must equal to defaultRequest value {request} in {name}");
            let field = format!("{path}.defaultRequest[{name}]");
            errors.push(FieldError::invalid_text(field, &request.to_string(), &detail));
        }
    }
}

fn ratio_bounds(
    ratio: Quantity,
    min: Option<Quantity>,
    max: Option<Quantity>,
    field: &str,
    errors: &mut Vec<FieldError>,
) {
    if ratio < Quantity::from(1) {
        let detail = format!("ratio {ratio} is less than 1");
        errors.push(FieldError::invalid_text(field, &ratio.to_string(), &detail));
    }
    if let (Some(min), Some(max)) = (min, max) {
        let most = max.to_f64() / min.to_f64();
        if ratio.to_f64() > most {
            let detail = format!("ratio {ratio} is greater than max/min = {most:.6}");
            errors.push(FieldError::invalid_text(field, &ratio.to_string(), &detail));
        }
    }
}
