//! Events of a watch.

use std::{fmt, marker::PhantomData};

use bytes::Bytes;
use kubist_core::{Status, WatchEvent, watch::Bookmark};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::{
    frame::{DEFAULT_LIMIT, Deframer, FrameTooLarge},
    json::{self, DecodeError},
};

/// A watch that cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// An event is larger than the limit; the stream cannot be read on.
    #[error("failed to read watch event")]
    TooLarge(#[from] FrameTooLarge),
    /// An event is not one, or its object not of the type; the next one may be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Decodes one frame of a watch, in one pass.
///
/// # Errors
///
/// Fails where the frame is no event, or its object not of the type.
pub fn decode<K: DeserializeOwned>(frame: &[u8]) -> Result<WatchEvent<K>, DecodeError> {
    json::from_slice::<Event<K>>(frame).map(|event| event.0)
}

/// Turns the chunks of a watch into its events.
///
/// A server sends a `Status` in place of events where it fails before the first one: that comes
/// out as [`WatchEvent::Error`].
#[derive(Debug)]
pub struct Decoder<K> {
    deframer: Deframer,
    object: PhantomData<fn() -> K>,
}

impl<K: DeserializeOwned> Default for Decoder<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: DeserializeOwned> Decoder<K> {
    /// A decoder with the [default limit](DEFAULT_LIMIT).
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A decoder for events of at most so many bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            deframer: Deframer::with_limit(limit),
            object: PhantomData,
        }
    }

    /// Takes the next chunk of the stream.
    pub fn push(&mut self, chunk: Bytes) {
        self.deframer.push(chunk);
    }

    /// The next event, or `None` until there is more to read.
    ///
    /// # Errors
    ///
    /// Fails where an event is too large or cannot be decoded.
    pub fn next_event(&mut self) -> Result<Option<WatchEvent<K>>, Error> {
        match self.deframer.next_frame()? {
            Some(frame) => Ok(Some(decode_or_status(&frame)?)),
            None => Ok(None),
        }
    }

    /// The last event, if it came without a newline.
    ///
    /// # Errors
    ///
    /// Fails where the stream ended within an event; [`DecodeError::is_truncated`] says so.
    pub fn finish(&mut self) -> Result<Option<WatchEvent<K>>, Error> {
        match self.deframer.finish() {
            Some(frame) => Ok(Some(decode_or_status(&frame)?)),
            None => Ok(None),
        }
    }
}

fn decode_or_status<K: DeserializeOwned>(frame: &[u8]) -> Result<WatchEvent<K>, DecodeError> {
    decode(frame).or_else(|error| match json::from_slice(frame) {
        Ok(BareStatus { kind, status }) if kind == "Status" => Ok(WatchEvent::Error(status.boxed())),
        _ => Err(error),
    })
}

#[derive(Deserialize)]
struct BareStatus {
    kind: String,
    #[serde(flatten)]
    status: Status,
}

/// An event, as it is decoded.
///
/// Not by [`WatchEvent`]'s own implementation: that one buffers the object where it comes before
/// the type.
struct Event<K>(WatchEvent<K>);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Type,
    Object,
    #[serde(other)]
    Other,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
enum Type {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Event<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EventVisitor<K>(PhantomData<fn() -> K>);

