//! Moves what variants say about types out of `allOf`, `anyOf` and `oneOf`.

use serde_json::{Map, Value, json};

use super::place::Place;
use super::{INT_OR_STRING, PRESERVE, type_of_enum, union_of};

/// Moves what variants say about types to the schema that they are variants of.
pub(super) fn hoist(schema: &mut Map<String, Value>, place: &Place) {
    for junctor in ["allOf", "oneOf", "anyOf"] {
        let Some(Value::Array(variants)) = schema.remove(junctor) else {
            continue;
        };
        let variants: Vec<_> = variants.into_iter().map(into_object).collect();
        let variants = match unit_variants(schema, variants, place) {
            Some(variants) => hoist_variants(schema, junctor, variants, place),
            None => continue,
        };
        // What is always true says nothing; nor does being exactly one of equals.
        if variants.iter().any(|variant| !variant.is_empty()) {
            let variants = variants.into_iter().map(Value::Object).collect();
            schema.insert(junctor.to_owned(), Value::Array(variants));
        }
    }
}

fn into_object(variant: Value) -> Map<String, Value> {
    match variant {
        Value::Object(variant) => variant,
        Value::Bool(false) => Map::from_iter([("not".to_owned(), json!({}))]),
        _ => Map::new(),
    }
}

/// Unit variants are the values of one enum; gives back what is none.
///
/// # Panics
///
/// Panics where some variants are units and others not: a value cannot be string and object.
fn unit_variants(
    schema: &mut Map<String, Value>,
    variants: Vec<Map<String, Value>>,
    place: &Place,
) -> Option<Vec<Map<String, Value>>> {
    let is_unit = |variant: &Map<String, Value>| variant.contains_key("enum");
    if !variants.iter().all(is_unit) || variants.is_empty() {
        let other = variants.iter().find(|variant| !is_unit(variant));
        let unit = variants.iter().find(|variant| is_unit(variant));
        if let (Some(unit), Some(other)) = (unit, other) {
            let (found, defined) = (type_name(unit), type_name(other));
            assert!(
                found == defined || defined != "Object",
                "{place} has no structural schema. Enum variant set {:?} has type Single({found}) but was already defined as \
                 Some(Single({defined})). The instance type must be equal for all subschema variants. \
                 A value is a string or an object, not either: give the unit variants braces (`A {{}}`), or \
                 tag the enum with `#[serde(tag = \"type\")]`.",
                unit["enum"].as_array().map(Vec::as_slice).unwrap_or_default(),
            );
        }
        return Some(variants);
    }
    let mut values = Vec::new();
    let mut types = Vec::new();
    for mut variant in variants {
        let kind = variant
            .get("type")
            .and_then(Value::as_str)
            .or(type_of_enum(&variant));
        types.extend(kind.map(str::to_owned));
        if let Some(Value::Array(more)) = variant.remove("enum") {
            values.extend(more);
        }
        if let Some(nullable) = variant.remove("nullable") {
            schema.insert("nullable".to_owned(), nullable);
        }
    }
    schema.insert("enum".to_owned(), Value::Array(values));
    set_type(schema, types);
    None
}

