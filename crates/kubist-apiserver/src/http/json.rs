//! JSON as clients send it: with duplicate keys noticed, and errors told as Go tells them.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deeper documents are refused.
const DEPTH: usize = 100;

/// A document and the paths of keys that came twice in one object.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    pub(crate) duplicates: Vec<String>,
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
    })
}

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

/// What Go's decoder says about text that is no JSON.
pub(crate) fn syntax_error(bytes: &[u8]) -> String {
    let mut scanner = Scanner { bytes, at: 0 };
    match scanner.value("beginning of value", 0) {
        Err(error) => error,
        Ok(()) => {
            scanner.space();
            match scanner.peek() {
                Some(c) => format!("invalid character {} after top-level value", quoted(c)),
                None => "exceeded max depth".into(),
            }
        }
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

const END: &str = "unexpected end of JSON input";

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn fail<T>(&self, place: &str) -> Result<T, String> {
        Err(match self.peek() {
            Some(c) => format!("invalid character {} looking for {place}", quoted(c)),
            None => END.into(),
        })
    }

    fn fail_in<T>(&self, place: &str) -> Result<T, String> {
        Err(match self.peek() {
            Some(c) => format!("invalid character {} {place}", quoted(c)),
            None => END.into(),
        })
    }

    fn value(&mut self, place: &str, depth: usize) -> Result<(), String> {
        if depth > DEPTH {
            return Err("exceeded max depth".into());
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.fail(place),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), String> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.fail("beginning of object key string");
            }
            self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return self.fail_in("after object key");
            }
            self.at += 1;
            self.value("beginning of value", depth + 1)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail_in("after object key:value pair"),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), String> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value("beginning of value", depth + 1)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail_in("after array element"),
            }
        }
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u') => self.at += 1,
                        _ => return self.fail_in("in string escape code"),
                    }
                }
                Some(0..=0x1F) => return self.fail_in("in string literal"),
                Some(_) => self.at += 1,
                None => return Err(END.into()),
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        if self.peek() == Some(b'-') {
            self.at += 1;
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.fail_in("in numeric literal");
            }
        }
        while matches!(self.peek(), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
            self.at += 1;
        }
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        self.at += 1;
        for want in word.bytes().skip(1) {
            if self.peek() != Some(want) {
                return self.fail_in(&format!("in literal {word} (expecting {})", quoted(want)));
            }
            self.at += 1;
        }
        Ok(())
    }
}

fn quoted(c: u8) -> String {
    match c {
        b'\'' => "'\\''".into(),
        b'"' => "'\"'".into(),
        b'\n' => "'\\n'".into(),
        b'\t' => "'\\t'".into(),
        b'\r' => "'\\r'".into(),
        0x20..=0x7E => format!("'{}'", char::from(c)),
        _ => format!("'\\x{c:02x}'"),
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
