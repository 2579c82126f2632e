//! JSON documents, with errors that name the place and not the content.

use std::{any::type_name, fmt};

use kubist_core::redact::redact;
use serde::de::{DeserializeOwned, Error as _};
use thiserror::Error;

/// A document that is not what it was taken for.
///
/// Names the type, the path inside the document and the position, not what is there.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub struct DecodeError {
    target: String,
    path: String,
    message: String,
    line: usize,
    column: usize,
    truncated: bool,
}

impl DecodeError {
    /// A part of a document that failed as a `P`, at a path inside a `T`.
    pub(crate) fn inside<P: DeserializeOwned, T>(part: &[u8], error: &serde_json::Error, at: &str) -> Self {
        let inner = explain::<P>(part, error);
        let path = match inner.path.as_str() {
            "." => at.to_owned(),
            path if path.starts_with('[') => format!("{at}{path}"),
            path => format!("{at}.{path}"),
        };
        Self {
            target: short_name(type_name::<T>()),
            path,
            // Where the part begins is not known.
            line: 0,
            column: 0,
            ..inner
        }
    }

    /// A part of a document of type `T` that is wrong whatever the part's type.
    pub(crate) fn at<T>(path: String, message: String) -> Self {
        Self {
            target: short_name(type_name::<T>()),
            path,
            message,
            line: 0,
            column: 0,
            truncated: false,
        }
    }

    /// The path of the field that failed, as `spec.containers[0].image`; `.` for the whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line, from 1; 0 where it is not known.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in bytes, from 1; 0 where it is not known.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Whether the document ends too early, as one that a broken connection cut.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to decode {}", self.target)?;
        if self.path != "." {
            write!(f, " at {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if self.line > 0 {
            write!(f, " at line {} column {}", self.line, self.column)?;
        }
        Ok(())
    }
}

impl From<DecodeError> for serde_json::Error {
    fn from(error: DecodeError) -> Self {
        serde_json::Error::custom(error)
    }
}

/// Decodes a document.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
///
/// let error = kubist_wire::json::from_slice::<Pod>(br#"{"metadata":{"name":5}}"#).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "failed to decode Pod at metadata.name: invalid type: integer, expected a string at line 1 column 21"
/// );
/// ```
///
/// # Errors
///
/// Fails where the document is no JSON, or not that of a `T`.
pub fn from_slice<T: DeserializeOwned>(document: &[u8]) -> Result<T, DecodeError> {
    // One look at the whole is quicker than one at each string.
    let decoded = match std::str::from_utf8(document) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(document),
    };
    decoded.map_err(|error| explain::<T>(document, &error))
}

/// Decodes once more, slowly, to know where it failed.
#[cold]
fn explain<T: DeserializeOwned>(document: &[u8], error: &serde_json::Error) -> DecodeError {
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    let path = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(located) => located.path().to_string(),
        // Only what comes after the document is wrong.
        Ok(_) => ".".to_owned(),
    };
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&position).unwrap_or(&message);
    DecodeError {
        target: short_name(type_name::<T>()),
        path,
        message: redact(message).into_owned(),
        line: error.line(),
        column: error.column(),
        truncated: error.is_eof(),
    }
}

/// The name of a type without the modules it is in.
fn short_name(full: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    let mut rest = full.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            ':' if rest.peek() == Some(&':') => {
                rest.next();
                word.clear();
            }
            c if c.is_alphanumeric() || c == '_' => word.push(c),
            other => {
                short.push_str(&word);
                word.clear();
                short.push(other);
            }
        }
    }
    short + &word
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};
    use kubist_core::ObjectList;

    use super::*;

    fn failure<T: DeserializeOwned>(document: &str) -> DecodeError {
        match from_slice::<T>(document.as_bytes()) {
            Ok(_) => panic!("decodes: {document}"),
            Err(error) => error,
        }
    }

    #[test]
    fn errors_name_the_place() {
        let error = failure::<ObjectList<ConfigMap>>(r#"{"items":[{},{"data":{"k":{"hunter":2}}}]}"#);
        assert_eq!(
            error.to_string(),
            "failed to decode ObjectList<ConfigMap> at items[1].data.k: invalid type: map, expected a string at line 1 column 26"
        );
        assert_eq!(
            (error.path(), error.line(), error.column()),
            ("items[1].data.k", 1, 26)
        );
        let error = failure::<Secret>("{\n  \"immutable\": \"hunter2\"\n}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(error.line(), 2);
    }

    #[test]
    fn broken_documents_are_told_from_cut_ones() {
        assert!(failure::<Secret>(r#"{"data":{"k"#).is_truncated());
        assert!(!failure::<Secret>(r#"{"data":nonsense}"#).is_truncated());
        let error = failure::<Secret>("{} {}");
        assert_eq!(
            error.to_string(),
            "failed to decode Secret: trailing characters at line 1 column 4"
        );
    }

    #[test]
    fn as_an_error_of_serde_json_it_keeps_its_position() {
        let error = serde_json::Error::from(failure::<Secret>(r#"{"immutable":3}"#));
        assert_eq!((error.line(), error.column()), (1, 14));
        assert!(
            error
                .to_string()
                .starts_with("failed to decode Secret at immutable"),
            "{error}"
        );
    }

    #[test]
    fn names_are_short() {
        assert_eq!(short_name("a::b::C<d::E, alloc::vec::Vec<f::G>>"), "C<E, Vec<G>>");
        assert_eq!(short_name("u8"), "u8");
    }
}
