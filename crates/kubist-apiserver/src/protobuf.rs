//! Protobuf as Kubernetes has it, to JSON and back, by the schema's tables.
//!
//! A message is wrapped in an envelope that starts with `k8s\0` and tells what it is
//! (<https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>).
//! Custom resources have no protobuf form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kubist_schema::{Field, Message, Special, Type};
use serde_json::{Map, Value, json};

use crate::identity::{micros, seconds};
use crate::meta;

mod wire;

use wire::{Reader, Writer};

pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
pub(crate) const STREAM: &str = "application/vnd.kubernetes.protobuf;stream=watch";
const MAGIC: &[u8] = b"k8s\0";
/// Deeper messages are refused.
const DEPTH: usize = 100;

/// Why bytes are not an object.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    NoMagic,
    #[error("proto: malformed message")]
    Malformed,
    #[error("exceeded max depth")]
    TooDeep,
    #[error("no kind {kind:?} is registered for version {api_version:?}")]
    Unknown { api_version: String, kind: String },
}

/// Reads an object in its envelope.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, Error> {
    let envelope = bytes.strip_prefix(MAGIC).ok_or(Error::NoMagic)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    let mut reader = Reader::new(envelope);
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => {
                let mut reader = Reader::new(field.bytes()?);
                while let Some((number, field)) = reader.next()? {
                    match number {
                        1 => api_version = field.text()?,
                        2 => kind = field.text()?,
                        _ => {}
                    }
                }
            }
            2 => raw = field.bytes()?,
            _ => {}
        }
    }
    let (group, version) = meta::group_version(&api_version);
    let Some(message) = kubist_schema::kind(group, version, &kind) else {
        return Err(Error::Unknown { api_version, kind });
    };
    let mut object = Map::new();
    read_message(message, raw, &mut object, 0)?;
    object.insert("apiVersion".into(), api_version.into());
    object.insert("kind".into(), kind.into());
    Ok(Value::Object(object))
}

/// Writes an object in its envelope; nothing if its kind has no protobuf form.
pub(crate) fn write(object: &Value) -> Option<Vec<u8>> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or("");
    let (group, version) = meta::group_version(text("apiVersion"));
    let message = kubist_schema::kind(group, version, text("kind"))?;
    let mut type_meta = Writer::default();
    type_meta.bytes(1, text("apiVersion").as_bytes());
    type_meta.bytes(2, text("kind").as_bytes());
    let mut raw = Writer::default();
    write_message(message, object.as_object()?, &mut raw);
    let mut envelope = Writer::from(MAGIC.to_vec());
    envelope.bytes(1, &type_meta.finish());
    envelope.bytes(2, &raw.finish());
    envelope.bytes(3, b"");
    envelope.bytes(4, b"");
    Some(envelope.finish())
}

/// Writes a watch event with its length in front, as streams have it.
pub(crate) fn write_event(kind_of_event: &str, object: &Value) -> Option<Vec<u8>> {
    let mut extension = Writer::default();
    extension.bytes(1, &write(object)?);
    let mut event = Writer::default();
    event.bytes(1, kind_of_event.as_bytes());
    event.bytes(2, &extension.finish());
    let event = event.finish();
    let mut frame = u32::try_from(event.len()).ok()?.to_be_bytes().to_vec();
    frame.extend_from_slice(&event);
    Some(frame)
}

fn read_message(
    message: &'static Message,
    bytes: &[u8],
    out: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), Error> {
    if depth > DEPTH {
        return Err(Error::TooDeep);
    }
    let mut reader = Reader::new(bytes);
    while let Some((number, value)) = reader.next()? {
        let Some(field) = message.number(number) else {
            continue;
        };
        match field.message() {
            Some(inline) if field.inline => {
                read_message(inline, value.bytes()?, out, depth + 1)?;
                continue;
            }
            _ => {}
        }
        if field.map {
            let (mut key, mut entry) = (String::new(), None);
            let mut reader = Reader::new(value.bytes()?);
            while let Some((number, value)) = reader.next()? {
                match number {
                    1 => key = value.text()?,
                    2 => entry = Some(read_value(field, &value, depth)?),
                    _ => {}
                }
            }
            let map = meta::object(out.entry(field.json).or_insert(Value::Null));
            map.insert(key, entry.unwrap_or(Value::Null));
        } else if field.repeated {
            let item = read_value(field, &value, depth)?;
            match out.get_mut(field.json) {
                Some(Value::Array(items)) => items.push(item),
                _ => {
                    out.insert(field.json.into(), json!([item]));
                }
            }
        } else {
            let value = read_value(field, &value, depth)?;
            out.insert(field.json.into(), value);
        }
    }
    Ok(())
}

