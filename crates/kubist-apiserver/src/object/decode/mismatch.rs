//! Values of the wrong type, in the words of Go's decoder.

use kubist_schema::{Field, Message, Type};
use serde_json::Value;

use super::Place;
use crate::http::json::noun;

pub(super) fn mismatch(value: &Value, place: Place<'_>, go_type: &str) -> String {
    unmarshal(noun(value), place, go_type)
}

pub(super) fn mismatch_number(number: &serde_json::Number, place: Place<'_>, go_type: &str) -> String {
    unmarshal(&format!("number {number}"), place, go_type)
}

fn unmarshal(what: &str, place: Place<'_>, go_type: &str) -> String {
    match place {
        Some((parent, path)) => {
            let name = parent.short_name();
            format!("json: cannot unmarshal {what} into Go struct field {name}.{path} of type {go_type}")
        }
        None => format!("json: cannot unmarshal {what} into Go value of type {go_type}"),
    }
}

pub(super) fn go_type(field: &'static Field) -> String {
    match (field.ty, field.message()) {
        (_, Some(message)) => go_name(message),
        (Type::String, _) => "string".into(),
        (Type::Int32, _) => "int32".into(),
        (Type::Int64, _) => "int64".into(),
        (Type::Bool, _) => "bool".into(),
        (Type::Bytes, _) => "[]uint8".into(),
        (Type::Double, _) => "float64".into(),
        (Type::StringList, _) => "[]string".into(),
        _ => "interface {}".into(),
    }
}

pub(super) fn go_name(message: &'static Message) -> String {
    format!("{}.{}", message.package_version(), message.short_name())
}
