//! Messages, as maps of their JSON fields.

use std::borrow::Cow;
use std::vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubist_schema::{Field, Message, Type};
use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Error;
use super::reader::{Reader, Wire};
use super::special;

/// Fields that an object has in JSON and not in its message.
pub(super) trait Extra<'de> {
    fn fields(&self) -> [(&'static str, StrDeserializer<'de, Error>); 2];
}

/// A message.
#[derive(Clone, Copy)]
pub(super) struct MessageDeserializer<'a, 'de> {
    message: &'static Message,
    bytes: &'de [u8],
    extra: Option<&'a dyn Extra<'de>>,
    depth: u16,
}

impl<'a, 'de> MessageDeserializer<'a, 'de> {
    pub(super) fn new(
        message: &'static Message,
        bytes: &'de [u8],
        extra: Option<&'a dyn Extra<'de>>,
        depth: u16,
    ) -> Self {
        MessageDeserializer {
            message,
            bytes,
            extra,
            depth,
        }
    }
}

impl<'de> Deserializer<'de> for MessageDeserializer<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Some(special) = self.message.special {
            return special::deserialize(special, self.message, self.bytes, self.depth, visitor);
        }
        let mut entries = Vec::new();
        collect(self.message, self.bytes, self.depth, &mut entries)?;
        visitor.visit_map(Entries {
            extra: self
                .extra
                .map(Extra::fields)
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .into_iter(),
            extra_value: None,
            entries: entries.into_iter(),
            current: None,
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// One field of a message with all that the wire has of it, in order.
struct Entry<'de> {
    field: &'static Field,
    wires: Vec<Wire<'de>>,
    depth: u16,
}

/// Gathers the fields of a message, those of inlined messages among them.
fn collect<'de>(
    message: &'static Message,
    bytes: &'de [u8],
    depth: u16,
    entries: &mut Vec<Entry<'de>>,
) -> Result<(), Error> {
    let depth = depth.checked_sub(1).ok_or(Error::TooDeep {
        message: message.short_name(),
    })?;
    let mut reader = Reader::new(bytes, message.short_name());
    while let Some((number, wire)) = reader.tag()? {
        // Servers of a later version have further fields.
        let Some(field) = message.number(number) else {
            continue;
        };
        if field.inline {
            let (Some(inlined), Wire::Len(bytes)) = (field.message(), wire) else {
                return Err(reader.malformed());
            };
            collect(inlined, bytes, depth, entries)?;
            continue;
        }
        if field.json.is_empty() || field.json == "-" || left_out(field, wire) {
            continue;
        }
        // Writers put the items of a list behind one another; readers may not rely on it.
        let same = |entry: &&mut Entry<'_>| std::ptr::eq(entry.field, field);
        match entries.iter_mut().rev().find(same) {
            Some(entry) => entry.wires.push(wire),
            None => entries.push(Entry {
                field,
                wires: vec![wire],
                depth,
            }),
        }
    }
    Ok(())
}

/// Whether JSON leaves out what the wire has: a zero of a field that is always on the wire.
fn left_out(field: &Field, wire: Wire<'_>) -> bool {
    if field.pointer || field.repeated || field.map || !(field.omit_empty || field.omit_zero) {
        return false;
    }
    match wire {
        Wire::Varint(value) => value == 0,
        Wire::Fixed64(value) => value == 0,
        Wire::Fixed32(value) => value == 0,
        Wire::Len([]) => match field.message() {
            // An empty struct is not empty to Go's omitempty; a zero time has a form of its own.
            Some(message) => field.omit_zero || message.special.is_some(),
            None => true,
        },
        Wire::Len(_) => false,
    }
}

