//! What a real server says about a text that is no label selector.
//!
//! The grammar and the words are those of `k8s.io/apimachinery/pkg/labels`; what is read here is
//! matched by [`super::select`].

use std::collections::BTreeSet;

use crate::object::metavalidate;

const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

/// A token with its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    End,
    Word(&'a str),
    Symbol(&'a str),
    /// Special characters that mean nothing together.
    Noise(&'a str),
}

impl Token<'_> {
    fn text(&self) -> String {
        match self {
            Token::End => String::new(),
            Token::Word(text) | Token::Symbol(text) => (*text).to_owned(),
            Token::Noise(text) => format!("error expected: keyword found '{text}'"),
        }
    }

    fn found(&self, expected: &str) -> String {
        format!("found '{}', expected: {expected}", self.text())
    }
}

/// Says what is wrong with a label selector.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let mut rest = Tokens { text };
    loop {
        match rest.peek() {
            Token::End => return Ok(()),
            Token::Word(_) | Token::Symbol("!") => {}
            other => return Err(other.found("!, identifier, or 'end of string'")),
        }
        requirement(&mut rest).map_err(|why| format!("unable to parse requirement: {why}"))?;
        match rest.next() {
            Token::End => return Ok(()),
            Token::Symbol(",") => match rest.peek() {
                Token::Word(_) | Token::Symbol("!") => {}
                other => return Err(other.found("identifier after ','")),
            },
            other => return Err(other.found("',' or 'end of string'")),
        }
    }
}

struct Tokens<'a> {
    text: &'a str,
}

impl<'a> Tokens<'a> {
    fn peek(&self) -> Token<'a> {
        Tokens { text: self.text }.next()
    }

    fn next(&mut self) -> Token<'a> {
        let is_space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        let is_special = |c: char| "=!(),><".contains(c);
        let text = self.text.trim_start_matches(is_space);
        let until = |stops: &dyn Fn(char) -> bool| text.find(stops).unwrap_or(text.len());
        let (length, token): (usize, fn(&'a str) -> Token<'a>) = match text.chars().next() {
            None => (0, |_| Token::End),
            Some(first) if is_special(first) => {
                let long = ["==", "!="].iter().any(|symbol| text.starts_with(symbol));
                (1 + usize::from(long), Token::Symbol)
            }
            Some('\0') => (text.len(), Token::Noise),
            Some(_) => (until(&|c| is_space(c) || is_special(c)), Token::Word),
        };
        let (token_text, rest) = text.split_at(length);
        self.text = rest;
        token(token_text)
    }
}

fn requirement(rest: &mut Tokens<'_>) -> Result<(), String> {
    let mut token = rest.next();
    let absent = token == Token::Symbol("!");
    if absent {
        token = rest.next();
    }
    let Token::Word(key) = token else {
        return Err(token.found("identifier"));
    };
    let problems = metavalidate::qualified_name_problems(key);
    if !problems.is_empty() {
        return Err(format!("<nil>: Invalid value: {key:?}: {}", problems.join("; ")));
    }
    if absent || matches!(rest.peek(), Token::End | Token::Symbol(",")) {
        return Ok(());
    }
    let operator = rest.next();
    let values = match operator {
        Token::Word("in" | "notin") => list(rest)?,
        Token::Symbol("=" | "==" | "!=" | ">" | "<") => BTreeSet::from([exact(rest)?]),
        other => return Err(other.found(OPERATORS)),
    };
    if values.is_empty() {
        return Err(
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty".into(),
        );
    }
    let mut problems = Vec::new();
    for (at, value) in values.iter().enumerate() {
        if matches!(operator, Token::Symbol(">" | "<")) && value.parse::<i64>().is_err() {
            problems.push(format!(
                "values[{at}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            ));
        }
        let wrong = metavalidate::label_value_problems(value);
        if !wrong.is_empty() {
            let wrong = wrong.join("; ");
            problems.push(format!("values[{at}][{key}]: Invalid value: {value:?}: {wrong}"));
        }
    }
    match problems.as_slice() {
        [] => Ok(()),
        [problem] => Err(problem.clone()),
        problems => Err(format!("[{}]", problems.join(", "))),
    }
}

fn exact(rest: &mut Tokens<'_>) -> Result<String, String> {
    if matches!(rest.peek(), Token::End | Token::Symbol(",")) {
        return Ok(String::new());
    }
    match rest.next() {
        Token::Word(value) => Ok(value.to_owned()),
        other => Err(other.found("identifier")),
    }
}

fn list(rest: &mut Tokens<'_>) -> Result<BTreeSet<String>, String> {
    let open = rest.next();
    if open != Token::Symbol("(") {
        return Err(format!("found '{}' expected: '('", open.text()));
    }
    match rest.peek() {
        Token::Word(_) | Token::Symbol(",") => {}
        Token::Symbol(")") => {
            rest.next();
            return Ok(BTreeSet::new());
        }
        other => return Err(other.found("',', ')' or identifier")),
    }
    let mut values = BTreeSet::new();
    loop {
        match rest.next() {
            Token::Word(value) => {
                values.insert(value.to_owned());
                match rest.peek() {
                    Token::Symbol(",") => {}
                    Token::Symbol(")") => break,
                    other => return Err(other.found("',' or ')'")),
                }
            }
            Token::Symbol(",") => {
                if values.is_empty() {
                    values.insert(String::new());
                }
                match rest.peek() {
                    Token::Symbol(")") => {
                        values.insert(String::new());
                        break;
                    }
                    Token::Symbol(",") => {
                        rest.next();
                        values.insert(String::new());
                    }
                    _ => {}
                }
            }
            other => return Err(other.found("',', or identifier")),
        }
    }
    rest.next();
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_is_no_selector_is_told_in_upstreams_words() {
        for (text, why) in [
            ("==", "found '==', expected: !, identifier, or 'end of string'"),
            (
                "a in (",
                "unable to parse requirement: found '', expected: ',', ')' or identifier",
            ),
            (
                "a>b",
                "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value \
                 must be an integer",
            ),
            ("a=b=c", "found '=', expected: ',' or 'end of string'"),
            (
                "a b",
                "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
            ),
            ("a=b,", "found '', expected: identifier after ','"),
            ("!a=b", "found '=', expected: ',' or 'end of string'"),
            (
                "a in (b c)",
                "unable to parse requirement: found 'c', expected: ',' or ')'",
            ),
        ] {
            assert_eq!(check(text), Err(why.to_owned()), "{text}");
        }
        for text in [
            "",
            "a",
            "!a, b",
            "a = b",
            "a in (b, c),d!=e",
            "in in (in)",
            "x/y==",
            "a in (,)",
            "a>1,b<2",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }
}
