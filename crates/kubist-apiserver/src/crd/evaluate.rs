//! Whether an object keeps the rules of its schema.
//!
//! The order, the messages and what an update lets pass are those of
//! `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel`.

use kube_cel::cel::Value as CelValue;
use serde_json::Value;

use super::expressions::{Node, Rule};
use super::ratchet;
use crate::cel::{Budget, Deep, EvalError, Evaluator, optional, typed};
use crate::http::fields::FieldError;

/// What one rule may cost, and all rules of an object together.
const RULE_BUDGET: u64 = 1_000_000;
const OBJECT_BUDGET: u64 = 10_000_000;

/// What the rules say.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) errors: Vec<FieldError>,
    /// What was wrong before and did not change: the client is warned.
    pub(crate) warnings: Vec<String>,
}

/// Evaluates all rules below `node`.
pub(crate) fn evaluate(deep: Deep, node: &Node, path: &str, new: &Value, old: Option<&Value>) -> Outcome {
    let mut run = Run {
        evaluator: Evaluator::new(deep),
        outcome: Outcome::default(),
        left: Budget::new(OBJECT_BUDGET),
        over: false,
    };
    run.node(node, path, new, old, Before::of(&node.schema, old, new));
    run.outcome
}

/// The nearest value around a place that can be compared with what it was, for letting old errors
/// pass.
#[derive(Clone, Copy, Debug)]
struct Before<'a> {
    schema: &'a Value,
    new: &'a Value,
    old: Option<&'a Value>,
    /// Whether it is the place itself.
    comparable: bool,
}

impl<'a> Before<'a> {
    fn of(schema: &'a Value, old: Option<&'a Value>, new: &'a Value) -> Before<'a> {
        Before {
            schema,
            new,
            old,
            comparable: true,
        }
    }

    /// A place inside.
    fn below(
        self,
        schema: &'a Value,
        old: Option<&'a Value>,
        new: &'a Value,
        comparable: bool,
    ) -> Before<'a> {
        if !self.comparable || !comparable {
            return Before {
                comparable: false,
                ..self
            };
        }
        Before::of(schema, old, new)
    }

    fn is_unchanged(self) -> bool {
        self.old
            .is_some_and(|old| ratchet::is_unchanged(self.schema, self.new, old))
    }
}

struct Run {
    evaluator: Evaluator,
    outcome: Outcome,
    left: Budget,
    /// Nothing more is evaluated.
    over: bool,
}

