//! Where in its text the parts of an expression are.
//!
//! The parser keeps no places. The parts of a tree come in the order of their tokens, though, so
//! that walking both at once finds them.

use std::borrow::Cow;
use std::collections::HashMap;

use kube_cel::cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, operators};

use super::macros::parts_mut;

/// The places of expressions, by their ids.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<u64, usize>);

impl Places {
    /// Finds the parts of what the parser made of `source`.
    pub(super) fn find(source: &str, expression: &IdedExpr) -> Places {
        let mut finder = Finder {
            tokens: tokens(source),
            next: 0,
            places: HashMap::new(),
        };
        finder.visit(expression);
        Places(finder.places)
    }

    /// Where a part begins, as cel-go counts: an operator at its sign, a call at its bracket.
    pub(super) fn of(&self, id: u64) -> usize {
        self.0.get(&id).copied().unwrap_or(0)
    }
}

/// A complaint of the compiler about a place in the source.
pub(super) fn complaint(source: &str, at: usize, what: &str) -> String {
    let before = source.get(..at).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |text| text.chars().count());
    let text = source.lines().nth(line - 1).unwrap_or("");
    format!(
        "ERROR: <input>:{line}:{}: {what}\n | {text}\n | {}^",
        column + 1,
        ".".repeat(column),
    )
}

/// What the parser is to read for a call that it would take for a macro, and cel-go does not.
const MASKED: (&str, &str) = ("existsOne", "existsO_e");

/// The source with `existsOne` hidden where it has one variable: only with two it is a macro.
pub(super) fn masked(source: &str) -> Cow<'_, str> {
    let (name, mask) = MASKED;
    if !source.contains(name) {
        return source.into();
    }
    let tokens = tokens(source);
    let mut masked = source.to_owned();
    for (at, token) in tokens.iter().enumerate() {
        let arguments = tokens.get(at + 1..).unwrap_or_default();
        if token.text == name && commas(arguments) == 1 {
            masked.replace_range(token.at..token.at + name.len(), mask);
        }
    }
    masked.into()
}

/// How many commas are directly in the brackets that tokens begin with.
fn commas(tokens: &[Token<'_>]) -> usize {
    let (mut depth, mut commas) = (0_usize, 0);
    for token in tokens {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "," if depth == 1 => commas += 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    commas
}

/// Gives what was hidden its name again.
pub(super) fn unmask(expression: &mut IdedExpr) {
    let (name, mask) = MASKED;
    if let Expr::Call(call) = &mut expression.expr
        && call.func_name == mask
    {
        call.func_name = name.into();
    }
    let _: Result<(), ()> = parts_mut(expression, &mut |part| {
        unmask(part);
        Ok(())
    });
}

struct Token<'s> {
    text: &'s str,
    at: usize,
}

/// Names, signs and literals; signs that belong together are one.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let length = length(rest);
        let text = rest.get(..length).unwrap_or(rest);
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if !text.trim().is_empty() {
            tokens.push(Token { text, at });
        }
        at += text.len().max(1);
    }
    tokens
}

/// How long the token is that a text begins with.
fn length(rest: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let word = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let quote = rest.get(word..).and_then(|rest| rest.chars().next());
    let prefix = rest.get(..word).unwrap_or("").to_ascii_lowercase();
    if let (Some(quote @ ('"' | '\'')), "" | "r" | "b" | "br" | "rb") = (quote, prefix.as_str()) {
        return word + quoted(rest.get(word..).unwrap_or(""), quote, prefix.contains('r'));
    }
    if word > 0 {
        return word;
    }
    let signs = ["&&", "||", "==", "!=", "<=", ">="];
    match signs.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => sign.len(),
        None => rest.chars().next().map_or(1, char::len_utf8),
    }
}

fn quoted(rest: &str, quote: char, raw: bool) -> usize {
    let triple = quote.to_string().repeat(3);
    let end = if rest.starts_with(&triple) {
        triple
    } else {
        quote.to_string()
    };
    let mut at = end.len();
    while let Some(inside) = rest.get(at..).filter(|inside| !inside.is_empty()) {
        if inside.starts_with(&end) {
            return at + end.len();
        }
        let c = inside.chars().next().map_or(1, char::len_utf8);
        let escaped = inside.get(c..).and_then(|rest| rest.chars().next());
        at += match escaped {
            Some(escaped) if inside.starts_with('\\') && !raw => c + escaped.len_utf8(),
            _ => c,
        };
    }
    rest.len()
}

struct Finder<'s> {
    tokens: Vec<Token<'s>>,
    next: usize,
    places: HashMap<u64, usize>,
}

