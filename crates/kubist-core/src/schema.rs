//! From schemars' schemas to structural ones.
//!
//! A custom resource's schema must be [structural](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema):
//! each field has its type outside of `allOf`, `anyOf`, `oneOf` and `not`, which only narrow it
//! down. schemars describes enums the other way round. The transforms of this module turn that
//! inside out. `#[derive(CustomResource)]` applies them by itself.
//!
//! ```
//! use kubist_core::schema::StructuralSchemaRewriter;
//! use schemars::{generate::SchemaSettings, transform::AddNullable};
//!
//! #[derive(schemars::JsonSchema)]
//! struct Spec {
//!     source: Source,
//! }
//! #[derive(schemars::JsonSchema)]
//! enum Source {
//!     Git { url: String },
//!     Inline(String),
//! }
//!
//! let generator = SchemaSettings::openapi3()
//!     .with(|s| s.inline_subschemas = true)
//!     .with_transform(AddNullable::default())
//!     .with_transform(StructuralSchemaRewriter)
//!     .into_generator();
//! let schema = serde_json::to_value(generator.into_root_schema_for::<Spec>())?;
//! let source = &schema["properties"]["source"];
//! assert_eq!(source["type"], "object");
//! assert_eq!(source["properties"]["Inline"]["type"], "string");
//! assert_eq!(source["oneOf"][1], serde_json::json!({ "required": ["Inline"] }));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod error;
mod hoist;
mod optional;
mod place;
mod recursion;
#[cfg(feature = "testing")]
mod sampler;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, transform::Transform};
use serde_json::{Map, Value, json};

pub use error::NotStructural;
use error::{Misfit, Problem};
pub use optional::{OptionalEnum, OptionalIntOrString};
use place::{Place, for_each_subschema};
#[cfg(feature = "testing")]
pub use sampler::Sampler;

pub(crate) const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
pub(crate) const INT_OR_STRING: &str = "x-kubernetes-int-or-string";

/// Rewrites a schema until it is structural.
///
/// - The variants of enums become optional properties of one object, of which `oneOf` or `anyOf`
///   requires some; unit variants become one `enum`.
/// - `Option`s of them become nullable.
/// - Maps beside properties, as `#[serde(flatten)]` makes them, and values of any type become
///   `x-kubernetes-preserve-unknown-fields`.
/// - What definitions do not allow goes: `uniqueItems`, `additionalProperties: false`, references
///   of a type to itself.
///
/// ```
/// use kubist_core::schema::StructuralSchemaRewriter;
/// use schemars::{json_schema, transform::Transform};
///
/// let mut schema = json_schema!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true });
/// StructuralSchemaRewriter.transform(&mut schema);
/// assert!(schema.get("uniqueItems").is_none());
/// ```
///
/// # Panics
///
/// Panics where no structural schema describes the type: unit variants beside others, variants whose
/// fields of one name have different schemas, or what is always null. The message names the field;
/// [`structural`] gives it as an error.
#[derive(Debug, Clone)]
pub struct StructuralSchemaRewriter;

impl Transform for StructuralSchemaRewriter {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(schema) = schema.as_object_mut() {
            rewrite_all(schema, &Place::default()).unwrap_or_else(|misfit| misfit.panic());
        }
    }
}

/// The structural schema of a type, as `#[derive(CustomResource)]` writes it into a definition.
///
/// ```
/// use kubist_core::schema::structural;
///
/// #[derive(schemars::JsonSchema)]
/// struct Port {
///     number: u16,
/// }
///
/// let schema = structural::<Port>()?;
/// assert_eq!(schema.type_.as_deref(), Some("object"));
/// # Ok::<(), kubist_core::schema::NotStructural>(())
/// ```
///
/// # Errors
///
/// A type that no structural schema describes; the error names the field and says what to do.
///
/// # Panics
///
/// Where the type's own `JsonSchema` does.
pub fn structural<T: JsonSchema>() -> Result<JSONSchemaProps, NotStructural> {
    structural_with::<T>(|_| Ok(()))
}

