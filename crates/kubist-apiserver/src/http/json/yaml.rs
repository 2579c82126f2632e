//! YAML, made JSON as Go makes it, and written as Go writes it.

use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

use super::{Parsed, parse};

/// Reads the first of some YAML documents. The later one of two equal keys wins.
///
/// # Errors
///
/// What the parser says, in one line.
pub(crate) fn parse_yaml(bytes: &[u8]) -> Result<Parsed, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    // JSON is YAML, and by far the faster way to read it.
    if text.trim_start().starts_with('{')
        && let Ok(parsed) = parse(bytes)
    {
        return Ok(parsed);
    }
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let told = error.to_string();
        let told = told.lines().next().unwrap_or("the document is not readable");
        let told = told.split_once(" at line ").map_or(told, |(what, _)| what);
        let told = told.split_once(": ").map_or(
            told,
            |(line, what)| {
                if line.starts_with("line ") { what } else { told }
            },
        );
        // Go's parser leaves the first line out.
        match error.location().map_or(0, |location| location.line()) {
            0 | 1 => format!("yaml: {told}"),
            line => format!("yaml: line {line}: {told}"),
        }
    })?;
    let mut value = documents.into_iter().next().unwrap_or(Value::Null);
    whole_numbers(&mut value);
    Ok(Parsed {
        value,
        duplicates: Vec::new(),
    })
}

/// Writes numbers without a fraction as integers, as they are after YAML was made JSON.
#[allow(clippy::cast_possible_truncation)]
fn whole_numbers(value: &mut Value) {
    const MOST: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number
                .as_f64()
                .filter(|number| number.fract() == 0.0 && number.abs() < MOST);
            if let Some(whole) = whole {
                *value = (whole as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

/// Writes a document.
pub(crate) fn write_yaml(value: &Value) -> Option<String> {
    serde_saphyr::to_string(&Written(value)).ok()
}

/// A value as Go's library writes it: a string that readers of YAML 1.1 would take for a time is quoted.
struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if is_time(text) => DoubleQuoted(text).serialize(serializer),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Written)),
            Value::Object(map) => {
                serializer.collect_map(map.iter().map(|(key, value)| (key, Written(value))))
            }
            plain => plain.serialize(serializer),
        }
    }
}

/// Whether a text begins as a date, such as `2026-01-31`.
fn is_time(text: &str) -> bool {
    let form = b"dddd-dd-dd";
    text.len() >= form.len()
        && text.bytes().zip(form).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            separator => byte == *separator,
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_stay_texts() {
        let value = json!({"at": "2026-01-31T00:00:00Z", "on": ["2026-01-31"], "n": "1", "x": "2026"});
        let written = write_yaml(&value).unwrap();
        assert!(written.contains("at: \"2026-01-31T00:00:00Z\"\n"), "{written}");
        assert_eq!(parse_yaml(written.as_bytes()).unwrap().value, value);
    }

    #[test]
    fn errors_are_one_line() {
        let why = |text: &str| parse_yaml(text.as_bytes()).unwrap_err();
        assert_eq!(
            why("a: b: c"),
            "yaml: mapping values are not allowed in this context"
        );
        assert_eq!(
            why("a: b\nc:\n  d: e: f\n"),
            "yaml: line 3: mapping values are not allowed in this context"
        );
    }
}
