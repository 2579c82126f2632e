//! Field selectors: which objects, by a few of their fields.
//!
//! ([concept](https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/),
//! [source of the rules](https://github.com/kubernetes/apimachinery/blob/master/pkg/fields/selector.go))

use std::{borrow::Cow, fmt, str::FromStr};

use thiserror::Error;

/// Requirements on fields, all of which have to hold; with none, everything is selected.
///
/// Which fields a resource can be selected by is up to the server: `metadata.name` and
/// `metadata.namespace` always, few others for each built-in kind, and `selectableFields` of
/// custom resources.
///
/// ```
/// use kubist_core::{FieldSelector, params::ListParams};
///
/// let selector = FieldSelector::new().equal("spec.nodeName", "node-1").not_equal("status.phase", "Failed");
/// assert_eq!(selector.to_string(), "spec.nodeName=node-1,status.phase!=Failed");
/// assert_eq!(selector.to_string().parse(), Ok(selector.clone()));
///
/// let lp = ListParams::default().fields(&selector.to_string());
///
/// let node = |field: &str| (field == "spec.nodeName").then(|| "node-1".into());
/// assert!(selector.matches(node));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<FieldRequirement>);

/// One requirement on a field.
///
/// ```
/// use kubist_core::fields::{FieldRequirement, FieldSelector};
///
/// let running = FieldRequirement::Equal("status.phase".into(), "Running".into());
/// let selector: FieldSelector = [running].into_iter().collect();
/// assert_eq!(selector.to_string(), "status.phase=Running");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldRequirement {
    /// The field has this value.
    Equal(String, String),
    /// The field has another value, or none.
    NotEqual(String, String),
}

/// A text that is no field selector.
///
/// ```
/// use kubist_core::fields::{FieldSelector, ParseFieldSelectorError};
///
/// let result = "a=b,c".parse::<FieldSelector>();
/// assert_eq!(result, Err(ParseFieldSelectorError::NoOperator { index: 1 }));
/// ```
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseFieldSelectorError {
    /// A term without `=`, `==` or `!=`.
    #[error("invalid field selector: term {index} has no '=', '==' or '!='")]
    NoOperator {
        /// Which term, from zero.
        index: usize,
    },
    /// A backslash that escapes none of `\`, `,` and `=`.
    #[error("invalid field selector: invalid escape in term {index}")]
    InvalidEscape {
        /// Which term, from zero.
        index: usize,
    },
    /// A `,` or `=` in a value that no backslash escapes.
    #[error("invalid field selector: unescaped symbol in the value of term {index}")]
    UnescapedSymbol {
        /// Which term, from zero.
        index: usize,
    },
}

impl FieldSelector {
    /// Selects everything.
    ///
    /// ```
    /// use kubist_core::FieldSelector;
    ///
    /// assert_eq!(FieldSelector::new().to_string(), "");
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires that a field has a value.
    ///
    /// ```
    /// use kubist_core::FieldSelector;
    ///
    /// let selector = FieldSelector::new().equal("metadata.name", "web-0");
    /// assert_eq!(selector.to_string(), "metadata.name=web-0");
    /// ```
    #[must_use]
    pub fn equal(mut self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.push(FieldRequirement::Equal(field.into(), value.into()));
        self
    }

    /// Requires that a field does not have a value.
    ///
    /// ```
    /// use kubist_core::FieldSelector;
    ///
    /// let selector = FieldSelector::new().not_equal("status.phase", "Failed");
    /// assert_eq!(selector.to_string(), "status.phase!=Failed");
    /// ```
    #[must_use]
    pub fn not_equal(mut self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.0
            .push(FieldRequirement::NotEqual(field.into(), value.into()));
        self
    }

    /// Whether everything is selected.
    ///
    /// ```
    /// use kubist_core::FieldSelector;
    ///
    /// assert!(FieldSelector::new().selects_all());
    /// assert!(!FieldSelector::new().equal("metadata.name", "web-0").selects_all());
    /// ```
    #[must_use]
    pub fn selects_all(&self) -> bool {
        self.0.is_empty()
    }

    /// The requirements.
    ///
    /// ```
    /// use kubist_core::fields::{FieldRequirement, FieldSelector};
    ///
    /// let selector = FieldSelector::new().equal("metadata.name", "web-0");
    /// assert!(matches!(selector.requirements(), [FieldRequirement::Equal(field, _)] if field == "metadata.name"));
    /// ```
    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.0
    }

    /// The value that a field has to have, if the selector says so.
    ///
    /// ```
    /// use kubist_core::FieldSelector;
    ///
    /// let selector = FieldSelector::new().equal("metadata.name", "a").not_equal("metadata.namespace", "b");
    /// assert_eq!(selector.exact("metadata.name"), Some("a"));
    /// assert_eq!(selector.exact("metadata.namespace"), None);
    /// ```
    pub fn exact(&self, field: &str) -> Option<&str> {
        self.0.iter().find_map(|requirement| match requirement {
            FieldRequirement::Equal(of, value) if of == field => Some(value.as_str()),
            _ => None,
        })
    }

    /// Whether an object matches, whose fields the closure reads.
    ///
    /// A field that is not there is as one that is empty.
    ///
    /// ```
    /// use kubist_core::FieldSelector;
    ///
    /// let selector = FieldSelector::new().equal("status.phase", "Running");
    /// assert!(selector.matches(|field| (field == "status.phase").then(|| "Running".into())));
    /// assert!(!selector.matches(|_| None));
    /// ```
    pub fn matches<'a>(&self, field: impl Fn(&str) -> Option<Cow<'a, str>>) -> bool {
        let value = |path: &str| field(path).unwrap_or_default();
        self.0.iter().all(|requirement| match requirement {
            FieldRequirement::Equal(path, expected) => value(path) == **expected,
            FieldRequirement::NotEqual(path, unwanted) => value(path) != **unwanted,
        })
    }
}

