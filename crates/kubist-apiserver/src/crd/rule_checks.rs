//! What is wrong with the rules in a definition's schema.

use serde_json::Value;

use super::costs::{self, Costs};
use super::expressions::{self, EXTENSION};
use crate::cel::{self, BOOL, Declared, Deep, Expression, STRING, escape};
use crate::http::fields::FieldError;

const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];

/// `unchanged`: whether a definition that is updated had this schema before.
pub(super) fn validate(schema: &Value, path: &str, unchanged: bool) -> Vec<FieldError> {
    let checked = cel::deep(|deep| {
        let mut checks = Checks {
            deep,
            form: Vec::new(),
            errors: Vec::new(),
            costs: Costs::new(unchanged),
        };
        checks.node(schema, path, Around::root());
        let mut errors = checks.form;
        errors.extend(checks.errors);
        errors.extend(checks.costs.total(path));
        errors
    });
    checked.unwrap_or_else(|| {
        let detail = "internal error: the rules cannot be compiled";
        vec![FieldError::invalid_of(path, detail)]
    })
}

struct Checks {
    deep: Deep,
    /// What is wrong with rules before they are compiled.
    form: Vec<FieldError>,
    errors: Vec<FieldError>,
    costs: Costs,
}

/// Where a part of a schema is.
#[derive(Clone, Copy)]
struct Around<'p> {
    root: bool,
    /// The outermost list around whose items cannot be told apart.
    uncorrelated: Option<&'p str>,
    /// How often the part can be in an object, if that is bounded.
    cardinality: Option<u64>,
}

impl<'p> Around<'p> {
    fn root() -> Around<'p> {
        Around {
            root: true,
            uncorrelated: None,
            cardinality: Some(1),
        }
    }

    fn below(self, schema: &Value) -> Around<'p> {
        Around {
            root: false,
            cardinality: costs::below(self.cardinality, schema),
            ..self
        }
    }
}

