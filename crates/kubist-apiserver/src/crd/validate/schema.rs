//! One value and its schema.

use regex::Regex;
use serde_json::{Map, Value};

use super::{join, number, ratchet};
use crate::crd::formats::fits_format;
use crate::http::fields::FieldError;
use crate::object::meta;

/// What is wrong with a value, and how much of it is right.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) errors: Vec<FieldError>,
    /// How many checks were made; of several schemas, the one that got furthest explains best.
    checks: usize,
}

impl Report {
    /// Checks a value, unless it is what it was: an update lets old errors pass.
    pub(super) fn of(schema: &Value, value: &Value, old: Option<&Value>, path: &str, root: bool) -> Report {
        let mut report = Report::default();
        if old == Some(value) {
            return report;
        }
        report.types(schema, value, path);
        if value.is_null() {
            report.allowed(schema, value, path);
            return report;
        }
        report.combined(schema, value, path);
        match value {
            Value::String(text) => report.text(schema, text, path),
            Value::Number(_) => {
                report.checks += 1;
                for error in number::validate(schema, value, path) {
                    report.add(error);
                }
            }
            Value::Array(items) => report.array(schema, items, old, path),
            _ => {}
        }
        report.allowed(schema, value, path);
        if let Value::Object(map) = value {
            report.object(schema, map, old, path, root);
        }
        report.checks += 1;
        report
    }

    /// Adds an error, unless it was told before.
    fn add(&mut self, error: FieldError) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    fn merge(&mut self, other: Report) {
        self.checks += other.checks;
        other.errors.into_iter().for_each(|error| self.add(error));
    }

    fn types(&mut self, schema: &Value, value: &Value, path: &str) {
        let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or("");
        let found = type_name(value);
        let wanted = if is(schema, "x-kubernetes-int-or-string") {
            "integer,string"
        } else {
            text("type")
        };
        let is_wanted = |ty: &str| wanted.split(',').any(|wanted| wanted == ty);
        let whole = value.as_f64().filter(|_| !value.is_i64() && !value.is_u64());
        let fits = wanted.is_empty()
            || is_wanted(found)
            || found == "null" && is(schema, "nullable")
            || found == "integer" && is_wanted("number")
            || is_wanted("integer") && whole.is_some_and(is_integer);
        if fits {
            self.checks += 1;
            return;
        }
        // What is neither a text nor a list is told from the format that it was to have.
        let (wanted, found) = match (text("format"), value) {
            ("", _) => (wanted, found),
            (format, Value::Number(_)) => (format, if found == "integer" { "int64" } else { "float64" }),
            (format, Value::Bool(_) | Value::Object(_)) => (format, ""),
            _ => (wanted, found),
        };
        let detail = format!("{path} in body must be of type {wanted}: {found:?}");
        self.add(FieldError::type_invalid(field(path), &found.into(), &detail));
    }

    fn allowed(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(allowed) = schema.get("enum").and_then(Value::as_array) else {
            return;
        };
        // As an integer a number has no fraction.
        let whole = value
            .as_f64()
            .filter(|_| schema["type"] == "integer")
            .map(|number| Value::from(number as i64));
        let fits = |value: &Value| allowed.contains(value);
        if allowed.is_empty() || fits(value) || whole.as_ref().is_some_and(fits) {
            return;
        }
        let shown: Vec<String> = allowed
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect();
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        self.add(FieldError::not_supported(field(path), value, &shown));
    }

