//! The rules in a schema (`x-kubernetes-validations`), compiled.

use std::collections::BTreeMap;

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use regex::Regex;
use serde_json::Value;

use super::formats::fits_format;
use super::types;
use crate::cel::{Deep, Expression, complaint, escape, resource};
use crate::object::meta;

/// The extension that holds rules.
pub(crate) const EXTENSION: &str = "x-kubernetes-validations";

/// A part of a schema that has rules, or parts with rules.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) schema: Value,
    pub(crate) rules: Vec<Rule>,
    pub(crate) properties: BTreeMap<String, Node>,
    pub(crate) items: Option<Box<Node>>,
    pub(crate) values: Option<Box<Node>>,
}

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) text: String,
    pub(crate) compiled: Result<Expression, String>,
    pub(crate) message: String,
    pub(crate) message_expression: Option<Expression>,
    pub(crate) reason: String,
    pub(crate) field_path: String,
    pub(crate) optional_old_self: bool,
}

impl Rule {
    /// Compiles a rule of a schema.
    fn new(deep: Deep, rule: &Value, schema: &Value) -> Rule {
        let text = |field: &str| {
            rule.get(field)
                .and_then(Value::as_str)
                .unwrap_or("")
                .trim()
                .to_owned()
        };
        let message_expression = text("messageExpression");
        Rule {
            compiled: compile(deep, &text("rule"), schema),
            text: text("rule"),
            message: text("message"),
            message_expression: (!message_expression.is_empty())
                .then(|| compile(deep, &message_expression, schema).ok())
                .flatten(),
            reason: text("reason"),
            field_path: text("fieldPath"),
            optional_old_self: rule.get("optionalOldSelf") == Some(&Value::Bool(true)),
        }
    }

    /// Whether it compares with what was there before.
    pub(crate) fn is_transition(&self) -> bool {
        self.compiled
            .as_ref()
            .is_ok_and(|compiled| compiled.uses("oldSelf"))
    }
}

/// Compiles an expression of a schema's rules.
///
/// # Errors
///
/// The compiler's complaint.
pub(crate) fn compile(deep: Deep, source: &str, schema: &Value) -> Result<Expression, String> {
    let expression = Expression::compile(deep, source, &["self", "oldSelf"])?;
    if let Some(field) = undefined(expression.ast(), schema) {
        let at = source.find(&format!(".{field}")).unwrap_or(0);
        return Err(complaint(source, at, &format!("undefined field '{field}'")));
    }
    if let Some(mismatch) = types::mismatch(expression.ast(), schema) {
        let at = source.find(mismatch.sign).unwrap_or(0);
        return Err(complaint(source, at, &mismatch.complaint()));
    }
    if let Some((text, what)) = bad_literal(expression.ast()) {
        let quoted = ['\'', '"'].map(|quote| format!("{quote}{text}{quote}"));
        let at = quoted.iter().find_map(|text| source.find(text)).unwrap_or(0);
        return Err(complaint(source, at, what));
    }
    Ok(expression)
}

/// A text that is written down for a function that cannot read it, and what to say of it.
fn bad_literal(expression: &IdedExpr) -> Option<(String, &'static str)> {
    let found = match &expression.expr {
        Expr::Call(call) => match call.args.as_slice() {
            [
                IdedExpr {
                    expr: Expr::Literal(LiteralValue::String(text)),
                    ..
                },
            ] => {
                let text = text.inner();
                let problem = match call.func_name.as_str() {
                    "matches" => Regex::new(text).is_err().then_some("invalid matches argument"),
                    "timestamp" => (!fits_format("date-time", text)).then_some("invalid timestamp argument"),
                    "duration" => (!fits_format("duration", text)).then_some("invalid duration argument"),
                    _ => None,
                };
                problem.map(|problem| (text.to_owned(), problem))
            }
            _ => None,
        },
        _ => None,
    };
    found.or_else(|| parts(expression).into_iter().find_map(bad_literal))
}

/// The expressions that an expression is made of.
fn parts(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).collect(),
        Expr::Comprehension(c) => vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        _ => Vec::new(),
    }
}

impl Node {
    /// The rules of a schema; nothing where there are none.
    pub(crate) fn compile(deep: Deep, schema: &Value) -> Option<Node> {
        Node::build(deep, schema, true)
    }

    fn build(deep: Deep, schema: &Value, root: bool) -> Option<Node> {
        let below = |schema: Option<&Value>| {
            let schema = schema.filter(|schema| schema.is_object())?;
            Node::build(deep, schema, false).map(Box::new)
        };
        let mut schema = schema.clone();
        let rules = schema
            .get(EXTENSION)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        let properties: BTreeMap<String, Node> = properties
            .into_iter()
            .flatten()
            .filter(|(name, _)| !(root && *name == "metadata"))
            .filter_map(|(name, schema)| Some((name.clone(), Node::build(deep, schema, false)?)))
            .collect();
        let items = below(schema.get("items"));
        let values = below(schema.get("additionalProperties"));
        if rules.is_empty() && properties.is_empty() && items.is_none() && values.is_none() {
            return None;
        }
        if root {
            with_metadata(&mut schema);
        }
        Some(Node {
            rules: rules.iter().map(|rule| Rule::new(deep, rule, &schema)).collect(),
            schema,
            properties,
            items,
            values,
        })
    }
}

/// Rules at the root see the type, and of the metadata the names.
pub(crate) fn with_metadata(schema: &mut Value) {
    meta::child(schema, "properties").extend(resource());
}

/// A field that an expression selects and the schema does not have.
fn undefined(expression: &IdedExpr, schema: &Value) -> Option<String> {
    if let Expr::Select(select) = &expression.expr
        && let Some(of) = typed(&select.operand, schema)
        && child(of, &select.field).is_err()
    {
        return Some(select.field.clone());
    }
    parts(expression)
        .into_iter()
        .find_map(|part| undefined(part, schema))
}

/// The schema of what a chain of selections from `self` leads to, where it is known.
pub(super) fn typed<'a>(expression: &IdedExpr, schema: &'a Value) -> Option<&'a Value> {
    match &expression.expr {
        Expr::Ident(name) if name == "self" || name == "oldSelf" => Some(schema),
        Expr::Select(select) => child(typed(&select.operand, schema)?, &select.field).ok()?,
        _ => None,
    }
}

/// The schema of a field: nothing where anything goes, an error where there is no such field.
fn child<'a>(schema: &'a Value, name: &str) -> Result<Option<&'a Value>, ()> {
    let is = |extension: &str| schema.get(extension) == Some(&Value::Bool(true));
    if let Some(values) = schema
        .get("additionalProperties")
        .filter(|values| values.is_object())
    {
        return Ok(Some(values));
    }
    let is_object = schema.get("type").is_some_and(|ty| ty == "object");
    let properties = schema.get("properties").and_then(Value::as_object);
    let found = properties
        .into_iter()
        .flatten()
        .find(|(property, _)| escape(property) == name);
    match found {
        Some((_, schema)) => Ok(Some(schema)),
        None if is("x-kubernetes-embedded-resource")
            && matches!(name, "apiVersion" | "kind" | "metadata") =>
        {
            Ok(None)
        }
        None if is_object => Err(()),
        None => Ok(None),
    }
}
