//! The functions of the library, called from our own that stand before them.

use std::sync::LazyLock;

use kube_cel::KubeCelExt as _;
use kube_cel::cel::common::ast::{CallExpr, Expr, IdedExpr};
use kube_cel::cel::{Context, ExecutionError, Value};

static LIBRARY: LazyLock<Context<'static>> = LazyLock::new(|| Context::default().with_all());

/// Calls a method of the library.
pub(in crate::cel) fn method(
    name: &str,
    target: Value,
    arguments: &[Value],
) -> Result<Value, ExecutionError> {
    call(name, Some(target), arguments)
}

/// Calls a function of the library.
pub(super) fn function(name: &str, arguments: &[Value]) -> Result<Value, ExecutionError> {
    call(name, None, arguments)
}

fn call(name: &str, target: Option<Value>, arguments: &[Value]) -> Result<Value, ExecutionError> {
    let mut scope = LIBRARY.new_inner_scope();
    let mut variable = |name: String, value: &Value| {
        scope.add_variable_from_value(name.clone(), value.clone());
        IdedExpr {
            id: 0,
            expr: Expr::Ident(name),
        }
    };
    let target = target.map(|target| Box::new(variable("target".into(), &target)));
    let arguments = arguments.iter().enumerate();
    let args = arguments.map(|(at, value)| variable(format!("argument{at}"), value));
    let call = CallExpr {
        func_name: name.into(),
        args: args.collect(),
        target,
    };
    scope.resolve(&IdedExpr {
        id: 0,
        expr: Expr::Call(call),
    })
}