fn read_value(field: &'static Field, value: &wire::Value<'_>, depth: usize) -> Result<Value, Error> {
    if let Some(message) = field.message() {
        return match message.special {
            Some(special) => read_special(special, value.bytes()?, depth),
            None => {
                let mut out = Map::new();
                read_message(message, value.bytes()?, &mut out, depth + 1)?;
                Ok(Value::Object(out))
            }
        };
    }
    Ok(match field.ty {
        Type::String => value.text()?.into(),
        Type::Int32 | Type::Int64 => value.integer()?.into(),
        Type::Bool => (value.integer()? != 0).into(),
        Type::Double => value.double()?.into(),
        Type::Bytes => STANDARD.encode(value.bytes()?).into(),
        Type::StringList => {
            let mut items = Vec::new();
            let mut reader = Reader::new(value.bytes()?);
            while let Some((_, item)) = reader.next()? {
                items.push(Value::from(item.text()?));
            }
            items.into()
        }
        Type::Any | Type::Message | Type::Unknown => Value::Null,
    })
}

fn read_special(special: Special, bytes: &[u8], depth: usize) -> Result<Value, Error> {
    let mut numbers: [i64; 4] = [0; 4];
    let mut texts: [&[u8]; 4] = [&[]; 4];
    let mut lists: Vec<&[u8]> = Vec::new();
    let mut reader = Reader::new(bytes);
    while let Some((number, value)) = reader.next()? {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        match value {
            wire::Value::Bytes(bytes) => {
                if number == 2 {
                    lists.push(bytes);
                }
                if let Some(slot) = texts.get_mut(at) {
                    *slot = bytes;
                }
            }
            value => {
                if let Some(slot) = numbers.get_mut(at) {
                    *slot = value.integer()?;
                }
            }
        }
    }
    let text = |at: usize| std::str::from_utf8(texts[at]).map_err(|_| Error::Malformed);
    let time = || {
        let nanos = i32::try_from(numbers[2]).map_err(|_| Error::Malformed)?;
        Timestamp::new(numbers[1], nanos).map_err(|_| Error::Malformed)
    };
    let schema = |bytes: &[u8]| -> Result<Value, Error> {
        let message = schema_props().ok_or(Error::Malformed)?;
        let mut out = Map::new();
        read_message(message, bytes, &mut out, depth + 1)?;
        Ok(Value::Object(out))
    };
    Ok(match special {
        Special::Time | Special::MicroTime if bytes.is_empty() => Value::Null,
        Special::Time => seconds(time()?).into(),
        Special::MicroTime => micros(time()?).into(),
        Special::Quantity => text(1)?.into(),
        Special::IntOrString if numbers[1] == 0 => numbers[2].into(),
        Special::IntOrString => text(3)?.into(),
        Special::Duration => format!("{}ns", numbers[1]).into(),
        Special::RawExtension | Special::FieldsV1 | Special::Json => match texts[1] {
            [] => Value::Null,
            raw => crate::json::parse(raw).map_err(|_| Error::Malformed)?.value,
        },
        Special::SchemaOrBool if texts[2].is_empty() => (numbers[1] != 0).into(),
        Special::SchemaOrBool => schema(texts[2])?,
        Special::SchemaOrArray if lists.is_empty() => schema(texts[1])?,
        Special::SchemaOrArray => lists.into_iter().map(schema).collect::<Result<_, _>>()?,
        Special::SchemaOrStringArray if lists.is_empty() => schema(texts[1])?,
        Special::SchemaOrStringArray => lists
            .into_iter()
            .map(|item| {
                std::str::from_utf8(item)
                    .map(Value::from)
                    .map_err(|_| Error::Malformed)
            })
            .collect::<Result<_, _>>()?,
    })
}

fn schema_props() -> Option<&'static Message> {
    kubist_schema::message("k8s.io.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
}

fn write_message(message: &'static Message, object: &Map<String, Value>, out: &mut Writer) {
    for field in message.fields.iter().filter(|field| field.number > 0) {
        if let Some(inline) = field.message().filter(|_| field.inline) {
            let mut inner = Writer::default();
            write_message(inline, object, &mut inner);
            out.bytes(field.number, &inner.finish());
            continue;
        }
        match (object.get(field.json), field.repeated, field.map) {
            (Some(Value::Array(items)), true, _) => {
                items
                    .iter()
                    .for_each(|item| write_value(field, item, field.number, out));
            }
            (Some(Value::Object(map)), _, true) => {
                for (key, value) in map {
                    let mut entry = Writer::default();
                    entry.bytes(1, key.as_bytes());
                    write_value(field, value, 2, &mut entry);
                    out.bytes(field.number, &entry.finish());
                }
            }
            (_, true, _) | (_, _, true) => {}
            (None | Some(Value::Null), ..) if field.pointer || field.ty == Type::Bytes => {}
            (value, ..) => write_value(field, value.unwrap_or(&Value::Null), field.number, out),
        }
    }
}

