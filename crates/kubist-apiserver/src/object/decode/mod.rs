//! Built-in objects, read and written as their Go structs would.
//!
//! A real server decodes what it is sent into a struct, so fields that the struct lacks
//! vanish, a value of the wrong type is an error, and what is written back has every
//! field that is not marked `omitempty`. Clients see the difference: this does the same
//! by the schema's tables.

mod mismatch;

use base64::Engine as _;
use jiff::Timestamp;
use kubist_schema::{Field, Message, Special, Type};
use serde_json::{Map, Value};

use crate::http::json::noun;
use crate::identity::{micros, seconds};
use mismatch::{go_name, go_type, mismatch, mismatch_number};

/// Turns JSON into the JSON that the struct `message` would write.
///
/// Gives the object and the paths of fields that the struct does not have.
///
/// # Errors
///
/// The text of Go's decoding error.
pub(crate) fn decode(message: &'static Message, value: Value) -> Result<(Value, Vec<String>), String> {
    let mut decoder = Decoder {
        unknown: Vec::new(),
        path: String::new(),
        go_path: String::new(),
    };
    let value = decoder.message(message, value, None)?;
    // As the keys of a map come, whatever the order of the struct.
    decoder.unknown.sort_unstable();
    Ok((value, decoder.unknown))
}

/// What an empty struct `message` writes.
pub(crate) fn zero(message: &'static Message) -> Value {
    let mut out = Map::new();
    for field in message.json_fields() {
        if let Some(zero) = zero_of(field) {
            out.insert(field.json.into(), zero);
        }
    }
    Value::Object(out)
}

fn zero_of(field: &'static Field) -> Option<Value> {
    if field.pointer || field.repeated || field.map {
        return (!field.omit_empty).then_some(Value::Null);
    }
    if let Some(message) = field.message() {
        if field.omit_zero {
            return None;
        }
        return Some(match message.special {
            None => zero(message),
            Some(Special::Quantity) => "0".into(),
            Some(Special::Duration) => "0s".into(),
            Some(Special::IntOrString) => 0.into(),
            Some(_) => Value::Null,
        });
    }
    if field.omit_empty {
        return None;
    }
    Some(match field.ty {
        Type::String => "".into(),
        Type::Int32 | Type::Int64 | Type::Double => 0.into(),
        Type::Bool => false.into(),
        _ => Value::Null,
    })
}

struct Decoder {
    unknown: Vec<String>,
    path: String,
    /// The path as Go's decoder tracks it: without list indices and map keys.
    go_path: String,
}

/// The struct and field that Go's error names.
type Place<'a> = Option<(&'static Message, &'a str)>;

impl Decoder {
    fn message(
        &mut self,
        message: &'static Message,
        value: Value,
        place: Place<'_>,
    ) -> Result<Value, String> {
        if let Some(special) = message.special {
            return self.special(special, value, place);
        }
        let mut map = match value {
            Value::Object(map) => map,
            Value::Null => return Ok(zero(message)),
            other => return Err(mismatch(&other, place, &go_name(message))),
        };
        let mut out = Map::new();
        for field in message.json_fields() {
            let value = match map.remove(field.json) {
                Some(Value::Null) | None => zero_of(field),
                Some(value) => self.step(field.json, |decoder| decoder.field(message, field, value))?,
            };
            if let Some(value) = value {
                out.insert(field.json.into(), value);
            }
        }
        for key in map.keys() {
            self.unknown.push(join(&self.path, key));
        }
        Ok(Value::Object(out))
    }

    /// Decodes with `name` appended to the paths.
    fn step<T>(
        &mut self,
        name: &str,
        decode: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        let (path, go_path) = (self.path.len(), self.go_path.len());
        if path > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        if go_path > 0 {
            self.go_path.push('.');
        }
        self.go_path.push_str(name);
        let result = decode(self);
        self.path.truncate(path);
        self.go_path.truncate(go_path);
        result
    }

    /// The field's value, or nothing where JSON leaves it out.
    fn field(
        &mut self,
        parent: &'static Message,
        field: &'static Field,
        value: Value,
    ) -> Result<Option<Value>, String> {
        let go_path = self.go_path.clone();
        let place = Some((parent, go_path.as_str()));
        let value = if field.repeated {
            let Value::Array(items) = value else {
                return Err(mismatch(&value, place, &format!("[]{}", go_type(field))));
            };
            let mut out = Vec::with_capacity(items.len());
            for (at, item) in items.into_iter().enumerate() {
                let length = self.path.len();
                self.path.push_str(&format!("[{at}]"));
                out.push(self.single(field, item, place)?);
                self.path.truncate(length);
            }
            // What is empty comes back from storage as nothing; but without managers is not
            // the same as not saying who they are.
            if out.is_empty() && field.json != "managedFields" {
                return Ok(zero_of(field));
            }
            Value::Array(out)
        } else if field.map {
            let Value::Object(map) = value else {
                return Err(mismatch(&value, place, &format!("map[string]{}", go_type(field))));
            };
            let mut out = Map::new();
            for (key, item) in map {
                let length = self.path.len();
                self.path.push('.');
                self.path.push_str(&key);
                let item = self.single(field, item, place)?;
                self.path.truncate(length);
                out.insert(key, item);
            }
            if out.is_empty() {
                return Ok(zero_of(field));
            }
            Value::Object(out)
        } else {
            self.single(field, value, place)?
        };
        let empty = match &value {
            Value::String(text) => text.is_empty(),
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::Bool(value) => !value,
            Value::Null => true,
            _ => false,
        };
        let is_struct = field.ty == Type::Message && !field.repeated && !field.map;
        if empty && !field.pointer && (field.omit_empty && !is_struct || field.omit_zero) {
            return Ok(None);
        }
        Ok(Some(value))
    }

