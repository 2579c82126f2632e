//! Whether the expressions of a policy compile.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::super::super::conditions::compile;
use super::super::super::expressions::Names;
use super::super::compiled::{Composed, annotation_types, apply_type, json_patch};
use crate::cel::{BOOL, CompileError, Deep, RESERVED, STRING, Type, deep};
use crate::http::fields::FieldError;
use crate::object::member::{given, list, text};
use crate::object::metavalidate::qualified_name_problems;

/// The longest expression of an annotation.
const ANNOTATION: usize = 5 * 1024;

/// Checks the expressions of one policy.
pub(super) struct Checks {
    deep: Deep,
    composed: Composed,
}

impl Checks {
    /// Checks the variables of a policy, and then what `more` does.
    pub(super) fn run(
        spec: &Value,
        errors: &mut Vec<FieldError>,
        more: impl FnOnce(&Checks, &mut Vec<FieldError>) + Send,
    ) {
        let checked = deep(|deep| {
            let mut found = Vec::new();
            let variables = list(spec, "variables");
            let composes = !variables.is_empty() || given(spec, "mutations").is_some();
            let mut checks = Checks {
                deep,
                composed: Composed::new(given(spec, "paramKind").is_some(), composes),
            };
            for (at, variable) in variables.iter().enumerate() {
                checks.variable(variable, &format!("spec.variables[{at}]"), &mut found);
            }
            more(&checks, &mut found);
            found
        });
        match checked {
            Some(found) => errors.extend(found),
            None => {
                let detail = "internal error: the expressions cannot be compiled";
                errors.push(FieldError::invalid_of("spec", detail));
            }
        }
    }

    fn variable(&mut self, variable: &Value, path: &str, errors: &mut Vec<FieldError>) {
        let (name, expression) = (text(variable, "name"), text(variable, "expression"));
        if name.trim().is_empty() {
            errors.push(FieldError::required(
                format!("{path}.name"),
                "name is not specified",
            ));
        } else if !is_identifier(name) {
            let detail = "must be a valid CEL identifier";
            errors.push(FieldError::invalid_text(format!("{path}.name"), name, detail));
        }
        let field = format!("{path}.expression");
        if expression.trim().is_empty() {
            errors.push(FieldError::required(field, "expression is not specified"));
        } else if let Err(error) = self.composed.variable(self.deep, name, expression) {
            errors.push(uncompiled(&field, expression, &error));
        }
    }

    pub(super) fn validation(&self, validation: &Value, path: &str, errors: &mut Vec<FieldError>) {
        let field = |name: &str| format!("{path}.{name}");
        let part = |name: &str| text(validation, name);
        if part("expression").trim().is_empty() {
            let detail = "expression is not specified";
            errors.push(FieldError::required(field("expression"), detail));
        } else {
            let found = self.compile(part("expression"), Names::Authorizer, &[BOOL]);
            errors.extend(found.map(|why| uncompiled(&field("expression"), part("expression"), &why)));
        }
        let blank = |name: &str| !part(name).is_empty() && part(name).trim().is_empty();
        let not_blank = "must be non-empty if specified";
        if blank("messageExpression") {
            let value = part("messageExpression");
            errors.push(FieldError::invalid_text(
                field("messageExpression"),
                value,
                not_blank,
            ));
        } else if !part("messageExpression").is_empty() {
            let value = part("messageExpression");
            let found = self.compile(value, Names::Request, &[STRING]);
            errors.extend(found.map(|why| uncompiled(&field("messageExpression"), value, &why)));
        }
        if blank("message") {
            errors.push(FieldError::invalid_text(
                field("message"),
                part("message"),
                not_blank,
            ));
        } else if part("message").trim().contains(['\n', '\r']) {
            let detail = "must not contain line breaks";
            errors.push(FieldError::invalid_text(
                field("message"),
                part("message"),
                detail,
            ));
        }
    }

    pub(super) fn annotation(
        &self,
        policy: &str,
        annotation: &Value,
        path: &str,
        errors: &mut Vec<FieldError>,
    ) {
        let (key, value) = (text(annotation, "key"), text(annotation, "valueExpression"));
        let field = format!("{path}.key");
        if policy.is_empty() {
            let detail = "requires metadata.name be non-empty";
            errors.push(FieldError::invalid_text(field, key, detail));
        } else {
            let whole = format!("{policy}/{key}");
            for problem in qualified_name_problems(&whole) {
                errors.push(FieldError::invalid_text(field.as_str(), &whole, &problem));
            }
        }
        let field = format!("{path}.valueExpression");
        let trimmed = value.trim();
        if trimmed.is_empty() {
            errors.push(FieldError::required(field, "valueExpression is not specified"));
        } else if trimmed.len() > ANNOTATION {
            let detail = format!("must not exceed {ANNOTATION} bytes in length");
            errors.push(FieldError::required(field, &detail));
        } else if let Some(why) = self.compile(trimmed, Names::Authorizer, &annotation_types()) {
            errors.push(uncompiled(&field, value, &why));
        }
    }

    pub(super) fn mutation(&self, mutation: &Value, path: &str, errors: &mut Vec<FieldError>) {
        let (own, other) = match text(mutation, "patchType") {
            "" => {
                errors.push(FieldError::required(format!("{path}.patchType"), ""));
                return;
            }
            "JSONPatch" => ("jsonPatch", "applyConfiguration"),
            "ApplyConfiguration" => ("applyConfiguration", "jsonPatch"),
            unknown => {
                errors.push(FieldError::not_supported(
                    format!("{path}.patchType"),
                    &unknown.into(),
                    &["ApplyConfiguration", "JSONPatch"],
                ));
                return;
            }
        };
        let ty = text(mutation, "patchType");
        if given(mutation, own).is_some() {
            let field = format!("{path}.{own}.expression");
            let expression = text(&mutation[own], "expression").trim();
            if expression.is_empty() {
                errors.push(FieldError::required(field, ""));
            } else if let Some(why) = self.patch(expression, ty) {
                errors.push(uncompiled(&field, expression, &why));
            }
        } else {
            let detail = format!("must be specified when patchType is {ty}");
            errors.push(FieldError::required(format!("{path}.{own}"), &detail));
        }
        if given(mutation, other).is_some() {
            let detail = format!("must not be specified when patchType is {ty}");
            let shown = format!("{{{other}}}");
            errors.push(FieldError::invalid_text(
                format!("{path}.{other}"),
                &shown,
                &detail,
            ));
        }
    }

    fn patch(&self, expression: &str, ty: &str) -> Option<CompileError> {
        let environment = self
            .composed
            .environment(Names::Authorizer)
            .clone()
            .with_patches();
        match ty {
            "JSONPatch" => json_patch(self.deep, expression, &environment).err(),
            _ => compile(self.deep, expression, &environment, &[apply_type()]).err(),
        }
    }

    fn compile(&self, source: &str, names: Names, wanted: &[Type]) -> Option<CompileError> {
        compile(self.deep, source, self.composed.environment(names), wanted).err()
    }
}

/// What is said of an expression that does not compile.
pub(crate) fn uncompiled(field: &str, expression: &str, error: &CompileError) -> FieldError {
    if error.is_internal {
        FieldError::internal(field, &error.message)
    } else {
        FieldError::invalid_text(field, expression, &error.message)
    }
}

fn is_identifier(name: &str) -> bool {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("^[_a-zA-Z][_a-zA-Z0-9]*$").ok());
    FORM.as_ref().is_some_and(|form| form.is_match(name)) && !RESERVED.contains(&name)
}
