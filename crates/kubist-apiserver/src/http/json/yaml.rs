//! YAML, made JSON as Go makes it, and written as Go writes it.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{DoubleQuoted, Spanned};

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
        && parsed.duplicates.is_empty()
    {
        return Ok(parsed);
    }
    let (documents, repeated) = match read::<Value>(text, DuplicateKeyPolicy::Error) {
        Ok(documents) => (documents, Vec::new()),
        // Something is wrong with it, or else a key came twice.
        Err(_) => {
            let documents = read(text, DuplicateKeyPolicy::LastWins).map_err(|error| told(&error))?;
            (documents, repeated(text))
        }
    };
    let mut value = documents.into_iter().next().unwrap_or(Value::Null);
    whole_numbers(&mut value);
    Ok(Parsed {
        value,
        duplicates: Vec::new(),
        repeated,
    })
}

fn read<T: DeserializeOwned>(
    text: &str,
    duplicate_keys: DuplicateKeyPolicy,
) -> Result<Vec<T>, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        duplicate_keys: duplicate_keys,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    serde_saphyr::from_multiple_with_options(text, options)
}

/// What the parser says, in one line.
fn told(error: &serde_saphyr::Error) -> String {
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
}

/// Where the first document gives a key that it gave before, in the words of Go's parser.
fn repeated(text: &str) -> Vec<String> {
    let documents: Vec<Keys> = read(text, DuplicateKeyPolicy::LastWins).unwrap_or_default();
    documents.into_iter().next().unwrap_or_default().repeated
}

/// The keys of a node that were there before, those of its parts first.
#[derive(Default)]
struct Keys {
    repeated: Vec<String>,
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Keys, D::Error> {
        deserializer.deserialize_any(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML node")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let (mut keys, mut seen) = (Keys::default(), HashSet::new());
        while let Some((key, node)) = map.next_entry::<String, Spanned<Keys>>()? {
            keys.repeated.extend(node.value.repeated);
            if seen.contains(&key) {
                let line = node.referenced.line();
                keys.repeated
                    .push(format!("line {line}: key {key:?} already set in map"));
            }
            seen.insert(key);
        }
        Ok(keys)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Keys, A::Error> {
        let mut keys = Keys::default();
        while let Some(item) = items.next_element::<Keys>()? {
            keys.repeated.extend(item.repeated);
        }
        Ok(keys)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_unit<E>(self) -> Result<Keys, E> {
        Ok(Keys::default())
    }

    fn visit_none<E>(self) -> Result<Keys, E> {
        Ok(Keys::default())
    }
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
    fn keys_that_come_twice_are_told_by_their_lines() {
        let parsed = parse_yaml(b"a: 1\nb:\n  c: {d: 1, d: 2}\n  c: 3\na:\n  - e: 1\n    e: 2\n").unwrap();
        assert_eq!(parsed.value, json!({"a": [{"e": 2}], "b": {"c": 3}}));
        assert_eq!(
            parsed.repeated,
            [
                "line 3: key \"d\" already set in map",
                "line 4: key \"c\" already set in map",
                "line 7: key \"e\" already set in map",
                "line 6: key \"a\" already set in map",
            ]
        );
        let json = parse_yaml(b"{\"a\": 1,\n\"a\": 2}").unwrap();
        assert_eq!(json.repeated, ["line 2: key \"a\" already set in map"]);
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
