//! Numbers that may be given as a percentage.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use thiserror::Error;

/// A value is neither a number nor a percentage.
///
/// ```
/// use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
/// use kubist_core::int_or_string::{IntOrStringExt, Rounding};
///
/// let half = IntOrString::String("half".to_owned());
/// let error = half.of(10, Rounding::Up).unwrap_err();
/// assert!(error.to_string().contains("half"));
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is neither a number nor a percentage such as 25%")]
pub struct ParsePercentageError(String);

/// Which way a percentage is rounded to a whole number.
///
/// ```
/// use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
/// use kubist_core::int_or_string::{IntOrStringExt, Rounding};
///
/// let unavailable = IntOrString::String("25%".to_owned());
/// assert_eq!(unavailable.of(10, Rounding::Down), Ok(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Towards the greater; for `maxSurge`.
    Up,
    /// Towards the lesser; for `maxUnavailable`.
    Down,
}

/// What an [`IntOrString`] comes to.
///
/// ```
/// use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
/// use kubist_core::int_or_string::{IntOrStringExt, Rounding};
///
/// assert_eq!(IntOrString::String("50%".to_owned()).of(10, Rounding::Up), Ok(5));
/// ```
pub trait IntOrStringExt {
    /// The number itself, or the percentage of `total`.
    ///
    /// The result is kept within `i32`.
    ///
    /// # Errors
    ///
    /// When it is a string that is not a percentage.
    ///
    /// # Example
    ///
    /// ```
    /// use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    /// use kubist_core::int_or_string::{IntOrStringExt, Rounding};
    ///
    /// let surge = IntOrString::String("25%".into());
    /// assert_eq!(surge.of(10, Rounding::Up), Ok(3));
    /// assert_eq!(surge.of(10, Rounding::Down), Ok(2));
    /// assert_eq!(IntOrString::Int(4).of(10, Rounding::Up), Ok(4));
    /// ```
    fn of(&self, total: i32, rounding: Rounding) -> Result<i32, ParsePercentageError>;
}

impl IntOrStringExt for IntOrString {
    fn of(&self, total: i32, rounding: Rounding) -> Result<i32, ParsePercentageError> {
        let text = match self {
            IntOrString::Int(number) => return Ok(*number),
            IntOrString::String(text) => text,
        };
        let percent = text
            .strip_suffix('%')
            .and_then(|digits| digits.parse::<i32>().ok())
            .ok_or_else(|| ParsePercentageError(text.chars().take(64).collect()))?;
        let hundredths = i64::from(percent) * i64::from(total);
        let down = hundredths.div_euclid(100);
        let whole = match rounding {
            Rounding::Up => down + i64::from(hundredths.rem_euclid(100) != 0),
            Rounding::Down => down,
        };
        Ok(i32::try_from(whole).unwrap_or(if whole < 0 { i32::MIN } else { i32::MAX }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_as_told() {
        let of = |text: &str, total, rounding| IntOrString::String(text.into()).of(total, rounding);
        assert_eq!(of("50%", 3, Rounding::Up), Ok(2));
        assert_eq!(of("50%", 3, Rounding::Down), Ok(1));
        assert_eq!(of("100%", 7, Rounding::Up), Ok(7));
        assert_eq!(of("0%", 7, Rounding::Up), Ok(0));
        assert_eq!(of("2147483647%", i32::MAX, Rounding::Up), Ok(i32::MAX));
        for text in ["25", "%", "x%", "2.5%", ""] {
            assert!(of(text, 10, Rounding::Up).is_err(), "{text:?}");
        }
    }
}
