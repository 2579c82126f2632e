//! A bound on what an evaluation may cost.
//!
//! Only comprehensions repeat, so each is made to ask the meter before every step: its loop
//! condition `c` becomes `meter(n) ? c : false`, where `n` is what a step costs at least, and the
//! meter fails once the budget is spent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kube_cel::cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use kube_cel::cel::{Context, ExecutionError};

/// Not a name that an expression can call.
const METER: &str = "@meter";

/// How many steps evaluations may still take; clones spend from the same.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    left: Arc<AtomicU64>,
}

impl Budget {
    pub(crate) fn new(steps: u64) -> Budget {
        Budget {
            left: Arc::new(AtomicU64::new(steps)),
        }
    }

    /// At most `most` of what is left, to be spent apart and charged afterwards.
    pub(crate) fn share(&self, most: u64) -> Budget {
        Budget::new(self.left.load(Ordering::Relaxed).min(most))
    }

    /// Takes off what was spent of a share.
    pub(crate) fn charge(&self, share: &Budget, most: u64) {
        let left = self.left.load(Ordering::Relaxed);
        let spent = left.min(most).saturating_sub(share.left.load(Ordering::Relaxed));
        self.left.store(left - spent, Ordering::Relaxed);
    }

    /// Sets what is left to what is left of another.
    pub(super) fn refill(&self, other: &Budget) {
        self.left
            .store(other.left.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Spends this much; false if there was no more than that.
    fn spend(&self, cost: u64) -> bool {
        let spent = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(cost))
            });
        spent.is_ok_and(|before| before > cost)
    }
}

pub(super) fn register(context: &mut Context<'_>, budget: &Budget) {
    let budget = budget.clone();
    context.add_function(METER, move |cost: i64| -> Result<bool, ExecutionError> {
        if budget.spend(u64::try_from(cost).unwrap_or(u64::MAX)) {
            Ok(true)
        } else {
            Err(ExecutionError::function_error(METER, "budget exceeded"))
        }
    });
}

/// The expression with a meter in every comprehension.
pub(super) fn metered(mut expression: IdedExpr) -> IdedExpr {
    visit(&mut expression);
    expression
}

/// The loop condition that a meter was put before.
pub(super) fn without(condition: &IdedExpr) -> &IdedExpr {
    match &condition.expr {
        Expr::Call(call) => match call.args.as_slice() {
            [meter, condition, _] if is_meter(meter) => condition,
            _ => condition,
        },
        _ => condition,
    }
}

fn is_meter(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Call(call) if call.func_name == METER)
}

