//! Printing quantities.

use std::fmt;

use super::parse::{BINARY, DECIMAL};
use super::{ONE, Quantity, SuffixKind};

/// The canonical form, which is what an API server stores: no fraction, the largest suffix that allows
/// that, and the kind of suffix that it was given with. Binary suffixes are for whole numbers from 1024 on.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Quantity { nanos, suffix } = *self;
        if nanos == 0 {
            return f.write_str("0");
        }
        let whole = nanos / ONE;
        if suffix == SuffixKind::Binary && nanos % ONE == 0 && whole.unsigned_abs() >= 1024 {
            let largest = BINARY.iter().rev().find(|(_, shift)| whole % (1 << shift) == 0);
            return match largest {
                Some((name, shift)) => write!(f, "{}{name}", whole >> shift),
                None => write!(f, "{whole}"),
            };
        }
        for (name, exponent) in DECIMAL.iter().rev() {
            let unit = 10_i128.pow((exponent + 9).unsigned_abs());
            if nanos % unit == 0 {
                let number = nanos / unit;
                return match (suffix, exponent) {
                    (SuffixKind::Exponent, 0) => write!(f, "{number}"),
                    (SuffixKind::Exponent, exponent) => write!(f, "{number}e{exponent}"),
                    _ => write!(f, "{number}{name}"),
                };
            }
        }
        // The smallest unit is one billionth, so one of them fits.
        write!(f, "{nanos}n")
    }
}
