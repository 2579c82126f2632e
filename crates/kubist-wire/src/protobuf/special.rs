//! Types whose JSON is a form of their own.

use kubist_schema::{Message, Special};
use serde::de::{Deserializer, SeqAccess, Visitor, value::SeqDeserializer};

use super::message::MessageDeserializer;
use super::reader::{Reader, Wire};
use super::{Envelope, Error, MAGIC};

pub(super) fn deserialize<'de, V: Visitor<'de>>(
    special: Special,
    message: &'static Message,
    bytes: &'de [u8],
    depth: u16,
    visitor: V,
) -> Result<V::Value, Error> {
    let depth = depth.checked_sub(1).ok_or(Error::TooDeep {
        message: message.short_name(),
    })?;
    let fields = Fields { message, bytes };
    match special {
        Special::Time => time(&fields, false, visitor),
        Special::MicroTime => time(&fields, true, visitor),
        Special::Quantity => visitor.visit_borrowed_str(fields.text(1)?.unwrap_or("0")),
        Special::Duration => visitor.visit_string(duration(fields.varint(1)?.unwrap_or(0).cast_signed())),
        Special::IntOrString => match fields.varint(1)?.unwrap_or(0) {
            0 => visitor.visit_i64(fields.varint(2)?.unwrap_or(0).cast_signed()),
            _ => visitor.visit_borrowed_str(fields.text(3)?.unwrap_or("")),
        },
        Special::RawExtension | Special::FieldsV1 | Special::Json => {
            raw(fields.bytes(1)?.unwrap_or(&[]), message, depth, visitor)
        }
        Special::SchemaOrArray => match fields.bytes(1)? {
            Some(schema) => fields.nested(1, schema, depth)?.deserialize_any(visitor),
            None => {
                let schemas = fields.all(2)?.into_iter();
                visitor.visit_seq(Schemas {
                    fields,
                    schemas,
                    depth,
                })
            }
        },
        Special::SchemaOrBool => match fields.bytes(2)? {
            Some(schema) => fields.nested(2, schema, depth)?.deserialize_any(visitor),
            None => visitor.visit_bool(fields.varint(1)?.unwrap_or(0) != 0),
        },
        Special::SchemaOrStringArray => match fields.bytes(1)? {
            Some(schema) => fields.nested(1, schema, depth)?.deserialize_any(visitor),
            None => {
                let reader = Reader::new(&[], message.short_name());
                let names = fields.all(2)?;
                let names: Vec<&str> = names
                    .into_iter()
                    .map(|name| reader.text(name))
                    .collect::<Result<_, _>>()?;
                visitor.visit_seq(SeqDeserializer::new(names.into_iter()))
            }
        },
    }
}

/// The fields of a small message.
struct Fields<'de> {
    message: &'static Message,
    bytes: &'de [u8],
}

impl<'de> Fields<'de> {
    fn reader(&self) -> Reader<'de> {
        Reader::new(self.bytes, self.message.short_name())
    }

    fn last(&self, wanted: u32) -> Result<Option<Wire<'de>>, Error> {
        let mut reader = self.reader();
        let mut last = None;
        while let Some((number, wire)) = reader.tag()? {
            if number == wanted {
                last = Some(wire);
            }
        }
        Ok(last)
    }

    fn varint(&self, number: u32) -> Result<Option<u64>, Error> {
        match self.last(number)? {
            None => Ok(None),
            Some(Wire::Varint(value)) => Ok(Some(value)),
            Some(_) => Err(self.reader().malformed()),
        }
    }

    fn bytes(&self, number: u32) -> Result<Option<&'de [u8]>, Error> {
        match self.last(number)? {
            None => Ok(None),
            Some(Wire::Len(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(self.reader().malformed()),
        }
    }

    fn text(&self, number: u32) -> Result<Option<&'de str>, Error> {
        self.bytes(number)?
            .map(|bytes| self.reader().text(bytes))
            .transpose()
    }

    fn all(&self, wanted: u32) -> Result<Vec<&'de [u8]>, Error> {
        let mut reader = self.reader();
        let mut all = Vec::new();
        while let Some((number, wire)) = reader.tag()? {
            if let (true, Wire::Len(bytes)) = (number == wanted, wire) {
                all.push(bytes);
            }
        }
        Ok(all)
    }

    /// The message in a field.
    fn nested(
        &self,
        number: u32,
        bytes: &'de [u8],
        depth: u16,
    ) -> Result<MessageDeserializer<'de, 'de>, Error> {
        let message = self.message.number(number).and_then(|field| field.message());
        let message = message.ok_or_else(|| self.reader().malformed())?;
        Ok(MessageDeserializer::new(message, bytes, None, depth))
    }
}

struct Schemas<'de> {
    fields: Fields<'de>,
    schemas: std::vec::IntoIter<&'de [u8]>,
    depth: u16,
}

impl<'de> SeqAccess<'de> for Schemas<'de> {
    type Error = Error;

    fn next_element_seed<T: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(schema) = self.schemas.next() else {
            return Ok(None);
        };
        seed.deserialize(self.fields.nested(2, schema, self.depth)?)
            .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.schemas.len())
    }
}

/// Seconds and nanoseconds since 1970; nothing at all is no time.
fn time<'de, V: Visitor<'de>>(fields: &Fields<'de>, micros: bool, visitor: V) -> Result<V::Value, Error> {
    if fields.bytes.is_empty() {
        return visitor.visit_unit();
    }
    let seconds = fields.varint(1)?.unwrap_or(0).cast_signed();
    let nanos = i32::try_from(fields.varint(2)?.unwrap_or(0)).map_err(|_| fields.reader().malformed())?;
    let time = jiff::Timestamp::new(seconds, nanos).map_err(|_| fields.reader().malformed())?;
    let utc = time.to_zoned(jiff::tz::TimeZone::UTC);
    let format = if micros {
        "%Y-%m-%dT%H:%M:%S.%6fZ"
    } else {
        "%Y-%m-%dT%H:%M:%SZ"
    };
    visitor.visit_string(utc.strftime(format).to_string())
}

/// A duration as Go prints it: `1h30m0s`.
fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let duration = kubist_core::Duration::from(std::time::Duration::from_nanos(nanos.unsigned_abs()));
    format!("{sign}{duration}")
}

/// JSON inside of protobuf; or, in an extension, protobuf in an envelope of its own.
fn raw<'de, V: Visitor<'de>>(
    raw: &'de [u8],
    message: &'static Message,
    depth: u16,
    visitor: V,
) -> Result<V::Value, Error> {
    if raw.is_empty() {
        return visitor.visit_unit();
    }
    if raw.starts_with(&MAGIC) {
        let envelope = Envelope::parse(raw)?;
        let nested = envelope.message()?;
        return MessageDeserializer::new(nested, envelope.raw, Some(&envelope), depth)
            .deserialize_any(visitor);
    }
    let mut json = serde_json::Deserializer::from_slice(raw);
    let malformed = |error: serde_json::Error| {
        let message = format!("{} holds no JSON: {}", message.short_name(), error);
        <Error as serde::de::Error>::custom(message)
    };
    json.deserialize_any(visitor).map_err(malformed)
}
