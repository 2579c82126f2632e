//! Writes rules into schemas.

use schemars::Schema;
use serde::ser::Error as _;
use serde_json::{Map, Value, json};

use super::{ListMerge, MapMerge, MergeStrategy, Rule, StructMerge};

const VALIDATIONS: &str = "x-kubernetes-validations";

/// Adds a validation rule to a schema.
///
/// ```
/// use kubist_core::{Rule, validate};
/// use schemars::Schema;
///
/// let mut schema = Schema::default();
/// validate(&mut schema, Rule::new("self > 0").message("must be positive"))?;
/// assert_eq!(
///     serde_json::to_string(&schema)?,
///     r#"{"x-kubernetes-validations":[{"message":"must be positive","rule":"self > 0"}]}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// Fails where the schema's rules are no list.
pub fn validate(s: &mut Schema, rule: impl Into<Rule>) -> serde_json::Result<()> {
    let rule = serde_json::to_value(rule.into())?;
    match s
        .ensure_object()
        .entry(VALIDATIONS)
        .or_insert_with(|| Value::Array(Vec::new()))
    {
        Value::Array(rules) => rules.push(rule),
        _ => return Err(serde_json::Error::custom("x-kubernetes-validations is no list")),
    }
    Ok(())
}

/// Adds a validation rule to the property at an index of a schema's properties.
///
/// Nothing happens where there is no such property.
///
/// ```
/// use kubist_core::validate_property;
/// use schemars::json_schema;
///
/// let mut schema = json_schema!({ "type": "object", "properties": { "size": { "type": "integer" } } });
/// validate_property(&mut schema, 0, "self > 0")?;
/// let size = &schema.as_value()["properties"]["size"];
/// assert_eq!(size["x-kubernetes-validations"][0]["rule"], "self > 0");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// Fails where the property's rules are no list.
pub fn validate_property(
    s: &mut Schema,
    property_index: usize,
    rule: impl Into<Rule> + Clone,
) -> serde_json::Result<()> {
    with_property(s, property_index, |property| validate(property, rule))
}

/// Moves the properties of a schema into another, in place of those of the same name.
///
/// ```
/// use kubist_core::merge_properties;
/// use schemars::json_schema;
///
/// let mut schema = json_schema!({ "properties": { "size": true } });
/// let mut more = json_schema!({ "properties": { "color": true } });
/// merge_properties(&mut schema, &mut more);
/// assert_eq!(schema.as_value()["properties"]["color"], true);
/// ```
pub fn merge_properties(s: &mut Schema, merge: &mut Schema) {
    let Some(Value::Object(from)) = merge.ensure_object().get_mut("properties") else {
        return;
    };
    let from = std::mem::take(from);
    let into = s
        .ensure_object()
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(into) = into {
        into.extend(from);
    }
}

/// Sets how server-side apply merges the property at an index of a schema's properties.
///
/// Nothing happens where there is no such property.
///
/// ```
/// use kubist_core::{ListMerge, merge_strategy_property};
/// use schemars::json_schema;
///
/// let mut schema = json_schema!({ "properties": { "tags": { "type": "array" } } });
/// merge_strategy_property(&mut schema, 0, ListMerge::Set)?;
/// assert_eq!(schema.as_value()["properties"]["tags"]["x-kubernetes-list-type"], "set");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// Fails where the property's schema is no object.
pub fn merge_strategy_property(
    s: &mut Schema,
    property_index: usize,
    strategy: impl Into<MergeStrategy>,
) -> serde_json::Result<()> {
    with_property(s, property_index, |property| {
        let mut value = Value::Object(std::mem::take(property.ensure_object()));
        merge_strategy(&mut value, strategy.into())?;
        *property = value.try_into()?;
        Ok(())
    })
}

