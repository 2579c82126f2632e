//! Macros that the parser leaves as calls: loops with two variables, and what optional values
//! are mapped with.
//!
//! <https://pkg.go.dev/github.com/google/cel-go/ext#TwoVarComprehensions>

use kube_cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, MapExpr, operators,
};

const RESULT: &str = "@result";
/// What an optional value holds, as a list: the interpreter forgets that a variable's value is
/// optional.
pub(super) const HELD: &str = "@held";
/// What is mapped, where it is optional.
const OPTIONAL: &str = "@optional";
/// The variable of a loop that goes through nothing.
const UNUSED: &str = "@unused";
/// Inserts into a map, in which the key is not yet.
pub(super) const INSERT: &str = "@mapInsert";
/// Sorts a list by another.
pub(super) const SORT_BY: &str = "@sortByAssociatedKeys";

/// A macro that cannot be expanded.
#[derive(Debug)]
pub(super) struct Misuse {
    pub(super) at: u64,
    pub(super) message: String,
}

/// Expands the macros in an expression; new parts get ids that no other has.
pub(super) fn expand(expression: &mut IdedExpr) -> Result<(), Misuse> {
    let mut next = 0;
    highest(expression, &mut next);
    Expander { next }.visit(expression)
}

/// Runs `work` on all parts of an expression, outer ones last.
pub(super) fn parts_mut<E>(
    expression: &mut IdedExpr,
    work: &mut dyn FnMut(&mut IdedExpr) -> Result<(), E>,
) -> Result<(), E> {
    match &mut expression.expr {
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                work(target)?;
            }
            call.args.iter_mut().try_for_each(work)
        }
        Expr::Comprehension(c) => [
            &mut c.iter_range,
            &mut c.accu_init,
            &mut c.loop_cond,
            &mut c.loop_step,
            &mut c.result,
        ]
        .into_iter()
        .try_for_each(work),
        Expr::List(list) => list.elements.iter_mut().try_for_each(work),
        Expr::Map(map) => map
            .entries
            .iter_mut()
            .try_for_each(|entry| entry_mut(&mut entry.expr, work)),
        Expr::Struct(structure) => structure
            .entries
            .iter_mut()
            .try_for_each(|entry| entry_mut(&mut entry.expr, work)),
        Expr::Select(select) => work(&mut select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Ok(()),
    }
}

fn entry_mut<E>(
    entry: &mut EntryExpr,
    work: &mut dyn FnMut(&mut IdedExpr) -> Result<(), E>,
) -> Result<(), E> {
    match entry {
        EntryExpr::StructField(field) => work(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            work(&mut entry.key)?;
            work(&mut entry.value)
        }
    }
}

fn highest(expression: &mut IdedExpr, found: &mut u64) {
    *found = (*found).max(expression.id + 1);
    let _: Result<(), ()> = parts_mut(expression, &mut |part| {
        highest(part, found);
        Ok(())
    });
}

/// How many parts of an expression are within each other.
pub(super) fn depth(expression: &mut IdedExpr) -> usize {
    let mut deepest = 0;
    let _: Result<(), ()> = parts_mut(expression, &mut |part| {
        deepest = deepest.max(depth(part));
        Ok(())
    });
    deepest + 1
}

struct Expander {
    next: u64,
}

impl Expander {
    fn visit(&mut self, expression: &mut IdedExpr) -> Result<(), Misuse> {
        parts_mut(expression, &mut |part| self.visit(part))?;
        let Expr::Call(call) = &mut expression.expr else {
            return Ok(());
        };
        let Some(target) = call.target.take() else {
            return Ok(());
        };
        let arguments = call.args.len();
        match (call.func_name.as_str(), arguments) {
            ("all" | "exists" | "existsOne" | "exists_one", 3)
            | ("transformList" | "transformMap" | "transformMapEntry", 3 | 4) => {
                let name = std::mem::take(&mut call.func_name);
                let arguments = std::mem::take(&mut call.args);
                expression.expr = self.two_variables(&name, *target, arguments)?;
            }
            ("optMap" | "optFlatMap", 2) => {
                let name = std::mem::take(&mut call.func_name);
                let arguments = std::mem::take(&mut call.args);
                expression.expr = self.mapped(&name, *target, arguments)?;
            }
            ("sortBy", 2) => {
                let arguments = std::mem::take(&mut call.args);
                expression.expr = self.sorted(*target, arguments)?;
            }
            _ => call.target = Some(target),
        }
        Ok(())
    }