struct Entries<'de> {
    extra: vec::IntoIter<(&'static str, StrDeserializer<'de, Error>)>,
    extra_value: Option<StrDeserializer<'de, Error>>,
    entries: vec::IntoIter<Entry<'de>>,
    current: Option<Entry<'de>>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if let Some((name, value)) = self.extra.next() {
            self.extra_value = Some(value);
            return seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some);
        }
        match self.entries.next() {
            Some(entry) => {
                let name = entry.field.json;
                self.current = Some(entry);
                seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        if let Some(value) = self.extra_value.take() {
            return seed.deserialize(value);
        }
        let Some(entry) = self.current.take() else {
            return Err(serde::de::Error::custom("a value was asked for before its key"));
        };
        let name = entry.field.json;
        seed.deserialize(entry).map_err(|error| error.within(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.extra.len() + self.entries.len())
    }
}

impl<'de> Deserializer<'de> for Entry<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Entry { field, wires, depth } = self;
        if field.map {
            visitor.visit_map(MapEntries {
                field,
                wires: wires.into_iter(),
                value: None,
                depth,
            })
        } else if field.repeated {
            visitor.visit_seq(Items {
                field,
                wires: wires.into_iter(),
                depth,
            })
        } else {
            // Where a field is set twice, the last one counts.
            let wire = wires.last().copied().unwrap_or(Wire::Len(&[]));
            Single { field, wire, depth }.deserialize_any(visitor)
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // What nobody reads costs nothing.
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

struct Items<'de> {
    field: &'static Field,
    wires: vec::IntoIter<Wire<'de>>,
    depth: u16,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Items { field, depth, .. } = *self;
        self.wires
            .next()
            .map(|wire| seed.deserialize(Single { field, wire, depth }))
            .transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.wires.len())
    }
}

/// A map: on the wire a list of pairs.
struct MapEntries<'de> {
    field: &'static Field,
    wires: vec::IntoIter<Wire<'de>>,
    value: Option<Wire<'de>>,
    depth: u16,
}

impl<'de> MapAccess<'de> for MapEntries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(wire) = self.wires.next() else {
            return Ok(None);
        };
        let mut reader = Reader::new(
            match wire {
                Wire::Len(pair) => pair,
                _ => {
                    return Err(Error::Malformed {
                        message: self.field.json,
                        offset: 0,
                    });
                }
            },
            self.field.json,
        );
        let mut key = "";
        // An empty value is left out on the wire.
        let mut value = match self.field.ty {
            Type::Int32 | Type::Int64 | Type::Bool => Wire::Varint(0),
            Type::Double => Wire::Fixed64(0),
            _ => Wire::Len(&[]),
        };
        while let Some((number, wire)) = reader.tag()? {
            match (number, wire) {
                (1, Wire::Len(text)) => key = reader.text(text)?,
                (2, wire) => value = wire,
                _ => {}
            }
        }
        self.value = Some(value);
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let wire = self.value.take().unwrap_or(Wire::Len(&[]));
        seed.deserialize(Single {
            field: self.field,
            wire,
            depth: self.depth,
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.wires.len())
    }
}

/// One value of a field: of a list, of a map, or its only one.
struct Single<'de> {
    field: &'static Field,
    wire: Wire<'de>,
    depth: u16,
}

impl<'de> Deserializer<'de> for Single<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Single { field, wire, depth } = self;
        let reader = Reader::new(&[], field.json);
        match (field.ty, wire) {
            (Type::String | Type::Any, Wire::Len(text)) => visitor.visit_borrowed_str(reader.text(text)?),
            // On the wire both are 64 bits wide; what is negative is sign-extended.
            (Type::Int32 | Type::Int64, Wire::Varint(value)) => visitor.visit_i64(value.cast_signed()),
            (Type::Bool, Wire::Varint(value)) => visitor.visit_bool(value != 0),
            (Type::Double, Wire::Fixed64(bits)) => visitor.visit_f64(f64::from_bits(bits)),
            (Type::Bytes, Wire::Len(bytes)) => visitor.visit_string(STANDARD.encode(bytes)),
            (Type::StringList, Wire::Len(list)) => {
                let mut reader = Reader::new(list, field.json);
                let mut items = Vec::new();
                while let Some((number, wire)) = reader.tag()? {
                    if let (1, Wire::Len(text)) = (number, wire) {
                        items.push(Cow::Borrowed(reader.text(text)?));
                    }
                }
                visitor.visit_seq(serde::de::value::SeqDeserializer::new(items.into_iter()))
            }
            (Type::Message, Wire::Len(bytes)) => match field.message() {
                Some(message) => {
                    MessageDeserializer::new(message, bytes, None, depth).deserialize_any(visitor)
                }
                None => Err(reader.malformed()),
            },
            _ => Err(reader.malformed()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
