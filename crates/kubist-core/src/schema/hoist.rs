//! Moves what variants say about types out of `allOf`, `anyOf` and `oneOf`.

use serde_json::{Map, Value, json};

use super::error::{Misfit, Problem};
use super::place::Place;
use super::{INT_OR_STRING, PRESERVE, type_of_enum, union_of};

/// Moves what variants say about types to the schema that they are variants of.
pub(super) fn hoist(schema: &mut Map<String, Value>, place: &Place) -> Result<(), Misfit> {
    for junctor in ["allOf", "oneOf", "anyOf"] {
        let Some(Value::Array(variants)) = schema.remove(junctor) else {
            continue;
        };
        let variants: Vec<_> = variants.into_iter().map(into_object).collect();
        let variants = match unit_variants(schema, variants, place)? {
            Some(variants) => hoist_variants(schema, junctor, variants, place)?,
            None => continue,
        };
        // What is always true says nothing; nor does being exactly one of equals.
        if variants.iter().any(|variant| !variant.is_empty()) {
            let variants = variants.into_iter().map(Value::Object).collect();
            schema.insert(junctor.to_owned(), Value::Array(variants));
        }
    }
    Ok(())
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
/// Some variants that are units and others that are not are an error: a value cannot be string and object.
fn unit_variants(
    schema: &mut Map<String, Value>,
    variants: Vec<Map<String, Value>>,
    place: &Place,
) -> Result<Option<Vec<Map<String, Value>>>, Misfit> {
    let is_unit = |variant: &Map<String, Value>| variant.contains_key("enum");
    if !variants.iter().all(is_unit) || variants.is_empty() {
        let other = variants.iter().find(|variant| !is_unit(variant));
        let unit = variants.iter().find(|variant| is_unit(variant));
        if let (Some(unit), Some(other)) = (unit, other) {
            let (unit_type, other_type) = (type_name(unit), type_name(other));
            if unit_type != other_type && other_type == "Object" {
                return Err(Misfit {
                    place: place.clone(),
                    problem: Problem::UnitsBesideObjects {
                        units: unit["enum"].as_array().cloned().unwrap_or_default(),
                        unit_type,
                        other_type,
                    },
                });
            }
        }
        return Ok(Some(variants));
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
    Ok(None)
}

/// A type as a message has it.
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
) -> Result<Vec<Map<String, Value>>, Misfit> {
    let tags = properties(schema, junctor, &mut variants, place)?;
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
        return Ok(Vec::new());
    }
    for (variant, tags) in variants.iter_mut().zip(tags) {
        if !tags.is_empty() {
            variant.insert("properties".to_owned(), Value::Object(tags));
        }
    }
    Ok(variants)
}

/// Moves the variants' properties to the schema; gives back what still tells variants apart.
fn properties(
    schema: &mut Map<String, Value>,
    junctor: &str,
    variants: &mut [Map<String, Value>],
    place: &Place,
) -> Result<Vec<Map<String, Value>>, Misfit> {
    let all: Vec<_> = variants
        .iter_mut()
        .map(|variant| match variant.remove("properties") {
            Some(Value::Object(properties)) => properties,
            _ => Map::new(),
        })
        .collect();
    if all.iter().all(Map::is_empty) {
        return Ok(vec![Map::new(); all.len()]);
    }
    let mut owned: Vec<Map<String, Value>> = Vec::with_capacity(all.len());
    let mut merged = match schema.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    for (variant, mut own) in variants.iter_mut().zip(all) {
        // An externally tagged variant is its one property; what it says, that says.
        if junctor == "oneOf"
            && own.len() == 1
            && let Some(Value::Object(only)) = own.values_mut().next()
            && let Some(description) = variant.remove("description")
        {
            only.insert("description".to_owned(), description);
        }
        for (name, property) in &own {
            merge_property(&mut merged, name, property.clone(), place)?;
        }
        owned.push(own);
    }
    if junctor != "allOf" {
        drop_defaults(&mut merged, &owned);
    }
    // What is left of a variant's properties, now that all are known.
    let tags = owned
        .iter()
        .map(|own| {
            own.iter()
                .filter_map(|(name, property)| {
                    let others = owned.iter().filter_map(|other| other.get(name));
                    let narrowed = narrowed(property, merged.get(name)?, others);
                    (!narrowed.is_empty()).then(|| (name.clone(), Value::Object(narrowed)))
                })
                .collect()
        })
        .collect();
    schema.insert("properties".to_owned(), Value::Object(merged));
    Ok(tags)
}