/// The same, with something added to the root.
pub(crate) fn structural_with<T: JsonSchema>(
    add: impl FnOnce(&mut Schema) -> Result<(), String>,
) -> Result<JSONSchemaProps, NotStructural> {
    let of_type = |misfit| NotStructural::new(std::any::type_name::<T>(), misfit);
    let at_root = |reason| {
        of_type(Misfit {
            place: Place::default(),
            problem: Problem::NoSchema { reason },
        })
    };
    let mut schema = structural_value::<T>().map_err(of_type)?;
    add(&mut schema).map_err(at_root)?;
    serde_json::from_value(schema.to_value()).map_err(|error| at_root(error.to_string()))
}

fn structural_value<T: JsonSchema>() -> Result<Schema, Misfit> {
    let mut schema = SchemaSettings::openapi3()
        .with(|settings| {
            // A CRD has no place for definitions.
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .into_generator()
        .into_root_schema_for::<T>();
    let keywords = schema.ensure_object();
    recursion::refuse(keywords)?;
    rewrite_all(keywords, &Place::default())?;
    OptionalEnum.transform(&mut schema);
    OptionalIntOrString.transform(&mut schema);
    Ok(schema)
}

/// The schema of a field that is not checked: whatever object it holds is kept.
///
/// It is for what no structural schema describes, such as a type within itself.
///
/// ```
/// #[derive(schemars::JsonSchema)]
/// struct Tree {
///     name: String,
///     #[schemars(schema_with = "kubist_core::schema::unchecked_list")]
///     children: Vec<Tree>,
///     #[schemars(schema_with = "kubist_core::schema::unchecked")]
///     parent: Option<Box<Tree>>,
/// }
/// ```
pub fn unchecked(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object", PRESERVE: true })
}

/// The schema of a list whose items are not checked; see [`unchecked`].
///
/// ```
/// use schemars::JsonSchema;
///
/// #[derive(JsonSchema)]
/// struct Tree {
///     #[schemars(schema_with = "kubist_core::schema::unchecked_list")]
///     children: Vec<Tree>,
/// }
/// ```
pub fn unchecked_list(generator: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "array", "items": unchecked(generator) })
}

fn rewrite_all(schema: &mut Map<String, Value>, place: &Place) -> Result<(), Misfit> {
    for_each_subschema(schema, place, rewrite_all)?;
    rewrite(schema, place)
}

/// Rewrites one schema, whose subschemas are rewritten already.
fn rewrite(schema: &mut Map<String, Value>, place: &Place) -> Result<(), Misfit> {
    normalize_keywords(schema, place)?;
    optional::collapse(schema, |_| true);
    hoist::hoist(schema, place)?;
    preserve_beside_properties(schema);
    if !schema.contains_key("type") && schema.contains_key("properties") {
        schema.insert("type".to_owned(), json!("object"));
    }
    type_children(schema, place)
}

