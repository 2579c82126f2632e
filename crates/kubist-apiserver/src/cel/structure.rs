//! Values of `Object{...}` and `JSONPatch{...}`.

use std::sync::Arc;

use kube_cel::cel::objects::{Key, Opaque, OptionalValue};
use kube_cel::cel::{Context, Value};
use serde_json::{Map, Value as Json};

use super::functions::no_such;
use super::lower::STRUCTURE;

/// A structure and its fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Structure {
    pub(crate) name: String,
    pub(crate) fields: Vec<(String, Value)>,
}

impl Opaque for Structure {
    fn runtime_type_name(&self) -> &str {
        &self.name
    }
}

impl Structure {
    pub(crate) fn of(value: &Value) -> Option<&Structure> {
        match value {
            Value::Opaque(opaque) => opaque.downcast_ref(),
            _ => None,
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }

    /// What is wrong with the names of the structures inside, which must be where they are set.
    pub(crate) fn misnamed(&self) -> Vec<String> {
        let mut found = Vec::new();
        misnamed(self, &self.name, &mut found);
        found
    }
}

fn misnamed(structure: &Structure, path: &str, found: &mut Vec<String>) {
    if structure.name != path {
        found.push(format!(
            "unexpected type name {:?}, expected {path:?}, which matches field name path from root Object type",
            structure.name
        ));
    }
    for (field, value) in &structure.fields {
        misnamed_in(value, &format!("{path}.{field}"), found);
    }
}

fn misnamed_in(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| misnamed_in(item, path, found)),
        Value::Map(map) => map.map.values().for_each(|item| misnamed_in(item, path, found)),
        value => {
            if let Some(structure) = Structure::of(value) {
                misnamed(structure, path, found);
            }
        }
    }
}

pub(super) fn register(context: &mut Context<'_>) {
    context.add_function(STRUCTURE, |name: Arc<String>, fields: Value| {
        let Value::Map(fields) = fields else {
            return Err(no_such(STRUCTURE));
        };
        let fields = fields.map.iter().filter_map(|(key, value)| match key {
            Key::String(field) => Some((field.to_string(), value.clone())),
            _ => None,
        });
        let mut fields: Vec<(String, Value)> = fields.collect();
        fields.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(Value::Opaque(Arc::new(Structure {
            name: name.to_string(),
            fields,
        })))
    });
}

/// A value as JSON.
///
/// # Errors
///
/// What is no JSON about it.
pub(crate) fn to_json(value: &Value) -> Result<Json, String> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Float(number) => whole(*number).map_or_else(|| (*number).into(), Json::from),
        Value::String(text) => text.as_str().into(),
        Value::Bytes(bytes) => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD
                .encode(bytes.as_slice())
                .into()
        }
        Value::Timestamp(time) => time.to_rfc3339().replace("+00:00", "Z").into(),
        Value::Duration(duration) => format!("{}s", duration.num_seconds()).into(),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Value::Map(map) => {
            let entries = map.map.iter().map(|(key, value)| match key {
                Key::String(key) => Ok((key.to_string(), to_json(value)?)),
                key => Err(format!("map key {key:?} is not a string")),
            });
            Json::Object(entries.collect::<Result<Map<_, _>, _>>()?)
        }
        Value::Opaque(opaque) => {
            if let Some(structure) = opaque.downcast_ref::<Structure>() {
                let fields = structure.fields.iter();
                let fields = fields.map(|(name, value)| Ok((name.clone(), to_json(value)?)));
                return Ok(Json::Object(fields.collect::<Result<Map<_, _>, String>>()?));
            }
            match opaque.downcast_ref::<OptionalValue>().map(OptionalValue::value) {
                Some(Some(value)) => to_json(value)?,
                Some(None) => Json::Null,
                None => return Err(format!("a {} is no JSON", opaque.runtime_type_name())),
            }
        }
        _ => return Err("a function is no JSON".into()),
    })
}

/// A number without a fraction, as Go writes it.
#[allow(clippy::cast_possible_truncation)]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
}
