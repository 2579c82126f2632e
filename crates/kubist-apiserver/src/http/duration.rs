//! Durations as Go writes them: `1h2m3.5s`, `300ms`.

use std::time::Duration;

/// Reads a duration; there is none where it is not above zero.
///
/// The errors are those of Go's `time.ParseDuration`, and show the text.
pub(crate) fn parse(text: &str) -> Result<Option<Duration>, String> {
    let invalid = || format!("invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(None);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c == '.' || c.is_ascii_digit());
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let (unit, after) = split(after, |c| c != '.' && !c.is_ascii_digit());
        nanos += number
            * match unit {
                "ns" => 1e0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                "" => return Err(format!("missing unit in duration {text:?}")),
                unit => return Err(format!("unknown unit {unit:?} in duration {text:?}")),
            };
        rest = after;
    }
    // What Go counts in 64 bits is a little less than 300 years.
    if nanos > i64::MAX as f64 {
        return Err(invalid());
    }
    Ok((nanos >= 1.0 && !negative).then(|| Duration::from_nanos(nanos as u64)))
}

fn split(text: &str, takes: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !takes(c)).unwrap_or(text.len());
    text.split_at(end)
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
