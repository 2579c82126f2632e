//! The order of API versions.

use std::{cmp::Reverse, convert::Infallible, str::FromStr};

/// A version of an API group, as `v1` or `v2beta3`.
///
/// Versions have two orders: by [`priority`](Version::priority), which is how a server prefers
/// them, and by [`generation`](Version::generation), which is how they came to be
/// ([rules](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority)).
///
/// ```
/// use kubist_core::Version;
/// use std::cmp::Reverse;
///
/// let mut versions = ["v2beta1", "v1", "v10", "foo"].map(Version::parse);
/// versions.sort_by_cached_key(|v| Reverse(v.priority()));
/// assert_eq!(versions[0], Version::Stable(10));
/// assert_eq!(versions[3], Version::Nonconformant("foo".into()));
/// ```
#[derive(PartialEq, Eq, Debug, Clone)]
pub enum Version {
    /// `v<major>`.
    Stable(u32),
    /// `v<major>beta<minor>`; the minor may be missing.
    Beta(u32, Option<u32>),
    /// `v<major>alpha<minor>`; the minor may be missing.
    Alpha(u32, Option<u32>),
    /// Any other text.
    Nonconformant(String),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Stability {
    Nonconformant,
    Alpha,
    Beta,
    Stable,
}

impl Version {
    /// Reads a version; what does not follow the rules is [`Nonconformant`](Version::Nonconformant).
    ///
    /// ```
    /// use kubist_core::Version;
    ///
    /// assert_eq!(Version::parse("v2beta3"), Version::Beta(2, Some(3)));
    /// assert_eq!(Version::parse("latest"), Version::Nonconformant("latest".to_owned()));
    /// ```
    pub fn parse(text: &str) -> Version {
        Self::parse_conformant(text).unwrap_or_else(|| Version::Nonconformant(text.to_owned()))
    }

    /// A key that orders versions as servers prefer them: the greatest first.
    ///
    /// Stable comes before beta before alpha, then the greater number; what does not conform
    /// comes last, in alphabetical order.
    ///
    /// ```
    /// use kubist_core::Version;
    ///
    /// assert!(Version::parse("v1").priority() > Version::parse("v2beta1").priority());
    /// ```
    pub fn priority(&self) -> impl Ord + use<> {
        let (stability, major, minor, other) = self.parts();
        (stability, major, minor, other)
    }

    /// A key that orders versions by their age: the greatest is the newest.
    ///
    /// The number comes first, then stable before beta before alpha.
    ///
    /// ```
    /// use kubist_core::Version;
    ///
    /// assert!(Version::parse("v2beta1").generation() > Version::parse("v1").generation());
    /// ```
    pub fn generation(&self) -> impl Ord + use<> {
        let (stability, major, minor, other) = self.parts();
        (
            stability != Stability::Nonconformant,
            major,
            stability,
            minor,
            other,
        )
    }

    fn parts(&self) -> (Stability, u32, Option<u32>, Reverse<String>) {
        match self {
            Version::Stable(major) => (Stability::Stable, *major, None, Reverse(String::new())),
            Version::Beta(major, minor) => (Stability::Beta, *major, *minor, Reverse(String::new())),
            Version::Alpha(major, minor) => (Stability::Alpha, *major, *minor, Reverse(String::new())),
            Version::Nonconformant(text) => (Stability::Nonconformant, 0, None, Reverse(text.clone())),
        }
    }

    fn parse_conformant(text: &str) -> Option<Version> {
        let (major, rest) = leading_number(text.strip_prefix('v')?);
        let major = major?;
        if rest.is_empty() {
            return Some(Version::Stable(major));
        }
        let (beta, rest) = match rest.strip_prefix("beta") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix("alpha")?),
        };
        let (minor, end) = leading_number(rest);
        if !end.is_empty() || (minor.is_none() && !rest.is_empty()) {
            return None;
        }
        Some(if beta {
            Version::Beta(major, minor)
        } else {
            Version::Alpha(major, minor)
        })
    }
}

/// Splits off the digits at the start; `None` where there are none, or too many for a `u32`.
fn leading_number(text: &str) -> (Option<u32>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.parse().ok(), rest)
}

impl FromStr for Version {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Version::parse(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_conforms() {
        assert_eq!(Version::parse("v1"), Version::Stable(1));
        assert_eq!(Version::parse("v1beta"), Version::Beta(1, None));
        assert_eq!(Version::parse("v10beta12"), Version::Beta(10, Some(12)));
        assert_eq!(Version::parse("v2alpha1"), Version::Alpha(2, Some(1)));
        for text in [
            "",
            "v",
            "v-1",
            "v+1",
            "valpha",
            "vv1",
            "v1alpha1hi",
            "v1zeta3",
            "v99999999999",
            "v1beta99999999999",
        ] {
            assert_eq!(Version::parse(text), Version::Nonconformant(text.to_owned()));
        }
    }

    #[test]
    fn orders_as_the_documentation_does() {
        // The example of the rules' own documentation.
        let ordered = [
            "v10",
            "v2",
            "v1",
            "v11beta2",
            "v10beta3",
            "v3beta1",
            "v12alpha1",
            "v11alpha2",
            "foo1",
            "foo10",
        ];
        let mut versions: Vec<_> = ordered.iter().rev().map(|v| Version::parse(v)).collect();
        versions.sort_by_cached_key(|v| Reverse(v.priority()));
        assert_eq!(versions, ordered.map(Version::parse));
    }

    #[test]
    fn a_generation_starts_with_its_number() {
        let newest_first = ["v3alpha2", "v2", "v2beta3", "v2beta2", "v1", "hi"].map(Version::parse);
        for pair in newest_first.windows(2) {
            assert!(pair[0].generation() > pair[1].generation(), "{pair:?}");
        }
    }
}
