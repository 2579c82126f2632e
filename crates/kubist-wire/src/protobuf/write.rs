//! From JSON to messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kubist_schema::{Field, Message, Special, Type};
use serde_json::{Map, Value};

use super::MAGIC;
use super::writer::Writer;

/// Encodes an object in its envelope; `None` if its kind has no protobuf form.
///
/// The object is one as a server has it: what is not of the schema is left out, and what is not of its
/// type is written as zero.
pub fn to_vec(object: &Value) -> Option<Vec<u8>> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or("");
    let api_version = text("apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
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

/// Encodes a watch event with its length in front, as streams of protobuf have it; `None` if the kind of
/// its object has no protobuf form.
pub fn to_event(kind_of_event: &str, object: &Value) -> Option<Vec<u8>> {
    let mut extension = Writer::default();
    extension.bytes(1, &to_vec(object)?);
    let mut event = Writer::default();
    event.bytes(1, kind_of_event.as_bytes());
    event.bytes(2, &extension.finish());
    let event = event.finish();
    let mut frame = u32::try_from(event.len()).ok()?.to_be_bytes().to_vec();
    frame.extend_from_slice(&event);
    Some(frame)
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
            strings(value).for_each(|item| inner.bytes(1, item.as_bytes()));
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
                strings(value).for_each(|item| out.bytes(2, item.as_bytes()));
            }
            value => out.bytes(1, &schema(value)),
        },
    }
}

/// The strings of a list.
fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}