/// A type as the message of a panic has it.
fn type_name(variant: &Map<String, Value>) -> String {
    let kind = variant
        .get("type")
        .and_then(Value::as_str)
        .or(type_of_enum(variant))
        .unwrap_or("any");
    let mut name = kind.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

/// Gives the schema its variants' types, properties and items; what is left narrows them down.
fn hoist_variants(
    schema: &mut Map<String, Value>,
    junctor: &str,
    mut variants: Vec<Map<String, Value>>,
    place: &Place,
) -> Vec<Map<String, Value>> {
    let tags = properties(schema, junctor, &mut variants, place);
    let mut types = Vec::new();
    for variant in &mut variants {
        match variant.remove("type") {
            Some(Value::String(kind)) => types.push(kind),
            _ => types.extend(type_of_enum(variant).map(str::to_owned)),
        }
        for key in ["nullable", PRESERVE, INT_OR_STRING] {
            if let Some(flag) = variant.remove(key) {
                schema.insert(key.to_owned(), flag);
            }
        }
        for key in ["description", "title", "default", "examples"] {
            variant.remove(key);
        }
    }
    let described = variants.len();
    for key in ["items", "additionalProperties"] {
        hoist_equal(schema, &mut variants, key);
    }
    let mixed = types.iter().any(|kind| *kind != types[0]) || (!types.is_empty() && types.len() < described);
    set_type(schema, types);
    if mixed && !schema.contains_key("type") {
        // Without a type there is nothing to narrow down.
        return Vec::new();
    }
    for (variant, tags) in variants.iter_mut().zip(tags) {
        if !tags.is_empty() {
            variant.insert("properties".to_owned(), Value::Object(tags));
        }
    }
    variants
}

/// Moves the variants' properties to the schema; gives back what still tells variants apart.
fn properties(
    schema: &mut Map<String, Value>,
    junctor: &str,
    variants: &mut [Map<String, Value>],
    place: &Place,
) -> Vec<Map<String, Value>> {
    let all: Vec<_> = variants
        .iter_mut()
        .map(|variant| match variant.remove("properties") {
            Some(Value::Object(properties)) => properties,
            _ => Map::new(),
        })
        .collect();
    if all.iter().all(Map::is_empty) {
        return vec![Map::new(); all.len()];
    }
    let mut tags = Vec::with_capacity(all.len());
    let mut merged = match schema.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    for (variant, mut own) in variants.iter_mut().zip(all.iter().cloned()) {
        // An externally tagged variant is its one property; what it says, that says.
        if junctor == "oneOf"
            && own.len() == 1
            && let Some(Value::Object(only)) = own.values_mut().next()
            && let Some(description) = variant.remove("description")
        {
            only.insert("description".to_owned(), description);
        }
        let mut tag = Map::new();
        for (name, property) in own {
            let values = property.get("enum").cloned();
            merge_property(&mut merged, &name, property, place);
            let differs = |other: &Map<String, Value>| {
                other.get(&name).is_some_and(|p| p.get("enum") != values.as_ref())
            };
            if values.is_some() && all.iter().any(differs) {
                tag.insert(name, json!({ "enum": values }));
            }
        }
        tags.push(tag);
    }
    schema.insert("properties".to_owned(), Value::Object(merged));
    tags
}

/// Adds a property; one that is there must be the same, or differ in the values of an enum only.
///
/// # Panics
///
/// Panics where a property of that name has another schema.
fn merge_property(properties: &mut Map<String, Value>, name: &str, property: Value, place: &Place) {
    let Some(defined) = properties.get_mut(name) else {
        properties.insert(name.to_owned(), property);
        return;
    };
    if *defined == property {
        return;
    }
    if let (Some(Value::Array(values)), Some(Value::Array(more))) =
        (defined.get_mut("enum"), property.get("enum"))
    {
        let new: Vec<_> = more
            .iter()
            .filter(|value| !values.contains(value))
            .cloned()
            .collect();
        values.extend(new);
        // The description was of one value.
        if defined.get("description") != property.get("description")
            && let Value::Object(defined) = defined
        {
            defined.remove("description");
        }
        return;
    }
    panic!(
        "{place} has no structural schema. Property {name:?} has the schema {property} but was already defined as {defined} in another subschema. \
         The schemas for a property used in multiple subschemas must be identical: rename one of them, \
         give both the same type, or tag the enum from outside."
    );
}

/// Moves a keyword that all variants have alike; where they differ, whatever it describes is kept.
fn hoist_equal(schema: &mut Map<String, Value>, variants: &mut [Map<String, Value>], key: &str) {
    let mut found: Vec<_> = variants
        .iter_mut()
        .filter_map(|variant| variant.remove(key))
        .collect();
    if key == "additionalProperties" {
        found.retain(|value| *value != Value::Bool(false));
    }
    let Some(first) = found.first().cloned() else {
        return;
    };
    let others_equal = found.iter().all(|value| *value == first);
    let value = if others_equal {
        first
    } else {
        json!({ PRESERVE: true })
    };
    schema.entry(key).or_insert(value);
}

/// Sets the one type of all variants, or says that there are several.
fn set_type(schema: &mut Map<String, Value>, types: Vec<String>) {
    if schema.contains_key(INT_OR_STRING) || schema.contains_key("type") {
        return;
    }
    let Some(first) = types.first() else {
        return;
    };
    if types.iter().all(|kind| kind == first) {
        schema.insert("type".to_owned(), json!(first));
        return;
    }
    let keyword = union_of(types.iter().map(String::as_str));
    schema.remove("properties");
    schema.remove("items");
    schema.remove("additionalProperties");
    schema.insert(keyword.to_owned(), json!(true));
}
