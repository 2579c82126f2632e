//! Durations as Go writes them: `1h2m3.5s`, `300ms`.

use std::time::Duration;

use kubist_core::duration::ParseError;

/// Reads a duration; there is none where it is not above zero.
///
/// The errors are those of Go's `time.ParseDuration`, and show the text.
pub(crate) fn parse(text: &str) -> Result<Option<Duration>, String> {
    let parsed: kubist_core::Duration = text.parse().map_err(|error| match error {
        ParseError::NoUnit => format!("missing unit in duration {text:?}"),
        ParseError::InvalidUnit => format!("unknown unit {:?} in duration {text:?}", unknown_unit(text)),
        _ => format!("invalid duration {text:?}"),
    })?;
    let is_negative = parsed.is_negative();
    let duration = Duration::from(parsed);
    // What Go counts in 64 bits is a little less than 300 years.
    if duration.as_nanos() > i64::MAX as u128 {
        return Err(format!("invalid duration {text:?}"));
    }
    Ok((!duration.is_zero() && !is_negative).then_some(duration))
}

fn unknown_unit(text: &str) -> &str {
    let units = text.split(|c: char| c == '.' || c.is_ascii_digit());
    let mut units = units.map(|unit| unit.trim_start_matches(['+', '-']));
    let known = ["", "ns", "us", "\u{b5}s", "\u{3bc}s", "ms", "s", "m", "h"];
    units.find(|unit| !known.contains(unit)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_reads_them() {
        for (text, millis) in [
            ("1h2m3.5s", 3_723_500),
            ("300ms", 300),
            ("+.5s", 500),
            ("1.s", 1_000),
            ("1s1s", 2_000),
        ] {
            assert_eq!(parse(text), Ok(Some(Duration::from_millis(millis))), "{text}");
        }
        for text in ["0", "-0", "0s", "-1s", "0.1ns"] {
            assert_eq!(parse(text), Ok(None), "{text}");
        }
        for (text, told) in [
            ("", "invalid duration \"\""),
            ("-", "invalid duration \"-\""),
            ("x", "invalid duration \"x\""),
            (".s", "invalid duration \".s\""),
            ("1.2.3s", "invalid duration \"1.2.3s\""),
            ("5", "missing unit in duration \"5\""),
            ("1d", "unknown unit \"d\" in duration \"1d\""),
            ("9999999h", "invalid duration \"9999999h\""),
        ] {
            assert_eq!(parse(text), Err(told.to_owned()), "{text}");
        }
    }
}
