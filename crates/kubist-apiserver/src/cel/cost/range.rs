//! Bounds of a number that nobody knows yet.

/// At least so many and at most so many: elements, characters, steps. It never overflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Range {
    pub(super) const NONE: Range = Range::exactly(0);
    pub(super) const UNKNOWN: Range = Range {
        least: 0,
        most: u64::MAX,
    };
    /// What holds for a choice between nothing yet.
    pub(super) const EMPTY: Range = Range {
        least: u64::MAX,
        most: 0,
    };

    pub(super) const fn exactly(number: u64) -> Range {
        Range {
            least: number,
            most: number,
        }
    }

    pub(super) const fn at_most(most: u64) -> Range {
        Range { least: 0, most }
    }

    pub(super) fn plus(self, other: Range) -> Range {
        Range {
            least: self.least.saturating_add(other.least),
            most: self.most.saturating_add(other.most),
        }
    }

    pub(super) fn times(self, other: Range) -> Range {
        Range {
            least: self.least.saturating_mul(other.least),
            most: self.most.saturating_mul(other.most),
        }
    }

    /// Rounded up.
    pub(super) fn scaled(self, factor: f64) -> Range {
        Range {
            least: scaled(self.least, factor),
            most: scaled(self.most, factor),
        }
    }

    /// Either of the two.
    pub(super) fn or(self, other: Range) -> Range {
        Range {
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]
pub(in crate::cel) fn scaled(number: u64, factor: f64) -> u64 {
    // The cast saturates, and nothing here is negative.
    (number as f64 * factor).ceil() as u64
}