impl Finder<'_> {
    /// Goes on to the next token of this text, if there is one.
    fn token(&mut self, id: u64, text: &str) {
        let rest = self.tokens.get(self.next..).unwrap_or_default();
        if let Some(found) = rest.iter().position(|token| token.text == text) {
            self.place(id, self.next + found);
        }
    }

    fn place(&mut self, id: u64, token: usize) {
        if let Some(found) = self.tokens.get(token) {
            self.places.entry(id).or_insert(found.at);
            self.next = token + 1;
        }
    }

    fn visit(&mut self, expression: &IdedExpr) {
        let id = expression.id;
        match &expression.expr {
            Expr::Ident(name) if name.starts_with('@') => {}
            Expr::Ident(name) => self.token(id, name.trim_start_matches('.')),
            Expr::Literal(_) => self.literal(id),
            Expr::Unspecified => {}
            Expr::Select(select) if select.test => {
                self.token(0, "has");
                self.token(id, "(");
                self.visit(&select.operand);
                self.token(0, ".");
            }
            Expr::Select(select) => {
                self.visit(&select.operand);
                self.token(id, ".");
            }
            Expr::Call(call) => self.call(id, call),
            Expr::List(list) => {
                self.token(id, "[");
                list.elements.iter().for_each(|element| self.visit(element));
            }
            Expr::Map(map) => {
                self.token(id, "{");
                map.entries
                    .iter()
                    .for_each(|entry| self.entry(entry.id, &entry.expr));
            }
            Expr::Struct(structure) => {
                self.token(id, "{");
                structure
                    .entries
                    .iter()
                    .for_each(|entry| self.entry(entry.id, &entry.expr));
            }
            Expr::Comprehension(comprehension) => {
                self.visit(&comprehension.iter_range);
                self.token(id, "(");
                self.token(0, &comprehension.iter_var);
                self.step(&comprehension.loop_step);
            }
        }
    }

    /// A literal is the token that comes next, where that is no sign.
    fn literal(&mut self, id: u64) {
        let rest = self.tokens.get(self.next..).unwrap_or_default();
        let is_literal = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_digit() || c == '"' || c == '\'')
                || text.contains(['"', '\''])
                || matches!(text, "true" | "false" | "null")
        };
        if let Some(found) = rest.iter().position(|token| is_literal(token.text)) {
            self.place(id, self.next + found);
        }
    }

    fn entry(&mut self, id: u64, entry: &EntryExpr) {
        match entry {
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key);
                self.token(id, ":");
                self.visit(&entry.value);
            }
            EntryExpr::StructField(field) => {
                self.token(id, ":");
                self.visit(&field.value);
            }
        }
    }

    fn call(&mut self, id: u64, call: &CallExpr) {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::CONDITIONAL, [condition, yes, no]) => {
                self.visit(condition);
                self.token(id, "?");
                self.visit(yes);
                self.visit(no);
            }
            (operators::INDEX | operators::OPT_INDEX, [of, at]) => {
                self.visit(of);
                self.token(id, "[");
                self.visit(at);
            }
            (operators::OPT_SELECT, [of, _]) => {
                self.visit(of);
                self.token(id, ".");
            }
            (name, [left, right]) if sign(name).is_some() => {
                self.visit(left);
                self.token(id, sign(name).unwrap_or(""));
                self.visit(right);
            }
            (name, [of]) if sign(name).is_some() => {
                self.token(id, sign(name).unwrap_or(""));
                self.visit(of);
            }
            (_, arguments) => {
                if let Some(target) = &call.target {
                    self.visit(target);
                }
                self.token(0, &call.func_name);
                self.token(id, "(");
                arguments.iter().for_each(|argument| self.visit(argument));
            }
        }
    }

    /// The parts of a macro that were written down.
    fn step(&mut self, step: &IdedExpr) {
        match &step.expr {
            Expr::Call(call) if call.args.iter().any(is_result) => {
                for part in &call.args {
                    match &part.expr {
                        Expr::List(list) => match list.elements.as_slice() {
                            // A filter puts its variable there, which was seen before.
                            [
                                IdedExpr {
                                    expr: Expr::Ident(_), ..
                                },
                            ] => {}
                            elements => elements.iter().for_each(|element| self.visit(element)),
                        },
                        Expr::Literal(_) => {}
                        _ => self.step(part),
                    }
                }
            }
            _ if is_result(step) => {}
            _ => self.visit(step),
        }
    }
}

fn is_result(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == "@result")
}

/// The sign of an operator.
fn sign(name: &str) -> Option<&'static str> {
    Some(match name {
        "_&&_" => "&&",
        "_||_" => "||",
        "_==_" => "==",
        "_!=_" => "!=",
        "_<=_" => "<=",
        "_>=_" => ">=",
        "_<_" => "<",
        "_>_" => ">",
        "_+_" => "+",
        "_-_" | "-_" => "-",
        "_*_" => "*",
        "_/_" => "/",
        "_%_" => "%",
        "!_" => "!",
        "@in" => "in",
        _ => return None,
    })
}
