//! Expressions in CEL, evaluated within a budget.
//!
//! The language comes from the crate `cel`, what Kubernetes adds to it from `kube-cel`. Here
//! is what a server must add: a bound on what an expression may cost, and values made from
//! JSON as a schema types it.

mod alike;
mod authorizer;
mod check;
mod collect;
mod constants;
mod convert;
mod cost;
mod declared;
mod escape;
mod functions;
mod literals;
mod lower;
mod macros;
mod meter;
mod paid;
mod price;
mod scope;
mod source;
mod stack;
mod structure;
mod unseen;

use std::sync::Arc;

use kube_cel::KubeCelExt as _;
use kube_cel::cel::common::ast::IdedExpr;
use kube_cel::cel::parser::Parser;
use kube_cel::cel::{Context, ExecutionError, Value};

pub(crate) use authorizer::{Account, Authority, authorizer, request_resource};
pub(crate) use check::{BOOL, DYN, Environment, INT, STRING, Type};
pub(crate) use convert::{optional, to_cel, typed};
pub(crate) use declared::{Declared, Simple, resource};
pub(crate) use escape::{RESERVED, escape};
pub(crate) use meter::Budget;
pub(crate) use scope::{Named, Scope};
pub(crate) use stack::{Deep, Worker, deep, deeply};
pub(crate) use structure::{Structure, to_json};

use alike::Likes;
use check::Problem;
use source::{Places, complaint};

/// The longest expression that is compiled.
const LONGEST: usize = 16 * 1024;

/// How many complaints are told of one expression; each shows the line that it is about.
const COMPLAINTS: usize = 100;

/// An expression that was compiled.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    /// What was written, with its macros expanded.
    ast: Arc<IdedExpr>,
    /// What is run.
    program: Arc<IdedExpr>,
    /// The types that calls in it compare by.
    likes: Likes,
    /// What it costs in any case.
    cost: u64,
    /// How many parts of what is run are within each other.
    depth: usize,
    ty: Type,
}

/// Why an expression gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EvalError {
    /// It cost more than there was.
    Budget,
    /// It failed.
    Failed(String),
}

/// Why an expression cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CompileError {
    pub(crate) message: String,
    /// Whether upstream takes it for an error of its own.
    pub(crate) is_internal: bool,
}

impl CompileError {
    /// The compiler does not take it.
    fn rejected(complaint: String) -> CompileError {
        CompileError::of(format!("compilation failed: {complaint}"))
    }

    pub(crate) fn of(message: String) -> CompileError {
        CompileError {
            message,
            is_internal: false,
        }
    }
}

impl Expression {
    /// Compiles `source`, in which only the names of an environment may be used.
    pub(crate) fn compile(
        deep: Deep,
        source: &str,
        environment: &Environment,
    ) -> Result<Expression, CompileError> {
        let rejected = CompileError::rejected;
        if source.len() > LONGEST {
            return Err(rejected(format!("the expression is longer than {LONGEST} bytes")));
        }
        stack::bounded(source).map_err(rejected)?;
        let masked = source::masked(source);
        let mut ast = Parser::new()
            .enable_optional_syntax(true)
            .parse(&masked)
            .map_err(|errors| rejected(syntax(source, &errors)))?;
        let places = Places::find(&masked, &ast);
        source::unmask(&mut ast);
        macros::expand(&mut ast)
            .map_err(|misuse| rejected(complaint(source, places.of(misuse.at), &misuse.message)))?;
        let told = |problems: Vec<Problem>| {
            let untold = problems.len().saturating_sub(COMPLAINTS);
            let problems = problems.into_iter();
            let mut problems: Vec<(usize, String)> = problems
                .take(COMPLAINTS)
                .map(|problem| (places.of(problem.at), problem.message))
                .collect();
            problems.sort_by_key(|(at, _)| *at);
            let told = problems.iter().map(|(at, what)| complaint(source, *at, what));
            let mut told: Vec<String> = told.collect();
            if untold > 0 {
                told.push(format!("{untold} more errors were truncated"));
            }
            rejected(told.join("\n"))
        };
        let types = check::check(&ast, environment).map_err(told)?;
        let problems = literals::problems(&mut ast, &types);
        if !problems.is_empty() {
            return Err(told(problems));
        }
        let lower::Lowered { mut program, likes } = lower::lowered(ast.clone(), environment, &types);
        if let Some(why) = constants::unconvertible(deep, &mut program) {
            return Err(CompileError {
                message: format!("program instantiation failed: {why}"),
                is_internal: true,
            });
        }
        Ok(Expression {
            depth: macros::depth(&mut program),
            program: Arc::new(program),
            likes,
            cost: meter::fixed(&ast, &types),
            ty: types.of(&ast).clone(),
            ast: Arc::new(ast),
        })
    }

    /// The type of the expression's value, as far as that is known.
    pub(crate) fn ty(&self) -> &Type {
        &self.ty
    }

