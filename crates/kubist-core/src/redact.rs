//! Takes values out of messages: what a document holds may be a secret.

use std::borrow::Cow;

/// A message of serde without the value that it complains about.
///
/// Serde says `invalid type: string "hunter2", expected u16`; this leaves
/// `invalid type: string, expected u16`. Field names, expected types and positions stay. A
/// message of unknown form is a type's own and may hold anything: only its position stays.
///
/// ```
/// use kubist_core::redact::redact;
/// assert_eq!(
///     redact(r#"invalid type: string "hunter2", expected u16 at line 1 column 9"#),
///     "invalid type: string, expected u16 at line 1 column 9"
/// );
/// ```
pub fn redact(message: &str) -> Cow<'_, str> {
    for form in ["invalid type: ", "invalid value: "] {
        if let Some(rest) = message.strip_prefix(form) {
            return Cow::Owned(format!("{form}{}", without_value(rest)));
        }
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let expected = rest.rfind(", expected ").map_or("", |at| &rest[at..]);
        return Cow::Owned(format!("unknown variant{expected}"));
    }
    if HARMLESS.iter().any(|form| message.starts_with(form)) {
        return Cow::Borrowed(message);
    }
    Cow::Owned(format!("invalid value{}", position(message)))
}

/// What serde and serde_json say without quoting a value.
const HARMLESS: [&str; 21] = [
    "missing field ",
    "duplicate field ",
    "unknown field ",
    "invalid length ",
    "invalid unit: must be",
    "missing a unit: every",
    "EOF while parsing ",
    "expected ",
    "invalid escape",
    "invalid number",
    "number out of range",
    "invalid unicode code point",
    "control character ",
    "key must be a string",
    "float key must be finite",
    "lone leading surrogate",
    "unexpected end of hex escape",
    "trailing comma",
    "trailing characters",
    "recursion limit exceeded",
    "unexpected `null`",
];

/// Serde writes the kind of value, then the value in quotes or backticks.
fn without_value(rest: &str) -> String {
    let Some(expected_at) = rest.rfind(", expected ") else {
        return format!("unexpected value{}", position(rest));
    };
    let (found, expected) = rest.split_at(expected_at);
    let kind = found.split(['"', '`']).next().unwrap_or_default().trim_end();
    format!("{kind}{expected}")
}

/// The position at the end of a message of serde_json.
fn position(message: &str) -> &str {
    let Some(at) = message.rfind(" at line ") else {
        return "";
    };
    let words: Vec<_> = message[at..].split_ascii_whitespace().collect();
    let is_number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    match words[..] {
        ["at", "line", line, "column", column] if is_number(line) && is_number(column) => &message[at..],
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, de::DeserializeOwned};

    use super::*;

    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    enum Choice {
        A,
        B,
    }

    fn message<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> String {
        redact(
            &serde_json::from_str::<T>(text)
                .expect_err("must fail")
                .to_string(),
        )
        .into_owned()
    }

    #[test]
    fn values_do_not_appear() {
        assert_eq!(
            message::<u8>(r#""hun, expected ter2""#),
            "invalid type: string, expected u8 at line 1 column 20"
        );
        assert_eq!(
            message::<bool>("4711"),
            "invalid type: integer, expected a boolean at line 1 column 4"
        );
        assert_eq!(
            message::<u8>("4711"),
            "invalid value: integer, expected u8 at line 1 column 4"
        );
        assert_eq!(
            message::<Choice>(r#""hunter2""#),
            "unknown variant, expected `A` or `B` at line 1 column 9"
        );
        assert_eq!(
            message::<std::net::IpAddr>(r#""hunter2""#),
            "invalid value at line 1 column 9"
        );
    }

    #[test]
    fn syntax_errors_stay_whole() {
        assert_eq!(
            message::<BTreeMap<String, u8>>(r#"{"a":1"#),
            "EOF while parsing an object at line 1 column 6"
        );
        assert_eq!(message::<u8>("x"), "expected value at line 1 column 1");
    }

    #[test]
    fn foreign_messages_go() {
        assert_eq!(redact("bad password hunter2"), "invalid value");
        assert_eq!(redact("bad at line hunter2 column 3"), "invalid value");
        assert_eq!(redact("invalid type: hunter2"), "invalid type: unexpected value");
    }
}
