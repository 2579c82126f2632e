//! Label selectors: which objects, by their labels.
//!
//! ([concept](https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors))

mod parse;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, option, vec,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use parse::ParseSelectorError;

type Labels = BTreeMap<String, String>;

/// A requirement that is none; carries what is wrong with it.
///
/// ```
/// use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;
/// use kubist_core::{Expression, ParseExpressionError};
///
/// let without_values = LabelSelectorRequirement {
///     key: "app".to_owned(),
///     operator: "In".to_owned(),
///     values: None,
/// };
/// let result: Result<Expression, ParseExpressionError> = without_values.try_into();
/// assert!(result.is_err());
/// ```
#[derive(Debug, Error)]
#[error("failed to parse value as expression: {0}")]
pub struct ParseExpressionError(pub String);

mod private {
    pub trait Sealed {}
    impl Sealed for super::Expression {}
    impl Sealed for super::Selector {}
}

/// What can match labels.
///
/// ```
/// use kubist_core::{Expression, SelectorExt};
///
/// let labels = [("app".to_owned(), "web".to_owned())].into();
/// assert!(Expression::Exists("app".to_owned()).matches(&labels));
/// ```
pub trait SelectorExt: private::Sealed {
    /// What it is matched against.
    type Search;

    /// Whether it matches.
    ///
    /// ```
    /// use kubist_core::{Selector, SelectorExt};
    /// let selector: Selector = "app=web,tier notin (test)".parse()?;
    /// assert!(selector.matches(&[("app".to_owned(), "web".to_owned())].into()));
    /// # Ok::<(), kubist_core::labels::ParseSelectorError>(())
    /// ```
    fn matches(&self, on: &Self::Search) -> bool;
}

/// One requirement on labels.
///
/// ```
/// use kubist_core::Expression;
///
/// let tier = Expression::In("tier".into(), ["web".into(), "api".into()].into());
/// assert_eq!(tier.to_string(), "tier in (api,web)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Expression {
    /// The label is there and has one of these values: `key in (a,b)`.
    In(String, BTreeSet<String>),
    /// The label is not there, or has none of these values: `key notin (a,b)`.
    NotIn(String, BTreeSet<String>),
    /// The label is there and has this value: `key=a`.
    Equal(String, String),
    /// The label is not there, or has another value: `key!=a`.
    NotEqual(String, String),
    /// The label is there: `key`.
    Exists(String),
    /// The label is not there: `!key`.
    DoesNotExist(String),
}

/// Requirements on labels, all of which have to hold; with none, everything is selected.
///
/// ```
/// use kubist_core::{Expression, Selector};
///
/// let selector: Selector = [Expression::Equal("app".into(), "web".into())].into_iter().collect();
/// assert_eq!(selector.to_string(), "app=web");
/// assert_eq!("app == web".parse::<Selector>()?, selector);
/// # Ok::<(), kubist_core::labels::ParseSelectorError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq, Default, Deserialize, Serialize)]
pub struct Selector(Vec<Expression>);

impl Selector {
    /// Whether everything is selected.
    ///
    /// ```
    /// use kubist_core::Selector;
    ///
    /// assert!(Selector::default().selects_all());
    /// assert!(!Selector::from_iter([("app", "web")]).selects_all());
    /// ```
    #[must_use]
    pub fn selects_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds requirements.
    ///
    /// ```
    /// use kubist_core::{Expression, Selector};
    ///
    /// let mut selector = Selector::from_iter([("app", "web")]);
    /// selector.extend([Expression::DoesNotExist("canary".to_owned())]);
    /// assert_eq!(selector.to_string(), "app=web,!canary");
    /// ```
    pub fn extend(&mut self, exprs: impl IntoIterator<Item = Expression>) -> &mut Self {
        self.0.extend(exprs);
        self
    }
}

impl SelectorExt for Selector {
    type Search = Labels;

    fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|expression| expression.matches(labels))
    }
}

impl SelectorExt for Expression {
    type Search = Labels;

