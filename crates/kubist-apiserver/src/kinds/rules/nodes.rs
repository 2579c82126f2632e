//! The rules of nodes.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::member::{list, text};
use crate::object::{meta, metavalidate};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub(super) fn node(new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    taints(list(&new["spec"], "taints"), errors);
    let Some(old) = old else { return };
    let ranges = |node| meta::strings(meta::at(node, "spec.podCIDRs"));
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
