//! What can be said of an expression before it runs: that its names exist, and its types fit.
//!
//! The rules and the words are those of cel-go's checker, so that what a real server refuses is
//! refused here, for the same reason.

mod declarations;
mod environment;
mod types;
mod unify;

use std::collections::HashMap;

use kube_cel::cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr,
};

pub(crate) use environment::Environment;
pub(crate) use types::{BOOL, DYN, INT, STRING, Type};

use crate::cel::declared::Simple;
use types::ERROR;
use unify::{Bindings, general};

/// What is wrong with an expression, and with which part of it.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) at: u64,
    pub(super) message: String,
}

/// The types of the parts of an expression, by their ids.
#[derive(Debug, Default)]
pub(super) struct Types(HashMap<u64, Type>);

impl Types {
    pub(super) fn of(&self, expression: &IdedExpr) -> &Type {
        self.0.get(&expression.id).unwrap_or(&DYN)
    }

    /// Whether a part is a value: the name of a namespace is none.
    pub(super) fn knows(&self, expression: &IdedExpr) -> bool {
        self.0.contains_key(&expression.id)
    }
}

/// Checks an expression.
pub(super) fn check(expression: &IdedExpr, environment: &Environment) -> Result<Types, Vec<Problem>> {
    let mut checker = Checker {
        environment,
        locals: Vec::new(),
        types: HashMap::new(),
        bindings: Bindings::default(),
        open: 0,
        problems: Vec::new(),
        too_large: None,
    };
    checker.check(expression);
    let too_large = |at: u64| Problem {
        at,
        message: "the types in the expression are too large".into(),
    };
    checker.problems.extend(checker.too_large.map(too_large));
    if !checker.problems.is_empty() {
        return Err(checker.problems);
    }
    let bindings = checker.bindings;
    let types = checker.types.into_iter();
    let types = types.map(|(id, ty)| (id, bindings.resolve(&ty, true))).collect();
    if bindings.is_exhausted() {
        return Err(vec![too_large(expression.id)]);
    }
    Ok(Types(types))
}

struct Checker<'a> {
    environment: &'a Environment,
    locals: Vec<(String, Type)>,
    types: HashMap<u64, Type>,
    bindings: Bindings,
    /// How many open types there are.
    open: u32,
    problems: Vec<Problem>,
    /// The part whose type was found to be too large, after which no more is checked.
    too_large: Option<u64>,
}

