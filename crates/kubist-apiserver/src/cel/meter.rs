//! A bound on what an evaluation may cost.
//!
//! The costs are those of cel-go's interpreter. What an expression costs in any case is paid before
//! it runs. What may run or not, and what runs again and again, is `meter(n) ? x : false`, where `n`
//! is what `x` costs in any case, and the meter fails once the budget is spent. What depends on the
//! sizes of values is paid by the calls that get them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kube_cel::cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use kube_cel::cel::{Context, ExecutionError};

use super::check::{Type, Types};
use super::price::is_priced;

/// What is written out costs by itself.
const NEW_LIST: u64 = 10;
const NEW_MAP: u64 = 30;
const NEW_STRUCT: u64 = 40;

/// Not a name that an expression can call.
const METER: &str = "@meter";

/// How much of what is copied evaluations may keep, in the units of weights.
const ROOM: u64 = 2_000_000;

/// What evaluations may still cost, in upstream's units; clones spend from the same.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    left: Arc<AtomicU64>,
    /// What may still be copied: the interpreter shares nothing, so that what costs little can
    /// need much memory.
    room: Arc<AtomicU64>,
}

impl Budget {
    pub(crate) fn new(cost: u64) -> Budget {
        Budget {
            // It may all be spent.
            left: Arc::new(AtomicU64::new(cost.saturating_add(1))),
            room: Arc::new(AtomicU64::new(cost.min(ROOM))),
        }
    }

    /// At most `most` of what is left, to be spent apart and charged afterwards.
    pub(crate) fn share(&self, most: u64) -> Budget {
        let most = most.saturating_add(1);
        let of = |whole: &AtomicU64| Arc::new(AtomicU64::new(whole.load(Ordering::Relaxed).min(most)));
        Budget {
            left: of(&self.left),
            room: of(&self.room),
        }
    }

    /// Takes off what was spent of a share.
    pub(crate) fn charge(&self, share: &Budget, most: u64) {
        let most = most.saturating_add(1);
        for (whole, part) in [(&self.left, &share.left), (&self.room, &share.room)] {
            let before = whole.load(Ordering::Relaxed);
            let spent = before.min(most).saturating_sub(part.load(Ordering::Relaxed));
            whole.store(before - spent, Ordering::Relaxed);
        }
    }

    /// Sets what is left to what is left of another.
    pub(super) fn refill(&self, other: &Budget) {
        for (own, of) in [(&self.left, &other.left), (&self.room, &other.room)] {
            own.store(of.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// Makes room for a copy; false if there is none, after which nothing more runs.
    pub(super) fn hold(&self, weight: u64) -> bool {
        if weight == 0 {
            return true;
        }
        let has_room = take(&self.room, weight);
        if !has_room {
            self.left.store(0, Ordering::Relaxed);
        }
        has_room
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// What was spent of a budget that was of this size.
    #[cfg(test)]
    pub(super) fn spent(&self, of: u64) -> u64 {
        of + 1 - self.left.load(Ordering::Relaxed)
    }

    /// Spends this much; false if there was no more than that.
    pub(super) fn spend(&self, cost: u64) -> bool {
        take(&self.left, cost)
    }
}

fn take(from: &AtomicU64, cost: u64) -> bool {
    let taken = from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        Some(left.saturating_sub(cost))
    });
    taken.is_ok_and(|before| before > cost)
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

/// `value`, asking the meter for `cost` first.
pub(super) fn metered(value: IdedExpr, cost: u64) -> IdedExpr {
    if cost == 0 {
        return value;
    }
    let id = value.id;
    let of = |expr: Expr| IdedExpr { id, expr };
    let cost = i64::try_from(cost).unwrap_or(i64::MAX);
    let meter = of(Expr::Call(CallExpr {
        func_name: METER.into(),
        target: None,
        args: vec![of(Expr::Literal(LiteralValue::Int(cost.into())))],
    }));
    let stop = of(Expr::Literal(LiteralValue::Boolean(false.into())));
    of(Expr::Call(CallExpr {
        func_name: operators::CONDITIONAL.into(),
        target: None,
        args: vec![meter, value, stop],
    }))
}

/// What an expression costs whatever it is about, before it is lowered. What may not be looked at
/// is left out, as are the steps of loops: they have meters of their own.
pub(super) fn fixed(expression: &IdedExpr, types: &Types) -> u64 {
    let of = |part: &IdedExpr| fixed(part, types);
    let sum = |parts: &[IdedExpr]| parts.iter().map(of).fold(0_u64, u64::saturating_add);
    // A field of what is not a variable costs a step more.
    let read = |from: &IdedExpr| of(from).saturating_add(if is_path(from) { 1 } else { 2 });
    match &expression.expr {
        Expr::Ident(_) => u64::from(!matches!(types.of(expression), Type::Of(_))),
        Expr::Select(select) if select.test => of(&select.operand),
        Expr::Select(select) => read(&select.operand),
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::CONDITIONAL, [first, ..]) => {
                of(first)
            }
            (operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT, [from, index]) => {
                read(from).saturating_add(branch(index, types))
            }
            (_, arguments) => {
                let target = call.target.as_deref().filter(|target| types.knows(target));
                let own = u64::from(is_priced(expression, types).is_none());
                sum(arguments)
                    .saturating_add(target.map_or(0, of))
                    .saturating_add(own)
            }
        },
        Expr::Comprehension(comprehension) => of(&comprehension.iter_range)
            .saturating_add(of(&comprehension.accu_init))
            .saturating_add(of(&comprehension.result)),
        Expr::List(list) => sum(&list.elements).saturating_add(NEW_LIST),
        Expr::Map(map) => entries(map.entries.iter().map(|entry| &entry.expr), NEW_MAP, types),
        Expr::Struct(of) => entries(of.entries.iter().map(|entry| &entry.expr), NEW_STRUCT, types),
        Expr::Literal(_) | Expr::Unspecified => 0,
    }
}

/// What a side of a choice or an index costs: a variable is read along with it.
pub(super) fn branch(expression: &IdedExpr, types: &Types) -> u64 {
    let cost = fixed(expression, types);
    if is_path(expression) {
        cost.saturating_sub(1)
    } else {
        cost
    }
}

/// Whether it is a variable, or something that is read from one.
fn is_path(expression: &IdedExpr) -> bool {
    match &expression.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => !select.test && is_path(&select.operand),
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::INDEX | operators::OPT_INDEX | operators::OPT_SELECT, [from, _]) => is_path(from),
            _ => false,
        },
        _ => false,
    }
}

fn entries<'e>(entries: impl Iterator<Item = &'e EntryExpr>, own: u64, types: &Types) -> u64 {
    entries.fold(own, |sum, entry| match entry {
        EntryExpr::MapEntry(entry) => sum
            .saturating_add(fixed(&entry.key, types))
            .saturating_add(fixed(&entry.value, types)),
        EntryExpr::StructField(field) => sum.saturating_add(fixed(&field.value, types)),
    })
}