    fn two_variables(
        &mut self,
        name: &str,
        range: IdedExpr,
        arguments: Vec<IdedExpr>,
    ) -> Result<Expr, Misuse> {
        let mut arguments = arguments.into_iter();
        let first = variable(arguments.next(), "argument must be a simple name")?;
        let second_at = arguments.as_slice().first().map_or(0, |argument| argument.id);
        let second = variable(arguments.next(), "argument must be a simple name")?;
        if first == second {
            return Err(Misuse {
                at: second_at,
                message: format!("duplicate variable name: {first}"),
            });
        }
        let mut rest: Vec<IdedExpr> = arguments.collect();
        let body = rest.pop().unwrap_or_default();
        let filter = rest.pop();
        let is = |value: bool| Expr::Literal(LiteralValue::Boolean(value.into()));
        let number = |value: i64| Expr::Literal(LiteralValue::Int(value.into()));
        let (init, condition, step) = match name {
            "all" => {
                let condition = vec![self.result()];
                let step = vec![self.result(), body];
                (
                    is(true),
                    self.call(operators::NOT_STRICTLY_FALSE, condition),
                    self.call(operators::LOGICAL_AND, step),
                )
            }
            "exists" => {
                let not = vec![self.result()];
                let not = vec![self.call(operators::LOGICAL_NOT, not)];
                let step = vec![self.result(), body];
                (
                    is(false),
                    self.call(operators::NOT_STRICTLY_FALSE, not),
                    self.call(operators::LOGICAL_OR, step),
                )
            }
            "transformList" => {
                let item = self.of(Expr::List(ListExpr::new(vec![body])));
                let step = vec![self.result(), item];
                (
                    Expr::List(ListExpr::default()),
                    self.of(is(true)),
                    self.call(operators::ADD, step),
                )
            }
            "transformMap" => {
                let key = self.of(Expr::Ident(first.clone()));
                let step = vec![self.result(), key, body];
                (
                    Expr::Map(MapExpr::default()),
                    self.of(is(true)),
                    self.call(INSERT, step),
                )
            }
            "transformMapEntry" => {
                let step = vec![self.result(), body];
                (
                    Expr::Map(MapExpr::default()),
                    self.of(is(true)),
                    self.call(INSERT, step),
                )
            }
            _ => {
                let one = self.of(number(1));
                let more = vec![self.result(), one];
                let more = self.call(operators::ADD, more);
                let step = vec![body, more, self.result()];
                (
                    number(0),
                    self.of(is(true)),
                    self.call(operators::CONDITIONAL, step),
                )
            }
        };
        let step = match filter {
            Some(filter) => {
                let choice = vec![filter, step, self.result()];
                self.call(operators::CONDITIONAL, choice)
            }
            None => step,
        };
        let result = match name {
            "existsOne" | "exists_one" => {
                let one = self.of(number(1));
                let sides = vec![self.result(), one];
                self.call(operators::EQUALS, sides)
            }
            _ => self.result(),
        };
        Ok(Expr::Comprehension(Box::new(ComprehensionExpr {
            iter_range: range,
            iter_var: first,
            iter_var2: Some(second),
            accu_var: RESULT.into(),
            accu_init: self.of(init),
            loop_cond: condition,
            loop_step: step,
            result,
        })))
    }

    /// `target.optMap(v, body)`: what becomes of the value, where there is one.
    fn mapped(&mut self, name: &str, target: IdedExpr, arguments: Vec<IdedExpr>) -> Result<Expr, Misuse> {
        let mut arguments = arguments.into_iter();
        let misuse = format!("{name}() variable name must be a simple identifier");
        let variable = variable(arguments.next(), &misuse)?;
        let body = arguments.next().unwrap_or_default();
        // The target must not be there twice: targets can be chained.
        let held = || Expr::Ident(OPTIONAL.into());
        let (asked, read) = (self.of(held()), self.of(held()));
        let size = self.call("size", vec![asked]);
        let zero = self.of(Expr::Literal(LiteralValue::Int(0.into())));
        let has = self.call(operators::GREATER, vec![size, zero]);
        let first = self.of(Expr::Literal(LiteralValue::Int(0.into())));
        let value = self.call(operators::INDEX, vec![read, first]);
        let mut some = self.bound(&variable, value, body);
        if name == "optMap" {
            some = self.in_optional("of", vec![some]);
        }
        let none = self.in_optional("none", Vec::new());
        let choice = self.call(operators::CONDITIONAL, vec![has, some, none]);
        let held = self.call(HELD, vec![target]);
        Ok(self.bound(OPTIONAL, held, choice).expr)
    }