impl Checker<'_> {
    fn check(&mut self, expression: &IdedExpr) -> Type {
        if self.too_large.is_some() {
            return ERROR;
        }
        let ty = match &expression.expr {
            Expr::Unspecified => ERROR,
            Expr::Literal(literal) => of_literal(literal),
            Expr::Ident(name) => self.named(name).unwrap_or_else(|| {
                self.problem(expression.id, undeclared(name));
                ERROR
            }),
            Expr::Select(select) => self.select(expression.id, select),
            Expr::Call(call) => self.call(expression.id, call),
            Expr::List(list) => {
                let mut of = None;
                for (at, element) in list.elements.iter().enumerate() {
                    let mut ty = self.check(element);
                    if list.optional_indices.contains(&at) {
                        ty = self.held(element.id, ty);
                    }
                    of = Some(self.join(of, ty));
                }
                Type::list(of.unwrap_or_else(|| self.fresh()))
            }
            Expr::Map(map) => {
                let (mut keys, mut values) = (None, None);
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        continue;
                    };
                    let key = self.check(&entry.key);
                    self.check_key(entry.key.id, &key);
                    keys = Some(self.join(keys, key));
                    let mut value = self.check(&entry.value);
                    if entry.optional {
                        value = self.held(entry.value.id, value);
                    }
                    values = Some(self.join(values, value));
                }
                let keys = keys.unwrap_or_else(|| self.fresh());
                Type::map(keys, values.unwrap_or_else(|| self.fresh()))
            }
            Expr::Struct(structure) => {
                let Some(ty) = self.environment.structure(&structure.type_name) else {
                    self.problem(expression.id, undeclared(&structure.type_name));
                    return self.note(expression.id, ERROR);
                };
                for entry in &structure.entries {
                    let EntryExpr::StructField(field) = &entry.expr else {
                        continue;
                    };
                    let mut value = self.check(&field.value);
                    if field.optional {
                        value = self.held(field.value.id, value);
                    }
                    let wanted = ty.field(&field.field);
                    if !wanted
                        .as_ref()
                        .is_some_and(|wanted| self.bindings.fits(wanted, &value))
                    {
                        // A field that there is not is of no type.
                        let wanted = wanted.map(|wanted| wanted.to_string()).unwrap_or_default();
                        let message = format!(
                            "expected type of field '{}' is '{wanted}' but provided type is '{}'",
                            field.field,
                            self.bindings.resolve(&value, true)
                        );
                        self.problem(entry.id, message);
                    }
                }
                ty
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
        };
        self.note(expression.id, ty)
    }

    /// Refuses keys that no map can have.
    fn check_key(&mut self, id: u64, ty: &Type) {
        let ty = self.bindings.resolve(ty, true);
        if matches!(
            ty,
            Type::List(..) | Type::Map(..) | Type::Object(_) | Type::Optional(_)
        ) {
            self.problem(id, format!("unsupported key type '{ty}'"));
        }
    }

    fn note(&mut self, id: u64, ty: Type) -> Type {
        if self.too_large.is_none() && self.bindings.is_too_large(&ty) {
            self.too_large = Some(id);
        }
        if self.too_large.is_some() {
            return ERROR;
        }
        self.types.insert(id, ty.clone());
        ty
    }

    fn problem(&mut self, at: u64, message: String) {
        self.problems.push(Problem { at, message });
    }

    fn fresh(&mut self) -> Type {
        self.open += 1;
        Type::Open(self.open - 1)
    }

    fn named(&self, name: &str) -> Option<Type> {
        let local = self.locals.iter().rev().find(|(local, _)| local == name);
        local
            .map(|(_, ty)| ty)
            .or_else(|| self.environment.variable(name))
            .cloned()
            .or_else(|| declarations::type_named(name).map(|ty| Type::Of(ty.into())))
    }

    fn select(&mut self, id: u64, select: &SelectExpr) -> Type {
        if let Some(name) = qualified(&select.operand)
            && !select.test
            && let Some(ty) = self.environment.variable(&format!("{name}.{}", select.field))
        {
            return ty.clone();
        }
        if let Some(name) = qualified(&select.operand)
            && let Some(ty) = declarations::type_named(&format!("{name}.{}", select.field))
        {
            return Type::Of(ty.into());
        }
        let of = self.check(&select.operand);
        let ty = self.selected(id, &of, &select.field, false);
        if select.test { BOOL } else { ty }
    }

    /// The type of a field of something.
    fn selected(&mut self, id: u64, of: &Type, field: &str, optional: bool) -> Type {
        let of = self.bindings.resolve(of, false);
        let (target, is_optional) = match &of {
            Type::Optional(of) => (of.as_ref(), true),
            of => (of, false),
        };
        let ty = match target {
            Type::Map(_, values) => values.as_ref().clone(),
            Type::Object(_) => self.field(id, target, field).unwrap_or(ERROR),
            Type::Open(_) => {
                self.bindings.fits(&DYN, target);
                DYN
            }
            target if target.is_opaque_object() => {
                self.problem(id, format!("unexpected failed resolution of '{target}'"));
                ERROR
            }
            target => {
                if !target.is_dyn_or_error() {
                    self.problem(id, format!("type '{target}' does not support field selection"));
                }
                DYN
            }
        };
        if is_optional || optional {
            Type::optional(ty)
        } else {
            ty
        }
    }

    fn field(&mut self, id: u64, object: &Type, field: &str) -> Option<Type> {
        let found = if object.is_composed() {
            self.environment.composed(field).cloned()
        } else {
            object.field(field)
        };
        if found.is_none() {
            self.problem(id, format!("undefined field '{field}'"));
        }
        found
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Type {
        let name = call.func_name.as_str();
        if let ("_?._", [operand, field]) = (name, call.args.as_slice()) {
            let of = self.check(operand);
            return match &field.expr {
                Expr::Literal(LiteralValue::String(field)) => self.selected(id, &of, field.inner(), true),
                _ => {
                    self.problem(field.id, "unsupported optional field selection".into());
                    ERROR
                }
            };
        }
        let mut arguments: Vec<Type> = call.args.iter().map(|part| self.check(part)).collect();
        let target = call.target.as_deref();
        let whole = target
            .and_then(qualified)
            .map(|before| format!("{before}.{name}"))
            .filter(|whole| declarations::overloads(whole).is_some())
            .filter(|whole| self.environment.has_patches() || whole != "jsonpatch.escapeKey");
        let target = if whole.is_some() { None } else { target };
        let name = whole.as_deref().unwrap_or(name);
        if let Some(target) = target {
            arguments.insert(0, self.check(target));
        }
        let Some(overloads) = declarations::overloads(name) else {
            self.problem(id, undeclared(name));
            return ERROR;
        };
        if matches!(name, "_&&_" | "_||_") {
            let mut ty = BOOL;
            for (part, argument) in call.args.iter().zip(&arguments) {
                if !self.bindings.fits(argument, &BOOL) {
                    self.mismatch(part.id, &BOOL, argument);
                    ty = ERROR;
                }
            }
            return ty;
        }
        let mut result: Option<Type> = None;
        for overload in overloads.iter().filter(|way| way.is_method == target.is_some()) {
            let first = self.open;
            self.open += declarations::OPEN;
            let wanted: Vec<Type> = overload
                .arguments
                .iter()
                .map(|ty| declarations::fresh(ty, first))
                .collect();
            if !self.bindings.all_fit(&arguments, &wanted) {
                continue;
            }
            let ty = self
                .bindings
                .resolve(&declarations::fresh(&overload.result, first), false);
            result = Some(match result {
                None => ty,
                Some(known) if known.is_dyn() || known == ty => known,
                Some(_) => DYN,
            });
        }
        if name == "_+_"
            && let (Some(Type::List(_, kind)), Some(left)) = (&mut result, arguments.first())
            && let Type::List(_, left) = self.bindings.resolve(left, false)
        {
            *kind = left;
        }
        result.unwrap_or_else(|| {
            let mut shown: Vec<String> = arguments
                .iter()
                .map(|ty| self.bindings.resolve(ty, true).to_string())
                .collect();
            let before = target.map(|_| shown.remove(0) + ".").unwrap_or_default();
            let message = format!(
                "found no matching overload for '{name}' applied to '{before}({})'",
                shown.join(", ")
            );
            self.problem(id, message);
            ERROR
        })
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Type {
        let range = self.check(&comprehension.iter_range);
        let accumulated = self.check(&comprehension.accu_init);
        let range = self.bindings.resolve(&range, false);
        let has_two = comprehension.iter_var2.is_some();
        let (first, second) = match &range {
            Type::List(of, _) if has_two => (INT, of.as_ref().clone()),
            Type::List(of, _) => (of.as_ref().clone(), DYN),
            Type::Map(keys, values) => (keys.as_ref().clone(), values.as_ref().clone()),
            Type::Open(_) => {
                self.bindings.fits(&DYN, &range);
                (DYN, DYN)
            }
            range if range.is_dyn_or_error() => (DYN, DYN),
            range => {
                let message = format!(
                    "expression of type '{range}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.problem(comprehension.iter_range.id, message);
                (ERROR, ERROR)
            }
        };
        let before = self.locals.len();
        self.locals
            .push((comprehension.accu_var.clone(), accumulated.clone()));
        let inside = self.locals.len();
        self.locals.push((comprehension.iter_var.clone(), first));
        if let Some(name) = &comprehension.iter_var2 {
            self.locals.push((name.clone(), second));
        }
        for (part, wanted) in [
            (&comprehension.loop_cond, &BOOL),
            (&comprehension.loop_step, &accumulated),
        ] {
            let found = self.check(part);
            if !self.bindings.fits(wanted, &found) {
                self.mismatch(part.id, wanted, &found);
            }
        }
        self.locals.truncate(inside);
        let result = self.check(&comprehension.result);
        self.locals.truncate(before);
        self.bindings.resolve(&result, false)
    }

    /// What is in an optional value that may be left out.
    fn held(&mut self, id: u64, ty: Type) -> Type {
        match self.bindings.resolve(&ty, false) {
            Type::Optional(of) => of.as_ref().clone(),
            ty => {
                if !ty.is_dyn_or_error() {
                    self.mismatch(id, &Type::optional(ty.clone()), &ty);
                }
                ty
            }
        }
    }

    /// The type of what is in a list with this as well.
    fn join(&mut self, before: Option<Type>, ty: Type) -> Type {
        match before {
            None => ty,
            Some(before) if self.bindings.fits(&before, &ty) => general(&before, &ty),
            Some(_) => DYN,
        }
    }

    fn mismatch(&mut self, id: u64, wanted: &Type, found: &Type) {
        let wanted = self.bindings.resolve(wanted, true);
        let found = self.bindings.resolve(found, true);
        self.problem(id, format!("expected type '{wanted}' but found '{found}'"));
    }
}

/// The name that `a.b.c` is, if it is one.
fn qualified(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", qualified(&select.operand)?, select.field))
        }
        _ => None,
    }
}

fn of_literal(literal: &LiteralValue) -> Type {
    Type::Simple(match literal {
        LiteralValue::Boolean(_) => Simple::Bool,
        LiteralValue::Bytes(_) => Simple::Bytes,
        LiteralValue::Double(_) => Simple::Double,
        LiteralValue::Int(_) => Simple::Int,
        LiteralValue::Null => Simple::Null,
        LiteralValue::String(_) => Simple::String,
        LiteralValue::UInt(_) => Simple::Uint,
    })
}

fn undeclared(name: &str) -> String {
    format!("undeclared reference to '{name}' (in container '')")
}
