//! The bounds of limit ranges.

use kubist_core::quantity::Quantity;

use crate::kinds::amounts::Amounts;

/// What a pod, a container or a claim asks for.
pub(super) struct Usage {
    pub(super) requests: Amounts,
    pub(super) limits: Amounts,
}

/// The largest whole number whose thousandths can be counted.
const MOST: i64 = i64::MAX / 1000;

impl Usage {
    /// Says how this is below a minimum.
    pub(super) fn below(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let told = format!("minimum {name} usage per {kind} is {bound}");
        let (request, limit) = (self.requests.get(name), self.limits.get(name));
        let [asked, most, least] = comparable([request, limit, Some(&bound)]);
        let Some(request) = request else {
            return Some(format!("{told}.  No request is specified"));
        };
        if asked < least {
            return Some(format!("{told}, but request is {request}"));
        }
        let limit = limit.filter(|_| most < least)?;
        Some(format!("{told}, but limit is {limit}"))
    }

    /// Says how this is above a maximum.
    pub(super) fn above(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let told = format!("maximum {name} usage per {kind} is {bound}");
        let (request, limit) = (self.requests.get(name), self.limits.get(name));
        let [asked, granted, most] = comparable([request, limit, Some(&bound)]);
        let Some(limit) = limit else {
            return Some(format!("{told}.  No limit is specified"));
        };
        if granted > most {
            return Some(format!("{told}, but limit is {limit}"));
        }
        let request = request.filter(|_| asked > most)?;
        Some(format!("{told}, but request is {request}"))
    }

    /// As [`Usage::above`], for what has no limits.
    pub(super) fn requests_above(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let told = format!("maximum {name} usage per {kind} is {bound}");
        let Some(request) = self.requests.get(name) else {
            return Some(format!("{told}.  No request is specified"));
        };
        let [asked, most] = comparable([Some(request), Some(&bound)]);
        (asked > most).then(|| format!("{told}, but request is {request}"))
    }

    /// Says how the limit is too far from the request.
    pub(super) fn apart(&self, kind: &str, name: &str, bound: Quantity) -> Option<String> {
        let told = format!("{name} max limit to request ratio per {kind} is {bound}");
        let (request, limit) = (self.requests.get(name), self.limits.get(name));
        let [asked, granted, _] = comparable([request, limit, Some(&bound)]);
        if asked == 0 {
            return Some(format!("{told}, but no request is specified or request is 0"));
        }
        if granted == 0 {
            return Some(format!("{told}, but no limit is specified or limit is 0"));
        }
        let ratio = granted as f64 / asked as f64;
        let is_more = if bound.value() <= MOST {
            ratio * 1000.0 > bound.millis() as f64
        } else {
            ratio > bound.value() as f64
        };
        is_more.then(|| format!("{told}, but provided ratio is {ratio:.6}"))
    }
}

/// The numbers in thousandths, or whole ones if any is too large for that; what is not there is 0.
fn comparable<const N: usize>(amounts: [Option<&Quantity>; N]) -> [i64; N] {
    let is_small = |amount: &Option<&Quantity>| amount.is_none_or(|amount| amount.value() <= MOST);
    if amounts.iter().all(is_small) {
        amounts.map(|amount| amount.map_or(0, |amount| amount.millis()))
    } else {
        amounts.map(|amount| amount.map_or(0, |amount| amount.value()))
    }
}
