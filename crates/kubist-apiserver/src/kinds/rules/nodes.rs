//! The rules of nodes.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::kinds::service::ip;
use crate::object::member::{list, text};
use crate::object::{meta, metavalidate};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub(super) fn node(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    taints(list(&new["spec"], "taints"), errors);
    let ranges = |node| meta::strings(meta::at(node, "spec.podCIDRs"));
    pod_ranges(
        &ranges(new),
        old.map(ranges).unwrap_or_default().as_slice(),
        errors,
    );
    let Some(old) = old else { return };
    if !ranges(old).is_empty() && ranges(new) != ranges(old) {
        let detail = "node updates may not change podCIDR except from \"\" to valid";
        errors.push(FieldError::forbidden("spec.podCIDRs", detail));
    }
    let provider = text(&old["spec"], "providerID");
    if !provider.is_empty() && text(&new["spec"], "providerID") != provider {
        let detail = "node updates may not change providerID except from \"\" to valid";
        errors.push(FieldError::forbidden("spec.providerID", detail));
    }
}

/// Ranges of addresses for pods: of each family one at most.
fn pod_ranges(ranges: &[&str], before: &[&str], errors: &mut Vec<FieldError>) {
    let path = "spec.podCIDRs";
    for (at, range) in ranges.iter().enumerate() {
        // What was let in before stays.
        if before.contains(range) {
            continue;
        }
        if let Err(detail) = ip::parse_range(range) {
            errors.push(FieldError::invalid_text(format!("{path}[{at}]"), range, detail));
        }
    }
    let are_6: Vec<bool> = ranges.iter().map(|range| range.contains(':')).collect();
    let is_one_of_each = matches!(are_6.as_slice(), [] | [_] | [true, false] | [false, true]);
    if !is_one_of_each {
        let detail = "may specify no more than one CIDR for each IP family";
        errors.push(FieldError::invalid(path, &ranges.into(), detail));
    }
}

fn taints(taints: &[Value], errors: &mut Vec<FieldError>) {
    for (at, taint) in taints.iter().enumerate() {
        // As upstream has it; they are in the spec.
        let path = format!("metadata.taints[{at}]");
        let [key, value, effect] = ["key", "value", "effect"].map(|field| text(taint, field));
        for problem in metavalidate::qualified_name_problems(key) {
            errors.push(FieldError::invalid_text(format!("{path}.key"), key, &problem));
        }
        let problems = metavalidate::label_value_problems(value);
        if !problems.is_empty() {
            let field = format!("{path}.value");
            errors.push(FieldError::invalid_text(field, value, &problems.join(";")));
        }
        let field = format!("{path}.effect");
        if effect.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if !EFFECTS.contains(&effect) {
            errors.push(FieldError::not_supported(field, &effect.into(), &EFFECTS));
        }
        let is_same = |other: &Value| text(other, "key") == key && text(other, "effect") == effect;
        if taints.iter().take(at).any(is_same) {
            let shown = format!(
                r#"{{"Key":{},"Value":{},"Effect":{},"TimeAdded":null}}: taints must be unique by key and effect pair"#,
                Value::from(key),
                Value::from(value),
                Value::from(effect)
            );
            errors.push(FieldError::duplicate_json(path, &shown));
        }
    }
}
