//! Whether an object fits the OpenAPI schema of its version.
//!
//! Messages are those of `k8s.io/kube-openapi/pkg/validation` as a real server passes them on.

use std::collections::HashSet;

use regex::Regex;
use serde_json::Value;

use super::{Custom, ratchet};
use crate::http::fields::FieldError;

/// What does not fit.
pub(crate) fn validate(
    custom: &Custom,
    new: &Value,
    old: Option<&Value>,
    subresource: &str,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if subresource == "status" {
        // The status alone is looked at, and messages name paths inside it.
        let schema = custom
            .schema
            .get("properties")
            .and_then(|properties| properties.get("status"));
        if let (Some(schema), Some(status)) = (schema, new.get("status")) {
            let mut validator = Validator { errors: Vec::new() };
            validator.value(schema, status, old.and_then(|old| old.get("status")), "", false);
            errors.extend(validator.errors.into_iter().map(|error| error.below("status")));
        }
    } else {
        let mut validator = Validator { errors: Vec::new() };
        validator.value(&custom.schema, new, old, "", true);
        errors = validator.errors;
    }
    if let Some(scale) = &custom.scale {
        if subresource != "status" {
            replicas(new, &scale.spec_replicas, &mut errors);
        }
        replicas(new, &scale.status_replicas, &mut errors);
        if let Some(path) = &scale.selector
            && let Some(value) =
                crate::object::meta::at(new, path).filter(|value| !value.is_string() && !value.is_null())
        {
            let detail = accessor(path, value, "string");
            errors.push(FieldError::invalid_text(path, "", &detail));
        }
    }
    errors
}

/// What is wrong with a count that the `scale` subresource shows.
fn replicas(object: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match crate::object::meta::at(object, path) {
        None | Some(Value::Null) => {}
        Some(value) => match value.as_i64() {
            None => errors.push(FieldError::invalid(
                path,
                &0.into(),
                &accessor(path, value, "int64"),
            )),
            Some(count) if count < 0 => {
                errors.push(FieldError::invalid(
                    path,
                    &count.into(),
                    "should be a non-negative integer",
                ));
            }
            Some(count) if count > i64::from(i32::MAX) => {
                let detail = format!("should be less than or equal to {}", i32::MAX);
                errors.push(FieldError::invalid(path, &count.into(), &detail));
            }
            Some(_) => {}
        },
    }
}

fn accessor(path: &str, value: &Value, wanted: &str) -> String {
    let found = match value {
        Value::String(_) => "string",
        Value::Number(_) => "float64",
        Value::Bool(_) => "bool",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Null => "<nil>",
    };
    let shown = kubist_merge::go_value(value);
    format!("{path} accessor error: {shown} is of the type {found}, expected {wanted}")
}

struct Validator {
    errors: Vec<FieldError>,
}

fn is(schema: &Value, extension: &str) -> bool {
    schema.get(extension) == Some(&Value::Bool(true))
}