impl Checks {
    fn node(&mut self, schema: &Value, path: &str, around: Around<'_>) {
        let form = self.form.len();
        let below = around.below(schema);
        if let Some(values) = schema
            .get("additionalProperties")
            .filter(|values| values.is_object())
        {
            self.node(values, &format!("{path}.additionalProperties"), below);
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            if around.root && name == "metadata" {
                continue;
            }
            self.node(property, &format!("{path}.properties[{name}]"), below);
        }
        if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
            let is_map = schema.get("x-kubernetes-list-type").is_some_and(|ty| ty == "map");
            let uncorrelated = around.uncorrelated.or((!is_map).then_some(path));
            let below = Around {
                uncorrelated,
                ..below
            };
            self.node(items, &format!("{path}.items"), below);
        }
        let rules = schema.get(EXTENSION).and_then(Value::as_array);
        let rules = rules.map(Vec::as_slice).unwrap_or_default();
        if rules.is_empty() {
            return;
        }
        let mut seen = schema.clone();
        if around.root {
            expressions::with_metadata(&mut seen);
        }
        let place = |at: usize| format!("{path}.{EXTENSION}[{at}]");
        for (at, rule) in rules.iter().enumerate() {
            self.form(rule, &seen, &place(at));
        }
        // What is wrong here or below could only confuse the compiler.
        if self.form.len() > form {
            return;
        }
        let declared = Declared::of(&seen);
        for (at, rule) in rules.iter().enumerate() {
            self.expressions(rule, &seen, declared.as_ref(), &place(at), around);
        }
    }

    fn form(&mut self, rule: &Value, schema: &Value, place: &str) {
        let text = |field: &str| rule.get(field).and_then(Value::as_str).unwrap_or("");
        let (message, trimmed) = (text("message"), text("message").trim());
        let field = |name: &str| format!("{place}.{name}");
        let broken = |text: &str| text.contains(['\n', '\r']);
        let invalid = |name: &str, detail: &str| FieldError::invalid_text(field(name), text(name), detail);
        if text("rule").trim().is_empty() {
            self.form
                .push(FieldError::required(field("rule"), "rule is not specified"));
        } else if !message.is_empty() && trimmed.is_empty() {
            self.form
                .push(invalid("message", "must be non-empty if specified"));
        } else if broken(trimmed) {
            self.form.push(invalid("message", "must not contain line breaks"));
        } else if broken(text("rule").trim()) && trimmed.is_empty() {
            let detail = "message must be specified if rule contains line breaks";
            self.form.push(FieldError::required(field("message"), detail));
        }
        if !text("messageExpression").is_empty() && text("messageExpression").trim().is_empty() {
            let detail = "messageExpression must be non-empty if specified";
            self.form
                .push(FieldError::required(field("messageExpression"), detail));
        }
        let reason = text("reason");
        if !reason.is_empty() && !REASONS.contains(&reason) {
            self.form.push(FieldError::not_supported(
                field("reason"),
                &reason.into(),
                &REASONS,
            ));
        }
        let path = text("fieldPath");
        if path.is_empty() {
            return;
        }
        if path.trim().is_empty() {
            self.form
                .push(invalid("fieldPath", "must be non-empty if specified"));
        }
        if broken(path) {
            self.form
                .push(invalid("fieldPath", "must not contain line breaks"));
        }
        if !leads_somewhere(path, schema) {
            self.form.push(invalid("fieldPath", "must be a valid path"));
        }
    }

    fn expressions(
        &mut self,
        rule: &Value,
        schema: &Value,
        declared: Option<&Declared>,
        place: &str,
        around: Around<'_>,
    ) {
        let text = |field: &str| rule.get(field).and_then(Value::as_str).unwrap_or("");
        let field = |name: &str| format!("{place}.{name}");
        let shown = shown(rule);
        let optional_old_self = rule.get("optionalOldSelf") == Some(&Value::Bool(true));
        let most = |expression: &Expression| {
            declared.map_or(0, |declared| expression.most_cost(declared, optional_old_self))
        };
        let compiled = match expressions::compile(self.deep, text("rule"), schema, optional_old_self) {
            Err(error) => Err(error.message),
            Ok(rule) if *rule.ty() != BOOL => Err("cel expression must evaluate to a bool".to_owned()),
            Ok(rule) => Ok(rule),
        };
        let cost = compiled.as_ref().map_or(0, most);
        let often = around
            .cardinality
            .or_else(|| declared.map(Declared::cardinality))
            .unwrap_or(1);
        let over = self
            .costs
            .observe("rule", field("rule"), cost.saturating_mul(often));
        self.errors.extend(over);
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(detail) => {
                let error = FieldError::invalid_json(field("rule"), &shown, &detail);
                return self.errors.push(error);
            }
        };
        if !text("messageExpression").is_empty() {
            let place = field("messageExpression");
            match expressions::compile(self.deep, text("messageExpression"), schema, optional_old_self) {
                Err(error) => {
                    let why = error.message.strip_prefix("program ").unwrap_or(&error.message);
                    let detail = format!("messageExpression {why}");
                    self.errors.push(FieldError::invalid_json(place, &shown, &detail));
                }
                Ok(message) if *message.ty() != STRING => {
                    let detail = "messageExpression must evaluate to a string";
                    self.errors.push(FieldError::invalid_json(place, &shown, detail));
                }
                Ok(message) => {
                    let over = self.costs.observe("messageExpression", place, most(&message));
                    self.errors.extend(over);
                }
            }
        }
        if !compiled.uses("oldSelf") {
            if let Some(optional) = rule.get("optionalOldSelf").filter(|value| !value.is_null()) {
                let detail = "may not be set if oldSelf is not used in rule";
                self.errors
                    .push(FieldError::invalid(field("optionalOldSelf"), optional, detail));
            }
        } else if let Some(within) = around.uncorrelated {
            let detail =
                format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {within}");
            self.errors
                .push(FieldError::invalid_text(field("rule"), text("rule"), &detail));
        }
    }
}

/// A rule as Go's JSON of the API's own type, which shows all of its fields.
fn shown(rule: &Value) -> String {
    let fields = [
        ("Rule", "rule"),
        ("Message", "message"),
        ("MessageExpression", "messageExpression"),
        ("Reason", "reason"),
        ("FieldPath", "fieldPath"),
        ("OptionalOldSelf", "optionalOldSelf"),
    ];
    let shown = fields.map(|(name, field)| {
        let absent = if matches!(field, "reason" | "optionalOldSelf") {
            Value::Null
        } else {
            Value::from("")
        };
        let value = rule.get(field).filter(|value| !value.is_null());
        format!("\"{name}\":{}", value.unwrap_or(&absent))
    });
    format!("{{{}}}", shown.join(","))
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
