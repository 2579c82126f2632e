//! A bound on what an evaluation may cost.
//!
//! Only comprehensions repeat, so each is made to ask the meter before every step: its loop
//! condition `c` becomes `meter() ? c : false`, and the meter fails once the budget is spent.

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

    /// Spends one step; false if there was none.
    pub(crate) fn spend(&self) -> bool {
        let spent = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        spent.is_ok_and(|before| before > 1)
    }
}

pub(super) fn register(context: &mut Context<'_>, budget: &Budget) {
    let budget = budget.clone();
    context.add_function(METER, move || -> Result<bool, ExecutionError> {
        if budget.spend() {
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
                args: Vec::new(),
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
const TYPES: [&str; 17] = [
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
    "math",
    "sets",
];

/// A variable that is neither `known` nor bound by a comprehension.
pub(super) fn undeclared(expression: &IdedExpr, known: &[&str]) -> Option<String> {
    let mut bound: BTreeSet<&str> = known.iter().copied().collect();
    bound.extend(TYPES);
    bound.extend(["strings", "base64", "jsonpatch", "format"]);
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
