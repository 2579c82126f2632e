//! Reading quantities.

use std::str::FromStr;

use super::{MAX, ONE, ParseQuantityError, Quantity, SuffixKind};

/// Decimal suffixes and their powers of ten.
pub(super) const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// Binary suffixes and their powers of two.
pub(super) const BINARY: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| {
            // A string of any length may have come from anywhere.
            ParseQuantityError(text.chars().take(64).collect())
        })
    }
}

fn parse(text: &str) -> Option<Quantity> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }

    let (suffix, exponent, shift) = if let Some((_, shift)) = BINARY.iter().find(|(name, _)| *name == suffix)
    {
        (SuffixKind::Binary, 0, *shift)
    } else if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        (SuffixKind::Decimal, *exponent, 0)
    } else {
        let exponent = suffix.strip_prefix(['e', 'E'])?;
        // Beyond this any number is zero or the bound, and stays so.
        (
            SuffixKind::Exponent,
            exponent.parse::<i32>().ok()?.clamp(-100, 100),
            0,
        )
    };

    let nanos = scale(
        whole.trim_start_matches('0'),
        fraction.trim_end_matches('0'),
        exponent,
        shift,
    );
    Some(Quantity::new(if negative { -nanos } else { nanos }, suffix))
}

/// `whole.fraction * 10^exponent * 2^shift` in billionths, rounded up, at most [`MAX`].
fn scale(whole: &str, fraction: &str, exponent: i32, shift: u32) -> i128 {
    // 38 digits fit; what is further behind can only matter for the rounding.
    const DIGITS: usize = 28;
    let mut digits = 0_i128;
    let mut dropped_nonzero = false;
    let mut power = exponent + 9;
    let mut used = 0;
    for (digit, is_fraction) in whole
        .bytes()
        .map(|digit| (digit, false))
        .chain(fraction.bytes().map(|digit| (digit, true)))
    {
        if used < DIGITS {
            digits = digits * 10 + i128::from(digit - b'0');
            used += usize::from(digits != 0);
            power -= i32::from(is_fraction);
        } else {
            dropped_nonzero |= digit != b'0';
            power += i32::from(!is_fraction);
        }
    }
    if digits == 0 {
        return 0;
    }
    let over = MAX.saturating_add(ONE);
    let value = digits.checked_mul(1 << shift);
    let value = match (value, u32::try_from(power)) {
        (None, Ok(_)) => over,
        (Some(value), Ok(power)) => 10_i128
            .checked_pow(power)
            .and_then(|factor| value.checked_mul(factor))
            .unwrap_or(over),
        (value, Err(_)) => {
            let power = power.unsigned_abs();
            // Too many digits for both factors: the division comes first, at the cost of digits far
            // below a billionth of the value.
            let (value, shift) = value.map_or((digits, shift), |value| (value, 0));
            let Some(divisor) = 10_i128.checked_pow(power) else {
                return 1;
            };
            let (quotient, rest) = (value / divisor, value % divisor);
            let rounded = quotient + i128::from(rest != 0 || dropped_nonzero);
            rounded.checked_mul(1 << shift).unwrap_or(over)
        }
    };
    value.min(MAX)
}
