//! Evaluations that share their variables, some of which are expressions themselves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use kube_cel::cel::context::VariableResolver;
use kube_cel::cel::{Context, ExecutionError, Value};
use parking_lot::Mutex;

use super::functions::growing::weight;
use super::lower::variable;
use super::{Budget, CompileError, EvalError, Evaluator, Expression, Failure, words};

/// What one expression may cost.
const CALL: u64 = 1_000_000;

/// How many parts of expressions may be within each other: a variable is evaluated within whoever
/// names it first.
const DEPTH: usize = 5_000;

/// What an expression gave, with what a copy of it costs.
type Found = (u64, Result<Value, String>);

/// Expressions by the names that other expressions know them by.
#[derive(Debug, Default)]
pub(crate) struct Named(HashMap<String, Result<Expression, CompileError>>);

impl Named {
    /// Of those with the same name the first counts.
    pub(crate) fn add(&mut self, name: &str, expression: Result<Expression, CompileError>) {
        self.0.entry(variable(name)).or_insert(expression);
    }
}

/// Variables for some evaluations.
pub(crate) struct Scope<'e> {
    evaluator: &'e Evaluator,
    base: Context<'e>,
    /// Expressions that are evaluated when they are first named, as `variables.name`.
    named: Option<&'e Named>,
    found: Mutex<HashMap<String, Found>>,
    /// How deep the evaluation is that goes on.
    depth: AtomicUsize,
}

impl<'e> Scope<'e> {
    pub(crate) fn new(
        evaluator: &'e Evaluator,
        variables: impl IntoIterator<Item = (&'static str, Value)>,
        named: Option<&'e Named>,
    ) -> Scope<'e> {
        let mut base = evaluator.context.new_inner_scope();
        for (name, value) in variables {
            base.add_variable_from_value(name, value);
        }
        Scope {
            evaluator,
            base,
            named,
            found: Mutex::default(),
            depth: AtomicUsize::default(),
        }
    }

    /// Evaluates, spending from the budget no more than one expression may.
    ///
    /// # Errors
    ///
    /// What went wrong; that the budget is spent as well, for the caller to see.
    pub(crate) fn evaluate(&self, expression: &Expression, budget: &Budget) -> Result<Value, EvalError> {
        let share = budget.share(CALL);
        let mut scope = self.base.new_inner_scope();
        scope.set_variable_resolver(self);
        self.depth.store(expression.depth, Ordering::Relaxed);
        let result = self
            .evaluator
            .run(&share, expression.cost, || expression.resolve(&scope));
        budget.charge(&share, CALL);
        result.map_err(|failure| match failure {
            Failure::Budget => EvalError::Budget,
            Failure::Error(error) => EvalError::Failed(self.words(&error)),
        })
    }

    /// An error, with the reason why a variable has no value.
    fn words(&self, error: &ExecutionError) -> String {
        if let ExecutionError::UndeclaredReference(name) = error
            && let Some((_, Err(why))) = self.found.lock().get(name.as_str())
        {
            return why.clone();
        }
        words(error)
    }

    fn find(&self, name: &str) -> Option<Result<Value, String>> {
        let expression = self.named?.0.get(name)?;
        let short = name.split_once('.').map_or(name, |(_, short)| short);
        let expression = match expression {
            Ok(expression) => expression,
            Err(error) => {
                let why = &error.message;
                return Some(Err(format!(
                    "composited variable {short:?} fails to compile: {why}"
                )));
            }
        };
        let outside = self.depth.load(Ordering::Relaxed);
        let inside = outside.saturating_add(expression.depth);
        if inside > DEPTH {
            return Some(Err(format!(
                "composited variable {short:?} fails to evaluate: variables are nested too deep"
            )));
        }
        let mut scope = self.base.new_inner_scope();
        scope.set_variable_resolver(self);
        self.depth.store(inside, Ordering::Relaxed);
        self.evaluator.meter.spend(expression.cost);
        let result = expression.resolve(&scope);
        self.depth.store(outside, Ordering::Relaxed);
        Some(result.map_err(|error| {
            format!(
                "composited variable {short:?} fails to evaluate: {}",
                self.words(&error)
            )
        }))
    }
}

impl VariableResolver for Scope<'_> {
    fn resolve(&self, name: &str) -> Option<Value> {
        let known = self
            .found
            .lock()
            .get(name)
            .map(|(weight, found)| (*weight, found.as_ref().ok().cloned()));
        if let Some((weight, value)) = known {
            // The interpreter copies it, however often it is named.
            return value.filter(|_| weight == 0 || self.evaluator.meter.hold(weight));
        }
        let found = self.find(name)?;
        let value = found.as_ref().ok().cloned();
        let weight = value.as_ref().map_or(0, weight);
        self.found.lock().insert(name.to_owned(), (weight, found));
        // It is kept until the last evaluation.
        value.filter(|_| weight == 0 || self.evaluator.meter.hold(weight))
    }
}
