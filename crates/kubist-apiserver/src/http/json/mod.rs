//! JSON as clients send it: with duplicate keys noticed, and errors told as Go tells them.

mod order;
mod scan;
mod yaml;

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

pub(crate) use order::order;
pub(crate) use scan::syntax_error;
pub(crate) use yaml::{parse_yaml, write_yaml};

/// Deeper documents are refused.
const DEPTH: usize = 100;

/// A document and the paths of keys that came twice in one object.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    pub(crate) duplicates: Vec<String>,
    /// Of YAML: where keys came again, in the words of Go's parser.
    pub(crate) repeated: Vec<String>,
}

impl Parsed {
    /// A document that has every key once.
    pub(crate) fn plain(value: Value) -> Parsed {
        Parsed {
            value,
            duplicates: Vec::new(),
            repeated: Vec::new(),
        }
    }

    /// What Go's strict parser says of keys that came again; nothing if none did.
    pub(crate) fn repetition(&self) -> Option<String> {
        let lines = self.repeated.iter().map(|line| format!("\n  {line}"));
        (!self.repeated.is_empty()).then(|| format!("yaml: unmarshal errors:{}", lines.collect::<String>()))
    }
}

/// Reads JSON. The later one of two equal keys wins.
///
/// # Errors
///
/// The text of Go's error.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, String> {
    read(bytes).or_else(|error| match repaired(bytes) {
        Some(text) => read(text.as_bytes()),
        None => Err(error),
    })
}

/// The text with a replacement character for each half of a pair and each byte that is none.
///
/// Go reads such texts; nothing if there is nothing to repair.
fn repaired(bytes: &[u8]) -> Option<String> {
    static HALVES: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]..|\\\\").ok());
    let text = String::from_utf8_lossy(bytes);
    let mended = HALVES
        .as_ref()?
        .replace_all(&text, |found: &regex::Captures<'_>| {
            let found = &found[0];
            // A whole pair is fine, and so is a backslash that is escaped.
            if found.len() == 6 {
                "\\ufffd".to_owned()
            } else {
                found.to_owned()
            }
        });
    (mended.as_bytes() != bytes).then(|| mended.into_owned())
}

fn read(bytes: &[u8]) -> Result<Parsed, String> {
    let mut reader = Reader {
        duplicates: Vec::new(),
        path: String::new(),
        depth: 0,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Seed(&mut reader)
        .deserialize(&mut deserializer)
        .map_err(|_| syntax_error(bytes))?;
    deserializer.end().map_err(|_| syntax_error(bytes))?;
    Ok(Parsed {
        value,
        duplicates: reader.duplicates,
        repeated: Vec::new(),
    })
}

/// What Go's decoder calls a kind of value.
pub(crate) fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

struct Reader {
    duplicates: Vec<String>,
    path: String,
    depth: usize,
}

struct Seed<'a>(&'a mut Reader);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let reader = self.0.deeper().map_err(A::Error::custom)?;
        let length = reader.path.len();
        let mut out = Vec::new();
        loop {
            reader.path.truncate(length);
            reader.path.push_str(&format!("[{}]", out.len()));
            match items.next_element_seed(Seed(reader))? {
                Some(item) => out.push(item),
                None => break,
            }
        }
        reader.path.truncate(length);
        reader.depth -= 1;
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let reader = self.0.deeper().map_err(A::Error::custom)?;
        let length = reader.path.len();
        let mut out = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if length > 0 {
                reader.path.push('.');
            }
            reader.path.push_str(&key);
            if out.contains_key(&key) {
                reader.duplicates.push(reader.path.clone());
            }
            let value = entries.next_value_seed(Seed(reader))?;
            reader.path.truncate(length);
            out.insert(key, value);
        }
        reader.depth -= 1;
        Ok(Value::Object(out))
    }
}

impl Reader {
    fn deeper(&mut self) -> Result<&mut Reader, &'static str> {
        self.depth += 1;
        if self.depth > DEPTH {
            Err("exceeded max depth")
        } else {
            Ok(self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_are_found_where_they_are() {
        let parsed = parse(br#"{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 1}]}"#).unwrap();
        assert_eq!(parsed.duplicates, ["a.b", "c[0].d"]);
        assert_eq!(parsed.value["a"]["b"], 2);
    }

    #[test]
    fn errors_read_as_those_of_go() {
        for (text, want) in [
            (
                "{not json",
                "invalid character 'n' looking for beginning of object key string",
            ),
            ("", "unexpected end of JSON input"),
            ("{\"a\":1", "unexpected end of JSON input"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("[1 2]", "invalid character '2' after array element"),
            ("nope", "invalid character 'o' in literal null (expecting 'u')"),
            ("1 2", "invalid character '2' after top-level value"),
            (
                "{\"a\": 1.0.0}",
                "invalid character '.' after object key:value pair",
            ),
            (
                "[1.]",
                "invalid character ']' after decimal point in numeric literal",
            ),
            ("[1e+]", "invalid character ']' in exponent of numeric literal"),
            ("[01]", "invalid character '1' after array element"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap_err(), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        for (bytes, text) in [
            (&br#"{"a": "x\ud800y"}"#[..], "x\u{FFFD}y"),
            (br#"{"a": "\udc00"}"#, "\u{FFFD}"),
            (br#"{"a": "\ud83d\ude00\ud800"}"#, "\u{1F600}\u{FFFD}"),
            (br#"{"a": "\\ud800"}"#, "\\ud800"),
            (b"{\"a\": \"\xff\"}", "\u{FFFD}"),
        ] {
            assert_eq!(parse(bytes).unwrap().value["a"], text);
        }
    }

    #[test]
    fn yaml_is_that_of_go() {
        let parsed = parse_yaml(b"a: 0644\nb: 1e2\nc: 1.5\nd: 1.0\n").unwrap();
        assert_eq!(
            parsed.value,
            serde_json::json!({"a": 420, "b": 100, "c": 1.5, "d": 1})
        );
        assert_eq!(parse_yaml(b"{\"a\": 1,}").unwrap().value["a"], 1);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_err());
    }
}
