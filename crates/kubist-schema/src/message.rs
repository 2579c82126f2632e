//! Messages: the types that kinds are made of.

use std::sync::OnceLock;

use crate::Field;

static MESSAGES: &str = include_str!("../data/messages.tsv");

/// A struct of the Kubernetes API, such as `k8s.io.api.core.v1.PodSpec`.
#[derive(Debug)]
pub struct Message {
    /// The full name, with its package.
    pub name: &'static str,
    /// Set for a type whose JSON form is its own, such as `Time` or `Quantity`.
    pub special: Option<Special>,
    /// Whether a merge replaces it as a whole (`x-kubernetes-map-type: atomic`).
    pub atomic: bool,
    /// JSON names of the fields that must be there.
    pub required: Vec<&'static str>,
    /// The fields in the order of the protobuf definition; inline messages are not flattened.
    pub fields: Vec<Field>,
    /// Fields by JSON name, inline messages flattened; filled at first use.
    flat: OnceLock<Vec<(&'static str, &'static Field)>>,
}

impl Message {
    /// The name without its package, such as `PodSpec`.
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(_, name)| name)
    }

    /// The version that the type's package belongs to, such as `v1`.
    pub fn package_version(&self) -> &'static str {
        let package = self.name.rsplit_once('.').map_or("", |(package, _)| package);
        package.rsplit_once('.').map_or(package, |(_, version)| version)
    }

    /// The field with this JSON name; fields of inline messages count as the message's own.
    pub fn field(&'static self, json: &str) -> Option<&'static Field> {
        let flat = self.flat();
        flat.binary_search_by(|(name, _)| (*name).cmp(json))
            .ok()
            .map(|at| flat[at].1)
    }

    /// Every field that JSON shows, sorted by JSON name, inline messages flattened.
    pub fn json_fields(&'static self) -> impl ExactSizeIterator<Item = &'static Field> {
        self.flat().iter().map(|(_, field)| *field)
    }

    /// The field with this protobuf number, not looking into inline messages.
    pub fn number(&self, number: u32) -> Option<&Field> {
        self.fields.iter().find(|field| field.number == number)
    }

    fn flat(&'static self) -> &'static [(&'static str, &'static Field)] {
        self.flat.get_or_init(|| {
            let mut flat = Vec::with_capacity(self.fields.len() + 2);
            for field in &self.fields {
                match field.message() {
                    Some(inline) if field.inline => flat.extend_from_slice(inline.flat()),
                    _ if field.json.is_empty() || field.json == "-" => {}
                    _ => flat.push((field.json, field)),
                }
            }
            flat.sort_by_key(|(name, _)| *name);
            flat
        })
    }
}

/// Types whose JSON form is not that of a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// RFC 3339 to the second.
    Time,
    /// RFC 3339 to the microsecond.
    MicroTime,
    /// A number with a suffix, as a string or a number.
    Quantity,
    /// An integer or a string.
    IntOrString,
    /// Any JSON: an object of any kind.
    RawExtension,
    /// The set of fields that a manager owns.
    FieldsV1,
    /// Any JSON.
    Json,
    /// A JSON schema, or a list of them.
    SchemaOrArray,
    /// A JSON schema, or a boolean.
    SchemaOrBool,
    /// A JSON schema, or a list of strings.
    SchemaOrStringArray,
    /// A duration as Go prints it.
    Duration,
}

impl Special {
    fn of(name: &str) -> Option<Special> {
        Some(match name.rsplit_once('.').map_or(name, |(_, name)| name) {
            "Time" => Special::Time,
            "MicroTime" => Special::MicroTime,
            "Quantity" => Special::Quantity,
            "IntOrString" => Special::IntOrString,
            "RawExtension" => Special::RawExtension,
            "FieldsV1" => Special::FieldsV1,
            "JSON" => Special::Json,
            "JSONSchemaPropsOrArray" => Special::SchemaOrArray,
            "JSONSchemaPropsOrBool" => Special::SchemaOrBool,
            "JSONSchemaPropsOrStringArray" => Special::SchemaOrStringArray,
            "Duration" => Special::Duration,
            _ => return None,
        })
    }
}

/// The message with this full name.
pub fn message(name: &str) -> Option<&'static Message> {
    index_of(name).map(at)
}

/// All messages, sorted by name. Walking them parses every one.
pub fn messages() -> impl ExactSizeIterator<Item = &'static Message> {
    (0..slots().len()).map(at)
}

/// A message's text, and the message once somebody asked for it.
struct Slot {
    name: &'static str,
    text: &'static str,
    parsed: OnceLock<Message>,
}

fn slots() -> &'static [Slot] {
    static SLOTS: OnceLock<Vec<Slot>> = OnceLock::new();
    SLOTS.get_or_init(|| {
        MESSAGES
            .strip_prefix("M\t")
            .unwrap_or(MESSAGES)
            .split("\nM\t")
            .map(|text| {
                let end = text.find(['\t', '\n']).unwrap_or(text.len());
                Slot {
                    name: &text[..end],
                    text,
                    parsed: OnceLock::new(),
                }
            })
            .collect()
    })
}

pub(crate) fn index_of(name: &str) -> Option<usize> {
    slots().binary_search_by(|slot| slot.name.cmp(name)).ok()
}

pub(crate) fn at(index: usize) -> &'static Message {
    let slot = &slots()[index];
    slot.parsed.get_or_init(|| parse(slot))
}

fn parse(slot: &Slot) -> Message {
    let mut lines = slot.text.lines();
    let mut message = Message {
        name: slot.name,
        special: None,
        atomic: false,
        required: Vec::new(),
        fields: Vec::new(),
        flat: OnceLock::new(),
    };
    for attribute in lines.next().unwrap_or("").split('\t').skip(1) {
        match attribute.split_once('=') {
            Some(("required", names)) => message.required = names.split(',').collect(),
            None if attribute == "atomic" => message.atomic = true,
            None if attribute == "special" => message.special = Special::of(slot.name),
            _ => {}
        }
    }
    let package = slot.name.rsplit_once('.').map_or("", |(package, _)| package);
    message.fields = lines.map(|line| Field::parse(package, line)).collect();
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_so_that_lookups_find_them() {
        assert!(slots().is_sorted_by(|a, b| a.name < b.name));
        assert!(slots().len() > 1000);
    }

    #[test]
    fn every_message_parses_and_every_type_is_known() {
        for message in messages() {
            for field in &message.fields {
                assert!(
                    field.ty != crate::Type::Unknown,
                    "{}.{} has a type that no table has",
                    message.name,
                    field.json
                );
            }
        }
    }

    #[test]
    fn inline_messages_are_flattened() {
        let volume = message("k8s.io.api.core.v1.Volume").expect("Volume");
        assert!(volume.field("configMap").is_some());
        assert!(volume.field("volumeSource").is_none());
    }
}