    /// `target.sortBy(v, key)`.
    fn sorted(&mut self, target: IdedExpr, arguments: Vec<IdedExpr>) -> Result<Expr, Misuse> {
        const INPUT: &str = "@sorted";
        let mut arguments = arguments.into_iter();
        let variable = variable(arguments.next(), "argument is not an identifier")?;
        let key = arguments.next().unwrap_or_default();
        let keys = self.of(Expr::List(ListExpr::new(vec![key])));
        let step = vec![self.result(), keys];
        let input = self.of(Expr::Ident(INPUT.into()));
        let comprehension = ComprehensionExpr {
            iter_range: input.clone(),
            iter_var: variable,
            iter_var2: None,
            accu_var: RESULT.into(),
            accu_init: self.of(Expr::List(ListExpr::default())),
            loop_cond: self.of(Expr::Literal(LiteralValue::Boolean(true.into()))),
            loop_step: self.call(operators::ADD, step),
            result: self.result(),
        };
        let keys = self.of(Expr::Comprehension(Box::new(comprehension)));
        let sorted = self.of(Expr::Call(CallExpr {
            func_name: SORT_BY.into(),
            target: Some(Box::new(input)),
            args: vec![keys],
        }));
        Ok(self.bound(INPUT, target, sorted).expr)
    }

    /// An expression in which a name stands for a value: the result of a loop through nothing.
    fn bound(&mut self, name: &str, value: IdedExpr, body: IdedExpr) -> IdedExpr {
        let ids = [self.id(), self.id(), self.id(), self.id()];
        bound(name, value, body, ids)
    }

    fn in_optional(&mut self, function: &str, args: Vec<IdedExpr>) -> IdedExpr {
        let target = self.of(Expr::Ident("optional".into()));
        self.of(Expr::Call(CallExpr {
            func_name: function.into(),
            target: Some(Box::new(target)),
            args,
        }))
    }

    fn call(&mut self, name: &str, args: Vec<IdedExpr>) -> IdedExpr {
        self.of(Expr::Call(CallExpr {
            func_name: name.into(),
            target: None,
            args,
        }))
    }

    fn result(&mut self) -> IdedExpr {
        self.of(Expr::Ident(RESULT.into()))
    }

    fn of(&mut self, expr: Expr) -> IdedExpr {
        IdedExpr { id: self.id(), expr }
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// `body`, in which `name` is `value`.
pub(super) fn bound(name: &str, value: IdedExpr, body: IdedExpr, ids: [u64; 4]) -> IdedExpr {
    let [whole, range, condition, step] = ids;
    IdedExpr {
        id: whole,
        expr: Expr::Comprehension(Box::new(ComprehensionExpr {
            iter_range: IdedExpr {
                id: range,
                expr: Expr::List(ListExpr::default()),
            },
            iter_var: UNUSED.into(),
            iter_var2: None,
            accu_var: name.to_owned(),
            accu_init: value,
            loop_cond: IdedExpr {
                id: condition,
                expr: Expr::Literal(LiteralValue::Boolean(false.into())),
            },
            loop_step: IdedExpr {
                id: step,
                expr: Expr::Ident(name.to_owned()),
            },
            result: body,
        })),
    }
}

fn variable(argument: Option<IdedExpr>, misuse: &str) -> Result<String, Misuse> {
    match argument {
        Some(IdedExpr {
            expr: Expr::Ident(name),
            ..
        }) => Ok(name),
        other => Err(Misuse {
            at: other.map_or(0, |argument| argument.id),
            message: misuse.to_owned(),
        }),
    }
}