    fn single(&mut self, field: &'static Field, value: Value, place: Place<'_>) -> Result<Value, String> {
        if let Some(message) = field.message() {
            return self.message(message, value, place);
        }
        Ok(match (field.ty, value) {
            (Type::String | Type::Bytes, Value::Null) => "".into(),
            (Type::Int32 | Type::Int64 | Type::Double, Value::Null) => 0.into(),
            (Type::Bool, Value::Null) => false.into(),
            (Type::String, Value::String(text)) => text.into(),
            (Type::Bool, Value::Bool(value)) => value.into(),
            (Type::Double, Value::Number(number)) => number.into(),
            (Type::Int32, Value::Number(number)) => {
                match whole(&number).and_then(|n| i32::try_from(n).ok()) {
                    Some(number) => number.into(),
                    None => return Err(mismatch_number(&number, place, "int32")),
                }
            }
            (Type::Int64, Value::Number(number)) => match whole(&number) {
                Some(number) => number.into(),
                None => return Err(mismatch_number(&number, place, "int64")),
            },
            (Type::Bytes, Value::String(text)) => {
                let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
                base64(&text)?;
                text.into()
            }
            (Type::Any, value) => value,
            (Type::StringList, Value::Array(items)) if items.iter().all(Value::is_string) => {
                Value::Array(items)
            }
            (_, value) => return Err(mismatch(&value, place, &go_type(field))),
        })
    }

    fn special(&mut self, special: Special, value: Value, place: Place<'_>) -> Result<Value, String> {
        match (special, value) {
            (Special::Time | Special::MicroTime | Special::FieldsV1, Value::Null) => Ok(Value::Null),
            (Special::Time, Value::String(text)) => {
                time(&text, "2006-01-02T15:04:05Z07:00").map(|time| seconds(time).into())
            }
            (Special::MicroTime, Value::String(text)) => micro_time(&text).map(|time| micros(time).into()),
            (Special::Time | Special::MicroTime, other) => Err(format!(
                "json: cannot unmarshal {} into Go value of type string",
                noun(&other)
            )),
            (Special::Quantity, Value::Null) => Ok("0".into()),
            (Special::Quantity, Value::String(text)) => canonical_quantity(&text),
            (Special::Quantity, Value::Number(number)) => canonical_quantity(&number.to_string()),
            (Special::Quantity, _) => Err(MALFORMED_QUANTITY.into()),
            (Special::IntOrString, Value::String(text)) => Ok(text.into()),
            (Special::IntOrString, Value::Null) => Ok(0.into()),
            (Special::IntOrString, Value::Number(number)) => {
                match whole(&number).and_then(|number| i32::try_from(number).ok()) {
                    Some(number) => Ok(number.into()),
                    None => Err(format!(
                        "json: cannot unmarshal number {number} into Go value of type int32"
                    )),
                }
            }
            (Special::IntOrString, other) => Err(mismatch(&other, place, "intstr.IntOrString")),
            (Special::Duration, Value::Null) => Ok("0s".into()),
            (Special::Duration, Value::String(text)) => Ok(text.into()),
            (Special::Duration, other) => Err(mismatch(&other, place, "string")),
            (Special::SchemaOrBool, Value::Bool(value)) => Ok(value.into()),
            (Special::SchemaOrArray, Value::Array(items)) => {
                let props = schema_props()?;
                items
                    .into_iter()
                    .map(|item| self.message(props, item, place))
                    .collect()
            }
            (Special::SchemaOrStringArray, Value::Array(items)) => Ok(Value::Array(items)),
            (
                Special::SchemaOrBool | Special::SchemaOrArray | Special::SchemaOrStringArray,
                value @ Value::Object(_),
            ) => self.message(schema_props()?, value, place),
            (Special::SchemaOrBool, other) => {
                Err(format!("boolean or JSON schema expected, got {}", noun(&other)))
            }
            (_, value) => Ok(value),
        }
    }
}

