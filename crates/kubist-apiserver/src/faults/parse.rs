//! Faults as text, for command lines.

use std::str::FromStr;
use std::time::Duration;

use super::{Effect, Fault};

/// Why a text is no fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFaultError {
    /// It has no effect.
    #[error(
        "a fault needs an effect: status=CODE, retry-after=SECONDS, conflict, delay=DURATION, drop, lose-answer, \
         stale=REVISIONS, cut-after=EVENTS, break-after=EVENTS, half-frame-after=EVENTS or gone"
    )]
    NoEffect,
    /// There is no such part.
    #[error("a fault has no part {0:?}")]
    Unknown(String),
    /// A part's value can't be read.
    #[error("cannot read {value:?} as the value of {part}")]
    BadValue {
        /// The part.
        part: String,
        /// Its value.
        value: String,
    },
    /// A part's value can be read, and makes no sense.
    #[error("a fault has no {part} {value:?}, only {allowed}")]
    NotAllowed {
        /// The part.
        part: &'static str,
        /// Its value.
        value: String,
        /// What it can be.
        allowed: &'static str,
    },
}

/// Reads parts between commas: whom it meets (`verb=watch`, several with `+` between them,
/// `group=`, `resource=`, `namespace=`, `name=`, `user-agent=`, `skip=`, `chance=`), how often
/// (`times=3`, `forever`), and the effects, one after the other.
///
/// ```
/// use kubist_apiserver::Fault;
///
/// let fault: Fault = "verb=watch,resource=configmaps,cut-after=3,times=2,gone".parse()?;
/// let fault: Fault = "verb=create+update,status=503,chance=0.1,forever".parse()?;
/// assert!("verb=watch".parse::<Fault>().is_err());
/// assert!("verb=look,status=503".parse::<Fault>().is_err());
/// # Ok::<(), kubist_apiserver::ParseFaultError>(())
/// ```
impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Fault, ParseFaultError> {
        let mut fault = Fault::none();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            fault = match key {
                "verb" => fault.verbs(value.split('+')),
                "group" => fault.group(value),
                "resource" => fault.resource(value),
                "namespace" => fault.namespace(value),
                "name" => fault.name(value),
                "user-agent" => fault.user_agent(value),
                "skip" => fault.skip(number(key, value)?),
                "chance" => fault.chance(number(key, value)?),
                "times" => fault.times(number(key, value)?),
                "forever" => fault.forever(),
                "status" => fault.then(Effect::Status(number(key, value)?)),
                "retry-after" => fault.then(Effect::TooManyRequests(number(key, value)?)),
                "conflict" => fault.then(Effect::Conflict),
                "delay" => fault.then(Effect::Delay(duration(key, value)?)),
                "drop" => fault.then(Effect::Drop),
                "lose-answer" => fault.then(Effect::LoseAnswer),
                "stale" => fault.then(Effect::Stale(number(key, value)?)),
                "cut-after" => fault.then(Effect::CutAfter(number(key, value)?)),
                "break-after" => fault.then(Effect::BreakAfter(number(key, value)?)),
                "half-frame-after" => fault.then(Effect::HalfFrameAfter(number(key, value)?)),
                "gone" => fault.then(Effect::Gone),
                other => return Err(ParseFaultError::Unknown(other.to_owned())),
            };
        }
        if fault.is_over() {
            return Err(ParseFaultError::NoEffect);
        }
        fault.check()?;
        Ok(fault)
    }
}

fn bad(part: &str, value: &str) -> ParseFaultError {
    ParseFaultError::BadValue {
        part: part.to_owned(),
        value: value.to_owned(),
    }
}

fn number<N: FromStr>(part: &str, value: &str) -> Result<N, ParseFaultError> {
    value.parse().map_err(|_| bad(part, value))
}

/// `250ms` or `2s`.
fn duration(part: &str, value: &str) -> Result<Duration, ParseFaultError> {
    if let Some(millis) = value.strip_suffix("ms") {
        return number(part, millis).map(Duration::from_millis);
    }
    match value.strip_suffix('s') {
        Some(seconds) => number(part, seconds).map(Duration::from_secs),
        None => Err(bad(part, value)),
    }
}