        impl<'de, K: DeserializeOwned> Visitor<'de> for EventVisitor<K> {
            type Value = Event<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a watch event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut event: A) -> Result<Event<K>, A::Error> {
                let mut kind = None;
                let mut decoded = None;
                let mut early: Option<&RawValue> = None;
                while let Some(field) = event.next_key()? {
                    match (field, kind) {
                        (Field::Type, _) => kind = Some(event.next_value()?),
                        (Field::Object, _) if decoded.is_some() || early.is_some() => {
                            return Err(A::Error::duplicate_field("object"));
                        }
                        (Field::Object, Some(kind)) => decoded = Some(next_object(&mut event, kind)?),
                        (Field::Object, None) => early = Some(event.next_value()?),
                        (Field::Other, _) => {
                            event.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                let kind = kind.ok_or_else(|| A::Error::missing_field("type"))?;
                match (decoded, early) {
                    (Some(decoded), _) => Ok(Event(decoded)),
                    (None, Some(object)) => parse_object(object, kind).map(Event).map_err(A::Error::custom),
                    (None, None) => Err(A::Error::missing_field("object")),
                }
            }
        }

        deserializer.deserialize_map(EventVisitor(PhantomData))
    }
}

fn next_object<'de, A: MapAccess<'de>, K: DeserializeOwned>(
    event: &mut A,
    kind: Type,
) -> Result<WatchEvent<K>, A::Error> {
    Ok(match kind {
        Type::Added => WatchEvent::Added(event.next_value()?),
        Type::Modified => WatchEvent::Modified(event.next_value()?),
        Type::Deleted => WatchEvent::Deleted(event.next_value()?),
        Type::Bookmark => WatchEvent::Bookmark(event.next_value::<Bookmark>()?),
        Type::Error => WatchEvent::Error(event.next_value()?),
    })
}

/// An object that came before its type.
fn parse_object<K: DeserializeOwned>(object: &RawValue, kind: Type) -> Result<WatchEvent<K>, DecodeError> {
    let object = object.get().as_bytes();
    Ok(match kind {
        Type::Added => WatchEvent::Added(json::from_slice(object)?),
        Type::Modified => WatchEvent::Modified(json::from_slice(object)?),
        Type::Deleted => WatchEvent::Deleted(json::from_slice(object)?),
        Type::Bookmark => WatchEvent::Bookmark(json::from_slice(object)?),
        Type::Error => WatchEvent::Error(json::from_slice(object)?),
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = concat!(
        r#"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"#,
        "\n",
        r#"{"object":{"metadata":{"name":"b"}},"type":"MODIFIED"}"#,
        "\r\n\n",
        r#"{"later":[1],"type":"DELETED","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"ä"}}}"#,
        "\n",
        r#"{"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"7"}}}"#,
        "\n",
        r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","code":410,"reason":"Expired"}}"#,
    );

    fn summary(event: &WatchEvent<ConfigMap>) -> String {
        match event {
            WatchEvent::Added(o) => format!("+{}", o.metadata.name.as_deref().unwrap_or_default()),
            WatchEvent::Modified(o) => format!("~{}", o.metadata.name.as_deref().unwrap_or_default()),
            WatchEvent::Deleted(o) => format!("-{}", o.metadata.name.as_deref().unwrap_or_default()),
            WatchEvent::Bookmark(b) => format!("@{}", b.metadata.resource_version),
            WatchEvent::Error(s) => format!("!{}", s.code),
        }
    }

    fn events(chunks: impl IntoIterator<Item = Bytes>) -> Result<Vec<String>, Error> {
        let mut decoder = Decoder::new();
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(chunk);
            while let Some(event) = decoder.next_event()? {
                events.push(summary(&event));
            }
        }
        events.extend(decoder.finish()?.as_ref().map(summary));
        Ok(events)
    }

    fn decode_error(frame: &str) -> DecodeError {
        decode::<ConfigMap>(frame.as_bytes()).expect_err("is no event")
    }

    #[test]
    fn reads_every_event_byte_by_byte() {
        let bytes = STREAM.bytes().map(|byte| Bytes::copy_from_slice(&[byte]));
        assert_eq!(events(bytes).expect("reads"), ["+a", "~b", "-ä", "@7", "!410"]);
    }

    #[test]
    fn a_status_in_place_of_events() {
        let status = r#"{"kind":"Status","apiVersion":"v1","code":403,"message":"no"}"#;
        assert_eq!(
            events([Bytes::from_static(status.as_bytes())]).expect("reads"),
            ["!403"]
        );
    }

    #[test]
    fn errors_name_the_place() {
        assert_eq!(
            decode_error(r#"{"type":"ADDED","object":{"data":{"k":["hunter2"]}}}"#).to_string(),
            "failed to decode Event<ConfigMap> at object.data.k: invalid type: sequence, expected a string at line 1 column 38"
        );
        for frame in [
            r#"{"object":{"data":{"k":["hunter2"]}},"type":"ADDED"}"#,
            r#"{"type":"hunter2","object":{}}"#,
            r#"{"type":"ADDED","object":"hunter2"}"#,
        ] {
            let error = decode_error(frame);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(
            decode_error(r#"{"type":"ADDED"}"#)
                .to_string()
                .contains("missing field `object`")
        );
        assert!(
            decode_error(r#"{"object":{}}"#)
                .to_string()
                .contains("missing field `type`")
        );
        assert!(
            decode_error(r#"{"type":"ADDED","object":{},"object":{}}"#)
                .to_string()
                .contains("duplicate field")
        );
    }

    #[test]
    fn the_stream_goes_on_after_a_bad_event() {
        let mut decoder = Decoder::<ConfigMap>::new();
        decoder.push(Bytes::from_static(
            b"{\"type\":\"ADDED\",\"object\":3}\n{\"type\":\"ADDED\",\"object\":{}}\n",
        ));
        assert!(matches!(decoder.next_event(), Err(Error::Decode(_))));
        assert!(matches!(decoder.next_event(), Ok(Some(WatchEvent::Added(_)))));
    }

    #[test]
    fn a_cut_stream_says_so() {
        let mut decoder = Decoder::<ConfigMap>::new();
        decoder.push(Bytes::from_static(b"{\"type\":\"ADDED\",\"obj"));
        assert!(matches!(decoder.next_event(), Ok(None)));
        let Err(Error::Decode(error)) = decoder.finish() else {
            panic!("must fail")
        };
        assert!(error.is_truncated());
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(mut cuts in prop::collection::vec(0..STREAM.len(), 0..16)) {
            cuts.push(STREAM.len());
            cuts.sort_unstable();
            let mut start = 0;
            let chunks = cuts.into_iter().map(|cut| {
                let chunk = Bytes::from_static(&STREAM.as_bytes()[start..cut]);
                start = cut;
                chunk
            });
            prop_assert_eq!(events(chunks).expect("reads"), ["+a", "~b", "-ä", "@7", "!410"]);
        }

        #[test]
        fn never_panics(frame in "\\PC{0,40}|[{}\":,adtypeobjc\\[\\]0-9]{0,40}") {
            let _ = decode::<ConfigMap>(frame.as_bytes());
        }
    }
}
