//! Where in a schema one is, so that a message can name the field.

use std::fmt;

use serde_json::{Map, Value};

/// The path of a value that a schema describes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(Vec<String>);

impl Place {
    pub(super) fn below(&self, segment: &str) -> Self {
        let mut path = self.0.clone();
        path.push(segment.to_owned());
        Place(path)
    }
}

impl Place {
    /// Names of fields, with `[]` for the items of a list and `[*]` for the values of a map.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for segment in &self.0 {
            if !path.is_empty() && !segment.starts_with('[') {
                path.push('.');
            }
            path.push_str(segment);
        }
        path
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_empty() {
            true => f.write_str("the root"),
            false => f.write_str(&self.path()),
        }
    }
}

/// Calls a function for each subschema of a schema, with the place that it describes, until one fails.
pub(crate) fn for_each_subschema<E>(
    schema: &mut Map<String, Value>,
    place: &Place,
    mut call: impl FnMut(&mut Map<String, Value>, &Place) -> Result<(), E>,
) -> Result<(), E> {
    for (keyword, value) in schema {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    each(property, &place.below(name), &mut call)?;
                }
            }
            ("items" | "prefixItems" | "additionalItems" | "contains", items) => {
                each(items, &place.below("[]"), &mut call)?;
            }
            ("additionalProperties", values) => each(values, &place.below("[*]"), &mut call)?,
            ("patternProperties" | "$defs" | "definitions", Value::Object(schemas)) => {
                for (name, schema) in schemas {
                    each(schema, &place.below(&format!("[{name}]")), &mut call)?;
                }
            }
            ("allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else", variants) => {
                each(variants, place, &mut call)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// One schema, or each of several.
fn each<E>(
    value: &mut Value,
    place: &Place,
    call: &mut impl FnMut(&mut Map<String, Value>, &Place) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::Object(schema) => call(schema, place),
        Value::Array(schemas) => schemas
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .try_for_each(|schema| call(schema, place)),
        _ => Ok(()),
    }
}
