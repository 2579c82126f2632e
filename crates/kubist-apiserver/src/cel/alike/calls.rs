//! The calls that expressions become which compare by a schema.

use kube_cel::cel::Context;
use kube_cel::cel::common::ast::{CallExpr, Expr, IdedExpr, operators};

use super::{ALIKE, FUNCTIONS, MERGE, WITHIN, value_of};
use crate::cel::check::{DYN, Type, Types};
use crate::cel::declared::ListKind;

/// The types that the calls of one expression bring along: each is a variable.
#[derive(Clone, Debug, Default)]
pub(in crate::cel) struct Likes(Vec<Type>);

impl Likes {
    pub(in crate::cel) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::cel) fn add_to(&self, scope: &mut Context<'_>) {
        for (at, like) in self.0.iter().enumerate() {
            scope.add_variable_from_value(variable(at), value_of(like.clone()));
        }
    }

    /// What a call becomes whose parts are lowered.
    pub(in crate::cel) fn call(&mut self, id: u64, call: &mut CallExpr, name: &str, like: Type) -> Expr {
        let known = self.0.iter().position(|known| *known == like);
        let at = known.unwrap_or(self.0.len());
        if known.is_none() {
            self.0.push(like);
        }
        let mut args = std::mem::take(&mut call.args);
        args.push(IdedExpr {
            id,
            expr: Expr::Ident(variable(at)),
        });
        // What is in a namespace has no target.
        let target = call.target.take().filter(|target| !is_sets(target));
        let compared = Expr::Call(CallExpr {
            func_name: name.into(),
            target,
            args,
        });
        if call.func_name != operators::NOT_EQUALS {
            return compared;
        }
        Expr::Call(CallExpr {
            func_name: operators::LOGICAL_NOT.into(),
            target: None,
            args: vec![IdedExpr { id, expr: compared }],
        })
    }
}

fn variable(at: usize) -> String {
    format!("@like{at}")
}

/// What a call becomes that compares values whose types have sets or maps in them as lists, and
/// by which type.
pub(in crate::cel) fn comparison(expression: &IdedExpr, types: &Types) -> Option<(&'static str, Type)> {
    let Expr::Call(call) = &expression.expr else {
        return None;
    };
    let items = |list: &IdedExpr| match compared(list, types) {
        Type::List(of, _) => of.as_ref().clone(),
        _ => DYN,
    };
    let arguments = (call.target.as_deref(), call.args.as_slice());
    let (name, like) = match (call.func_name.as_str(), arguments) {
        (operators::EQUALS | operators::NOT_EQUALS, (None, [one, _])) => {
            (ALIKE, compared(one, types).clone())
        }
        (operators::ADD, (None, [left, _])) => match compared(left, types) {
            ty @ Type::List(_, ListKind::Set | ListKind::Map(_)) => (MERGE, ty.clone()),
            _ => return None,
        },
        (operators::IN, (None, [_, list])) => (WITHIN, items(list)),
        (name, (Some(space), [one, _])) if is_sets(space) => (function(&format!("sets.{name}"))?, items(one)),
        (name, (Some(list), _)) => (function(name)?, items(list)),
        _ => return None,
    };
    like.has_kinds().then_some((name, like))
}

fn function(name: &str) -> Option<&'static str> {
    let found = FUNCTIONS.iter().find(|(known, _)| *known == name);
    found.map(|(_, function)| *function)
}

fn is_sets(target: &IdedExpr) -> bool {
    matches!(&target.expr, Expr::Ident(name) if name == "sets")
}

/// The type that the value of an expression is compared by: `dyn` changes none.
fn compared<'e>(expression: &'e IdedExpr, types: &'e Types) -> &'e Type {
    match &expression.expr {
        Expr::Call(call) if call.func_name == "dyn" => {
            let of = call.target.as_deref().or(call.args.first());
            of.map_or(&DYN, |of| compared(of, types))
        }
        _ => types.of(expression),
    }
}