fn write_value(field: &'static Field, value: &Value, number: u32, out: &mut Writer) {
    if let Some(message) = field.message() {
        let mut inner = Writer::default();
        match (message.special, value) {
            (Some(special), value) => write_special(special, value, &mut inner),
            (None, Value::Object(object)) => write_message(message, object, &mut inner),
            (None, _) => write_message(message, &Map::new(), &mut inner),
        }
        out.bytes(number, &inner.finish());
        return;
    }
    match field.ty {
        Type::String => out.bytes(number, value.as_str().unwrap_or("").as_bytes()),
        Type::Int32 | Type::Int64 => out.integer(number, value.as_i64().unwrap_or(0)),
        Type::Bool => out.integer(number, i64::from(value.as_bool().unwrap_or(false))),
        Type::Double => out.double(number, value.as_f64().unwrap_or(0.0)),
        Type::Bytes => out.bytes(
            number,
            &STANDARD.decode(value.as_str().unwrap_or("")).unwrap_or_default(),
        ),
        Type::StringList => {
            let mut inner = Writer::default();
            meta::strings(Some(value))
                .into_iter()
                .for_each(|item| inner.bytes(1, item.as_bytes()));
            out.bytes(number, &inner.finish());
        }
        Type::Any | Type::Message | Type::Unknown => {}
    }
}

fn write_special(special: Special, value: &Value, out: &mut Writer) {
    let schema = |value: &Value| {
        let mut inner = Writer::default();
        if let (Some(message), Some(object)) = (schema_props(), value.as_object()) {
            write_message(message, object, &mut inner);
        }
        inner.finish()
    };
    match special {
        Special::Time | Special::MicroTime => {
            let time = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
            if let Some(time) = time {
                out.integer(1, time.as_second());
                let nanos = if special == Special::Time {
                    0
                } else {
                    time.subsec_nanosecond()
                };
                out.integer(2, i64::from(nanos));
            }
        }
        Special::Quantity => out.bytes(1, value.as_str().unwrap_or("0").as_bytes()),
        Special::IntOrString => {
            out.integer(1, i64::from(value.is_string()));
            out.integer(2, value.as_i64().unwrap_or(0));
            out.bytes(3, value.as_str().unwrap_or("").as_bytes());
        }
        Special::Duration => {
            let nanos = value
                .as_str()
                .and_then(|text| text.strip_suffix("ns")?.parse().ok());
            out.integer(1, nanos.unwrap_or(0));
        }
        Special::RawExtension | Special::FieldsV1 | Special::Json => {
            if !value.is_null() {
                out.bytes(1, value.to_string().as_bytes());
            }
        }
        Special::SchemaOrBool => {
            out.integer(1, i64::from(value.as_bool().unwrap_or(value.is_object())));
            if value.is_object() {
                out.bytes(2, &schema(value));
            }
        }
        Special::SchemaOrArray => match value {
            Value::Array(items) => items.iter().for_each(|item| out.bytes(2, &schema(item))),
            value => out.bytes(1, &schema(value)),
        },
        Special::SchemaOrStringArray => match value {
            Value::Array(_) => {
                meta::strings(Some(value))
                    .into_iter()
                    .for_each(|item| out.bytes(2, item.as_bytes()));
            }
            value => out.bytes(1, &schema(value)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Upstream's samples: what the protobuf says is what the JSON says, and comes back so.
    #[test]
    fn upstream_samples_are_read_and_written() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/k8s/testdata");
        let Ok(entries) = std::fs::read_dir(dir) else {
            println!("skipped: no samples in {dir}");
            return;
        };
        let mut seen = 0;
        for path in entries.flatten().map(|entry| entry.path()) {
            // Those after a round trip are what older releases make of newer fields.
            let is_sample = path.extension().is_some_and(|extension| extension == "pb");
            if !is_sample || path.to_string_lossy().contains("after_roundtrip") {
                continue;
            }
            let (Ok(bytes), Ok(text)) = (std::fs::read(&path), std::fs::read(path.with_extension("json")))
            else {
                continue;
            };
            let want: Value = serde_json::from_slice(&text).unwrap();
            let text = |key: &str| want.get(key).and_then(Value::as_str).unwrap_or("");
            let (group, version) = meta::group_version(text("apiVersion"));
            let Some(message) = kubist_schema::kind(group, version, text("kind")) else {
                continue;
            };
            let name = path.display();
            let read = read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (read, _) = crate::decode::decode(message, read).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(read, want, "{name}");
            let again = super::read(&super::write(&want).unwrap()).unwrap();
            let (again, _) = crate::decode::decode(message, again).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(again, want, "{name}");
            seen += 1;
        }
        println!("{seen} samples");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [&b""[..], b"k8s", b"k8s\0\x0a\xff", b"{}", b"k8s\0\x12\x01"] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }
}
