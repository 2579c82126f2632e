//! What a call costs that has run, by the sizes of its arguments.
//!
//! The prices are those of `k8s.io/apiserver/pkg/cel/library` and of cel-go; calls that cost the
//! same whatever they are given are counted by [`super::meter::fixed`].

mod calls;

use kube_cel::cel::objects::{Key, OptionalValue};
use kube_cel::cel::{Context, ExecutionError, FunctionContext, Value};

use super::cost::scaled;
use super::functions::{library, no_such};
use super::meter::Budget;

pub(super) use calls::{is_priced, pay_for};

/// Runs a call and pays for it: a name, the call, and what the names `@0`, `@1` ... in it are.
const PRICED: &str = "@priced";

/// What going through a character costs, and what one of a regular expression does.
const TRAVERSAL: f64 = 0.1;
const REGEX: f64 = 0.25;
/// What a list costs that is made.
const NEW_LIST: u64 = 10;
/// What a part of a selector costs, and how many characters there are to one.
const REQUIREMENT: f64 = 50.0;
const REQUIREMENTS: f64 = 0.5;

pub(super) fn register(context: &mut Context<'_>, budget: &Budget) {
    let meter = budget.clone();
    context.add_function(
        PRICED,
        move |function: &FunctionContext<'_, '_>| -> Result<Value, ExecutionError> {
            let [name, call, operands @ ..] = function.args else {
                return Err(no_such(PRICED));
            };
            let name = calls::name(name);
            let operands = operands.iter().map(|part| function.ptx.resolve(part));
            let operands = operands.collect::<Result<Vec<Value>, _>>()?;
            let result = match calls::run(name, &operands) {
                Some(result) => result?,
                None => {
                    let mut scope = function.ptx.new_inner_scope();
                    for (at, operand) in operands.iter().enumerate() {
                        scope.add_variable_from_value(calls::placeholder(at), operand.clone());
                    }
                    scope.resolve(call)?
                }
            };
            let price = price(name, &operands, &result);
            if price > 0 && !meter.spend(price) {
                return Err(ExecutionError::function_error("", "budget exceeded"));
            }
            Ok(result)
        },
    );
}

/// What a call costs, with what it is called on before its arguments.
fn price(name: &str, arguments: &[Value], result: &Value) -> u64 {
    let size_of = |at: usize| arguments.get(at).map_or(0, size);
    let (one, other) = (size_of(0), size_of(1));
    let is_text = matches!(arguments.first(), Some(Value::String(_) | Value::Bytes(_)));
    match name {
        "_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_" => scaled(one.min(other), TRAVERSAL),
        "_+_" if is_text => scaled(one.saturating_add(other), TRAVERSAL),
        "@in" if matches!(arguments.get(1), Some(Value::List(_))) => other,
        "bytes" | "string" if is_text && !same_kind(arguments.first(), result) => scaled(one, TRAVERSAL),
        "cidr"
        | "endsWith"
        | "format"
        | "isCIDR"
        | "isIP"
        | "isQuantity"
        | "isSemver"
        | "jsonpatch.escapeKey"
        | "lowerAscii"
        | "quantity"
        | "semver"
        | "startsWith"
        | "strings.quote"
        | "substring"
        | "trim"
        | "upperAscii"
        | "url" => scaled(one, TRAVERSAL),
        "ip" if is_text => scaled(one, TRAVERSAL),
        "ip.isCanonical" | "replace" | "split" => scaled(one, 2.0 * TRAVERSAL),
        "join" => scaled(size(result), 2.0 * TRAVERSAL),
        "contains" => scaled(one, TRAVERSAL).saturating_mul(scaled(other, TRAVERSAL)),
        "find" | "findAll" | "matches" => matching(one, other),
        "validate" => matching(other, format_size(arguments.first())),
        "indexOf" | "isSorted" | "lastIndexOf" | "max" | "min" | "sum" => {
            arguments.first().map_or(0, traversal)
        }
        "containsIP" | "containsCIDR" => {
            let prefix = arguments.first().map_or(0, prefix_bytes);
            let mut cost = scaled(prefix.saturating_mul(2), TRAVERSAL);
            if name == "containsCIDR" {
                cost += scaled(prefix, TRAVERSAL) + 1;
            }
            match arguments.get(1) {
                Some(Value::String(_)) => cost + scaled(other, TRAVERSAL),
                _ => cost,
            }
        }
        "fieldSelector" | "labelSelector" => {
            let requirements = scaled(scaled(other, REQUIREMENTS), REQUIREMENT);
            NEW_LIST + scaled(other, TRAVERSAL) + requirements
        }
        "sets.contains" | "sets.intersects" => one.saturating_mul(other).saturating_add(1),
        "sets.equivalent" => one.saturating_mul(other).saturating_mul(2).saturating_add(1),
        "lists.range" | "reverse" | "slice" => size(result).saturating_add(1 + NEW_LIST),
        "flatten" => {
            let depth = match arguments.get(1) {
                Some(Value::Int(depth)) => u64::try_from(*depth).unwrap_or(0),
                _ => 1,
            };
            one.saturating_mul(depth).saturating_add(1 + NEW_LIST)
        }
        "distinct" | "sort" => self_comparing(arguments.first()),
        "@sortByAssociatedKeys" => self_comparing(arguments.get(1)),
        _ => 1,
    }
}

