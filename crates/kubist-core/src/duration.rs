//! Spans of time, as Go writes them.

#[cfg(feature = "schema")]
use std::borrow::Cow;
use std::{cmp::Ordering, fmt, num::ParseFloatError, str::FromStr, time};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A span of time that is written as Go writes it: `1h30m`, `500ms`, `-2m3.4s`.
///
/// It is what `metav1.Duration` is in Go, for fields of custom resources.
///
/// ```
/// use kubist_core::Duration;
/// use std::time;
///
/// let span: Duration = "1m30s".parse()?;
/// assert_eq!(span, time::Duration::from_secs(90));
/// assert_eq!(span.to_string(), "90s");
/// # Ok::<(), kubist_core::duration::ParseError>(())
/// ```
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct Duration {
    duration: time::Duration,
    is_negative: bool,
}

/// A text that is no span of time.
///
/// ```
/// use kubist_core::{Duration, duration::ParseError};
///
/// assert_eq!("90".parse::<Duration>(), Err(ParseError::NoUnit));
/// assert_eq!("3 weeks".parse::<Duration>(), Err(ParseError::InvalidUnit));
/// ```
#[derive(Debug, thiserror::Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum ParseError {
    /// A unit that is none of `ns`, `us`, `µs`, `ms`, `s`, `m`, `h`.
    #[error("invalid unit: must be one of 'ns', 'us', 'ms', 's', 'm', or 'h'")]
    InvalidUnit,
    /// A number without a unit; only zero needs none.
    #[error("missing a unit: every number but zero must be followed by one")]
    NoUnit,
    /// No number where there should be one.
    #[error("invalid number: {0}")]
    NotANumber(#[from] ParseFloatError),
    /// More seconds than can be counted.
    #[error("too long a duration")]
    TooLong,
}

impl Duration {
    /// Whether it points into the past.
    ///
    /// ```
    /// use kubist_core::Duration;
    ///
    /// assert!("-5m".parse::<Duration>()?.is_negative());
    /// # Ok::<(), kubist_core::duration::ParseError>(())
    /// ```
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.is_negative
    }
}

impl From<time::Duration> for Duration {
    fn from(duration: time::Duration) -> Self {
        Self {
            duration,
            is_negative: false,
        }
    }
}

/// Drops the sign.
impl From<Duration> for time::Duration {
    fn from(duration: Duration) -> Self {
        duration.duration
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative {
            f.write_str("-")?;
        }
        // What the standard library shows is one number with a unit, which Go reads.
        fmt::Debug::fmt(&self.duration, f)
    }
}

/// Reads what Go's `time.ParseDuration` reads.
impl FromStr for Duration {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (is_negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let mut duration = time::Duration::ZERO;
        if rest == "0" {
            return Ok(Self {
                duration,
                is_negative,
            });
        }
        loop {
            let (component, after) = component(rest)?;
            duration = duration.checked_add(component).ok_or(ParseError::TooLong)?;
            rest = after;
            if rest.is_empty() {
                return Ok(Self {
                    duration,
                    is_negative,
                });
            }
        }
    }
}

/// Reads one number and its unit.
fn component(text: &str) -> Result<(time::Duration, &str), ParseError> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let unit_at = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (number, rest) = text.split_at(unit_at);
    number.parse::<f64>()?;
    let end = rest.find(is_number).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let nanos = match unit {
        "" => return Err(ParseError::NoUnit),
        "ns" => 1,
        // U+00B5, micro sign, and U+03BC, Greek letter mu.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(ParseError::InvalidUnit),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    // Whole numbers are exact beyond what a float can hold.
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| ParseError::TooLong)?
    };
    let whole = u128::from(whole) * nanos;
    // The fraction is as inexact as Go's, so that both read the same.
    let (digits, scale) = leading_fraction(fraction);
    let part = (digits as f64 * (nanos as f64 / scale)) as u128;
    Ok((from_nanos(whole + part)?, rest))
}

/// The digits of a fraction as far as they fit, and what to divide them by.
fn leading_fraction(digits: &str) -> (u64, f64) {
    let mut number = 0u64;
    let mut scale = 1.0;
    for digit in digits.bytes() {
        match number
            .checked_mul(10)
            .and_then(|n| n.checked_add(u64::from(digit - b'0')))
        {
            Some(next) if next <= i64::MAX as u64 => number = next,
            _ => break,
        }
        scale *= 10.0;
    }
    (number, scale)
}

