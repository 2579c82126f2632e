//! From what an expression means to what the interpreter can run.
//!
//! The interpreter knows no structures, no loops with two variables and no fields of optional
//! values; what stands for them here are calls, and loops that bind names. Loops get their
//! meters here.

use kube_cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, MapEntryExpr,
    MapExpr, operators,
};

use super::alike::{Likes, comparison};
use super::check::{Environment, Type, Types};
use super::collect::{bound as bound_by, collecting};
use super::declared::Simple;
use super::functions::growing::ADD;
use super::functions::logic::{ANY, EQUAL, EVERY, NEGATE, SETTLE};
use super::macros::{bound, parts_mut};
use super::meter;
use super::paid::pay;
use super::price::{is_priced, pay_for};

/// The keys and values of a list or a map, as a list of pairs.
pub(super) const ENTRIES: &str = "@entries";
/// What a loop with one variable goes through: the keys of a map in their order, or a list.
pub(super) const ITERATED: &str = "@iterated";
/// A structure of a name, made from a map.
pub(super) const STRUCTURE: &str = "@structure";
/// Whether there is a field in what is not a plain map.
pub(super) const HAS: &str = "@has";
/// The variables of a policy; each is evaluated when it is first named.
pub(super) const VARIABLES: &str = "variables";

const ENTRY: &str = "@entry";
/// Functions that take their first argument as a target as well.
const CONVERSIONS: [&str; 14] = [
    "bool",
    "cidr",
    "double",
    "dyn",
    "int",
    "ip",
    "matches",
    "semver",
    "size",
    "string",
    "timestamp",
    "type",
    "uint",
    "url",
];

/// An expression that can be run.
pub(super) struct Lowered {
    pub(super) program: IdedExpr,
    pub(super) likes: Likes,
}

/// Makes a checked expression ready to run.
pub(super) fn lowered(mut expression: IdedExpr, environment: &Environment, types: &Types) -> Lowered {
    let mut lowering = Lowering {
        environment,
        types,
        locals: Vec::new(),
        likes: Likes::default(),
    };
    lowering.visit(&mut expression);
    Lowered {
        program: expression,
        likes: lowering.likes,
    }
}

/// The name of a policy's variable where evaluations look for it.
pub(super) fn variable(name: &str) -> String {
    format!("{VARIABLES}.{name}")
}

struct Lowering<'a> {
    environment: &'a Environment,
    types: &'a Types,
    /// The names that loops bind.
    locals: Vec<String>,
    likes: Likes,
}