fn same_kind(one: Option<&Value>, other: &Value) -> bool {
    one.is_some_and(|one| std::mem::discriminant(one) == std::mem::discriminant(other))
}

fn matching(text: u64, regex: u64) -> u64 {
    // An empty text does not make an expression free.
    scaled(text.saturating_add(1), TRAVERSAL).saturating_mul(scaled(regex, REGEX))
}

/// How many characters, bytes, items or entries there are; one for what has none.
fn size(value: &Value) -> u64 {
    (match value {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.map.len(),
        Value::Opaque(opaque) => {
            let optional = opaque.downcast_ref::<OptionalValue>();
            return optional.and_then(OptionalValue::value).map_or(1, size);
        }
        _ => 1,
    }) as u64
}

/// What it costs to go through all of a value.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
fn traversal(value: &Value) -> u64 {
    let bytes = |count: usize| (count as f64 * TRAVERSAL) as u64;
    match value {
        Value::String(text) => bytes(text.len()),
        Value::Bytes(of) => bytes(of.len()),
        Value::List(items) => items.iter().map(traversal).sum(),
        Value::Map(map) => {
            let key = |key: &Key| match key {
                Key::String(key) => bytes(key.len()),
                _ => 1,
            };
            map.map.iter().map(|(at, value)| key(at) + traversal(value)).sum()
        }
        _ => 1,
    }
}

/// A list whose items are compared with each other.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
fn self_comparing(list: Option<&Value>) -> u64 {
    let Some(Value::List(items)) = list else { return 1 };
    let factor = match items.first() {
        Some(Value::String(_) | Value::Bytes(_)) => 2.0 + TRAVERSAL,
        _ => 2.0,
    };
    let pairs = (items.len() as f64) * (items.len() as f64);
    ((pairs * factor) as u64).saturating_add(1 + NEW_LIST)
}

/// How many bytes of an address a prefix of this length is in.
fn prefix_bytes(cidr: &Value) -> u64 {
    match library::method("prefixLength", cidr.clone(), &[]) {
        Ok(Value::Int(bits)) => u64::try_from(bits).unwrap_or(0).div_ceil(8),
        _ => 0,
    }
}

/// How long upstream takes a format's regular expression for.
fn format_size(format: Option<&Value>) -> u64 {
    match format.and_then(super::functions::format_name).unwrap_or("") {
        "dns1123Label" | "dns1035Label" | "dns1123LabelPrefix" | "dns1035LabelPrefix" => 30,
        "dns1123Subdomain" | "dns1123SubdomainPrefix" | "qualifiedName" => 60,
        "labelValue" => 40,
        "uri" => 1_103,
        "byte" => 84,
        "uuid" => 70,
        _ => 71,
    }
}
