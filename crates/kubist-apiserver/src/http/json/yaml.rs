//! YAML, made JSON as Go makes it.

use serde_json::Value;

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
        let line = error.location().map_or(0, |location| location.line());
        let first = told.lines().next().unwrap_or("the document is not readable");
        format!("yaml: line {line}: {first}")
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