    /// What the expression can cost at most, with a `self` of this type.
    pub(crate) fn most_cost(&self, root: &Declared, optional_old_self: bool) -> u64 {
        cost::most(&self.ast, root, optional_old_self)
    }

    /// Runs what it compiled to.
    fn resolve(&self, scope: &Context<'_>) -> Result<Value, ExecutionError> {
        if self.likes.is_empty() {
            return scope.resolve(&self.program);
        }
        let mut scope = scope.new_inner_scope();
        self.likes.add_to(&mut scope);
        scope.resolve(&self.program)
    }

    /// Whether the expression names a variable.
    pub(crate) fn uses(&self, variable: &str) -> bool {
        self.ast.references().has_variable(variable)
    }
}

/// Evaluates expressions, one after the other.
pub(crate) struct Evaluator {
    /// All functions; the variables of an evaluation are in a scope of its own.
    context: Context<'static>,
    meter: Budget,
}

impl Evaluator {
    pub(crate) fn new(_: Deep) -> Evaluator {
        let mut context = Context::default().with_all();
        let meter = Budget::new(0);
        meter::register(&mut context, &meter);
        functions::register(&mut context, &meter);
        alike::register(&mut context, &meter);
        collect::register(&mut context, &meter);
        paid::register(&mut context, &meter);
        price::register(&mut context, &meter);
        structure::register(&mut context);
        authorizer::register(&mut context, &meter);
        Evaluator { context, meter }
    }

    /// Evaluates with these variables, spending from the budget.
    pub(crate) fn evaluate(
        &self,
        expression: &Expression,
        variables: &[(&str, Value)],
        budget: &Budget,
    ) -> Result<Value, EvalError> {
        let mut scope = self.context.new_inner_scope();
        for (name, value) in variables {
            scope.add_variable_from_value(*name, value.clone());
        }
        self.run(budget, expression.cost, || expression.resolve(&scope))
            .map_err(|error| match error {
                Failure::Budget => EvalError::Budget,
                Failure::Error(error) => EvalError::Failed(words(&error)),
            })
    }

    fn run(
        &self,
        budget: &Budget,
        cost: u64,
        work: impl FnOnce() -> Result<Value, ExecutionError>,
    ) -> Result<Value, Failure> {
        self.meter.refill(budget);
        let result = if self.meter.spend(cost) {
            work()
        } else {
            Err(ExecutionError::function_error("", "budget exceeded"))
        };
        budget.refill(&self.meter);
        match result {
            _ if budget.is_spent() => Err(Failure::Budget),
            Ok(value) => Ok(value),
            Err(error) => Err(Failure::Error(error)),
        }
    }
}

/// Why an evaluation gave nothing, in the interpreter's terms.
enum Failure {
    Budget,
    Error(ExecutionError),
}

/// A syntax error as cel-go shows one.
fn syntax(source: &str, errors: &kube_cel::cel::ParseErrors) -> String {
    let place = |line: isize, column: isize| {
        let before = usize::try_from(line).unwrap_or(1).max(1) - 1;
        let start: usize = source.split_inclusive('\n').take(before).map(str::len).sum();
        let column = usize::try_from(column).unwrap_or(1).max(1) - 1;
        let rest = source.get(start..).unwrap_or("");
        start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
    };
    let told = errors.errors.iter().take(COMPLAINTS).map(|error| {
        let message = error.msg.trim_start_matches("Syntax error: ");
        // Where the end would do, the end is what was expected.
        let message = match message.split_once(" expecting {<EOF>") {
            Some((found, _)) => format!("{found} expecting <EOF>"),
            None => message.to_owned(),
        };
        let at = place(error.pos.0, error.pos.1);
        // Macros and literals have complaints of their own.
        let is_own = ["argument", "invalid argument", "invalid int", "invalid uint"]
            .iter()
            .any(|start| message.starts_with(start));
        let kind = if is_own { "" } else { "Syntax error: " };
        complaint(source, at, &format!("{kind}{message}"))
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        return complaint(source, 0, "Syntax error");
    }
    told.join("\n")
}

/// An error as cel-go puts it. Values are not shown: they may be secrets.
fn words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::UndeclaredReference(name) => format!("undeclared reference to '{name}'"),
        ExecutionError::DivisionByZero(_) => "division by zero".into(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".into(),
        ExecutionError::IndexOutOfBounds(Value::Int(at)) => format!("index out of bounds: {at}"),
        ExecutionError::IndexOutOfBounds(_) => "index out of bounds".into(),
        ExecutionError::Overflow(_, Value::UInt(_), _) => "unsigned integer overflow".into(),
        ExecutionError::Overflow(..) => "integer overflow".into(),
        ExecutionError::FunctionError { message, .. } if message == "no such overload" => message.clone(),
        ExecutionError::FunctionError { function, message } => match function.as_str() {
            "asInteger" => "cannot convert value to integer".into(),
            "quantity" => {
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                    .into()
            }
            "value" => "optional.none() dereference".into(),
            _ => message.clone(),
        },
        _ => "no such overload".into(),
    }
}

#[cfg(test)]
mod tests;