    fn matches(&self, labels: &Labels) -> bool {
        match self {
            Expression::In(key, values) => labels.get(key).is_some_and(|v| values.contains(v)),
            Expression::NotIn(key, values) => labels.get(key).is_none_or(|v| !values.contains(v)),
            Expression::Equal(key, value) => labels.get(key) == Some(value),
            Expression::NotEqual(key, value) => labels.get(key) != Some(value),
            Expression::Exists(key) => labels.contains_key(key),
            Expression::DoesNotExist(key) => !labels.contains_key(key),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, &self.0)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |f: &mut fmt::Formatter<'_>, key, operator, values| {
            write!(f, "{key} {operator} (")?;
            separated(f, values)?;
            f.write_str(")")
        };
        match self {
            Expression::In(key, values) => set(f, key, "in", values),
            Expression::NotIn(key, values) => set(f, key, "notin", values),
            Expression::Equal(key, value) => write!(f, "{key}={value}"),
            Expression::NotEqual(key, value) => write!(f, "{key}!={value}"),
            Expression::Exists(key) => f.write_str(key),
            Expression::DoesNotExist(key) => write!(f, "!{key}"),
        }
    }
}

fn separated<T: fmt::Display>(f: &mut fmt::Formatter<'_>, parts: impl IntoIterator<Item = T>) -> fmt::Result {
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            f.write_str(",")?;
        }
        write!(f, "{part}")?;
    }
    Ok(())
}

impl IntoIterator for Expression {
    type Item = Self;
    type IntoIter = option::IntoIter<Self>;

    fn into_iter(self) -> Self::IntoIter {
        Some(self).into_iter()
    }
}

impl IntoIterator for Selector {
    type Item = Expression;
    type IntoIter = vec::IntoIter<Expression>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, String)> for Selector {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(labels: T) -> Self {
        labels
            .into_iter()
            .map(|(key, value)| Expression::Equal(key, value))
            .collect()
    }
}

impl FromIterator<(&'static str, &'static str)> for Selector {
    fn from_iter<T: IntoIterator<Item = (&'static str, &'static str)>>(labels: T) -> Self {
        labels
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}

impl FromIterator<Expression> for Selector {
    fn from_iter<T: IntoIterator<Item = Expression>>(expressions: T) -> Self {
        Self(expressions.into_iter().collect())
    }
}

impl From<Expression> for Selector {
    fn from(expression: Expression) -> Self {
        Self(vec![expression])
    }
}

impl TryFrom<LabelSelector> for Selector {
    type Error = ParseExpressionError;

    fn try_from(selector: LabelSelector) -> Result<Self, Self::Error> {
        let requirements = selector
            .match_expressions
            .into_iter()
            .flatten()
            .map(Expression::try_from);
        let labels = selector.match_labels.into_iter().flatten();
        let labels = labels.map(|(key, value)| Ok(Expression::Equal(key, value)));
        requirements.chain(labels).collect()
    }
}

impl TryFrom<LabelSelectorRequirement> for Expression {
    type Error = ParseExpressionError;

