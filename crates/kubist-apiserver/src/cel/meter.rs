//! A bound on what an evaluation may cost.
//!
//! Only comprehensions repeat, so each is made to ask the meter before every step: its loop
//! condition `c` becomes `meter(n) ? c : false`, where `n` is what a step costs at least, and the
//! meter fails once the budget is spent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kube_cel::cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
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
    pub(super) fn spend(&self, cost: u64) -> bool {
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

/// The loop condition `condition`, asking the meter for `cost` first.
pub(super) fn metered(condition: IdedExpr, cost: i64) -> IdedExpr {
    let id = condition.id;
    let of = |expr: Expr| IdedExpr { id, expr };
    let meter = of(Expr::Call(CallExpr {
        func_name: METER.into(),
        target: None,
        args: vec![of(Expr::Literal(LiteralValue::Int(cost.max(1).into())))],
    }));
    let stop = of(Expr::Literal(LiteralValue::Boolean(false.into())));
    of(Expr::Call(CallExpr {
        func_name: operators::CONDITIONAL.into(),
        target: None,
        args: vec![meter, condition, stop],
    }))
}

/// What an expression costs at least, loops inside of it left out: they have meters of their own.
pub(super) fn least(expression: &IdedExpr) -> i64 {
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
