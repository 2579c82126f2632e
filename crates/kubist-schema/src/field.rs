//! Fields of messages.

use std::sync::OnceLock;

use crate::message::{self, Message};

/// A field of a [`Message`].
#[derive(Debug)]
pub struct Field {
    /// The protobuf number, 0 where the field has no protobuf form.
    pub number: u32,
    /// The JSON name; empty for an inline message.
    pub json: &'static str,
    /// The protobuf name.
    pub proto: &'static str,
    /// The type of the value, of the items of a list, or of the values of a map.
    pub ty: Type,
    /// Whether absence differs from a zero value.
    pub pointer: bool,
    /// Whether JSON leaves out an empty value. A struct is never empty.
    pub omit_empty: bool,
    /// Whether JSON leaves out a zero value, even of a struct.
    pub omit_zero: bool,
    /// Whether the fields of the message appear as the parent's own in JSON.
    pub inline: bool,
    /// Whether it is a list.
    pub repeated: bool,
    /// Whether it is a map with string keys.
    pub map: bool,
    /// How merges treat the list.
    pub list_type: ListType,
    /// The keys of a list that is a map.
    pub list_map_keys: Vec<&'static str>,
    /// Whether merges replace the map or message as a whole.
    pub atomic: bool,
    /// By which field a strategic merge patch finds list items.
    pub merge_key: Option<&'static str>,
    /// Whether a strategic merge patch merges the list rather than replacing it.
    pub merge: bool,
    /// Whether a strategic merge patch obeys `$retainKeys` here.
    pub retain_keys: bool,
    /// The values that are allowed, where the API names them.
    pub allowed: Vec<&'static str>,
    /// The values that are allowed as list items, where the API names them.
    pub allowed_items: Vec<&'static str>,
    /// The OpenAPI format, such as `int32`, where it says more than the type.
    pub format: Option<&'static str>,
    /// The default as JSON text, where the API declares one.
    pub default: Option<&'static str>,
    target: OnceLock<Option<&'static Message>>,
    type_name: &'static str,
    package: &'static str,
}

impl Field {
    /// The message that this field holds, or that its items or values are.
    pub fn message(&self) -> Option<&'static Message> {
        if self.ty != Type::Message {
            return None;
        }
        *self
            .target
            .get_or_init(|| resolve(self.package, self.type_name).map(message::at))
    }

    /// The protobuf wire type of one value.
    pub fn wire(&self) -> Wire {
        match self.ty {
            Type::Int32 | Type::Int64 | Type::Bool if !self.map => Wire::Varint,
            Type::Double if !self.map => Wire::Fixed64,
            _ => Wire::Len,
        }
    }

    pub(crate) fn parse(package: &'static str, line: &'static str) -> Field {
        let mut parts = line.split('\t');
        let mut next = || parts.next().unwrap_or("");
        let number = next().parse().unwrap_or(0);
        let json = next();
        let proto = match next() {
            "=" => json,
            proto => proto,
        };
        let type_name = next();
        let mut field = Field {
            number,
            json,
            proto,
            ty: Type::of(package, type_name),
            pointer: false,
            omit_empty: false,
            omit_zero: false,
            inline: false,
            repeated: false,
            map: false,
            list_type: ListType::Atomic,
            list_map_keys: Vec::new(),
            atomic: false,
            merge_key: None,
            merge: false,
            retain_keys: false,
            allowed: Vec::new(),
            allowed_items: Vec::new(),
            format: None,
            default: None,
            target: OnceLock::new(),
            type_name,
            package,
        };
        for attribute in parts {
            field.attribute(attribute);
        }
        field
    }

    fn attribute(&mut self, attribute: &'static str) {
        let Some((key, value)) = attribute.split_once('=') else {
            match attribute {
                "p" => self.pointer = true,
                "o" => self.omit_empty = true,
                "z" => self.omit_zero = true,
                "i" => self.inline = true,
                "r" => self.repeated = true,
                "m" => self.map = true,
                _ => {}
            }
            return;
        };
        match key {
            "list" => {
                self.list_type = match value {
                    "map" => ListType::Map,
                    "set" => ListType::Set,
                    _ => ListType::Atomic,
                }
            }
            "map" => self.atomic = value == "atomic",
            "key" => self.merge_key = Some(value),
            "strategy" => {
                self.merge = value.split(',').any(|part| part == "merge");
                self.retain_keys = value.split(',').any(|part| part == "retainKeys");
            }
            "keys" => self.list_map_keys = value.split(',').collect(),
            "enum" => self.allowed = value.split('|').collect(),
            "items" => self.allowed_items = value.split('|').collect(),
            "format" => self.format = Some(value),
            "default" => self.default = Some(value),
            _ => {}
        }
    }
}

/// What a [`Field`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text, or an enumeration.
    String,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// A boolean.
    Bool,
    /// Bytes, base64 in JSON.
    Bytes,
    /// A double.
    Double,
    /// A list of strings as the value of a map; protobuf wraps it in a message.
    StringList,
    /// Any JSON, without a protobuf form.
    Any,
    /// A message; see [`Field::message`].
    Message,
    /// Nothing that the tables know; none of the committed tables has it.
    Unknown,
}

impl Type {
    fn of(package: &str, name: &str) -> Type {
        match name {
            "string" | "time.Time" => Type::String,
            "int32" => Type::Int32,
            "int64" => Type::Int64,
            "bool" => Type::Bool,
            "bytes" => Type::Bytes,
            "double" => Type::Double,
            "[]string" => Type::StringList,
            "interface" => Type::Any,
            _ if resolve(package, name).is_some() => Type::Message,
            _ => Type::Unknown,
        }
    }
}

/// The index of a message whose name may be relative to `package`.
fn resolve(package: &str, name: &str) -> Option<usize> {
    if name.starts_with('.') {
        message::index_of(&format!("{package}{name}"))
    } else {
        message::index_of(name)
    }
}

/// How a merge treats a list (`x-kubernetes-list-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// As one value.
    Atomic,
    /// As a set of scalars.
    Set,
    /// As a map, by [`Field::list_map_keys`].
    Map,
}

/// A protobuf wire type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// A variable-length integer.
    Varint,
    /// Eight bytes.
    Fixed64,
    /// A length, then so many bytes.
    Len,
}