impl Lowering<'_> {
    fn visit(&mut self, expression: &mut IdedExpr) {
        let priced = is_priced(expression, self.types);
        self.lower(expression);
        if let Some(name) = priced {
            pay_for(expression, name);
        }
        pay(expression, self.types);
    }

    fn lower(&mut self, expression: &mut IdedExpr) {
        let id = expression.id;
        if let Some(expr) = self.named(expression) {
            expression.expr = expr;
            return;
        }
        match &mut expression.expr {
            Expr::Comprehension(loops) => match collecting(loops, self.types) {
                Some(collected) => {
                    expression.expr = collected;
                    self.collected(expression);
                }
                None => self.comprehension(expression),
            },
            Expr::Select(select) => {
                let is_plain = !matches!(
                    self.types.of(&select.operand),
                    Type::Optional(_) | Type::Object(_)
                );
                self.visit(&mut select.operand);
                if select.test && is_plain {
                    return;
                }
                let name = if select.test { HAS } else { operators::INDEX };
                let field = text(id, std::mem::take(&mut select.field));
                let operand = std::mem::take(select.operand.as_mut());
                expression.expr = call(name, vec![operand, field]);
            }
            Expr::Struct(structure) => {
                let name = text(id, std::mem::take(&mut structure.type_name));
                let entries = std::mem::take(&mut structure.entries);
                let entries = entries.into_iter().filter_map(|entry| match entry.expr {
                    EntryExpr::StructField(mut field) => {
                        self.visit(&mut field.value);
                        Some(IdedEntryExpr {
                            id: entry.id,
                            expr: EntryExpr::MapEntry(MapEntryExpr {
                                key: text(entry.id, field.field),
                                value: field.value,
                                optional: field.optional,
                            }),
                        })
                    }
                    EntryExpr::MapEntry(_) => None,
                });
                let map = Expr::Map(MapExpr {
                    entries: entries.collect(),
                });
                let mut map = IdedExpr { id, expr: map };
                pay(&mut map, self.types);
                expression.expr = call(STRUCTURE, vec![name, map]);
            }
            _ => {
                let is_optional = match &expression.expr {
                    Expr::Call(call) => {
                        let optional = |part| matches!(self.types.of(part), Type::Optional(_));
                        call.args.iter().any(optional)
                    }
                    _ => false,
                };
                let grows = !matches!(
                    self.types.of(expression),
                    Type::Simple(Simple::Int | Simple::Uint | Simple::Double)
                );
                let comparison = comparison(expression, self.types);
                let branches = self.branches(expression);
                self.inside(expression);
                let Expr::Call(call) = &mut expression.expr else {
                    return;
                };
                for (part, cost) in call.args.iter_mut().skip(1).zip(branches) {
                    *part = meter::metered(std::mem::take(part), cost);
                }
                if let Some((name, like)) = comparison {
                    expression.expr = self.likes.call(id, call, name, like);
                    return;
                }
                // An optional field that is not there is no error; an optional index is none.
                if call.func_name == operators::OPT_SELECT {
                    call.func_name = operators::OPT_INDEX.into();
                }
                // The interpreter takes no two optional values for equal.
                if call.func_name == operators::EQUALS && is_optional {
                    call.func_name = EQUAL.into();
                } else if call.func_name == operators::NOT_EQUALS && is_optional {
                    let args = std::mem::take(&mut call.args);
                    let equal = IdedExpr {
                        id,
                        expr: self::call(EQUAL, args),
                    };
                    expression.expr = self::call(operators::LOGICAL_NOT, vec![equal]);
                    return;
                }
                // What grows must pay; what a loop collects has paid by its steps.
                if call.func_name == operators::ADD && grows && !is_collected(&call.args) {
                    call.func_name = ADD.into();
                }
                // It overflows in the interpreter.
                if call.func_name == operators::NEGATE {
                    call.func_name = NEGATE.into();
                }
                // The interpreter forgets why an argument has no value, but not why a target has none.
                if CONVERSIONS.contains(&call.func_name.as_str())
                    && call.target.is_none()
                    && !call.args.is_empty()
                {
                    call.target = Some(Box::new(call.args.remove(0)));
                }
            }
        }
    }

    /// What the parts of a call cost that may not be looked at: all but the first.
    fn branches(&self, expression: &IdedExpr) -> Vec<u64> {
        let Expr::Call(call) = &expression.expr else {
            return Vec::new();
        };
        let rest = call.args.iter().skip(1);
        match call.func_name.as_str() {
            operators::LOGICAL_AND | operators::LOGICAL_OR => {
                rest.map(|part| meter::fixed(part, self.types)).collect()
            }
            operators::CONDITIONAL => rest.map(|part| meter::branch(part, self.types)).collect(),
            _ => Vec::new(),
        }
    }

    fn inside(&mut self, expression: &mut IdedExpr) {
        let _: Result<(), ()> = parts_mut(expression, &mut |part| {
            self.visit(part);
            Ok(())
        });
    }

    /// A name with dots in it.
    fn named(&self, expression: &IdedExpr) -> Option<Expr> {
        let Expr::Select(select) = &expression.expr else {
            return None;
        };
        if let Expr::Select(before) = &select.operand.expr
            && matches!(&before.operand.expr, Expr::Ident(name) if name == "google")
            && before.field == "protobuf"
        {
            return Some(Expr::Ident(select.field.to_lowercase()));
        }
        let Expr::Ident(before) = &select.operand.expr else {
            return None;
        };
        if self.locals.contains(before) {
            return None;
        }
        let whole = format!("{before}.{}", select.field);
        if !select.test && self.environment.variable(&whole).is_some() {
            return Some(Expr::Ident(whole));
        }
        if before != VARIABLES || self.environment.variable(VARIABLES).is_none() {
            return None;
        }
        Some(if select.test {
            Expr::Literal(LiteralValue::Boolean(true.into()))
        } else {
            Expr::Ident(whole)
        })
    }

    fn collected(&mut self, expression: &mut IdedExpr) {
        let Expr::Call(call) = &mut expression.expr else {
            return;
        };
        let names = bound_by(call);
        let outside = self.locals.len();
        for (at, part) in call.args.iter_mut().enumerate() {
            self.visit(part);
            if at == 0 {
                self.locals.extend(names.iter().flatten().cloned());
            }
        }
        self.locals.truncate(outside);
    }

    fn comprehension(&mut self, expression: &mut IdedExpr) {
        let id = expression.id;
        let Expr::Comprehension(c) = &mut expression.expr else {
            return;
        };
        let condition = meter::fixed(&c.loop_cond, self.types);
        let step = meter::fixed(&c.loop_step, self.types);
        let is_list = matches!(self.types.of(&c.iter_range), Type::List(..));
        self.visit(&mut c.iter_range);
        self.visit(&mut c.accu_init);
        let outside = self.locals.len();
        self.locals.push(c.accu_var.clone());
        let inside = self.locals.len();
        self.locals.push(c.iter_var.clone());
        self.locals.extend(c.iter_var2.clone());
        self.visit(&mut c.loop_cond);
        self.visit(&mut c.loop_step);
        self.locals.truncate(inside);
        self.visit(&mut c.result);
        self.locals.truncate(outside);
        quantified(c);
        // A loop ends where its condition does not hold, without another step.
        c.loop_cond = meter::metered(std::mem::take(&mut c.loop_cond), condition);
        c.loop_step = meter::metered(std::mem::take(&mut c.loop_step), step);
        let of = |expr: Expr| IdedExpr { id, expr };
        let Some(second) = c.iter_var2.take() else {
            if !is_list {
                let range = std::mem::take(&mut c.iter_range);
                c.iter_range = of(call(ITERATED, vec![range]));
            }
            return;
        };
        let entry = |at: i64| {
            let at = of(Expr::Literal(LiteralValue::Int(at.into())));
            of(call(operators::INDEX, vec![of(Expr::Ident(ENTRY.into())), at]))
        };
        let first = std::mem::replace(&mut c.iter_var, ENTRY.into());
        let step = bound(&second, entry(1), std::mem::take(&mut c.loop_step), [id; 4]);
        c.loop_step = bound(&first, entry(0), step, [id; 4]);
        let range = std::mem::take(&mut c.iter_range);
        c.iter_range = of(call(ENTRIES, vec![range]));
    }
}

