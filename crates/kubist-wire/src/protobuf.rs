//! Protobuf as a serde format.
//!
//! The API's protobuf has no field names and no types of its own to speak of: the tables of
//! [`kubist_schema`] say which number is which field. With them [`from_slice`] fills any type that
//! deserializes: one of `k8s-openapi`, a struct of three fields, a [`serde_json::Value`]. Fields
//! that the type does not have are skipped, and strings are borrowed until the type keeps them.
//!
//! What comes out is what the same object has in JSON: times, quantities and other types with a
//! form of their own take that form, inlined messages are flattened, and zeroes that JSON leaves
//! out are left out.
//!
//! See [Kubernetes Protobuf encoding](https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding).

mod error;
mod message;
mod reader;
mod special;
mod write;
mod writer;

use kubist_schema::Message;
use serde::Deserialize;
use serde::de::{DeserializeOwned, value::StrDeserializer};

pub use error::Error;
pub use write::{to_event, to_vec};

use message::{Extra, MessageDeserializer};
use reader::{Reader, Wire};

/// The four bytes that come first in an object.
pub const MAGIC: [u8; 4] = *b"k8s\0";

/// How deep messages may be nested.
const DEPTH: u16 = 128;

/// Decodes an object in its envelope: the magic bytes, its type, and itself.
///
/// ```
/// use k8s_openapi::api::core::v1::ConfigMap;
///
/// // A ConfigMap with the one label `a: b`.
/// let bytes = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x0a\x0a\x08\x5a\x06\x0a\x01a\x12\x01b";
/// let map: ConfigMap = kubist_wire::protobuf::from_slice(bytes)?;
/// assert_eq!(map.metadata.labels.unwrap()["a"], "b");
/// # Ok::<(), kubist_wire::protobuf::Error>(())
/// ```
///
/// # Errors
///
/// Fails where there is no envelope, the type is not built in, the bytes are cut or malformed, or
/// they are not those of a `T`.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let envelope = Envelope::parse(bytes)?;
    let message = envelope.message()?;
    T::deserialize(MessageDeserializer::new(
        message,
        envelope.raw,
        Some(&envelope),
        DEPTH,
    ))
}

/// Decodes a bare message, without envelope and type.
///
/// # Errors
///
/// Fails where the bytes are cut or malformed, or not those of a `T`.
pub fn from_message<'de, T: Deserialize<'de>>(
    message: &'static Message,
    bytes: &'de [u8],
) -> Result<T, Error> {
    T::deserialize(MessageDeserializer::new(message, bytes, None, DEPTH))
}

/// The type of the object in an envelope: apiVersion and kind.
///
/// # Errors
///
/// Fails where there is no envelope.
pub fn type_of(bytes: &[u8]) -> Result<(&str, &str), Error> {
    let envelope = Envelope::parse(bytes)?;
    Ok((envelope.api_version, envelope.kind))
}

/// `runtime.Unknown`, which every object is wrapped in.
struct Envelope<'de> {
    api_version: &'de str,
    kind: &'de str,
    raw: &'de [u8],
}

impl<'de> Envelope<'de> {
    fn parse(bytes: &'de [u8]) -> Result<Self, Error> {
        let unknown = bytes.strip_prefix(&MAGIC).ok_or(Error::NoEnvelope)?;
        let mut envelope = Envelope {
            api_version: "",
            kind: "",
            raw: &[],
        };
        let mut reader = Reader::new(unknown, "runtime.Unknown");
        while let Some((number, wire)) = reader.tag()? {
            match (number, wire) {
                (1, Wire::Len(type_meta)) => {
                    let mut reader = Reader::new(type_meta, "runtime.TypeMeta");
                    while let Some((number, wire)) = reader.tag()? {
                        match (number, wire) {
                            (1, Wire::Len(text)) => envelope.api_version = reader.text(text)?,
                            (2, Wire::Len(text)) => envelope.kind = reader.text(text)?,
                            _ => {}
                        }
                    }
                }
                (2, Wire::Len(raw)) => envelope.raw = raw,
                _ => {}
            }
        }
        Ok(envelope)
    }

    fn message(&self) -> Result<&'static Message, Error> {
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", self.api_version));
        kubist_schema::kind(group, version, self.kind).ok_or_else(|| Error::UnknownKind {
            api_version: self.api_version.chars().take(253).collect(),
            kind: self.kind.chars().take(63).collect(),
        })
    }
}

/// The type of an object is part of its JSON.
impl<'de> Extra<'de> for Envelope<'de> {
    fn fields(&self) -> [(&'static str, StrDeserializer<'de, Error>); 2] {
        use serde::de::IntoDeserializer;
        [
            ("apiVersion", self.api_version.into_deserializer()),
            ("kind", self.kind.into_deserializer()),
        ]
    }
}

#[cfg(test)]
mod tests;
