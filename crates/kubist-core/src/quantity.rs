//! Quantities: numbers with a suffix, such as `500m` CPUs or `2Gi` of memory.

mod parse;
mod print;

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use thiserror::Error;

/// A quantity as a number that can be compared and added.
///
/// It is exact to a billionth: finer fractions are rounded away from zero, as the API server does. Values
/// beyond ±2^63 are brought back to that bound. Equality and order are those of the number: `1000m`
/// equals `1`. The kind of suffix is kept for printing.
///
/// The API's own type, [`k8s_openapi`'s `Quantity`](ApiQuantity), is a string; convert between the two.
///
/// See [Quantity](https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/).
///
/// # Example
///
/// ```
/// use kubist_core::quantity::Quantity;
///
/// let limit: Quantity = "1.5Gi".parse()?;
/// let used: Quantity = "512Mi".parse()?;
/// assert!(used < limit);
/// assert_eq!((limit - used).to_string(), "1Gi");
/// assert_eq!("1000m".parse::<Quantity>()?, Quantity::from(1));
/// # Ok::<(), kubist_core::quantity::ParseQuantityError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    /// The number in billionths.
    nanos: i128,
    suffix: SuffixKind,
}

/// The kind of suffix that a quantity is printed with.
///
/// ```
/// use kubist_core::quantity::{Quantity, SuffixKind};
///
/// assert_eq!(Quantity::from(2048).with_suffix(SuffixKind::Binary).to_string(), "2Ki");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SuffixKind {
    /// Powers of 1000: `n u m k M G T P E`.
    #[default]
    Decimal,
    /// Powers of 1024: `Ki Mi Gi Ti Pi Ei`.
    Binary,
    /// An exponent: `1e3`.
    Exponent,
}

/// A string is not a quantity.
///
/// ```
/// use kubist_core::quantity::{ParseQuantityError, Quantity};
///
/// let result: Result<Quantity, ParseQuantityError> = "a lot".parse();
/// assert!(result.is_err());
/// ```
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a quantity: expected a number with a suffix such as m, k, Gi or e3")]
pub struct ParseQuantityError(String);

const ONE: i128 = 1_000_000_000;
/// The largest magnitude, 2^63 - 1, as upstream's.
const MAX: i128 = (i64::MAX as i128) * ONE;

impl Quantity {
    /// Zero.
    pub const ZERO: Quantity = Quantity {
        nanos: 0,
        suffix: SuffixKind::Decimal,
    };

    fn new(nanos: i128, suffix: SuffixKind) -> Self {
        Quantity {
            nanos: nanos.clamp(-MAX, MAX),
            suffix,
        }
    }

    /// So many thousandths.
    ///
    /// ```
    /// use kubist_core::quantity::Quantity;
    ///
    /// assert_eq!(Quantity::from_millis(1500).to_string(), "1500m");
    /// ```
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self::new(i128::from(millis) * (ONE / 1000), SuffixKind::Decimal)
    }

    /// So many bytes, or whatever else is counted in powers of 1024.
    ///
    /// ```
    /// use kubist_core::quantity::Quantity;
    ///
    /// assert_eq!(Quantity::from_bytes(1 << 30).to_string(), "1Gi");
    /// ```
    #[must_use]
    pub fn from_bytes(bytes: i64) -> Self {
        Self::new(i128::from(bytes) * ONE, SuffixKind::Binary)
    }

    /// The number, rounded up to a whole one.
    ///
    /// ```
    /// use kubist_core::quantity::Quantity;
    ///
    /// assert_eq!("1500m".parse::<Quantity>()?.value(), 2);
    /// # Ok::<(), kubist_core::quantity::ParseQuantityError>(())
    /// ```
    #[must_use]
    pub fn value(self) -> i64 {
        self.scaled(ONE)
    }

    /// The number in thousandths, rounded up; at most [`i64::MAX`].
    ///
    /// ```
    /// use kubist_core::quantity::Quantity;
    ///
    /// assert_eq!("1.5".parse::<Quantity>()?.millis(), 1500);
    /// # Ok::<(), kubist_core::quantity::ParseQuantityError>(())
    /// ```
    #[must_use]
    pub fn millis(self) -> i64 {
        self.scaled(ONE / 1000)
    }

    /// Rounded away from zero, and kept within the bounds.
    fn scaled(self, unit: i128) -> i64 {
        let (whole, rest) = (self.nanos / unit, self.nanos % unit);
        let value = whole + rest.signum();
        i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
    }

    /// The number, as near as a float comes.
    ///
    /// ```
    /// use kubist_core::quantity::Quantity;
    ///
    /// assert!((Quantity::from_millis(1500).to_f64() - 1.5).abs() < 1e-9);
    /// ```
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // Apart, so that a whole number stays exact.
        (self.nanos / ONE) as f64 + (self.nanos % ONE) as f64 / ONE as f64
    }

    /// Whether it is zero.
    ///
    /// ```
    /// use kubist_core::quantity::Quantity;
    ///
    /// assert!("0Gi".parse::<Quantity>()?.is_zero());
    /// # Ok::<(), kubist_core::quantity::ParseQuantityError>(())
    /// ```
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// The kind of suffix that it is printed with.
    ///
    /// ```
    /// use kubist_core::quantity::{Quantity, SuffixKind};
    ///
    /// assert_eq!(Quantity::from_bytes(1).suffix(), SuffixKind::Binary);
    /// ```
    #[must_use]
    pub fn suffix(self) -> SuffixKind {
        self.suffix
    }

    /// The same number, printed with another kind of suffix.
    ///
    /// ```
    /// use kubist_core::quantity::{Quantity, SuffixKind};
    ///
    /// assert_eq!(Quantity::from(3000).with_suffix(SuffixKind::Exponent).to_string(), "3e3");
    /// ```
    #[must_use]
    pub fn with_suffix(self, suffix: SuffixKind) -> Self {
        Quantity { suffix, ..self }
    }

    /// The kind of suffix of a sum: that of the first, unless the first is zero.
    fn joined(self, other: Self) -> SuffixKind {
        if self.is_zero() { other.suffix } else { self.suffix }
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Quantity::ZERO
    }
}

impl From<i64> for Quantity {
    fn from(value: i64) -> Self {
        Self::new(i128::from(value) * ONE, SuffixKind::Decimal)
    }
}

impl TryFrom<&ApiQuantity> for Quantity {
    type Error = ParseQuantityError;

    fn try_from(quantity: &ApiQuantity) -> Result<Self, Self::Error> {
        quantity.0.parse()
    }
}

impl From<Quantity> for ApiQuantity {
    fn from(quantity: Quantity) -> Self {
        ApiQuantity(quantity.to_string())
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::hash::Hash for Quantity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.nanos.hash(state);
    }
}

/// The sum, kept within the bounds.
impl Add for Quantity {
    type Output = Quantity;

    fn add(self, other: Quantity) -> Quantity {
        Self::new(self.nanos + other.nanos, self.joined(other))
    }
}

/// The difference, kept within the bounds.
impl Sub for Quantity {
    type Output = Quantity;

    fn sub(self, other: Quantity) -> Quantity {
        Self::new(self.nanos - other.nanos, self.joined(other))
    }
}

impl Neg for Quantity {
    type Output = Quantity;

    fn neg(self) -> Quantity {
        Quantity {
            nanos: -self.nanos,
            ..self
        }
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Quantity) {
        *self = *self + other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Quantity) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Quantity>>(quantities: I) -> Self {
        quantities.fold(Quantity::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests;