/// Sets how server-side apply merges what a schema describes.
///
/// ```
/// use kubist_core::{ListMerge, merge_strategy};
///
/// let mut schema = serde_json::json!({});
/// merge_strategy(&mut schema, ListMerge::Map(vec!["name".into()]).into())?;
/// assert_eq!(
///     schema.to_string(),
///     r#"{"x-kubernetes-list-map-keys":["name"],"x-kubernetes-list-type":"map"}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// Fails where the schema is no object.
pub fn merge_strategy(s: &mut Value, strategy: MergeStrategy) -> serde_json::Result<()> {
    let Value::Object(schema) = s else {
        return Err(serde_json::Error::custom(
            "a schema with a merge strategy must be an object",
        ));
    };
    // Structs are maps to a schema: the API knows no `x-kubernetes-struct-type`.
    let (key, value) = match strategy {
        MergeStrategy::ListType(ListMerge::Atomic) => ("x-kubernetes-list-type", "atomic"),
        MergeStrategy::ListType(ListMerge::Set) => ("x-kubernetes-list-type", "set"),
        MergeStrategy::ListType(ListMerge::Map(keys)) => {
            schema.insert("x-kubernetes-list-map-keys".to_owned(), json!(keys));
            ("x-kubernetes-list-type", "map")
        }
        MergeStrategy::MapType(MapMerge::Atomic) | MergeStrategy::StructType(StructMerge::Atomic) => {
            ("x-kubernetes-map-type", "atomic")
        }
        MergeStrategy::MapType(MapMerge::Granular) | MergeStrategy::StructType(StructMerge::Granular) => {
            ("x-kubernetes-map-type", "granular")
        }
    };
    schema.insert(key.to_owned(), Value::String(value.to_owned()));
    Ok(())
}

fn with_property(
    schema: &mut Schema,
    index: usize,
    change: impl FnOnce(&mut Schema) -> serde_json::Result<()>,
) -> serde_json::Result<()> {
    let properties = schema
        .ensure_object()
        .get_mut("properties")
        .and_then(Value::as_object_mut);
    let Some(property) = properties.and_then(|p| p.values_mut().nth(index)) else {
        return Ok(());
    };
    change(property.try_into()?)
}

#[cfg(test)]
mod tests {
    use schemars::{JsonSchema, generate::SchemaSettings};

    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct First {
        a: Option<bool>,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Second {
        a: bool,
        b: Option<bool>,
    }

    fn schema<T: JsonSchema>() -> Schema {
        T::json_schema(&mut SchemaSettings::openapi3().into_generator())
    }

    fn json(schema: &Schema) -> String {
        serde_json::to_string(schema).expect("serializes")
    }

    #[test]
    fn rules_add_up() {
        let mut first = schema::<First>();
        validate_property(&mut first, 0, "self").expect("applies");
        validate_property(&mut first, 0, ("!self", "m")).expect("applies");
        validate_property(&mut first, 1, "self").expect("nothing to do");
        assert_eq!(
            json(&first),
            r#"{"type":"object","properties":{"a":{"type":["boolean","null"],"x-kubernetes-validations":[{"rule":"self"},{"message":"m","rule":"!self"}]}}}"#
        );
    }

    #[test]
    fn properties_override() {
        let (mut first, mut second) = (schema::<First>(), schema::<Second>());
        merge_properties(&mut first, &mut second);
        assert_eq!(
            json(&first),
            r#"{"type":"object","properties":{"a":{"type":"boolean"},"b":{"type":["boolean","null"]}}}"#
        );
    }

    #[test]
    fn structs_merge_as_maps() {
        let mut first = schema::<First>();
        merge_strategy_property(&mut first, 0, StructMerge::Atomic).expect("applies");
        assert_eq!(
            json(&first),
            r#"{"type":"object","properties":{"a":{"type":["boolean","null"],"x-kubernetes-map-type":"atomic"}}}"#
        );
        merge_strategy(&mut Value::Null, ListMerge::Set.into()).expect_err("no object");
    }
}
