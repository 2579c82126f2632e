//! Quantities: numbers with a suffix, in canonical form.
//!
//! The canonical form has no fraction, the largest suffix that allows that, and keeps the
//! kind of suffix (decimal, binary, exponent) that was given; as
//! `k8s.io/apimachinery/pkg/api/resource` defines it.

pub(crate) const MALFORMED: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const DECIMAL: [(&str, i32); 10] = [
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
const BINARY: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];

/// A quantity in nano-units, and how it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantity {
    pub(crate) nanos: i128,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Decimal,
    Binary,
    Exponent,
}

/// The canonical form of `text`.
pub(crate) fn canonical(text: &str) -> Result<String, String> {
    parse(text).map(|quantity| quantity.canonical())
}

/// Reads a quantity; fractions of a nano-unit are rounded up, away from zero.
pub(crate) fn parse(text: &str) -> Result<Quantity, String> {
    let malformed = || MALFORMED.to_owned();
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(digits);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 20 {
        return Err(malformed());
    }

    let (format, exponent, shift) = if let Some((_, shift)) = BINARY.iter().find(|(name, _)| *name == suffix)
    {
        (Format::Binary, 0, *shift)
    } else if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        (Format::Decimal, *exponent, 0)
    } else if let Some(exponent) = suffix.strip_prefix(['e', 'E']) {
        (
            Format::Exponent,
            exponent.parse::<i32>().map_err(|_| malformed())?,
            0,
        )
    } else {
        return Err(malformed());
    };
    if !(-30..=30).contains(&exponent) {
        return Err(malformed());
    }

    // Everything in nano-units; what is smaller rounds up.
    let mut value: i128 = 0;
    let mut places = 0i32;
    for digit in whole.bytes().chain(fraction.bytes().take(18)) {
        value = value.saturating_mul(10).saturating_add(i128::from(digit - b'0'));
    }
    places += i32::try_from(fraction.len().min(18)).unwrap_or(18);
    value = value.saturating_mul(1i128 << shift);
    let scale = exponent + 9 - places;
    value = if scale >= 0 {
        value.saturating_mul(10i128.saturating_pow(scale.unsigned_abs()))
    } else {
        let divisor = 10i128.saturating_pow(scale.unsigned_abs());
        value / divisor + i128::from(value % divisor != 0)
    };
    Ok(Quantity {
        nanos: if negative { -value } else { value },
        format,
    })
}

impl Quantity {
    pub(crate) fn canonical(self) -> String {
        const ONE: i128 = 1_000_000_000;
        if self.nanos == 0 {
            return "0".into();
        }
        if self.format == Format::Binary && self.nanos % ONE == 0 && (self.nanos / ONE).abs() >= 1024 {
            let units = self.nanos / ONE;
            let best = BINARY
                .iter()
                .rev()
                .find(|(_, shift)| units % (1i128 << shift) == 0);
            return match best {
                Some((suffix, shift)) => format!("{}{suffix}", units >> shift),
                None => units.to_string(),
            };
        }
        for (suffix, exponent) in DECIMAL.iter().rev() {
            let unit = 10i128.pow((exponent + 9).unsigned_abs());
            if self.nanos % unit == 0 {
                let number = self.nanos / unit;
                return match (self.format, exponent) {
                    (Format::Exponent, 0) => number.to_string(),
                    (Format::Exponent, exponent) => format!("{number}e{exponent}"),
                    _ => format!("{number}{suffix}"),
                };
            }
        }
        format!("{}n", self.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        for (text, want) in [
            ("0", "0"),
            ("1Gi", "1Gi"),
            ("1024Mi", "1Gi"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("0.5", "500m"),
            ("1000", "1k"),
            ("100", "100"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1e3"),
            ("-2Ki", "-2Ki"),
            ("0.5Gi", "512Mi"),
            ("100M", "100M"),
            ("1Ki", "1Ki"),
            ("500Ki", "500Ki"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "x", "1.2.3", "1Q", "Gi", "--1", "1e", "1e999999999"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