impl FromIterator<FieldRequirement> for FieldSelector {
    fn from_iter<T: IntoIterator<Item = FieldRequirement>>(requirements: T) -> Self {
        Self(requirements.into_iter().collect())
    }
}

impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FieldRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldRequirement::Equal(field, value) => write!(f, "{field}={}", escape(value)),
            FieldRequirement::NotEqual(field, value) => write!(f, "{field}!={}", escape(value)),
        }
    }
}

/// Parses what `kubectl --field-selector` takes: `a=b`, `a==b`, `a!=b`, joined by commas.
///
/// In values, a backslash escapes `\`, `,` and `=`.
impl FromStr for FieldSelector {
    type Err = ParseFieldSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut requirements = Vec::new();
        for (index, term) in split_terms(text).into_iter().enumerate() {
            if !term.is_empty() {
                requirements.push(parse_term(index, term)?);
            }
        }
        Ok(Self(requirements))
    }
}

/// Splits at the commas that no backslash escapes.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn parse_term(index: usize, term: &str) -> Result<FieldRequirement, ParseFieldSelectorError> {
    let at = term
        .find(['=', '!'])
        .filter(|at| term[*at..].starts_with('=') || term[*at..].starts_with("!="))
        .ok_or(ParseFieldSelectorError::NoOperator { index })?;
    let (field, rest) = term.split_at(at);
    let field = field.to_owned();
    if let Some(value) = rest.strip_prefix("!=") {
        return Ok(FieldRequirement::NotEqual(field, unescape(index, value)?));
    }
    let value = rest
        .strip_prefix("==")
        .or_else(|| rest.strip_prefix('='))
        .unwrap_or(rest);
    Ok(FieldRequirement::Equal(field, unescape(index, value)?))
}

fn escape(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', ',', '=']) {
        return value.into();
    }
    let mut escaped = String::with_capacity(value.len() + 4);
    for character in value.chars() {
        if matches!(character, '\\' | ',' | '=') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped.into()
}

fn unescape(index: usize, value: &str) -> Result<String, ParseFieldSelectorError> {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => plain.push(escaped),
                _ => return Err(ParseFieldSelectorError::InvalidEscape { index }),
            },
            ',' | '=' => return Err(ParseFieldSelectorError::UnescapedSymbol { index }),
            other => plain.push(other),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<FieldSelector, ParseFieldSelectorError> {
        text.parse()
    }

    #[test]
    fn reads_every_form() {
        let selector = parse(r"a=b,c==d,e!=f,g=,h=x\,y\=\\").expect("valid");
        assert_eq!(
            selector,
            FieldSelector::new()
                .equal("a", "b")
                .equal("c", "d")
                .not_equal("e", "f")
                .equal("g", "")
                .equal("h", r"x,y=\")
        );
        assert_eq!(selector.to_string(), r"a=b,c=d,e!=f,g=,h=x\,y\=\\");
        assert!(parse("").expect("valid").selects_all() && parse(",,").expect("valid").selects_all());
    }

    #[test]
    fn refuses_the_rest() {
        assert_eq!(
            parse("a=b,c"),
            Err(ParseFieldSelectorError::NoOperator { index: 1 })
        );
        assert_eq!(
            parse("a!b=c"),
            Err(ParseFieldSelectorError::NoOperator { index: 0 })
        );
        assert_eq!(
            parse(r"a=\x"),
            Err(ParseFieldSelectorError::InvalidEscape { index: 0 })
        );
        assert_eq!(
            parse(r"a=b\"),
            Err(ParseFieldSelectorError::InvalidEscape { index: 0 })
        );
        assert_eq!(
            parse("a=b=c"),
            Err(ParseFieldSelectorError::UnescapedSymbol { index: 0 })
        );
    }

    #[test]
    fn a_missing_field_is_empty() {
        let missing = |_: &str| None;
        assert!(FieldSelector::new().equal("a", "").matches(missing));
        assert!(FieldSelector::new().not_equal("a", "b").matches(missing));
        assert!(!FieldSelector::new().equal("a", "b").matches(missing));
    }

    proptest! {
        #[test]
        fn values_round_trip(value in "\\PC{0,16}", other in "[a\\\\,=!]{0,8}") {
            let selector = FieldSelector::new().equal("a", value).not_equal("b", other);
            prop_assert_eq!(parse(&selector.to_string()), Ok(selector));
        }

        #[test]
        fn never_panics(text in "[ab\\\\,=!]{0,12}|\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