/// The type of a value in the words of JSON schema.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl Validator {
    /// Checks a value, unless it is what it was: an update lets old errors pass.
    fn value(&mut self, schema: &Value, value: &Value, old: Option<&Value>, path: &str, root: bool) {
        if old == Some(value) {
            return;
        }
        if value.is_null() && is(schema, "nullable") {
            return;
        }
        if !self.types(schema, value, path) {
            return;
        }
        self.allowed(schema, value, path);
        match value {
            Value::Object(map) => self.object(schema, map, old, path, root),
            Value::Array(items) => self.array(schema, items, old, path),
            Value::String(text) => self.text(schema, text, path),
            Value::Number(number) => self.number(schema, value, number.as_f64().unwrap_or(0.0), path),
            _ => {}
        }
        self.combined(schema, value, path);
    }

    fn types(&mut self, schema: &Value, value: &Value, path: &str) -> bool {
        let found = type_name(value);
        let shown = Value::from(found);
        if is(schema, "x-kubernetes-int-or-string") {
            if matches!(found, "integer" | "string") {
                return true;
            }
            let detail = format!("{path} in body must be of type integer,string: {found:?}");
            self.errors.push(FieldError::type_invalid(path, &shown, &detail));
            return false;
        }
        let Some(wanted) = schema.get("type").and_then(Value::as_str) else {
            return true;
        };
        let fits = match (wanted, value) {
            ("number", Value::Number(_)) => true,
            ("integer", Value::Number(number)) => number.as_f64().is_some_and(|n| n.fract() == 0.0),
            (wanted, _) => wanted == found,
        };
        if !fits {
            let detail = format!("{} in body must be of type {wanted}: {found:?}", in_body(path));
            self.errors
                .push(FieldError::type_invalid(field(path), &shown, &detail));
            if wanted == "integer" && found == "number" {
                let format = schema.get("format").and_then(Value::as_str).unwrap_or("default");
                let detail = format!("Checked value must be of type integer ({format} format) in {path}");
                self.errors.push(FieldError::invalid_text("<nil>", "", &detail));
            }
        }
        fits
    }

    fn allowed(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(allowed) = schema.get("enum").and_then(Value::as_array) else {
            return;
        };
        if allowed.contains(value) {
            return;
        }
        let shown: Vec<String> = allowed
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        self.errors.push(FieldError::not_supported(path, value, &shown));
    }

    fn object(
        &mut self,
        schema: &Value,
        map: &serde_json::Map<String, Value>,
        old: Option<&Value>,
        path: &str,
        root: bool,
    ) {
        let properties = schema.get("properties").and_then(Value::as_object);
        for name in crate::object::meta::strings(schema.get("required")) {
            let child = join(path, name);
            if map.get(name).is_none_or(|value| {
                value.is_null()
                    && !properties
                        .and_then(|p| p.get(name))
                        .is_some_and(|p| is(p, "nullable"))
            }) {
                self.errors.push(FieldError::required(child, ""));
            }
        }
        let count = map.len();
        if let Some(most) = limit(schema, "maxProperties").filter(|most| count > *most) {
            let detail = format!("{} in body should have at most {most} properties", in_body(path));
            self.errors.push(FieldError::invalid(
                field(path),
                &Value::Object(map.clone()),
                &detail,
            ));
        }
        if let Some(least) = limit(schema, "minProperties").filter(|least| count < *least) {
            let detail = format!(
                "{} in body should have at least {least} properties",
                in_body(path)
            );
            self.errors.push(FieldError::invalid(
                field(path),
                &Value::Object(map.clone()),
                &detail,
            ));
        }
        let additional = schema
            .get("additionalProperties")
            .filter(|schema| schema.is_object());
        for (key, value) in map {
            if root && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
                continue;
            }
            match properties.and_then(|properties| properties.get(key)) {
                // What is null and may not be counts as absent.
                Some(property)
                    if value.is_null() && !is(property, "nullable") && is_required(schema, key) => {}
                Some(property) => {
                    let old = old.and_then(|old| old.get(key));
                    self.value(property, value, old, &join(path, key), false);
                }
                None => {
                    if let Some(additional) = additional {
                        let old = old.and_then(|old| old.get(key));
                        self.value(additional, value, old, &join(path, key), false);
                    }
                }
            }
        }
        if is(schema, "x-kubernetes-embedded-resource") {
            for key in ["apiVersion", "kind"] {
                if map.get(key).and_then(Value::as_str).is_none_or(str::is_empty) {
                    self.errors
                        .push(FieldError::required(join(path, key), "must not be empty"));
                }
            }
        }
    }

    fn array(&mut self, schema: &Value, items: &[Value], old: Option<&Value>, path: &str) {
        if let Some(most) = limit(schema, "maxItems").filter(|most| items.len() > *most) {
            self.errors.push(FieldError::too_many(path, items.len(), most));
        }
        if let Some(least) = limit(schema, "minItems").filter(|least| items.len() < *least) {
            let detail = format!("{path} in body should have at least {least} items");
            self.errors
                .push(FieldError::invalid(path, &items.len().into(), &detail));
        }
        if let Some(of) = schema.get("items") {
            let matched = ratchet::correlated(schema, items, old);
            for (at, item) in items.iter().enumerate() {
                let old = matched
                    .as_ref()
                    .and_then(|matched| matched.get(at).copied().flatten());
                self.value(of, item, old, &format!("{path}[{at}]"), false);
            }
        }
        // A list that had duplicates already may keep some.
        let before = old.and_then(Value::as_array);
        if before.is_none_or(|before| duplicates(schema, before).is_empty()) {
            for (at, duplicate) in duplicates(schema, items) {
                let field = format!("{path}[{at}]");
                self.errors.push(FieldError::duplicate(field, &duplicate));
            }
        }
    }

    fn text(&mut self, schema: &Value, text: &str, path: &str) {
        let length = text.chars().count();
        if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
            self.errors.push(FieldError::too_long(path, most));
            // The first complaint about a text is the only one.
            return;
        }
        if let Some(least) = limit(schema, "minLength").filter(|least| length < *least) {
            let detail = format!("{path} in body should be at least {least} chars long");
            self.errors.push(FieldError::invalid_text(path, text, &detail));
            return;
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            // A pattern that is none was refused with its definition.
            if Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text)) {
                let detail = format!("{path} in body should match '{pattern}'");
                self.errors.push(FieldError::invalid_text(path, text, &detail));
            }
        }
        if let Some(format) = schema.get("format").and_then(Value::as_str)
            && !super::formats::fits_format(format, text)
        {
            let detail = format!("{path} in body must be of type {format}: {text:?}");
            self.errors.push(FieldError::invalid_text(path, text, &detail));
        }
    }

    fn number(&mut self, schema: &Value, value: &Value, number: f64, path: &str) {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        if let Some(most) = bound("maximum") {
            let strict = is(schema, "exclusiveMaximum");
            if number > most || strict && number >= most {
                let than = if strict {
                    "less than"
                } else {
                    "less than or equal to"
                };
                let detail = format!("{path} in body should be {than} {most}");
                self.errors.push(FieldError::invalid(path, value, &detail));
            }
        }
        if let Some(least) = bound("minimum") {
            let strict = is(schema, "exclusiveMinimum");
            if number < least || strict && number <= least {
                let than = if strict {
                    "greater than"
                } else {
                    "greater than or equal to"
                };
                let detail = format!("{path} in body should be {than} {least}");
                self.errors.push(FieldError::invalid(path, value, &detail));
            }
        }
        if let Some(unit) = bound("multipleOf").filter(|unit| *unit != 0.0)
            && (number / unit).fract() != 0.0
        {
            let detail = format!("{path} in body should be a multiple of {unit}");
            self.errors.push(FieldError::invalid(path, value, &detail));
        }
        let range = match schema.get("format").and_then(Value::as_str) {
            Some("int32") if number < f64::from(i32::MIN) || number > f64::from(i32::MAX) => Some("int32"),
            _ => None,
        };
        if let Some(format) = range {
            let detail = format!("Checked value must be of type integer with format {format} in {path}");
            self.errors.push(FieldError::invalid_text("<nil>", "", &detail));
        }
    }

    fn combined(&mut self, schema: &Value, value: &Value, path: &str) {
        let parts = |key: &str| {
            schema
                .get(key)
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default()
        };
        let fits = |schema: &Value| {
            let mut validator = Validator { errors: Vec::new() };
            validator.value(schema, value, None, path, false);
            validator.errors
        };
        let (shown, name) = (
            if value.is_object() || value.is_array() {
                Value::from("")
            } else {
                value.clone()
            },
            in_body(path),
        );
        for part in parts("allOf") {
            let errors = fits(part);
            if !errors.is_empty() {
                self.errors.extend(errors);
            }
        }
        let any = parts("anyOf");
        if !any.is_empty()
            && !is(schema, "x-kubernetes-int-or-string")
            && any.iter().all(|part| !fits(part).is_empty())
        {
            let detail = format!("{name} in body must validate at least one schema (anyOf)");
            self.errors
                .push(FieldError::invalid(field(path), &shown, &detail));
            if let Some(errors) = any.iter().map(fits).min_by_key(Vec::len) {
                self.errors.extend(errors);
            }
        }
        let one = parts("oneOf");
        if !one.is_empty() {
            let valid = one.iter().filter(|part| fits(part).is_empty()).count();
            if valid != 1 {
                let found = if valid == 0 {
                    "Found none valid".into()
                } else {
                    format!("Found {valid} valid alternatives")
                };
                let detail = format!("{name} in body must validate one and only one schema (oneOf). {found}");
                self.errors
                    .push(FieldError::invalid(field(path), &shown, &detail));
                if let (0, Some(errors)) = (valid, one.iter().map(fits).min_by_key(Vec::len)) {
                    self.errors.extend(errors);
                }
            }
        }
        if let Some(not) = schema.get("not").filter(|not| not.is_object())
            && fits(not).is_empty()
        {
            let detail = format!("{name} in body must not validate the schema (not)");
            self.errors
                .push(FieldError::invalid(field(path), &shown, &detail));
        }
    }
}

fn is_required(schema: &Value, key: &str) -> bool {
    crate::object::meta::strings(schema.get("required")).contains(&key)
}

/// The items of a set, or the keys of the items of a map, that came before in the same list.
fn duplicates(schema: &Value, items: &[Value]) -> Vec<(usize, Value)> {
    let keys = crate::object::meta::strings(schema.get("x-kubernetes-list-map-keys"));
    let key_of = |item: &Value| -> Value {
        let present = keys
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), item.get(*key)?.clone())));
        Value::Object(present.collect())
    };
    let found: Vec<Value> = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => items.to_vec(),
        Some("map") => items.iter().map(key_of).collect(),
        _ => return Vec::new(),
    };
    let mut seen = HashSet::new();
    let again = found
        .into_iter()
        .enumerate()
        .filter(|(_, key)| !seen.insert(key.to_string()));
    again.collect()
}

fn limit(schema: &Value, key: &str) -> Option<usize> {
    schema
        .get(key)?
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok())
}

/// How a message names a path.
fn in_body(path: &str) -> &str {
    path
}

fn field(path: &str) -> &str {
    if path.is_empty() { "<nil>" } else { path }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.into()
    } else {
        format!("{path}.{key}")
    }
}
