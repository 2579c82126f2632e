//! How a definition's objects are called.

use serde_json::Value;

use crate::http::fields::FieldError;
use crate::object::member::{list, text};
use crate::object::metavalidate::{NameRule, name_problems};

/// What is wrong with `spec.names`.
pub(super) fn validate(names: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let keys = ["plural", "singular", "kind", "listKind"];
    for key in keys {
        if text(names, key).is_empty() {
            errors.push(FieldError::required(format!("spec.names.{key}"), ""));
        }
    }
    for key in keys {
        let name = text(names, key);
        let is_kind = matches!(key, "kind" | "listKind");
        let checked = if is_kind {
            name.to_lowercase()
        } else {
            name.to_owned()
        };
        let problems = name_problems(NameRule::Label1035, &checked);
        if !name.is_empty() && !problems.is_empty() {
            let mut detail = problems.join(",");
            if is_kind {
                detail.insert_str(0, "may have mixed case, but should otherwise match: ");
            }
            let field = format!("spec.names.{key}");
            errors.push(FieldError::invalid_text(field, name, &detail));
        }
    }
    labels(names, "shortNames", &mut errors);
    let (kind, list_kind) = (text(names, "kind"), text(names, "listKind"));
    if !kind.is_empty() && kind == list_kind {
        let detail = "kind and listKind may not be the same";
        errors.push(FieldError::invalid_text("spec.names.listKind", list_kind, detail));
    }
    labels(names, "categories", &mut errors);
    errors
}

fn labels(names: &Value, key: &str, errors: &mut Vec<FieldError>) {
    for (at, name) in list(names, key).iter().enumerate() {
        let name = name.as_str().unwrap_or("");
        let problems = name_problems(NameRule::Label1035, name);
        if !problems.is_empty() {
            let field = format!("spec.names.{key}[{at}]");
            errors.push(FieldError::invalid_text(field, name, &problems.join(",")));
        }
    }
}
