//! Functions that the libraries do not bring, and the names of all that there are.

mod conversions;

use std::sync::Arc;

use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr};
use kube_cel::cel::extractors::This;
use kube_cel::cel::{Context, ExecutionError, Value};

/// The types that `type(x)` can be compared with.
const TYPES: [&str; 11] = [
    "bool",
    "bytes",
    "double",
    "duration",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "timestamp",
    "uint",
];

/// Every function that an expression may call, namespaces left out.
///
/// <https://kubernetes.io/docs/reference/using-api/cel/#cel-options-language-features-and-libraries>
const NAMES: &[&str] = &[
    "add",
    "asApproximateFloat",
    "asInteger",
    "bool",
    "bytes",
    "charAt",
    "cidr",
    "compareTo",
    "contains",
    "containsCIDR",
    "containsIP",
    "distinct",
    "dns1035Label",
    "dns1035LabelPrefix",
    "dns1123Label",
    "dns1123LabelPrefix",
    "dns1123Subdomain",
    "dns1123SubdomainPrefix",
    "date",
    "datetime",
    "byte",
    "uri",
    "uuid",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "equivalent",
    "family",
    "find",
    "findAll",
    "first",
    "flatten",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getEscapedPath",
    "getFullYear",
    "getHost",
    "getHostname",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getPort",
    "getQuery",
    "getScheme",
    "getSeconds",
    "has",
    "hasValue",
    "indexOf",
    "int",
    "intersects",
    "ip",
    "isCIDR",
    "isCanonical",
    "isGlobalUnicast",
    "isGreaterThan",
    "isIP",
    "isInteger",
    "isLessThan",
    "isLinkLocalMulticast",
    "isLinkLocalUnicast",
    "isLoopback",
    "isQuantity",
    "isSemver",
    "isSorted",
    "isURL",
    "isUnspecified",
    "join",
    "labelValue",
    "last",
    "lastIndexOf",
    "lowerAscii",
    "major",
    "masked",
    "matches",
    "max",
    "min",
    "minor",
    "named",
    "none",
    "of",
    "ofNonZeroValue",
    "optional.none",
    "optional.of",
    "optional.ofNonZeroValue",
    "or",
    "orValue",
    "patch",
    "prefixLength",
    "qualifiedName",
    "quantity",
    "quote",
    "range",
    "replace",
    "reverse",
    "semver",
    "sign",
    "size",
    "slice",
    "sort",
    "sortBy",
    "split",
    "startsWith",
    "string",
    "sub",
    "substring",
    "sum",
    "timestamp",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "url",
    "validate",
    "value",
];

pub(super) fn register(context: &mut Context<'_>) {
    // What a call has no target for, its first argument is.
    context.add_function(
        "dyn",
        |This(value): This<Value>| -> Result<Value, ExecutionError> { Ok(value) },
    );
    context.add_function(
        "type",
        |This(value): This<Value>| -> Result<Value, ExecutionError> { Ok(named(type_of(&value))) },
    );
    conversions::register(context);
    for name in TYPES {
        context.add_variable_from_value(name, named(name));
    }
}

fn named(name: &str) -> Value {
    // Not what any text is equal to.
    Value::String(Arc::new(format!("@type:{name}")))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Duration(_) => "duration",
        Value::Timestamp(_) => "timestamp",
        Value::Null => "null_type",
        _ => "opaque",
    }
}

/// A function that is called and does not exist.
pub(super) fn unknown(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Call(call) => {
            let name = call.func_name.as_str();
            let is_operator = !name.starts_with(|c: char| c.is_ascii_alphabetic());
            if !is_operator && !NAMES.contains(&name) {
                return Some(name.to_owned());
            }
            let parts = call.target.iter().map(AsRef::as_ref).chain(&call.args);
            parts.into_iter().find_map(unknown)
        }
        Expr::Comprehension(c) => [&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result]
            .into_iter()
            .find_map(unknown),
        Expr::List(list) => list.elements.iter().find_map(unknown),
        Expr::Map(map) => map.entries.iter().find_map(|entry| unknown_in(&entry.expr)),
        Expr::Struct(structure) => structure.entries.iter().find_map(|entry| unknown_in(&entry.expr)),
        Expr::Select(select) => unknown(&select.operand),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => None,
    }
}

fn unknown_in(entry: &EntryExpr) -> Option<String> {
    match entry {
        EntryExpr::StructField(field) => unknown(&field.value),
        EntryExpr::MapEntry(entry) => unknown(&entry.key).or_else(|| unknown(&entry.value)),
    }
}