impl Run {
    fn node<'a>(
        &mut self,
        node: &'a Node,
        path: &str,
        new: &'a Value,
        old: Option<&'a Value>,
        before: Before<'a>,
    ) {
        if new.is_null() || self.over {
            return;
        }
        let old = old.filter(|old| !old.is_null());
        if !node.rules.is_empty() {
            self.rules(node, path, new, old, before);
        }
        match new {
            Value::Array(items) => {
                let Some(of) = &node.items else { return };
                let matched = ratchet::correlated(&node.schema, items, old);
                for (at, item) in items.iter().enumerate() {
                    let (comparable, old) = match &matched {
                        Some(matched) => (true, matched.get(at).copied().flatten()),
                        None => (false, None),
                    };
                    let before = before.below(&of.schema, old, item, comparable);
                    self.node(of, &format!("{path}[{at}]"), item, old, before);
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    let old = old.and_then(|old| old.get(key));
                    let (of, path) = match (node.properties.get(key), &node.values) {
                        (Some(of), _) => (of, join(path, key)),
                        (None, Some(of)) => (of.as_ref(), format!("{path}[{key}]")),
                        (None, None) => continue,
                    };
                    let before = before.below(&of.schema, old, value, true);
                    self.node(of, &path, value, old, before);
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, node: &Node, path: &str, new: &Value, old: Option<&Value>, before: Before<'_>) {
        let value = typed(new, &node.schema);
        let old_value = old.map(|old| typed(old, &node.schema));
        let ty = node.schema.get("type").and_then(Value::as_str).unwrap_or("");
        let field = if path.is_empty() { "<nil>" } else { path };
        let invalid = |detail: String| FieldError::invalid_text(field, ty, &detail);
        for rule in &node.rules {
            let compiled = match &rule.compiled {
                Ok(compiled) => compiled,
                Err(error) => {
                    let why = &error.message;
                    self.outcome
                        .errors
                        .push(invalid(format!("rule compile error: {why}")));
                    continue;
                }
            };
            if rule.is_transition() && old.is_none() && !rule.optional_old_self {
                continue;
            }
            let mut variables = vec![("self", value.clone())];
            if rule.optional_old_self {
                variables.push(("oldSelf", optional(old_value.clone())));
            } else if let Some(old_value) = &old_value {
                variables.push(("oldSelf", old_value.clone()));
            }
            let budget = self.left.share(RULE_BUDGET);
            let result = self.evaluator.evaluate(compiled, &variables, &budget);
            self.left.charge(&budget, RULE_BUDGET);
            let holds = match result {
                Ok(CelValue::Bool(holds)) => holds,
                Ok(_) => {
                    self.outcome.errors.push(invalid(format!(
                        "cel expression must evaluate to a bool: {}",
                        shown(rule)
                    )));
                    continue;
                }
                Err(EvalError::Budget) => {
                    self.outcome.errors.push(invalid(if self.left.is_spent() {
                        "validation failed due to running out of cost budget, no further validation rules will be run"
                            .into()
                    } else {
                        format!(
                            "'operation cancelled: actual cost limit exceeded': no further validation rules will be \
                             run due to call cost exceeds limit for rule: {}",
                            named(rule)
                        )
                    }));
                    self.over = true;
                    return;
                }
                Err(EvalError::Failed(why)) if why.starts_with("no such overload") => {
                    self.outcome.errors.push(invalid(format!(
                        "'{why}': call arguments did not match a supported operator, function or macro signature for \
                         rule: {}",
                        named(rule)
                    )));
                    continue;
                }
                Err(EvalError::Failed(why)) => {
                    let detail = format!("{why} evaluating rule: {}", named(rule));
                    self.outcome.errors.push(invalid(detail));
                    continue;
                }
            };
            if holds {
                continue;
            }
            let detail = self.message(rule, &variables);
            let error = refusal(rule, field, ty, new, &detail);
            if !rule.is_transition() && before.is_unchanged() {
                self.outcome.warnings.push(error.to_string());
            } else {
                self.outcome.errors.push(error);
            }
        }
    }

    /// What to say of a rule that does not hold.
    fn message(&self, rule: &Rule, variables: &[(&str, CelValue)]) -> String {
        if let Some(expression) = &rule.message_expression {
            let budget = self.left.share(RULE_BUDGET);
            let message = self.evaluator.evaluate(expression, variables, &budget);
            self.left.charge(&budget, RULE_BUDGET);
            if let Ok(CelValue::String(text)) = message {
                let text = text.trim();
                if !text.is_empty() && text.len() <= 5_000 && !text.contains(['\n', '\r']) {
                    return text.to_owned();
                }
            }
        }
        shown(rule)
    }
}

/// A rule as errors in it name it.
fn named(rule: &Rule) -> &str {
    if rule.message.is_empty() {
        &rule.text
    } else {
        &rule.message
    }
}

/// What is said of a rule that does not hold.
fn shown(rule: &Rule) -> String {
    if rule.message.is_empty() {
        format!("failed rule: {}", rule.text)
    } else {
        rule.message.clone()
    }
}

fn refusal(rule: &Rule, field: &str, ty: &str, value: &Value, detail: &str) -> FieldError {
    let place = rule.field_path.trim_start_matches('.');
    let field = match (field, place) {
        (field, "") => field.to_owned(),
        ("<nil>", place) => place.to_owned(),
        (field, place) if place.starts_with('[') => format!("{field}{place}"),
        (field, place) => format!("{field}.{place}"),
    };
    match rule.reason.as_str() {
        "FieldValueForbidden" => FieldError::forbidden(field, detail),
        "FieldValueRequired" => FieldError::required(field, detail),
        "FieldValueDuplicate" if !matches!(ty, "object" | "array") => FieldError::duplicate(field, value),
        "FieldValueDuplicate" => FieldError::duplicate_of(field),
        _ if matches!(ty, "object" | "array") => FieldError::invalid_of(field, detail),
        _ => FieldError::invalid(field, value, detail),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
