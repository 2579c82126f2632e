//! What is wrong with the rules in a definition's schema.

use serde_json::{Value, json};

use super::expressions::{self, EXTENSION};
use super::types;
use crate::cel::{self, Deep, Expression, escape};
use crate::http::fields::FieldError;

const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];

pub(super) fn validate(schema: &Value, path: &str) -> Vec<FieldError> {
    let checked = cel::deep(|deep| {
        let mut checks = Checks {
            deep,
            errors: Vec::new(),
        };
        checks.node(schema, path, None, true);
        checks.errors
    });
    checked.unwrap_or_else(|| {
        let detail = "internal error: the rules cannot be compiled";
        vec![FieldError::invalid_of(path, detail)]
    })
}

struct Checks {
    deep: Deep,
    errors: Vec<FieldError>,
}

impl Checks {
    /// `uncorrelated` is the outermost list around whose items cannot be told apart.
    fn node(&mut self, schema: &Value, path: &str, uncorrelated: Option<&str>, root: bool) {
        let rules = schema.get(EXTENSION).and_then(Value::as_array);
        let mut seen = schema.clone();
        if root {
            expressions::with_metadata(&mut seen);
        }
        for (at, rule) in rules.into_iter().flatten().enumerate() {
            let place = format!("{path}.{EXTENSION}[{at}]");
            let before = self.errors.len();
            self.form(rule, &seen, &place);
            if self.errors.len() == before {
                self.expressions(rule, &seen, &place, uncorrelated);
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            if root && name == "metadata" {
                continue;
            }
            self.node(
                property,
                &format!("{path}.properties[{name}]"),
                uncorrelated,
                false,
            );
        }
        if let Some(values) = schema
            .get("additionalProperties")
            .filter(|values| values.is_object())
        {
            self.node(
                values,
                &format!("{path}.additionalProperties"),
                uncorrelated,
                false,
            );
        }
        if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
            let place = format!("{path}.items");
            let is_map = schema.get("x-kubernetes-list-type").is_some_and(|ty| ty == "map");
            let uncorrelated = uncorrelated.or((!is_map).then_some(place.as_str()));
            self.node(items, &place, uncorrelated, false);
        }
    }

    fn form(&mut self, rule: &Value, schema: &Value, place: &str) {
        let text = |field: &str| rule.get(field).and_then(Value::as_str).unwrap_or("");
        let (message, trimmed) = (text("message"), text("message").trim());
        let field = |name: &str| format!("{place}.{name}");
        let broken = |text: &str| text.contains(['\n', '\r']);
        if text("rule").trim().is_empty() {
            self.errors
                .push(FieldError::required(field("rule"), "rule is not specified"));
        } else if !message.is_empty() && trimmed.is_empty() {
            let detail = "message must be non-empty if specified";
            self.errors
                .push(FieldError::invalid_text(field("message"), message, detail));
        } else if broken(trimmed) {
            let detail = "message must not contain line breaks";
            self.errors
                .push(FieldError::invalid_text(field("message"), message, detail));
        } else if broken(text("rule").trim()) && trimmed.is_empty() {
            let detail = "message must be specified if rule contains line breaks";
            self.errors.push(FieldError::required(field("message"), detail));
        }
        if !text("messageExpression").is_empty() && text("messageExpression").trim().is_empty() {
            let detail = "messageExpression must be non-empty if specified";
            self.errors
                .push(FieldError::required(field("messageExpression"), detail));
        }
        let reason = text("reason");
        if !reason.is_empty() && !REASONS.contains(&reason) {
            self.errors.push(FieldError::not_supported(
                field("reason"),
                &reason.into(),
                &REASONS,
            ));
        }
        let path = text("fieldPath");
        let problem = if path.is_empty() {
            None
        } else if path.trim().is_empty() {
            Some("fieldPath must be non-empty if specified")
        } else if broken(path) {
            Some("fieldPath must not contain line breaks")
        } else if !leads_somewhere(path, schema) {
            Some("fieldPath must be a valid path")
        } else {
            None
        };
        if let Some(detail) = problem {
            self.errors
                .push(FieldError::invalid_text(field("fieldPath"), path, detail));
        }
    }

    fn expressions(&mut self, rule: &Value, schema: &Value, place: &str, uncorrelated: Option<&str>) {
        let text = |field: &str| rule.get(field).and_then(Value::as_str).unwrap_or("").trim();
        // The API's own type shows all of its fields.
        let shown = json!({
            "Rule": rule.get("rule"),
            "Message": text("message"),
            "MessageExpression": text("messageExpression"),
            "Reason": rule.get("reason"),
            "FieldPath": text("fieldPath"),
            "OptionalOldSelf": rule.get("optionalOldSelf"),
        });
        let field = |name: &str| format!("{place}.{name}");
        let compiled = expressions::compile(self.deep, text("rule"), schema);
        let is_other = |expression: &Expression, ty: &str| {
            types::type_of(expression.ast(), schema).is_some_and(|found| found != ty)
        };
        let problem = match &compiled {
            Err(why) => Some(format!("compilation failed: {why}")),
            Ok(rule) => is_other(rule, "bool").then(|| "cel expression must evaluate to a bool".to_owned()),
        };
        if let Some(detail) = problem {
            self.errors
                .push(FieldError::invalid(field("rule"), &shown, &detail));
        }
        if !text("messageExpression").is_empty() {
            let problem = match expressions::compile(self.deep, text("messageExpression"), schema) {
                Err(why) => Some(format!("messageExpression compilation failed: {why}")),
                Ok(message) => is_other(&message, "string")
                    .then(|| "messageExpression must evaluate to a string".to_owned()),
            };
            if let Some(detail) = problem {
                let error = FieldError::invalid(field("messageExpression"), &shown, &detail);
                self.errors.push(error);
            }
        }
        let Ok(compiled) = compiled else { return };
        if !compiled.uses("oldSelf") {
            if let Some(optional) = rule.get("optionalOldSelf").filter(|value| !value.is_null()) {
                let detail = "may not be set if oldSelf is not used in rule";
                self.errors
                    .push(FieldError::invalid(field("optionalOldSelf"), optional, detail));
            }
        } else if let Some(within) = uncorrelated {
            let detail =
                format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {within}");
            self.errors
                .push(FieldError::invalid_text(field("rule"), text("rule"), &detail));
        }
    }
}

/// Whether a `fieldPath`, such as `.spec.host` or `.labels['a/b']`, names something in the schema.
fn leads_somewhere(path: &str, schema: &Value) -> bool {
    let mut rest = path;
    let mut schema = schema;
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix("['") {
            let Some((quoted, after)) = after.split_once("']") else {
                return false;
            };
            (name, rest) = (quoted, after);
        } else if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (plain, after) = after.split_at(end);
            (name, rest) = (plain, after);
        } else {
            return false;
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let property = properties
            .into_iter()
            .flatten()
            .find(|(property, _)| *property == name || escape(property) == name);
        match (property, schema.get("additionalProperties")) {
            (Some((_, property)), _) => schema = property,
            (None, Some(values)) if values.is_object() => schema = values,
            _ => return false,
        }
    }
    true
}
