//! Types within themselves.

use serde_json::{Map, Value};

use super::error::{Misfit, Problem};
use super::place::{Place, for_each_subschema};

/// Refuses a type within itself, which no structural schema describes.
pub(super) fn refuse(schema: &mut Map<String, Value>) -> Result<(), Misfit> {
    // What nothing refers to any more describes nothing.
    for definitions in ["$defs", "definitions", "components"] {
        schema.remove(definitions);
    }
    refuse_reference(schema, &Place::default())
}

fn refuse_reference(schema: &mut Map<String, Value>, place: &Place) -> Result<(), Misfit> {
    if let Some(reference) = schema.get("$ref") {
        let of = reference
            .as_str()
            .and_then(|path| path.rsplit('/').next())
            .unwrap_or_default();
        let of = if of == "#" { "the root" } else { of };
        return Err(Misfit {
            place: place.clone(),
            problem: Problem::Recursive { of: of.to_owned() },
        });
    }
    for_each_subschema(schema, place, refuse_reference)
}