    fn try_from(requirement: LabelSelectorRequirement) -> Result<Self, Self::Error> {
        let key = requirement.key;
        let operator = requirement.operator.as_str();
        let values = match requirement.values {
            Some(values) if !values.is_empty() => Some(values.into_iter().collect()),
            _ => None,
        };
        match (operator, values) {
            ("In", Some(values)) => Ok(Expression::In(key, values)),
            ("NotIn", Some(values)) => Ok(Expression::NotIn(key, values)),
            ("In" | "NotIn", None) => Err(ParseExpressionError(format!(
                "operator {operator} of label {key} needs values"
            ))),
            ("Exists", None) => Ok(Expression::Exists(key)),
            ("DoesNotExist", None) => Ok(Expression::DoesNotExist(key)),
            ("Exists" | "DoesNotExist", Some(_)) => Err(ParseExpressionError(format!(
                "operator {operator} of label {key} takes no values"
            ))),
            _ => Err(ParseExpressionError(format!(
                "unknown operator {operator} of label {key}"
            ))),
        }
    }
}

/// Equalities become `matchLabels`, the rest `matchExpressions`.
///
/// Two equalities of one label, which nothing can meet both, stay two requirements.
impl From<Selector> for LabelSelector {
    fn from(selector: Selector) -> Self {
        let mut labels = Labels::new();
        let mut requirements = Vec::new();
        for expression in selector {
            match expression {
                Expression::Equal(key, value) if labels.get(&key).is_none_or(|v| *v == value) => {
                    labels.insert(key, value);
                }
                other => requirements.push(requirement(other)),
            }
        }
        LabelSelector {
            match_labels: (!labels.is_empty()).then_some(labels),
            match_expressions: (!requirements.is_empty()).then_some(requirements),
        }
    }
}

fn requirement(expression: Expression) -> LabelSelectorRequirement {
    let (key, operator, values) = match expression {
        Expression::In(key, values) => (key, "In", Some(values.into_iter().collect())),
        Expression::NotIn(key, values) => (key, "NotIn", Some(values.into_iter().collect())),
        Expression::Equal(key, value) => (key, "In", Some(vec![value])),
        Expression::NotEqual(key, value) => (key, "NotIn", Some(vec![value])),
        Expression::Exists(key) => (key, "Exists", None),
        Expression::DoesNotExist(key) => (key, "DoesNotExist", None),
    };
    LabelSelectorRequirement {
        key,
        operator: operator.to_owned(),
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn set(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|v| (*v).to_owned()).collect()
    }

    #[test]
    fn matches_as_documented() {
        let with_other = labels(&[("foo", "bar"), ("bah", "baz")]);
        let without = labels(&[("bah", "baz")]);
        let key = || "foo".to_owned();
        for (expression, on_other, on_without) in [
            (Expression::In(key(), set(&["bar", "x"])), true, false),
            (Expression::In(key(), set(&["x"])), false, false),
            (Expression::NotIn(key(), set(&["bar"])), false, true),
            (Expression::NotIn(key(), set(&["x"])), true, true),
            (Expression::Equal(key(), "bar".into()), true, false),
            (Expression::NotEqual(key(), "bar".into()), false, true),
            (Expression::Exists(key()), true, false),
            (Expression::DoesNotExist(key()), false, true),
        ] {
            let selector = Selector::from(expression.clone());
            assert_eq!(selector.matches(&with_other), on_other, "{selector}");
            assert_eq!(selector.matches(&without), on_without, "{selector}");
            let there_and_back = Selector::try_from(LabelSelector::from(selector)).expect("converts");
            assert_eq!(there_and_back.matches(&with_other), on_other, "{there_and_back}");
            assert_eq!(there_and_back.matches(&without), on_without, "{there_and_back}");
        }
        assert!(Selector::default().matches(&without) && Selector::default().selects_all());
    }

    #[test]
    fn contradictions_survive_conversion() {
        let selector: Selector = [("a", "1"), ("a", "2")].into_iter().collect();
        let back = Selector::try_from(LabelSelector::from(selector)).expect("converts");
        assert!(!back.matches(&labels(&[("a", "1")])) && !back.matches(&labels(&[("a", "2")])));
    }

    #[test]
    fn requirements_are_checked() {
        let requirement = |operator: &str, values: Option<Vec<String>>| {
            Expression::try_from(LabelSelectorRequirement {
                key: "a".into(),
                operator: operator.into(),
                values,
            })
        };
        requirement("In", Some(vec![])).expect_err("no values");
        requirement("NotIn", None).expect_err("no values");
        requirement("Exists", Some(vec!["a".into()])).expect_err("values");
        requirement("Like", None).expect_err("no such operator");
        assert_eq!(
            requirement("Exists", Some(vec![])).ok(),
            Some(Expression::Exists("a".into()))
        );
    }

    #[test]
    fn writes_the_grammar() {
        let selector: Selector = [
            Expression::In("foo".into(), set(&["bar", "baz"])),
            Expression::NotIn("foo".into(), set(&["bar", "baz"])),
            Expression::Equal("foo".into(), "bar".into()),
            Expression::NotEqual("foo".into(), "bar".into()),
            Expression::Exists("foo".into()),
            Expression::DoesNotExist("foo".into()),
        ]
        .into_iter()
        .collect();
        let text = selector.to_string();
        assert_eq!(
            text,
            "foo in (bar,baz),foo notin (bar,baz),foo=bar,foo!=bar,foo,!foo"
        );
        assert_eq!(text.parse::<Selector>().expect("parses"), selector);
    }
}