/// Whether a loop adds an item to what it collects.
fn is_collected(sides: &[IdedExpr]) -> bool {
    matches!(sides, [IdedExpr { expr: Expr::Ident(name), .. }, _] if name.starts_with('@'))
}

/// Lets `all` and `exists` go on after an error.
fn quantified(comprehension: &mut ComprehensionExpr) {
    let Expr::Call(step) = &mut comprehension.loop_step.expr else {
        return;
    };
    let accumulates = matches!(
        step.args.as_slice(),
        [IdedExpr { expr: Expr::Ident(name), .. }, _] if *name == comprehension.accu_var
    );
    let name = match step.func_name.as_str() {
        operators::LOGICAL_OR => ANY,
        operators::LOGICAL_AND => EVERY,
        _ => return,
    };
    if accumulates {
        step.func_name = name.into();
        let id = comprehension.result.id;
        let result = std::mem::take(&mut comprehension.result);
        comprehension.result = IdedExpr {
            id,
            expr: call(SETTLE, vec![result]),
        };
    }
}

fn call(name: &str, args: Vec<IdedExpr>) -> Expr {
    Expr::Call(CallExpr {
        func_name: name.into(),
        target: None,
        args,
    })
}

fn text(id: u64, text: String) -> IdedExpr {
    IdedExpr {
        id,
        expr: Expr::Literal(LiteralValue::String(text.into())),
    }
}
