//! Expressions in CEL, evaluated within a budget.
//!
//! The language comes from the crate `cel`, what Kubernetes adds to it from `kube-cel`. Here
//! is what a server must add: a bound on what an expression may cost, and values made from
//! JSON as a schema types it.

mod authorizer;
mod check;
mod convert;
mod cost;
mod declared;
mod escape;
mod functions;
mod literals;
mod lower;
mod macros;
mod meter;
mod scope;
mod source;
mod stack;
mod structure;

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
pub(crate) use scope::Scope;
pub(crate) use stack::{Deep, deep, deeply};
pub(crate) use structure::{Structure, to_json};

use check::Problem;
use source::{Places, complaint};

/// The longest expression that is compiled.
const LONGEST: usize = 16 * 1024;

/// An expression that was compiled.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    /// What was written, with its macros expanded.
    ast: Arc<IdedExpr>,
    /// What is run.
    program: Arc<IdedExpr>,
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

impl Expression {
    /// Compiles `source`, in which only the names of an environment may be used.
    ///
    /// # Errors
    ///
    /// The text of the compiler's complaint.
    pub(crate) fn compile(_: Deep, source: &str, environment: &Environment) -> Result<Expression, String> {
        if source.len() > LONGEST {
            return Err(format!("the expression is longer than {LONGEST} bytes"));
        }
        stack::bounded(source)?;
        let mut ast = Parser::new()
            .enable_optional_syntax(true)
            .parse(source)
            .map_err(|errors| syntax(source, &errors))?;
        let places = Places::find(source, &ast);
        macros::expand(&mut ast)
            .map_err(|misuse| complaint(source, places.of(misuse.at), &misuse.message))?;
        let told = |problems: Vec<Problem>| {
            let problems = problems.into_iter();
            let mut problems: Vec<(usize, String)> = problems
                .map(|problem| (places.of(problem.at), problem.message))
                .collect();
            problems.sort_by_key(|(at, _)| *at);
            let told = problems.iter().map(|(at, what)| complaint(source, *at, what));
            told.collect::<Vec<String>>().join("\n")
        };
        let types = check::check(&ast, environment).map_err(told)?;
        let problems = literals::problems(&mut ast, &types);
        if !problems.is_empty() {
            return Err(told(problems));
        }
        Ok(Expression {
            program: Arc::new(lower::lowered(ast.clone(), environment, &types)),
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
        functions::register(&mut context);
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
        self.run(expression, &scope, budget).map_err(|error| match error {
            Failure::Budget => EvalError::Budget,
            Failure::Error(error) => EvalError::Failed(words(&error)),
        })
    }

    fn run(&self, expression: &Expression, scope: &Context<'_>, budget: &Budget) -> Result<Value, Failure> {
        self.meter.refill(budget);
        let result = scope.resolve(&expression.program);
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
    let told = errors.errors.iter().map(|error| {
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
        ExecutionError::FunctionError { function, message } if function.is_empty() => message.clone(),
        ExecutionError::FunctionError { function, message } => match function.as_str() {
            "asInteger" => "cannot convert value to integer".into(),
            "quantity" => {
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                    .into()
            }
            "value" => "optional.none() dereference".into(),
            _ => format!("{function}: {message}"),
        },
        _ => "no such overload".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn environment() -> Environment {
        Environment::new([("self", DYN)])
    }

    fn evaluate(source: &str, value: serde_json::Value) -> Result<Value, EvalError> {
        deep(|deep| {
            let expression = Expression::compile(deep, source, &environment()).expect("compiles");
            Evaluator::new(deep).evaluate(&expression, &[("self", to_cel(&value))], &Budget::new(10_000))
        })
        .expect("a stack")
    }

    #[test]
    fn expressions_see_their_variables() {
        assert_eq!(
            evaluate("self.items.all(i, i > 1)", json!({"items": [2, 3]})),
            Ok(Value::Bool(true))
        );
        assert_eq!(
            evaluate("self.?nope.orValue('x')", json!({})),
            Ok(Value::String(Arc::new("x".into())))
        );
    }

    #[test]
    fn types_are_values() {
        for source in [
            "type(self.text) == string",
            "type(self.number) == int && type(self.number) != string",
            "type(self.text) == type('x')",
            "dyn(self.number) == 5",
            "string(self.number) == '5'",
        ] {
            let value = json!({"text": "50%", "number": 5});
            assert_eq!(evaluate(source, value), Ok(Value::Bool(true)), "{source}");
        }
    }

    #[test]
    fn conversions_are_those_of_go() {
        for source in [
            "'é'.size() == 1 && size('日本') == 2",
            "bool('true') && !bool('F') && string(true) == 'true'",
            "string(duration('1h')) == '3600s' && string(duration('1500ms')) == '1.5s'",
            "string(timestamp('2020-01-01T00:00:00Z')) == '2020-01-01T00:00:00Z'",
            "int(timestamp('1970-01-01T00:01:00Z')) == 60 && timestamp(60) == timestamp('1970-01-01T00:01:00Z')",
            "int('7') == 7 && int(7.9) == 7",
        ] {
            assert_eq!(evaluate(source, json!({})), Ok(Value::Bool(true)), "{source}");
        }
        for source in ["bool('maybe')", "int('x') > 1", "size(dyn(1)) > 1"] {
            assert!(
                matches!(evaluate(source, json!({})), Err(EvalError::Failed(_))),
                "{source}"
            );
        }
    }

    #[test]
    fn loops_can_have_two_variables() {
        for source in [
            "[1, 2].all(i, v, v == i + 1)",
            "{'a': 1}.exists(k, v, k == 'a' && v == 1)",
            "['a', 'b'].existsOne(i, v, i == 1)",
            "['a', 'b'].transformList(i, v, string(i) + v) == ['0a', '1b']",
            "[5, 6].transformList(i, v, i > 0, v) == [6]",
            "{'a': 1, 'b': 2}.transformMap(k, v, v + 1) == {'a': 2, 'b': 3}",
            "['a', 'b'].transformMapEntry(i, v, {v: i}) == {'a': 0, 'b': 1}",
            "[[1, 2], [3]].all(i, inner, inner.all(j, v, v == i + j + 1 || i == 1))",
        ] {
            assert_eq!(evaluate(source, json!({})), Ok(Value::Bool(true)), "{source}");
        }
        let twice = evaluate("['a', 'a'].transformMapEntry(i, v, {v: i}) == {}", json!({}));
        assert_eq!(
            twice,
            Err(EvalError::Failed("insert failed: key a already exists".into()))
        );
    }

    #[test]
    fn quantifiers_outlive_errors() {
        for source in [
            "[0, 1].exists(x, 1 / x > 0)",
            "[1, 0].exists(x, 1 / x > 0)",
            "![0, 2].all(x, 1 / x > 0)",
            "[0, 1].exists(i, v, v / i > 0)",
            "[{}, {'a': 1}].exists(x, x.a == 1)",
        ] {
            assert_eq!(evaluate(source, json!({})), Ok(Value::Bool(true)), "{source}");
        }
        for source in ["[0, 1].all(x, 1 / x > 0)", "[0, 2].exists(x, 1 / x > 0)"] {
            let failed = Err(EvalError::Failed("division by zero".into()));
            assert_eq!(evaluate(source, json!({})), failed, "{source}");
        }
    }

    #[test]
    fn numbers_do_not_overflow() {
        for source in [
            "-(-9223372036854775808) > 0",
            "9223372036854775807 + self > 0",
            "-9223372036854775808 - self > 0",
            "9223372036854775807 * 2 > self",
            "-9223372036854775808 / -self > 0",
            "-9223372036854775808 % -self > 0",
        ] {
            let result = evaluate(source, json!(1));
            assert_eq!(
                result,
                Err(EvalError::Failed("integer overflow".into())),
                "{source}"
            );
        }
    }

    #[test]
    fn optional_values_are_mapped() {
        for source in [
            "optional.of(1).optMap(x, x + 1).value() == 2",
            "optional.of(1).optFlatMap(x, optional.of(x + 1)).value() == 2",
            "!optional.none().optMap(x, x).hasValue()",
            "self.?nope.b.c.optMap(x, x).orValue('none') == 'none'",
            "self.?a.optMap(x, optional.of(x).optMap(y, y + x)).value().value() == 4",
            "[optional.of(1), optional.none()].unwrapOpt() == [1]",
            "[3, 1, 2].sortBy(x, -x) == [3, 2, 1]",
            "optional.of(1) == optional.of(1) && optional.of(1) != optional.none()",
            "!has(self.?nope.b)",
        ] {
            assert_eq!(
                evaluate(source, json!({"a": 2})),
                Ok(Value::Bool(true)),
                "{source}"
            );
        }
    }

    #[test]
    fn a_loop_ends_with_its_budget() {
        let items: Vec<u32> = (0..200).collect();
        let source = "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))";
        assert_eq!(evaluate(source, json!(items)), Err(EvalError::Budget));
        // An error inside of a quantifier does not hide it.
        let source = "self.exists(a, self.exists(b, self.exists(c, false))) || true";
        assert_eq!(evaluate(source, json!(items)), Err(EvalError::Budget));
    }

    #[test]
    fn unknown_names_and_broken_syntax_are_refused() {
        let compile = |source: &str| {
            deep(|deep| Expression::compile(deep, source, &environment()).map(|_| ())).expect("a stack")
        };
        let error = compile("nope.x > 1").unwrap_err();
        assert!(
            error.starts_with("ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')"),
            "{error}"
        );
        let error = compile("nope(self.x)").unwrap_err();
        assert!(
            error.starts_with("ERROR: <input>:1:5: undeclared reference to 'nope'"),
            "{error}"
        );
        let error = compile("this does not compile").unwrap_err();
        assert_eq!(
            error,
            "ERROR: <input>:1:6: Syntax error: mismatched input 'does' expecting <EOF>\n | this does not compile\n | .....^"
        );
        let error = compile("true\n&& 1 +* 2").unwrap_err();
        assert!(
            error.starts_with("ERROR: <input>:2:7: Syntax error: extraneous input '*'"),
            "{error}"
        );
        assert!(compile("self.x >").is_err());
        assert!(compile("[1].all(x, x > 0)").is_ok());
    }

    #[test]
    fn depth_is_bounded() {
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("!", ""),
            ("true?1:", ""),
            ("size(", ")"),
            ("1+", ""),
        ] {
            let source = format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
            let compiled = deep(|deep| Expression::compile(deep, &source, &environment()).map(|_| ()));
            assert!(matches!(compiled, Some(Err(_))), "{open}");
        }
    }
}
