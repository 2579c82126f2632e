//! Lists, object by object.

use kubist_core::object::ObjectList;
use serde::de::DeserializeOwned;

use crate::{frame::DEFAULT_LIMIT, json, json::DecodeError};

/// How many bytes are awaited before objects are looked for among them, so that few objects are
/// looked at twice.
const BATCH: usize = 1024 * 1024;

/// Decodes a list while it arrives.
///
/// Chunks go in by [`push`](ListDecoder::push), and at the end [`finish`](ListDecoder::finish) gives
/// the list. Of the document no more is held than the object that is not complete yet and what one
/// chunk brought: at its peak a list takes the memory of its objects, not that of its bytes as well.
///
/// Takes the members of a list in any order, as serde does; it need not be one of objects.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_wire::list::ListDecoder;
///
/// let mut decoder = ListDecoder::<Pod>::new();
/// decoder.push(br#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"na"#)?;
/// decoder.push(br#"me":"a"}},{}]}"#)?;
/// let list = decoder.finish()?;
/// assert_eq!((list.metadata.resource_version.as_deref(), list.items.len()), (Some("7"), 2));
/// assert_eq!(list.items[0].metadata.name.as_deref(), Some("a"));
/// # Ok::<(), kubist_wire::json::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct ListDecoder<T> {
    /// What came and is not decoded.
    buffer: Vec<u8>,
    /// How long the buffer must be before another look at it is worth it.
    awaited: usize,
    place: Place,
    /// The document without its items.
    envelope: Envelope,
    items: Vec<T>,
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// Outside of the items.
    Envelope,
    /// Where an item or the end of the items is.
    FirstItem,
    /// Where an item is.
    Item,
    /// Behind an item.
    Separator,
}

impl<T> Default for ListDecoder<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> ListDecoder<T> {
    /// A decoder that takes objects of up to [16 MiB](DEFAULT_LIMIT).
    pub fn new() -> Self {
        Self::with_limit(DEFAULT_LIMIT)
    }

    /// A decoder that takes objects of so many bytes, and so much of all else.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            awaited: 0,
            place: Place::Envelope,
            envelope: Envelope::default(),
            items: Vec::new(),
            limit,
        }
    }
}

impl<T: DeserializeOwned + Clone> ListDecoder<T> {
    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// Fails where an object is no `T`, or is larger than the limit; the decoder is of no use then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.buffer.extend_from_slice(chunk);
        if self.buffer.len() < self.awaited {
            return Ok(());
        }
        self.decode(false)
    }

    /// Gives the list, when all has come.
    ///
    /// # Errors
    ///
    /// Fails where the document is no list of `T`, or is not complete.
    pub fn finish(mut self) -> Result<ObjectList<T>, DecodeError> {
        self.decode(true)?;
        let mut list: ObjectList<T> = json::from_slice(&self.envelope.bytes)?;
        if self.envelope.has_items {
            list.items = self.items;
        }
        Ok(list)
    }

    /// Decodes what is complete; at the end, whatever is left.
    fn decode(&mut self, at_end: bool) -> Result<(), DecodeError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let text = valid_prefix(&buffer);
        let mut rest = text;
        while !rest.is_empty() {
            let taken = match self.place {
                Place::Envelope => self.take_envelope(rest),
                Place::FirstItem | Place::Item => self.take_item(rest, at_end)?,
                Place::Separator => self.take_separator(rest)?,
            };
            if taken == 0 {
                break;
            }
            rest = rest.get(taken..).unwrap_or_default();
        }
        let used = text.len() - rest.len();
        buffer.drain(..used);
        if at_end {
            // What is left is not JSON, or not complete: what decodes the envelope says so.
            self.envelope.bytes.append(&mut buffer);
        }
        if buffer.len().max(self.envelope.bytes.len()) > self.limit {
            let message = format!("an object is larger than {} bytes", self.limit);
            return Err(DecodeError::at::<ObjectList<T>>(self.path(), message));
        }
        self.awaited = BATCH.max(buffer.len().saturating_mul(2)).min(self.limit);
        self.buffer = buffer;
        Ok(())
    }

    fn take_envelope(&mut self, rest: &str) -> usize {
        let taken = self.envelope.take(rest.as_bytes());
        if self.envelope.in_items {
            self.place = Place::FirstItem;
        }
        taken
    }

    /// Decodes an item; 0 where it is not complete.
    fn take_item(&mut self, rest: &str, at_end: bool) -> Result<usize, DecodeError> {
        let item = rest.trim_start_matches(is_space);
        let space = rest.len() - item.len();
        if item.is_empty() {
            return Ok(0);
        }
        if self.place == Place::FirstItem && item.starts_with(']') {
            self.end_items();
            return Ok(space);
        }
        let mut decoding = serde_json::Deserializer::from_str(item).into_iter::<T>();
        match decoding.next() {
            Some(Ok(value)) => {
                let end = decoding.byte_offset();
                if end == item.len() && !at_end && !item.starts_with(['{', '[', '"']) {
                    // A number may go on.
                    return Ok(0);
                }
                self.items.push(value);
                self.place = Place::Separator;
                Ok(space + end)
            }
            Some(Err(error)) if error.is_eof() && !at_end => Ok(0),
            Some(Err(error)) => {
                let path = format!("items[{}]", self.items.len());
                Err(DecodeError::inside::<T, ObjectList<T>>(
                    item.as_bytes(),
                    &error,
                    &path,
                ))
            }
            None => Ok(0),
        }
    }

    fn take_separator(&mut self, rest: &str) -> Result<usize, DecodeError> {
        let next = rest.trim_start_matches(is_space);
        let space = rest.len() - next.len();
        match next.bytes().next() {
            None => Ok(space),
            Some(b',') => {
                self.place = Place::Item;
                Ok(space + 1)
            }
            Some(b']') => {
                self.end_items();
                Ok(space)
            }
            Some(_) => {
                let message = "expected a comma or the end of the items before it".to_owned();
                Err(DecodeError::at::<ObjectList<T>>(self.path(), message))
            }
        }
    }

    /// Where the decoder is.
    fn path(&self) -> String {
        match self.place {
            Place::Envelope => ".".to_owned(),
            _ => format!("items[{}]", self.items.len()),
        }
    }

    fn end_items(&mut self) {
        self.place = Place::Envelope;
        self.envelope.in_items = false;
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// What of the bytes is text, up to a character that is cut.
fn valid_prefix(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    }
}