/// A default of some of the variants would be given to values of the others.
fn drop_defaults(merged: &mut Map<String, Value>, variants: &[Map<String, Value>]) {
    for (name, property) in merged {
        let mentions = variants
            .iter()
            .filter(|variant| variant.contains_key(name))
            .count();
        if mentions > 0
            && mentions < variants.len()
            && let Value::Object(property) = property
        {
            property.remove("default");
        }
    }
}

/// What a variant says of a property beyond what all of them do.
fn narrowed<'a>(
    property: &Value,
    merged: &Value,
    mut all: impl Iterator<Item = &'a Value>,
) -> Map<String, Value> {
    let mut narrowed = Map::new();
    if let Some(values) = property.get("enum")
        && all.any(|other| other.get("enum") != Some(values))
    {
        narrowed.insert("enum".to_owned(), values.clone());
    }
    if let Some(required) = property.get("required")
        && merged.get("required") != Some(required)
    {
        narrowed.insert("required".to_owned(), required.clone());
    }
    narrowed
}

/// Adds a property; one that is there must be the same, or differ in the values of an enum or in the fields
/// of an object only.
fn merge_property(
    properties: &mut Map<String, Value>,
    name: &str,
    property: Value,
    place: &Place,
) -> Result<(), Misfit> {
    let Some(defined) = properties.get_mut(name) else {
        properties.insert(name.to_owned(), property);
        return Ok(());
    };
    if *defined == property || is_narrowing(&property) {
        return Ok(());
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
        return Ok(());
    }
    if let (Value::Object(defined), Value::Object(other)) = (&mut *defined, &property)
        && is_plain_object(defined)
        && is_plain_object(other)
    {
        return merge_objects(defined, other, &place.below(name));
    }
    Err(Misfit {
        place: place.clone(),
        problem: Problem::OneNameOfTwoTypes {
            property: name.to_owned(),
            defined: defined.clone(),
            other: property,
        },
    })
}

/// Whether a schema only narrows another, as what is left of variants does.
fn is_narrowing(schema: &Value) -> bool {
    schema
        .as_object()
        .is_some_and(|schema| schema.keys().all(|key| key == "enum" || key == "required"))
}

/// Whether an object is described by its fields and nothing else.
fn is_plain_object(schema: &Map<String, Value>) -> bool {
    let known = [
        "type",
        "properties",
        "required",
        "description",
        "title",
        "nullable",
    ];
    schema.get("type").is_some_and(|kind| kind == "object")
        && schema.keys().all(|key| known.contains(&key.as_str()))
}

/// Adds the fields of an object to those of another; what only one of them requires is not required.
fn merge_objects(
    defined: &mut Map<String, Value>,
    other: &Map<String, Value>,
    place: &Place,
) -> Result<(), Misfit> {
    let mut properties = match defined.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    for (name, property) in other
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        merge_property(&mut properties, name, property.clone(), place)?;
    }
    if !properties.is_empty() {
        defined.insert("properties".to_owned(), Value::Object(properties));
    }
    let others: Vec<Value> = other
        .get("required")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if let Some(Value::Array(required)) = defined.get_mut("required") {
        required.retain(|name| others.contains(name));
        if required.is_empty() {
            defined.remove("required");
        }
    }
    // The description was of one of them.
    for key in ["description", "title"] {
        if defined.get(key) != other.get(key) {
            defined.remove(key);
        }
    }
    if other.get("nullable").is_some_and(|nullable| nullable == true) {
        defined.insert("nullable".to_owned(), json!(true));
    }
    Ok(())
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
