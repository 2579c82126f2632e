//! The rules in a schema (`x-kubernetes-validations`), compiled.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cel::{CompileError, DYN, Declared, Deep, Environment, Expression, Type, resource};
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
    pub(crate) compiled: Result<Expression, CompileError>,
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
        let optional_old_self = rule.get("optionalOldSelf") == Some(&Value::Bool(true));
        let compile = |source: &str| compile(deep, source, schema, optional_old_self);
        Rule {
            compiled: compile(&text("rule")),
            text: text("rule"),
            message: text("message"),
            message_expression: (!message_expression.is_empty())
                .then(|| compile(&message_expression).ok())
                .flatten(),
            reason: text("reason"),
            field_path: text("fieldPath"),
            optional_old_self,
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
pub(crate) fn compile(
    deep: Deep,
    source: &str,
    schema: &Value,
    optional_old_self: bool,
) -> Result<Expression, CompileError> {
    let own = Declared::of(schema).map_or(DYN, |declared| Type::of_declared(&declared, "selfType"));
    let old = if optional_old_self {
        Type::optional(own.clone())
    } else {
        own.clone()
    };
    Expression::compile(deep, source, &Environment::new([("self", own), ("oldSelf", old)]))
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