fn from_nanos(nanos: u128) -> Result<time::Duration, ParseError> {
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / SECOND).map_err(|_| ParseError::TooLong)?;
    Ok(time::Duration::new(seconds, (nanos % SECOND) as u32))
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl de::Visitor<'_> for TextVisitor {
            type Value = Duration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string in Go `time.Duration.String()` format")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

impl PartialEq<time::Duration> for Duration {
    fn eq(&self, other: &time::Duration) -> bool {
        *self == Self::from(*other)
    }
}

impl PartialEq<time::Duration> for &'_ Duration {
    fn eq(&self, other: &time::Duration) -> bool {
        **self == *other
    }
}

impl PartialEq<Duration> for time::Duration {
    fn eq(&self, other: &Duration) -> bool {
        *other == *self
    }
}

impl PartialEq<Duration> for &'_ time::Duration {
    fn eq(&self, other: &Duration) -> bool {
        *other == **self
    }
}

impl PartialOrd for Duration {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Duration {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.duration.cmp(&other.duration),
            (true, true) => other.duration.cmp(&self.duration),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd<time::Duration> for Duration {
    fn partial_cmp(&self, other: &time::Duration) -> Option<Ordering> {
        self.partial_cmp(&Self::from(*other))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::generate::SchemaGenerator) -> schemars::Schema {
        // Not "format": "duration", which is ISO 8601's.
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> u128 {
        text.parse::<Duration>()
            .map(|d| d.duration.as_nanos())
            .expect(text)
    }

    #[test]
    fn reads_what_go_reads() {
        const S: u128 = 1_000_000_000;
        // From Go's own table (time_test.go, parseDurationTests).
        for (text, expected) in [
            ("0", 0),
            ("5s", 5 * S),
            ("1478s", 1478 * S),
            ("+5s", 5 * S),
            ("+0", 0),
            ("5.6s", 5_600_000_000),
            ("5.s", 5 * S),
            (".5s", S / 2),
            ("1.0040s", 1_004_000_000),
            ("100.00100s", 100_001_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12\u{b5}s", 12_000),
            ("12\u{3bc}s", 12_000),
            ("13ms", 13_000_000),
            ("3h30m", 12_600 * S),
            ("10.5s4m", 250_500_000_000),
            ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            ("52763797000ns", 52_763_797_000),
            ("0.3333333333333333333h", 1200 * S),
            ("9007199254740993ns", 9_007_199_254_740_993),
            ("9223372036854775.807us", 9_223_372_036_854_775_807),
            ("0.100000000000000000000h", 360 * S),
            ("0.830103483285477580700h", 2_988_372_539_827),
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
        let negative: Duration = "-2m3.4s".parse().expect("valid");
        assert!(negative.is_negative() && negative.duration.as_nanos() == 123_400_000_000);
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text: &str| text.parse::<Duration>().expect_err(text);
        assert_eq!(error("3"), ParseError::NoUnit);
        assert_eq!(error("1h3"), ParseError::NoUnit);
        assert_eq!(error("3d"), ParseError::InvalidUnit);
        assert_eq!(error("1s m"), ParseError::InvalidUnit);
        assert_eq!(error("99999999999999999999h"), ParseError::TooLong);
        assert_eq!(error("18446744073709551615h"), ParseError::TooLong);
        for text in ["", "-", "s", ".s", "1.2.3s", "+-5s"] {
            assert!(matches!(error(text), ParseError::NotANumber(_)), "{text}");
        }
    }

    #[test]
    fn orders_with_its_sign() {
        let d = |text: &str| text.parse::<Duration>().expect(text);
        assert!(d("-2s") < d("-1s") && d("-1s") < d("0") && d("1s") > d("-5s"));
        assert!(d("1s") < time::Duration::from_secs(2) && time::Duration::from_secs(1) == d("1000ms"));
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["1.5s", "-20ms", "90s", "0ns"] {
            let value: Duration = serde_json::from_value(text.into()).expect(text);
            assert_eq!(serde_json::to_value(value).expect("serializes"), text);
        }
    }
}