fn schema_props() -> Result<&'static Message, String> {
    kubist_schema::message("k8s.io.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps")
        .ok_or_else(|| "no schema of schemas".into())
}

/// Decodes base64 or says what Go would.
pub(crate) fn base64(text: &str) -> Result<Vec<u8>, String> {
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|error| {
            let at = match error {
                base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                base64::DecodeError::InvalidLength(at) => at / 4 * 4,
                base64::DecodeError::InvalidPadding => text.len(),
            };
            format!("illegal base64 data at input byte {at}")
        })
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64()
}

/// A time with six digits behind the point, neither more nor less.
fn micro_time(text: &str) -> Result<Timestamp, String> {
    const LAYOUT: &str = "2006-01-02T15:04:05.000000Z07:00";
    /// Where the point is.
    const POINT: usize = 19;
    let parsed = time(text, LAYOUT)?;
    let rest = text.get(POINT..).unwrap_or_default();
    let digits = rest
        .strip_prefix('.')
        .map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let (at, element) = match digits {
        6 => return Ok(parsed),
        more if more > 6 => (POINT + 7, "Z07:00"),
        _ => (POINT, ".000000"),
    };
    let found = text.get(at..).unwrap_or_default();
    Err(format!(
        "parsing time {text:?} as {LAYOUT:?}: cannot parse {found:?} as {element:?}"
    ))
}

fn time(text: &str, layout: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        let element = if text
            .get(..4)
            .is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit()))
        {
            match text.get(4..) {
                Some(rest) if !rest.starts_with('-') => {
                    return format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as \"-\"");
                }
                _ => {
                    return format!(
                        "parsing time {text:?} as {layout:?}: cannot parse {:?} as \"Z07:00\"",
                        ""
                    );
                }
            }
        } else {
            "2006"
        };
        format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as {element:?}")
    })
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.into()
    } else {
        format!("{path}.{key}")
    }
}

/// What a kube-apiserver says of a string that is no quantity.
const MALFORMED_QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

fn canonical_quantity(text: &str) -> Result<Value, String> {
    match text.parse::<kubist_core::quantity::Quantity>() {
        Ok(quantity) => Ok(quantity.to_string().into()),
        Err(_) => Err(MALFORMED_QUANTITY.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config_map(value: Value) -> Result<(Value, Vec<String>), String> {
        decode(
            kubist_schema::kind("", "v1", "ConfigMap").expect("ConfigMap"),
            value,
        )
    }

    #[test]
    fn unknown_fields_vanish_and_are_named() {
        let (value, unknown) =
            config_map(json!({"data": {"a": "b"}, "metadata": {"name": "x", "nope": 1}, "zero": 1})).unwrap();
        assert_eq!(value, json!({"data": {"a": "b"}, "metadata": {"name": "x"}}));
        assert_eq!(unknown, ["metadata.nope", "zero"]);
    }

    #[test]
    fn wrong_types_are_told_as_go_tells_them() {
        assert_eq!(
            config_map(json!({"data": {"k": 5}})).unwrap_err(),
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"
        );
        assert_eq!(
            config_map(json!({"data": "x"})).unwrap_err(),
            "json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string"
        );
    }

    #[test]
    fn what_go_does_not_omit_is_written() {
        let deployment = kubist_schema::kind("apps", "v1", "Deployment").expect("Deployment");
        let (value, _) = decode(deployment, json!({"metadata": {"name": "x"}})).unwrap();
        assert_eq!(
            value,
            json!({"metadata": {"name": "x"}, "status": {}, "spec": {
                "selector": null, "strategy": {}, "template": {"metadata": {}, "spec": {"containers": null}}
            }})
        );
    }

    /// Upstream's own samples come through unchanged, field for field.
    #[test]
    fn upstream_samples_survive() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/k8s/testdata");
        let Ok(entries) = std::fs::read_dir(dir) else {
            println!("skipped: no samples in {dir}");
            return;
        };
        let mut seen = 0;
        for entry in entries.flatten() {
            let path = entry.path();
            let stem = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default()
                .to_owned();
            // Those after a round trip are what older releases make of newer fields.
            let is_sample = path.extension().is_some_and(|extension| extension == "json");
            if !is_sample || stem.ends_with("after_roundtrip") {
                continue;
            }
            let value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let (group, version) =
                crate::object::meta::group_version(value["apiVersion"].as_str().unwrap_or(""));
            let Some(message) = kubist_schema::kind(group, version, value["kind"].as_str().unwrap_or(""))
            else {
                continue;
            };
            let (decoded, unknown) = decode(message, value.clone()).unwrap_or_else(|e| panic!("{stem}: {e}"));
            assert!(unknown.is_empty(), "{stem}: {unknown:?}");
            assert_eq!(decoded, value, "{stem}");
            seen += 1;
        }
        assert!(seen > 0 || std::fs::read_dir(dir).is_ok_and(|mut dir| dir.next().is_none()));
    }
}
