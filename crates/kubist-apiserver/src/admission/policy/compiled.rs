//! What the expressions of a policy compile to.

use serde_json::Value;

use super::super::conditions::{Condition, compile, conditions};
use super::super::expressions::{Names, Variables, environment};
use crate::cel::{
    BOOL, CompileError, Deep, Environment, Evaluator, Expression, Named, STRING, Scope, Simple, Type,
};
use crate::object::member::{list, text};

/// A policy that can be evaluated; what does not compile fails when it is evaluated.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) conditions: Vec<Condition>,
    pub(super) variables: Named,
    pub(super) validations: Vec<Validation>,
    pub(super) annotations: Vec<Annotation>,
    pub(super) mutations: Vec<Mutation>,
}

/// An expression and what it compiled to.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) text: String,
    pub(super) compiled: Result<Expression, CompileError>,
}

#[derive(Debug)]
pub(super) struct Validation {
    pub(super) expression: Source,
    pub(super) message: String,
    pub(super) message_expression: Option<Source>,
    pub(super) reason: String,
}

#[derive(Debug)]
pub(super) struct Annotation {
    pub(super) value: Source,
}

#[derive(Debug)]
pub(super) enum Mutation {
    Apply(Source),
    JsonPatch(Source),
}

/// The types of an annotation's value.
pub(super) fn annotation_types() -> [Type; 2] {
    [STRING, Type::Simple(Simple::Null)]
}

/// The type of what is applied.
pub(super) fn apply_type() -> Type {
    Type::open_object("Object")
}

/// Whether a type is that of a JSON patch.
pub(super) fn is_json_patch(ty: &Type) -> bool {
    ty.to_string() == "list(JSONPatch)"
}

/// The environments with what a policy declares: the variables that were compiled so far.
pub(super) struct Composed {
    whole: Environment,
    /// Without the authorizer.
    plain: Environment,
}

impl Composed {
    pub(super) fn new(has_params: bool, composes: bool) -> Composed {
        let of = |names| {
            let environment = environment(names, has_params);
            if composes {
                environment.composing()
            } else {
                environment
            }
        };
        Composed {
            whole: of(Names::Authorizer),
            plain: of(Names::Request),
        }
    }

    /// The same for objects and parameters of known types.
    pub(super) fn about(mut self, object: Type, params: Option<Type>) -> Composed {
        let mut types = vec![("object", object.clone()), ("oldObject", object)];
        types.extend(params.map(|params| ("params", params)));
        for (name, ty) in types {
            self.whole = self.whole.with(name, ty.clone());
            self.plain = self.plain.with(name, ty);
        }
        self
    }

    pub(super) fn environment(&self, names: Names) -> &Environment {
        match names {
            Names::Authorizer => &self.whole,
            Names::Request => &self.plain,
        }
    }

    /// Compiles a variable, which later expressions can name.
    pub(super) fn variable(
        &mut self,
        deep: Deep,
        name: &str,
        source: &str,
    ) -> Result<Expression, CompileError> {
        let compiled = compile(deep, source, &self.whole, &[]);
        let ty = compiled
            .as_ref()
            .map_or(crate::cel::DYN, |compiled| compiled.ty().kept());
        self.whole.compose(name, ty.clone());
        self.plain.compose(name, ty);
        compiled
    }
}

impl Compiled {
    /// A scope in which the policy's variables have these values, and those that it declares.
    pub(super) fn scope<'e>(&'e self, evaluator: &'e Evaluator, values: Variables) -> Scope<'e> {
        Scope::new(evaluator, values, Some(&self.variables))
    }

    pub(super) fn of(deep: Deep, policy: &Value) -> Compiled {
        let spec = &policy["spec"];
        let has_params = spec.get("paramKind").is_some_and(Value::is_object);
        let mut composed = Composed::new(has_params, true);
        let mut variables = Named::default();
        for variable in list(spec, "variables") {
            let name = text(variable, "name");
            variables.add(name, composed.variable(deep, name, text(variable, "expression")));
        }
        let environment = composed.environment(Names::Authorizer);
        let plain = composed.environment(Names::Request);
        let source = |text: &str, environment: &Environment, wanted: &[Type]| Source {
            text: text.to_owned(),
            compiled: compile(deep, text, environment, wanted),
        };
        let validations = list(spec, "validations").iter().map(|validation| {
            let message_expression = text(validation, "messageExpression");
            Validation {
                expression: source(text(validation, "expression"), environment, &[BOOL]),
                message: text(validation, "message").to_owned(),
                message_expression: (!message_expression.is_empty())
                    .then(|| source(message_expression, plain, &[STRING])),
                reason: text(validation, "reason").to_owned(),
            }
        });
        let annotations = list(spec, "auditAnnotations")
            .iter()
            .map(|annotation| Annotation {
                value: source(
                    text(annotation, "valueExpression"),
                    environment,
                    &annotation_types(),
                ),
            });
        let patching = environment.clone().with_patches();
        let mutations = list(spec, "mutations")
            .iter()
            .map(|mutation| match text(mutation, "patchType") {
                "JSONPatch" => {
                    let text = text(&mutation["jsonPatch"], "expression");
                    Mutation::JsonPatch(Source {
                        compiled: json_patch(deep, text, &patching),
                        text: text.to_owned(),
                    })
                }
                _ => {
                    let text = text(&mutation["applyConfiguration"], "expression");
                    Mutation::Apply(source(text, &patching, &[apply_type()]))
                }
            });
        Compiled {
            conditions: conditions(deep, list(spec, "matchConditions"), environment),
            variables,
            validations: validations.collect(),
            annotations: annotations.collect(),
            mutations: mutations.collect(),
        }
    }
}

/// Compiles an expression that must give a JSON patch.
pub(super) fn json_patch(
    deep: Deep,
    source: &str,
    environment: &Environment,
) -> Result<Expression, CompileError> {
    let compiled = compile(deep, source, environment, &[])?;
    if is_json_patch(compiled.ty()) {
        return Ok(compiled);
    }
    let found = compiled.ty().result_name();
    Err(CompileError::of(format!(
        "must evaluate to list(JSONPatch) but got {found}"
    )))
}
