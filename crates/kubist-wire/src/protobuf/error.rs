//! What can be wrong with protobuf.

use std::fmt::Display;

use kubist_core::redact::redact;
use thiserror::Error as ThisError;

/// Bytes that are not the object that they were taken for.
///
/// Names the message and the field, not what is there.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin as an object in protobuf does.
    #[error("not an object in protobuf: the magic bytes are missing")]
    NoEnvelope,
    /// There is no table for this kind: it is a custom resource, or of another version of Kubernetes.
    #[error("no protobuf is known of {kind:?} in {api_version:?}")]
    UnknownKind {
        /// The apiVersion.
        api_version: String,
        /// The kind.
        kind: String,
    },
    /// The bytes end within a message.
    #[error("failed to decode {message}: the bytes end at offset {offset}")]
    Truncated {
        /// The message.
        message: &'static str,
        /// Where within the message.
        offset: usize,
    },
    /// The bytes are no protobuf.
    #[error("failed to decode {message}: malformed protobuf at offset {offset}")]
    Malformed {
        /// The message.
        message: &'static str,
        /// Where within the message.
        offset: usize,
    },
    /// A string is no UTF-8.
    #[error("failed to decode {message}: a string is not UTF-8")]
    NotUtf8 {
        /// The message.
        message: &'static str,
    },
    /// Messages are nested deeper than any object is.
    #[error("failed to decode {message}: nested too deeply")]
    TooDeep {
        /// The message.
        message: &'static str,
    },
    /// A field is not what its type wants.
    #[error("failed to decode {path}: {message}")]
    Field {
        /// The field, from the outermost message on.
        path: String,
        /// What is wrong.
        message: String,
    },
    /// A type refuses what is there.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// Puts the name of a field before the path of the error.
    pub(super) fn within(self, field: &str) -> Self {
        match self {
            Error::Refused(message) => Error::Field {
                path: field.to_owned(),
                message,
            },
            Error::Field { path, message } => Error::Field {
                path: format!("{field}.{path}"),
                message,
            },
            other => other,
        }
    }
}

impl serde::de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        // Types tend to say what they got.
        Error::Refused(redact(&message.to_string()).into_owned())
    }
}