fn visit(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                visit(target);
            }
            call.args.iter_mut().for_each(visit);
            // An optional field that is not there is no error; an optional index is none.
            if call.func_name == operators::OPT_SELECT {
                call.func_name = operators::OPT_INDEX.into();
            }
        }
        Expr::Comprehension(comprehension) => {
            let cost = least(&comprehension.loop_cond).saturating_add(least(&comprehension.loop_step));
            visit(&mut comprehension.iter_range);
            visit(&mut comprehension.accu_init);
            visit(&mut comprehension.loop_cond);
            visit(&mut comprehension.loop_step);
            visit(&mut comprehension.result);
            let id = comprehension.loop_cond.id;
            let of = |expr: Expr| IdedExpr { id, expr };
            let condition = std::mem::take(&mut comprehension.loop_cond);
            let meter = of(Expr::Call(CallExpr {
                func_name: METER.into(),
                target: None,
                args: vec![of(Expr::Literal(LiteralValue::Int(cost.max(1).into())))],
            }));
            let stop = of(Expr::Literal(LiteralValue::Boolean(false.into())));
            comprehension.loop_cond = of(Expr::Call(CallExpr {
                func_name: operators::CONDITIONAL.into(),
                target: None,
                args: vec![meter, condition, stop],
            }));
        }
        Expr::List(list) => list.elements.iter_mut().for_each(visit),
        Expr::Map(map) => map
            .entries
            .iter_mut()
            .for_each(|entry| visit_entry(&mut entry.expr)),
        Expr::Struct(structure) => structure
            .entries
            .iter_mut()
            .for_each(|entry| visit_entry(&mut entry.expr)),
        Expr::Select(select) => visit(&mut select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

/// What an expression costs at least, loops inside of it left out: they have meters of their own.
fn least(expression: &IdedExpr) -> i64 {
    let sum = |parts: &[IdedExpr]| parts.iter().map(least).fold(0_i64, i64::saturating_add);
    match &expression.expr {
        Expr::Ident(_) => 1,
        Expr::Select(select) => least(&select.operand).saturating_add(i64::from(!select.test)),
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            // What comes after may not be looked at.
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => least(left).min(least(right)),
            (operators::CONDITIONAL, [condition, yes, no]) => {
                least(condition).saturating_add(least(yes).min(least(no)))
            }
            (_, arguments) => {
                let target = call.target.as_deref().map_or(0, least);
                sum(arguments).saturating_add(target).saturating_add(1)
            }
        },
        Expr::Comprehension(comprehension) => least(&comprehension.iter_range)
            .saturating_add(least(&comprehension.accu_init))
            .saturating_add(least(&comprehension.result)),
        Expr::List(list) => sum(&list.elements).saturating_add(10),
        Expr::Map(_) => 30,
        Expr::Struct(_) => 40,
        Expr::Literal(_) | Expr::Unspecified => 0,
    }
}

fn visit_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => visit(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            visit(&mut entry.key);
            visit(&mut entry.value);
        }
    }
}

/// Names that stand for types, as `type(x) == int` has them, and for groups of functions.
const TYPES: [&str; 16] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "dyn",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "timestamp",
    "type",
    "uint",
    "optional",
    "optional_type",
    "sets",
];

/// A variable that is neither `known` nor bound by a comprehension.
pub(super) fn undeclared(expression: &IdedExpr, known: &[&str]) -> Option<String> {
    let mut bound: BTreeSet<&str> = known.iter().copied().collect();
    bound.extend(TYPES);
    bound.extend(["strings", "format", "ip", "lists"]);
    unbound(expression, &mut bound)
}

fn unbound<'a>(expression: &'a IdedExpr, bound: &mut BTreeSet<&'a str>) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => (!bound.contains(name.as_str())).then(|| name.clone()),
        Expr::Call(call) => call
            .target
            .iter()
            .map(AsRef::as_ref)
            .chain(&call.args)
            .find_map(|part| unbound(part, bound)),
        Expr::Comprehension(c) => {
            if let Some(name) = unbound(&c.iter_range, bound).or_else(|| unbound(&c.accu_init, bound)) {
                return Some(name);
            }
            let names = [Some(&c.iter_var), c.iter_var2.as_ref(), Some(&c.accu_var)];
            let mut inner = bound.clone();
            inner.extend(names.into_iter().flatten().map(String::as_str));
            [&c.loop_cond, &c.loop_step, &c.result]
                .into_iter()
                .find_map(|part| unbound(part, &mut inner))
        }
        Expr::List(list) => list.elements.iter().find_map(|part| unbound(part, bound)),
        Expr::Map(map) => map
            .entries
            .iter()
            .find_map(|entry| unbound_in(&entry.expr, bound)),
        Expr::Struct(structure) => structure
            .entries
            .iter()
            .find_map(|entry| unbound_in(&entry.expr, bound)),
        Expr::Select(select) => unbound(&select.operand, bound),
        Expr::Literal(_) | Expr::Unspecified => None,
    }
}

fn unbound_in<'a>(entry: &'a EntryExpr, bound: &mut BTreeSet<&'a str>) -> Option<String> {
    match entry {
        EntryExpr::StructField(field) => unbound(&field.value, bound),
        EntryExpr::MapEntry(entry) => unbound(&entry.key, bound).or_else(|| unbound(&entry.value, bound)),
    }
}