    fn object(
        &mut self,
        schema: &Value,
        map: &Map<String, Value>,
        old: Option<&Value>,
        path: &str,
        root: bool,
    ) {
        if let Some(least) = limit(schema, "minProperties").filter(|least| map.len() < *least) {
            let detail = format!("{path} in body should have at least {least} properties");
            self.add(FieldError::invalid(field(path), &map.len().into(), &detail));
        }
        if let Some(most) = limit(schema, "maxProperties").filter(|most| map.len() > *most) {
            self.add(FieldError::too_many(field(path), map.len(), most));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let property = |key: &str| properties.and_then(|properties| properties.get(key));
        let of_old = |key: &str| old.and_then(|old| old.get(key));
        // What every object has is checked elsewhere.
        let is_common = |key: &str| root && matches!(key, "apiVersion" | "kind" | "metadata");
        if let Some(values) = schema
            .get("additionalProperties")
            .filter(|values| values.is_object())
        {
            for (key, value) in map.iter().filter(|(key, _)| property(key).is_none()) {
                if !is_common(key) {
                    self.merge(Report::of(values, value, of_old(key), &join(path, key), false));
                }
            }
        }
        for (key, value) in map {
            if let Some(of) = property(key).filter(|_| !is_common(key)) {
                self.merge(Report::of(of, value, of_old(key), &join(path, key), false));
            }
        }
        for name in meta::strings(schema.get("required")) {
            if !map.contains_key(name) {
                self.add(FieldError::required(join(path, name), ""));
            }
        }
        if is(schema, "x-kubernetes-embedded-resource") {
            for key in ["apiVersion", "kind"] {
                if map.get(key).and_then(Value::as_str).is_none_or(str::is_empty) {
                    self.add(FieldError::required(join(path, key), ""));
                }
            }
        }
    }

    fn array(&mut self, schema: &Value, items: &[Value], old: Option<&Value>, path: &str) {
        if let Some(of) = schema.get("items") {
            let matched = ratchet::correlated(schema, items, old);
            for (at, item) in items.iter().enumerate() {
                let old = matched
                    .as_ref()
                    .and_then(|matched| matched.get(at).copied().flatten());
                self.merge(Report::of(of, item, old, &format!("{path}[{at}]"), false));
            }
        }
        if let Some(least) = limit(schema, "minItems").filter(|least| items.len() < *least) {
            let detail = format!("{path} in body should have at least {least} items");
            self.add(FieldError::invalid(field(path), &items.len().into(), &detail));
        }
        if let Some(most) = limit(schema, "maxItems").filter(|most| items.len() > *most) {
            self.add(FieldError::too_many(field(path), items.len(), most));
        }
        self.checks += 1;
    }

    fn text(&mut self, schema: &Value, text: &str, path: &str) {
        let length = text.chars().count();
        let invalid = |detail: &str| FieldError::invalid_text(field(path), text, detail);
        // The first complaint about a text is the only one.
        if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
            self.add(FieldError::too_long(field(path), most));
        } else if let Some(least) = limit(schema, "minLength").filter(|least| length < *least) {
            self.add(invalid(&format!(
                "{path} in body should be at least {least} chars long"
            )));
        } else if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            // A pattern that is none was refused with its definition.
            && Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text))
        {
            self.add(invalid(&format!("{path} in body should match '{pattern}'")));
        }
        if let Some(format) = schema.get("format").and_then(Value::as_str)
            && !fits_format(format, text)
        {
            let detail = format!("{path} in body must be of type {format}: {text:?}");
            self.add(FieldError::type_invalid(field(path), &text.into(), &detail));
        }
        self.checks += 1;
    }

    fn combined(&mut self, schema: &Value, value: &Value, path: &str) {
        let parts = |key: &str| {
            let parts = schema.get(key).and_then(Value::as_array);
            parts.map(Vec::as_slice).unwrap_or_default()
        };
        let reports = |key: &str| -> Vec<Report> {
            let of = |part| Report::of(part, value, None, path, false);
            parts(key).iter().map(of).collect()
        };
        let must = |what: &str| FieldError::invalid_text("<nil>", "", &format!("{path:?} must {what}"));
        if !is(schema, "x-kubernetes-int-or-string") {
            let any = reports("anyOf");
            if !any.is_empty() && any.iter().all(|report| !report.errors.is_empty()) {
                self.add(must("validate at least one schema (anyOf)"));
                any.into_iter()
                    .reduce(furthest)
                    .into_iter()
                    .for_each(|best| self.merge(best));
            }
        }
        let one = reports("oneOf");
        let valid = one.iter().filter(|report| report.errors.is_empty()).count();
        if !one.is_empty() && valid != 1 {
            let found = if valid == 0 {
                "Found none valid".to_owned()
            } else {
                format!("Found {valid} valid alternatives")
            };
            self.add(must(&format!(
                "validate one and only one schema (oneOf). {found}"
            )));
            if valid == 0 {
                one.into_iter()
                    .reduce(furthest)
                    .into_iter()
                    .for_each(|best| self.merge(best));
            }
        }
        let all = reports("allOf");
        let (count, valid) = (
            all.len(),
            all.iter().filter(|report| report.errors.is_empty()).count(),
        );
        all.into_iter().for_each(|report| self.merge(report));
        if valid < count {
            let none = if valid == 0 { ". None validated" } else { "" };
            self.add(must(&format!("validate all the schemas (allOf){none}")));
        }
        if let Some(not) = schema.get("not").filter(|not| not.is_object())
            && Report::of(not, value, None, path, false).errors.is_empty()
        {
            self.add(must("not validate the schema (not)"));
        }
        self.checks += 1;
    }
}

/// The one of two that got further.
fn furthest(one: Report, other: Report) -> Report {
    if other.checks > one.checks { other } else { one }
}

pub(super) fn is(schema: &Value, extension: &str) -> bool {
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

/// Whether a number is one that JSON can count with.
pub(super) fn is_integer(number: f64) -> bool {
    const MOST: f64 = 9_007_199_254_740_991.0;
    number.fract() == 0.0 && number.abs() <= MOST
}

fn limit(schema: &Value, key: &str) -> Option<usize> {
    schema
        .get(key)?
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok())
}

pub(super) fn field(path: &str) -> &str {
    if path.is_empty() { "<nil>" } else { path }
}
