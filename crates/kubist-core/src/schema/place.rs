//! Where in a schema one is, so that a message can name the field.

use std::fmt;

use serde_json::{Map, Value};

/// The path of a value that a schema describes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(Vec<String>);

impl Place {
    fn below(&self, segment: &str) -> Self {
        let mut path = self.0.clone();
        path.push(segment.to_owned());
        Place(path)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the root");
        }
        for (index, segment) in self.0.iter().enumerate() {
            let dot = if index > 0 && !segment.starts_with('[') {
                "."
            } else {
                ""
            };
            write!(f, "{dot}{segment}")?;
        }
        Ok(())
    }
}

/// Calls a function for each subschema of a schema, with the place that it describes.
pub(crate) fn for_each_subschema(
    schema: &mut Map<String, Value>,
    place: &Place,
    mut call: impl FnMut(&mut Map<String, Value>, &Place),
) {
    for (keyword, value) in schema {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    each(property, &place.below(name), &mut call);
                }
            }
            ("items" | "prefixItems" | "additionalItems" | "contains", items) => {
                each(items, &place.below("[]"), &mut call);
            }
            ("additionalProperties", values) => each(values, &place.below("[*]"), &mut call),
            ("patternProperties" | "$defs" | "definitions", Value::Object(schemas)) => {
                for (name, schema) in schemas {
                    each(schema, &place.below(&format!("[{name}]")), &mut call);
                }
            }
            ("allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else", variants) => {
                each(variants, place, &mut call);
            }
            _ => {}
        }
    }
}

/// One schema, or each of several.
fn each(value: &mut Value, place: &Place, call: &mut impl FnMut(&mut Map<String, Value>, &Place)) {
    match value {
        Value::Object(schema) => call(schema, place),
        Value::Array(schemas) => {
            for schema in schemas.iter_mut().filter_map(Value::as_object_mut) {
                call(schema, place);
            }
        }
        _ => {}
    }
}
