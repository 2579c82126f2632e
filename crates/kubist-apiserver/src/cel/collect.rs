//! Loops that collect, as `map` and `filter` do.
//!
//! The interpreter copies what was collected at every step, so that a long list takes forever.
//! Here such loops become calls, which get their bodies unevaluated and collect in one go.

use std::collections::HashMap;
use std::sync::Arc;

use kube_cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, MapEntryExpr,
    MapExpr, operators,
};
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::{Context, ExecutionError, FunctionContext, Value};

use super::check::Types;
use super::functions::growing::weight;
use super::functions::loops::entries;
use super::functions::no_such;
use super::macros::INSERT;
use super::meter::{self, Budget};

/// Collects into a list, or with [`INTO_MAP`] into a map: goes through the first argument, binds
/// the names in the second and third, keeps what the fifth holds for, and collects the seventh.
/// Before each of these two is what it costs.
const INTO_LIST: &str = "@collect";
const INTO_MAP: &str = "@collectMap";

/// What a loop collects, if that is all that it does.
pub(super) fn collecting(loops: &ComprehensionExpr, types: &Types) -> Option<Expr> {
    let is_result = |part: &IdedExpr| matches!(&part.expr, Expr::Ident(name) if *name == loops.accu_var);
    let name = match &loops.accu_init.expr {
        Expr::List(list) if list.elements.is_empty() => INTO_LIST,
        Expr::Map(map) if map.entries.is_empty() => INTO_MAP,
        _ => return None,
    };
    if !is_result(&loops.result) {
        return None;
    }
    let id = loops.loop_step.id;
    let of = |expr: Expr| IdedExpr { id, expr };
    let (filter, step) = match &loops.loop_step.expr {
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => match call.args.as_slice() {
            [filter, step, otherwise] if is_result(otherwise) => (filter.clone(), step),
            _ => return None,
        },
        _ => (
            of(Expr::Literal(LiteralValue::Boolean(true.into()))),
            &loops.loop_step,
        ),
    };
    let kept = meter::fixed(step, types);
    let Expr::Call(step) = &step.expr else { return None };
    let item = match (step.func_name.as_str(), step.args.as_slice()) {
        (
            operators::ADD,
            [
                before,
                IdedExpr {
                    expr: Expr::List(list),
                    ..
                },
            ],
        ) if is_result(before) => match list.elements.as_slice() {
            [item] if list.optional_indices.is_empty() => item.clone(),
            _ => return None,
        },
        (INSERT, [before, key, value]) if is_result(before) => of(Expr::Map(MapExpr {
            entries: vec![IdedEntryExpr {
                id,
                expr: EntryExpr::MapEntry(MapEntryExpr {
                    key: key.clone(),
                    value: value.clone(),
                    optional: false,
                }),
            }],
        })),
        (INSERT, [before, entry]) if is_result(before) => entry.clone(),
        _ => return None,
    };
    let number = |cost: u64| {
        of(Expr::Literal(LiteralValue::Int(
            i64::try_from(cost).unwrap_or(i64::MAX).into(),
        )))
    };
    let text = |text: &str| of(Expr::Literal(LiteralValue::String(text.into())));
    Some(Expr::Call(CallExpr {
        func_name: name.into(),
        target: None,
        args: vec![
            loops.iter_range.clone(),
            text(&loops.iter_var),
            text(loops.iter_var2.as_deref().unwrap_or("")),
            number(meter::fixed(&filter, types)),
            filter,
            number(kept),
            item,
        ],
    }))
}

/// The names that a collecting call binds in its filter and its item.
pub(super) fn bound(call: &CallExpr) -> Option<Vec<String>> {
    if !matches!(call.func_name.as_str(), INTO_LIST | INTO_MAP) {
        return None;
    }
    let names = call.args.iter().skip(1).take(2);
    let names = names.filter_map(|name| match &name.expr {
        Expr::Literal(LiteralValue::String(name)) => Some(name.inner().to_owned()),
        _ => None,
    });
    Some(names.collect())
}

type Result<T = Value> = std::result::Result<T, ExecutionError>;

pub(super) fn register(context: &mut Context<'_>, budget: &Budget) {
    let meter = budget.clone();
    context.add_function(INTO_LIST, move |function: &FunctionContext<'_, '_>| -> Result {
        let mut items = Vec::new();
        each(function, &meter, |item| {
            items.push(item);
            Ok(())
        })?;
        Ok(Value::List(Arc::new(items)))
    });
    let meter = budget.clone();
    context.add_function(INTO_MAP, move |function: &FunctionContext<'_, '_>| -> Result {
        let mut all: HashMap<Key, Value> = HashMap::new();
        each(function, &meter, |item| {
            let Value::Map(map) = item else {
                return Err(no_such(""));
            };
            for (key, value) in map.map.iter() {
                if all.insert(key.clone(), value.clone()).is_some() {
                    let why = format!("insert failed: key {key} already exists");
                    return Err(ExecutionError::function_error("", why));
                }
            }
            Ok(())
        })?;
        Ok(Value::Map(Map { map: Arc::new(all) }))
    });
}

/// Gives the item of every step that the filter holds for.
fn each(
    function: &FunctionContext<'_, '_>,
    budget: &Budget,
    mut collect: impl FnMut(Value) -> Result<()>,
) -> Result<()> {
    let [range, first, second, filter_cost, filter, item_cost, item] = function.args else {
        return Err(no_such(""));
    };
    let name = |part: &IdedExpr| match &part.expr {
        Expr::Literal(LiteralValue::String(name)) => name.inner().to_owned(),
        _ => String::new(),
    };
    let (first, second) = (name(first), name(second));
    let cost = |part: &IdedExpr| match &part.expr {
        Expr::Literal(LiteralValue::Int(cost)) => u64::try_from(*cost.inner()).unwrap_or(1),
        _ => 1,
    };
    let (filter_cost, item_cost) = (cost(filter_cost), cost(item_cost));
    let spend = |cost: u64| {
        if cost == 0 || budget.spend(cost) {
            return Ok(());
        }
        Err(ExecutionError::function_error("", "budget exceeded"))
    };
    let range = function.ptx.resolve(range)?;
    let by_value = matches!(range, Value::List(_)) && second.is_empty();
    for (key, value) in entries(&range)? {
        spend(filter_cost)?;
        let mut scope = function.ptx.new_inner_scope();
        if by_value {
            scope.add_variable_from_value(first.clone(), value);
        } else {
            scope.add_variable_from_value(first.clone(), key);
            if !second.is_empty() {
                scope.add_variable_from_value(second.clone(), value);
            }
        }
        match scope.resolve(filter)? {
            Value::Bool(true) => {
                spend(item_cost)?;
                let item = scope.resolve(item)?;
                let weight = weight(&item);
                if weight > 0 && !budget.hold(weight) {
                    return Err(ExecutionError::function_error("", "budget exceeded"));
                }
                collect(item)?;
            }
            Value::Bool(false) => {}
            _ => return Err(no_such("")),
        }
    }
    Ok(())
}