/// The members of a list but for its items.
#[derive(Debug, Default)]
struct Envelope {
    bytes: Vec<u8>,
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    /// Where the last string begins.
    string: usize,
    /// Whether the last string is `items`, a member of the outermost object.
    is_items: bool,
    /// Whether the value of that member is next.
    at_items: bool,
    in_items: bool,
    has_items: bool,
}

impl Envelope {
    /// Takes bytes up to where the items begin, with the bracket; says how many.
    fn take(&mut self, bytes: &[u8]) -> usize {
        for (index, &byte) in bytes.iter().enumerate() {
            self.bytes.push(byte);
            if self.in_string {
                self.take_in_string(byte);
                continue;
            }
            match byte {
                b'"' => {
                    self.in_string = true;
                    (self.is_items, self.at_items) = (false, false);
                    self.string = self.bytes.len();
                }
                b':' => self.at_items = self.is_items,
                b'[' if self.at_items => {
                    (self.at_items, self.in_items, self.has_items) = (false, true, true);
                    self.depth += 1;
                    return index + 1;
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    self.at_items = false;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b' ' | b'\t' | b'\n' | b'\r' => {}
                _ => self.at_items = false,
            }
        }
        bytes.len()
    }

    fn take_in_string(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = true,
            b'"' => {
                self.in_string = false;
                self.is_items = self.depth == 1 && self.bytes.get(self.string..) == Some(b"items\"");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn decode<T: DeserializeOwned + Clone>(
        document: &[u8],
        cut: usize,
    ) -> Result<ObjectList<T>, DecodeError> {
        let mut decoder = ListDecoder::<T>::new();
        for chunk in document.chunks(cut.max(1)) {
            // Every chunk is looked at, not only batches of them.
            decoder.awaited = 0;
            decoder.push(chunk)?;
        }
        decoder.finish()
    }

    #[test]
    fn members_come_in_any_order() {
        for document in [
            r#"{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"c"},"items":[{"a":1},{"b":[{}]}]}"#,
            r#" { "items" : [ {"a":1} , {"b":[{}]} ] , "metadata":{"continue":"c"},"kind":"PodList","apiVersion":"v1" } "#,
            r#"{"metadata":{"continue":"c"},"items":[{"a":1},{"b":[{}]}],"extra":{"items":[{},"items",[1]]},"kind":"PodList","apiVersion":"v1"}"#,
        ] {
            for cut in 1..document.len() {
                let list = decode::<Value>(document.as_bytes(), cut).expect("is a list");
                assert_eq!(list.items, [json!({"a": 1}), json!({"b": [{}]})], "{document}");
                assert_eq!((&*list.types.kind, &*list.types.api_version), ("PodList", "v1"));
                assert_eq!(list.metadata.continue_.as_deref(), Some("c"));
            }
        }
    }

    #[test]
    fn no_items() {
        for document in [r#"{"items":[]}"#, r#"{"items":[ ]}"#, r#"{"items":null}"#, "{}"] {
            assert!(
                decode::<Value>(document.as_bytes(), 1)
                    .expect("is a list")
                    .items
                    .is_empty()
            );
        }
    }

    #[test]
    fn items_need_not_be_objects() {
        let list = decode::<Value>(br#"{"items":["\u00e4, ]",12,345,true,null,[1,2]]}"#, 1);
        let items = list.expect("is a list").items;
        assert_eq!(
            items,
            [
                json!("\u{e4}, ]"),
                json!(12),
                json!(345),
                json!(true),
                json!(null),
                json!([1, 2])
            ]
        );
    }

    #[test]
    fn what_is_no_list() {
        for document in [
            "",
            "{",
            "[",
            "[]",
            "nope",
            r#"{"items":["#,
            r#"{"items":[}"#,
            r#"{"items":[{},]}"#,
            r#"{"items":[,{}]}"#,
            r#"{"items":[{} {}]}"#,
            r#"{"items":[{}]"#,
            r#"{"items":[{}]}}"#,
            r#"{"items":[],"items":[]}"#,
            r#"{"items":[1"#,
            r#"{"items":5}"#,
            r#"{"items":[{"a":tru}]}"#,
        ] {
            for cut in [1, 2, 100] {
                assert!(decode::<Value>(document.as_bytes(), cut).is_err(), "{document}");
            }
        }
        assert!(decode::<Value>(b"{\"items\":[\"\xff\"]}", 1).is_err());
    }

    #[test]
    fn errors_say_where_and_not_what() {
        let document = br#"{"items":[{},{"spec":{"containers":[{"name":"hunter2","image":["hunter2"]}]}}]}"#;
        let error = decode::<Pod>(document, 7).expect_err("is no pod");
        assert_eq!(error.path(), "items[1].spec.containers[0].image");
        let message = error.to_string();
        assert!(
            message.starts_with("failed to decode ObjectList<Pod> at items[1]")
                && !message.contains("hunter2"),
            "{message}"
        );
        assert!(
            decode::<Pod>(br#"{"items":[{"metadata":{"na"#, 3)
                .expect_err("is cut")
                .is_truncated()
        );
    }

    #[test]
    fn memory_is_bounded() {
        for start in [r#"{"items":[{"data":{"a":""#, r#"{"metadata":{"continue":""#] {
            let mut decoder = ListDecoder::<ConfigMap>::with_limit(1024);
            decoder.push(start.as_bytes()).expect("is a start");
            let failed = (0..10).find_map(|_| decoder.push(&[b'a'; 512]).err());
            assert!(
                failed
                    .expect("is too large")
                    .to_string()
                    .contains("larger than 1024 bytes")
            );
        }
    }

    proptest! {
        #[test]
        fn decodes_as_serde_does(items in prop::collection::vec("[a-z\"\\\\{}\\[\\],:\u{e4} ]{0,12}", 0..6), cut in 1usize..40) {
            let items: Vec<Value> = items.iter().map(|text| json!({text: text, "n": [{"items": [text]}]})).collect();
            let document = json!({"metadata": {"resourceVersion": "1"}, "items": items}).to_string();
            let list = decode::<Value>(document.as_bytes(), cut).expect("is a list");
            prop_assert_eq!(list.items, items);
        }

        #[test]
        fn never_panics(document in r#"\{?("items"|"a")?:?[\[\]{},:"\\1 a]{0,20}"#, cut in 1usize..8) {
            let whole = crate::json::from_slice::<ObjectList<Value>>(document.as_bytes());
            prop_assert_eq!(decode::<Value>(document.as_bytes(), cut).is_ok(), whole.is_ok());
        }
    }
}