/// Says in the words of OpenAPI 3.0 what newer drafts of JSON schema say in others.
fn normalize_keywords(schema: &mut Map<String, Value>, place: &Place) -> Result<(), Misfit> {
    if let Some(value) = schema.remove("const") {
        schema.entry("enum").or_insert_with(|| json!([value]));
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        let before = types.len();
        types.retain(|t| t != "null");
        let nullable = types.len() < before;
        match types.len() {
            0 => schema.remove("type"),
            1 => {
                let only = types.remove(0);
                schema.insert("type".to_owned(), only)
            }
            _ => None,
        };
        if nullable {
            schema.insert("nullable".to_owned(), json!(true));
        }
    }
    if let Some(Value::Array(types)) = schema.get("type") {
        let replacement = union_of(types.iter().filter_map(Value::as_str));
        schema.remove("type");
        schema.insert(replacement.to_owned(), json!(true));
    }
    for (exclusive, inclusive) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(Value::Number(_)) = schema.get(exclusive)
            && let Some(limit) = schema.insert(exclusive.to_owned(), json!(true))
        {
            schema.insert(inclusive.to_owned(), limit);
        }
    }
    // The items of a tuple: each has a place, which a list of one type cannot say.
    if let Some(Value::Array(_)) = schema.get("items")
        && let Some(items) = schema.remove("items")
    {
        let mut any = Map::from_iter([("anyOf".to_owned(), items)]);
        rewrite(&mut any, place)?;
        schema.insert("items".to_owned(), Value::Object(any));
        schema.remove("additionalItems");
    }
    // Keys of a form: a server knows of strings only.
    if let Some(Value::Object(patterns)) = schema.remove("patternProperties") {
        let mut values: Vec<Value> = patterns.into_iter().map(|(_, values)| values).collect();
        values.dedup();
        let is_closed = schema
            .get("additionalProperties")
            .is_none_or(|others| *others == json!(false));
        let values = match values.pop() {
            Some(only) if values.is_empty() && is_closed => only,
            _ => json!({ PRESERVE: true }),
        };
        schema.insert("additionalProperties".to_owned(), values);
    }
    // A set, which reads the same whatever the order of fields.
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    // Sets of values are checked in quadratic time, which servers refuse.
    schema.remove("uniqueItems");
    // A type within itself cannot be described: whatever it holds is kept.
    if schema.remove("$ref").is_some() {
        schema.insert(PRESERVE.to_owned(), json!(true));
    }
    Ok(())
}

/// The keyword for a value of one of several types.
fn union_of<'a>(types: impl Iterator<Item = &'a str>) -> &'static str {
    let mut types: Vec<_> = types.collect();
    types.sort_unstable();
    types.dedup();
    if types == ["integer", "string"] {
        INT_OR_STRING
    } else {
        PRESERVE
    }
}

/// `properties` and `additionalProperties` exclude each other; `false` is not allowed at all.
fn preserve_beside_properties(schema: &mut Map<String, Value>) {
    let keep = match schema.get("additionalProperties") {
        None => return,
        Some(Value::Bool(false)) => false,
        // Of any type: a server would drop what is nested in them.
        Some(Value::Bool(true)) => true,
        Some(Value::Object(any)) if any.is_empty() => true,
        Some(_) if schema.contains_key("properties") => true,
        Some(_) => return,
    };
    schema.remove("additionalProperties");
    if keep {
        schema.insert(PRESERVE.to_owned(), json!(true));
    }
}

/// Every value has a type, or whatever it holds is kept.
fn type_children(schema: &mut Map<String, Value>, place: &Place) -> Result<(), Misfit> {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties {
            type_child(property, || place.below(name))?;
        }
    }
    for (key, segment) in [("items", "[]"), ("additionalProperties", "[*]")] {
        if let Some(child) = schema.get_mut(key) {
            type_child(child, || place.below(segment))?;
        }
    }
    Ok(())
}

fn type_child(child: &mut Value, place: impl FnOnce() -> Place) -> Result<(), Misfit> {
    if *child == Value::Bool(true) {
        *child = json!({});
    }
    if optional::is_null(child) {
        return Err(Misfit {
            place: place(),
            problem: Problem::AlwaysNull,
        });
    }
    if let Value::Object(schema) = child
        && ["type", PRESERVE, INT_OR_STRING]
            .iter()
            .all(|key| !schema.contains_key(*key))
    {
        match type_of_enum(schema) {
            Some(kind) => schema.insert("type".to_owned(), json!(kind)),
            None => schema.insert(PRESERVE.to_owned(), json!(true)),
        };
    }
    Ok(())
}

/// The type of an enum's values, where they have one.
pub(crate) fn type_of_enum(schema: &Map<String, Value>) -> Option<&'static str> {
    let values = schema.get("enum")?.as_array()?;
    let mut types = values.iter().map(|value| match value {
        Value::Bool(_) => Some("boolean"),
        Value::Number(n) if n.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::String(_) => Some("string"),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    let first = types.next()??;
    types.all(|kind| kind == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests;
