//! What a version consists of: its schema, subresources, columns and selectable fields.

use std::collections::HashSet;

use serde_json::Value;

use super::structural::structural;
use super::{defaults, openapi};
use crate::crd::{has_rules, rule_checks};
use crate::http::fields::FieldError;
use crate::object::member::{given, list, text};

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 8] = [
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
];
/// How many fields of a version can be selected by.
const MOST_SELECTABLE: usize = 8;

/// The schema of a version.
pub(super) fn schema(version: &Value) -> Option<&Value> {
    version
        .get("schema")?
        .get("openAPIV3Schema")
        .filter(|schema| schema.is_object())
}

/// Whether a part is the same in all versions.
pub(super) fn is_shared(spec: &Value, part: &str) -> bool {
    let is_part = matches!(
        part,
        "schema" | "subresources" | "additionalPrinterColumns" | "selectableFields"
    );
    let same = |pair: &[Value]| match pair {
        [one, other] => given(one, part) == given(other, part),
        _ => true,
    };
    is_part && list(spec, "versions").windows(2).all(same)
}

/// What is wrong with the parts that a version has for itself.
pub(super) fn own(spec: &Value, version: &Value, path: &str, old: Option<&Value>) -> Vec<FieldError> {
    let place = |part: &str| (!is_shared(spec, part)).then(|| format!("{path}.{part}"));
    check(version, old, &place)
}

/// What is wrong with the parts that all versions share.
pub(super) fn shared(spec: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let place = |part: &str| {
        let name = if part == "schema" { "validation" } else { part };
        is_shared(spec, part).then(|| format!("spec.{name}"))
    };
    let first = list(spec, "versions").first();
    first.map_or_else(Vec::new, |version| check(version, old, &place))
}

fn check(version: &Value, old: Option<&Value>, place: &dyn Fn(&str) -> Option<String>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let (Some(path), Some(schema)) = (place("schema"), schema(version)) {
        let unchanged = before(old, version) == Some(schema);
        errors.extend(schema_errors(
            schema,
            &format!("{path}.openAPIV3Schema"),
            unchanged,
        ));
    }
    if let Some(path) = place("subresources") {
        errors.extend(scale(&version["subresources"]["scale"], &format!("{path}.scale")));
    }
    if let Some(path) = place("additionalPrinterColumns") {
        for (at, column) in list(version, "additionalPrinterColumns").iter().enumerate() {
            errors.extend(self::column(column, &format!("{path}[{at}]")));
        }
    }
    if let Some(path) = place("selectableFields") {
        errors.extend(selectable(version, &path));
    }
    errors
}

/// The schema that a version had in the definition that is updated.
fn before<'a>(old: Option<&'a Value>, version: &Value) -> Option<&'a Value> {
    let versions = list(old?.get("spec")?, "versions");
    schema(versions.iter().find(|before| before["name"] == version["name"])?)
}

fn schema_errors(schema: &Value, path: &str, unchanged: bool) -> Vec<FieldError> {
    let mut errors = structural(schema, path);
    // Defaults are checked by a schema that is sound, and rules are compiled for one.
    if errors.is_empty() {
        errors = defaults::validate(schema, path);
    }
    let is_sound = errors.is_empty();
    openapi::validate(schema, path, &mut errors);
    if is_sound && has_rules(schema) {
        errors.extend(rule_checks::validate(schema, path, unchanged));
    }
    errors
}

fn scale(scale: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if !scale.is_object() {
        return errors;
    }
    for (key, under, detail) in [
        (
            "specReplicasPath",
            &[".spec."][..],
            "should be a json path under .spec",
        ),
        (
            "statusReplicasPath",
            &[".status."],
            "should be a json path under .status",
        ),
        (
            "labelSelectorPath",
            &[".spec.", ".status."],
            "should be a json path under either .spec or .status",
        ),
    ] {
        let (field, given) = (format!("{path}.{key}"), text(scale, key));
        if given.is_empty() {
            if key != "labelSelectorPath" {
                errors.push(FieldError::required(field, ""));
            }
        } else if !given.starts_with('.') {
            errors.push(not_simple(field, given));
        } else if !under.iter().any(|under| given.starts_with(under)) {
            errors.push(FieldError::invalid_text(field, given, detail));
        }
    }
    errors
}

fn not_simple(field: String, path: &str) -> FieldError {
    FieldError::invalid_text(field, path, "must be a simple json path starting with .")
}

fn column(column: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let field = |key: &str| format!("{path}.{key}");
    if text(column, "name").is_empty() {
        errors.push(FieldError::required(field("name"), ""));
    }
    let one_of = |accepted: &[&str]| format!("must be one of {}", accepted.join(","));
    let (ty, format) = (text(column, "type"), text(column, "format"));
    if ty.is_empty() {
        errors.push(FieldError::required(field("type"), &one_of(&COLUMN_TYPES)));
    } else if !COLUMN_TYPES.contains(&ty) {
        errors.push(FieldError::invalid_text(
            field("type"),
            ty,
            &one_of(&COLUMN_TYPES),
        ));
    }
    if !format.is_empty() && !COLUMN_FORMATS.contains(&format) {
        errors.push(FieldError::invalid_text(
            field("format"),
            format,
            &one_of(&COLUMN_FORMATS),
        ));
    }
    let json_path = text(column, "jsonPath");
    if json_path.is_empty() {
        errors.push(FieldError::required(field("JSONPath"), ""));
    } else if !json_path.starts_with('.') {
        errors.push(not_simple(field("JSONPath"), json_path));
    }
    errors
}

fn selectable(version: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut seen = HashSet::new();
    for (at, selectable) in list(version, "selectableFields").iter().enumerate() {
        let field = format!("{path}[{at}].jsonPath");
        let json_path = text(selectable, "jsonPath");
        if json_path.is_empty() {
            errors.push(FieldError::required(field, ""));
            continue;
        }
        let invalid = |detail: &str| FieldError::invalid_text(&field, json_path, detail);
        let found = match leads_to(json_path, schema(version).unwrap_or(&Value::Null)) {
            Ok(found) => found,
            Err(why) => {
                errors.push(invalid(&format!("is an invalid path: {why}")));
                continue;
            }
        };
        if json_path.split('.').nth(1) == Some("metadata") {
            errors.push(invalid("must not point to fields in metadata"));
        }
        if !matches!(text(found, "type"), "string" | "boolean" | "integer") {
            errors.push(invalid(
                "must point to a field of type string, boolean or integer. Enum string fields and strings with formats \
                 are allowed.",
            ));
        }
        if !seen.insert(json_path) {
            errors.push(FieldError::duplicate(&field, &json_path.into()));
        }
    }
    if seen.len() > MOST_SELECTABLE {
        errors.push(FieldError::too_many(path, seen.len(), MOST_SELECTABLE));
    }
    errors
}

/// The schema that a path such as `.spec.host` leads to.
fn leads_to<'a>(path: &str, schema: &'a Value) -> Result<&'a Value, String> {
    if path.contains('[') {
        return Err("array notation is not allowed".into());
    }
    let mut steps = path.split('.');
    match steps.next() {
        None | Some("") => {}
        Some(step) => return Err(format!("expected [ or . but got: {step}")),
    }
    let mut at = schema;
    for step in steps {
        let property = at.get("properties").and_then(|properties| properties.get(step));
        let values = at.get("additionalProperties").filter(|values| values.is_object());
        at = property.or(values).ok_or("does not refer to a valid field")?;
    }
    Ok(at)
}
