//! The versions of a definition.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::parts;
use crate::http::fields::FieldError;
use crate::object::member::{list, text};
use crate::object::metavalidate::{NameRule, name_problems};

/// What is wrong with `spec.versions`.
pub(super) fn validate(spec: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let versions = list(spec, "versions");
    let mut errors = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        if parts::schema(version).is_none() {
            let field = format!("spec.versions[{at}].schema.openAPIV3Schema");
            errors.push(FieldError::required(field, ""));
        }
    }
    let not_a_name = |field: String, name: &str| {
        let problems = name_problems(NameRule::Label1035, name);
        let detail = problems.join(",");
        (!problems.is_empty()).then(|| FieldError::invalid_text(field, name, &detail))
    };
    for (at, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{at}]");
        errors.extend(not_a_name(format!("{path}.name"), text(version, "name")));
        errors.extend(deprecation(version, &path));
        errors.extend(parts::own(spec, version, &path, old));
    }
    let mut seen = HashSet::new();
    let wrong = |detail: &str| FieldError::invalid_json("spec.versions", &shown(spec, versions), detail);
    if !versions.iter().all(|version| seen.insert(text(version, "name"))) {
        errors.push(wrong("must contain unique version names"));
    }
    let stored = versions.iter().filter(|version| version["storage"] == true);
    let stored = stored.count();
    if stored != 1 {
        errors.push(wrong("must have exactly one version marked as storage version"));
    }
    if let Some(first) = versions.first() {
        errors.extend(not_a_name("spec.version".into(), text(first, "name")));
    }
    errors.extend(left_behind(versions, old));
    if stored == 0 && old.is_none() {
        let detail = "must have at least one stored version";
        errors.push(FieldError::invalid("status.storedVersions", &Value::Null, detail));
    }
    errors
}

/// Versions that objects are stored in and that are versions no longer.
fn left_behind(versions: &[Value], old: Option<&Value>) -> Vec<FieldError> {
    let stored = crate::object::meta::strings(
        old.and_then(|old| crate::object::meta::at(old, "status.storedVersions")),
    );
    let mut errors = Vec::new();
    for (at, name) in stored.into_iter().enumerate() {
        if !versions.iter().any(|version| text(version, "name") == name) {
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions \
                 until a storage migration ensures no data remains persisted in {name} and removes {name} from \
                 status.storedVersions"
            );
            let field = format!("status.storedVersions[{at}]");
            errors.push(FieldError::invalid_text(field, name, &detail));
        }
    }
    errors
}

fn deprecation(version: &Value, path: &str) -> Vec<FieldError> {
    let Some(warning) = version.get("deprecationWarning").and_then(Value::as_str) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if version["deprecated"] != true {
        problems.push("can only be set for deprecated versions".to_owned());
    } else {
        if warning.len() > 256 {
            problems.push("must be <= 256 characters long".to_owned());
        }
        if warning.is_empty() {
            problems.push("must not be an empty string".to_owned());
        }
        if let Some((at, _)) = warning.char_indices().find(|(_, c)| c.is_control()) {
            problems.push(format!(
                "must only contain printable UTF-8 characters; non-printable character found at index {at}"
            ));
        }
    }
    let field = format!("{path}.deprecationWarning");
    problems
        .iter()
        .map(|problem| FieldError::invalid_text(&field, warning, problem))
        .collect()
}

/// The versions as Go's JSON of the API's own type, what they have alike left out.
fn shown(spec: &Value, versions: &[Value]) -> String {
    let fields = [
        ("Name", "name"),
        ("Served", "served"),
        ("Storage", "storage"),
        ("Deprecated", "deprecated"),
        ("DeprecationWarning", "deprecationWarning"),
        ("Schema", "schema"),
        ("Subresources", "subresources"),
        ("AdditionalPrinterColumns", "additionalPrinterColumns"),
        ("SelectableFields", "selectableFields"),
    ];
    let of = |version: &Value| {
        let fields = fields.map(|(name, key)| {
            let absent = match key {
                "served" | "storage" | "deprecated" => json!(false),
                _ => Value::Null,
            };
            let value = version.get(key).filter(|_| !parts::is_shared(spec, key));
            format!("\"{name}\":{}", value.unwrap_or(&absent))
        });
        format!("{{{}}}", fields.join(","))
    };
    let versions: Vec<String> = versions.iter().map(of).collect();
    if versions.is_empty() {
        return "null".into();
    }
    format!("[{}]", versions.join(","))
}
