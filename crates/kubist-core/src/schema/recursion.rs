//! Types within themselves.

use schemars::{Schema, transform::Transform};
use serde_json::{Map, Value};

use super::place::{Place, for_each_subschema};

/// Refuses a type within itself, which no structural schema describes.
///
/// # Panics
///
/// Panics where a schema refers to another, with the field and what to do about it.
#[derive(Debug, Clone)]
pub(crate) struct RefuseRecursion;

impl Transform for RefuseRecursion {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(schema) = schema.as_object_mut() {
            // What nothing refers to any more describes nothing.
            for definitions in ["$defs", "definitions", "components"] {
                schema.remove(definitions);
            }
            refuse(schema, &Place::default());
        }
    }
}

fn refuse(schema: &mut Map<String, Value>, place: &Place) {
    if let Some(reference) = schema.get("$ref") {
        let of = reference
            .as_str()
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or_default();
        let of = if of == "#" { "the root" } else { of };
        panic!(
            "{place} is of a type within itself ({of}), and the schema of a CRD cannot be recursive: \
             bound the depth with a type per level, or keep the field unchecked with \
             `#[schemars(schema_with = \"kubist::core::schema::unchecked\")]`"
        );
    }
    for_each_subschema(schema, place, refuse);
}
