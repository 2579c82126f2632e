//! The text form of label selectors
//! ([source of the rules](https://github.com/kubernetes/apimachinery/blob/master/pkg/labels/selector.go)).

use std::{collections::BTreeSet, str::FromStr};

use thiserror::Error;

use super::{Expression, Selector};

/// A text that is no label selector.
///
/// ```
/// use kubist_core::{Selector, labels::ParseSelectorError};
///
/// let result = "app=not a value".parse::<Selector>();
/// assert!(matches!(result, Err(ParseSelectorError::Unexpected { .. })));
/// ```
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseSelectorError {
    /// Something else was expected at this place.
    #[error("invalid label selector: expected {expected} at byte {position}")]
    Unexpected {
        /// What was expected.
        expected: &'static str,
        /// Where, in bytes from the start.
        position: usize,
    },
    /// A label's key is none: an optional DNS prefix and a slash, then up to 63 letters, digits,
    /// `-`, `_` and `.`, letters or digits at both ends.
    #[error("invalid label selector: {0:?} is no label key")]
    InvalidKey(String),
    /// A label's value is none: up to 63 letters, digits, `-`, `_` and `.`, letters or digits at
    /// both ends; or nothing.
    #[error("invalid label selector: {0:?} is no label value")]
    InvalidValue(String),
}

/// Parses what `kubectl -l` takes: `a=b`, `a==b`, `a!=b`, `a in (x,y)`, `a notin (x)`, `a`, `!a`,
/// joined by commas.
///
/// The empty text selects everything.
impl FromStr for Selector {
    type Err = ParseSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parser = Parser { text, position: 0 };
        let mut expressions = Vec::new();
        if parser.peek().is_none() {
            return Ok(Selector(expressions));
        }
        loop {
            expressions.push(parser.requirement()?);
            match parser.peek() {
                None => return Ok(Selector(expressions)),
                Some(b',') => parser.position += 1,
                Some(_) => return Err(parser.expected("',' or the end")),
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Parser<'a> {
    fn requirement(&mut self) -> Result<Expression, ParseSelectorError> {
        if self.peek() == Some(b'!') {
            self.position += 1;
            let key = self.key()?;
            return Ok(Expression::DoesNotExist(key));
        }
        let key = self.key()?;
        match self.peek() {
            None | Some(b',') => Ok(Expression::Exists(key)),
            Some(b'=') => {
                self.position += 1;
                if self.rest().starts_with('=') {
                    self.position += 1;
                }
                Ok(Expression::Equal(key, self.value()?))
            }
            Some(b'!') if self.rest().starts_with("!=") => {
                self.position += 2;
                Ok(Expression::NotEqual(key, self.value()?))
            }
            Some(_) => {
                let at = self.position;
                match self.word() {
                    "in" => Ok(Expression::In(key, self.values()?)),
                    "notin" => Ok(Expression::NotIn(key, self.values()?)),
                    _ => {
                        self.position = at;
                        Err(self.expected("'=', '==', '!=', 'in' or 'notin'"))
                    }
                }
            }
        }
    }

    fn key(&mut self) -> Result<String, ParseSelectorError> {
        self.skip_blanks();
        let word = self.word();
        if word.is_empty() {
            return Err(self.expected("a label key"));
        }
        if !is_key(word) {
            return Err(ParseSelectorError::InvalidKey(word.to_owned()));
        }
        Ok(word.to_owned())
    }

    /// A value may be empty, as in `a=`.
    fn value(&mut self) -> Result<String, ParseSelectorError> {
        self.skip_blanks();
        let word = self.word();
        if !is_value(word) {
            return Err(ParseSelectorError::InvalidValue(word.to_owned()));
        }
        Ok(word.to_owned())
    }

    fn values(&mut self) -> Result<BTreeSet<String>, ParseSelectorError> {
        if self.peek() != Some(b'(') {
            return Err(self.expected("'('"));
        }
        self.position += 1;
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.value()?);
            match self.peek() {
                Some(b',') => self.position += 1,
                Some(b')') => {
                    self.position += 1;
                    return Ok(values);
                }
                _ => return Err(self.expected("',' or ')'")),
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    /// The next byte that is not blank.
    fn peek(&mut self) -> Option<u8> {
        self.skip_blanks();
        self.rest().bytes().next()
    }

    /// Everything up to a blank or a symbol.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let is_end = [' ', '\t', '\r', '\n', '=', '!', '(', ')', ',', '<', '>'];
        let end = rest.find(is_end).unwrap_or(rest.len());
        self.position += end;
        &rest[..end]
    }

    fn expected(&self, expected: &'static str) -> ParseSelectorError {
        ParseSelectorError::Unexpected {
            expected,
            position: self.position,
        }
    }
}

fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        None => is_name(text),
        Some((prefix, name)) => is_name(name) && is_dns_subdomain(prefix),
    }
}

fn is_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

/// A qualified name without its prefix.
fn is_name(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.bytes().next())
        && edge(text.bytes().next_back())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_dns_subdomain(text: &str) -> bool {
    let is_label = |label: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        edge(label.bytes().next())
            && edge(label.bytes().next_back())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, ParseSelectorError> {
        text.parse::<Selector>().map(|selector| selector.to_string())
    }

    #[test]
    fn reads_every_form() {
        for (text, canonical) in [
            ("", ""),
            ("  ", ""),
            ("a=b", "a=b"),
            ("a==b", "a=b"),
            (" a = b , c != d ", "a=b,c!=d"),
            ("a!=b", "a!=b"),
            ("a=", "a="),
            ("a=,b", "a=,b"),
            ("a in (x,y)", "a in (x,y)"),
            ("a in(x)", "a in (x)"),
            ("a notin ( y , x )", "a notin (x,y)"),
            ("a in ()", "a in ()"),
            ("a in (,x)", "a in (,x)"),
            ("a", "a"),
            ("!a", "!a"),
            ("! a,b", "!a,b"),
            ("in,notin in (in)", "in,notin in (in)"),
            ("example.com/a=b", "example.com/a=b"),
            ("A_b.c-d=E_f.g-h", "A_b.c-d=E_f.g-h"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(canonical), "{text:?}");
        }
    }

    #[test]
    fn refuses_what_a_server_refuses() {
        let long = "a".repeat(64);
        for text in [
            ",",
            "a,",
            ",a",
            "a b",
            "a=b c",
            "a in",
            "a in x",
            "a in (x",
            "a in (x y)",
            "!",
            "!a=b",
            "a=b=c",
            "a>1",
            "a~b",
            "-a",
            "a-",
            "a=-b",
            "/a",
            "a/",
            "a/b/c",
            "A/b",
            "a..b/c",
            "a!b",
            "(a)",
            "ä",
            "a=ö",
            &long,
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn says_where() {
        let expected = |expected, position| Err(ParseSelectorError::Unexpected { expected, position });
        assert_eq!(parse("a in x"), expected("'('", 5));
        assert_eq!(parse("a=b c"), expected("',' or the end", 4));
        assert_eq!(parse("a bc"), expected("'=', '==', '!=', 'in' or 'notin'", 2));
        assert_eq!(parse("x=$"), Err(ParseSelectorError::InvalidValue("$".into())));
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(text in "[ab/.,=!() in\\-]{0,24}|\\PC{0,12}") {
            if let Ok(canonical) = parse(&text) {
                prop_assert_eq!(parse(&canonical), Ok(canonical.clone()));
            }
        }
    }
}
