//! Types as people write them, and the schemas that servers take.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps,
    apimachinery::pkg::{api::resource::Quantity, util::intstr::IntOrString},
};
use schemars::{JsonSchema, generate::SchemaSettings, transform::AddNullable};

use super::*;

#[derive(JsonSchema)]
#[allow(dead_code)]
enum Unit {
    /// The first
    A,
    /// The second
    B,
    C,
    D,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
enum External {
    /// Over
    Value(Unit),
    Object {
        hard: String,
    },
    Empty {},
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Untagged {
    /// Gone
    One {
        one: String,
    },
    Two {
        two: Unit,
        three: String,
    },
    None {},
}

#[derive(JsonSchema)]
#[serde(tag = "type")]
#[allow(dead_code)]
enum Internal {
    A { a: String },
    B { b: u8 },
}

/// What `#[derive(CustomResource)]` generates, of one field.
#[track_caller]
fn schema_of<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator();
    let mut schema = serde_json::to_value(generator.into_root_schema_for::<Holder<T>>()).expect("serializes");
    serde_json::from_value::<JSONSchemaProps>(schema.clone()).expect("is a schema of a definition");
    assert_structural(&schema, "");
    schema["properties"]["field"].take()
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Holder<T> {
    field: T,
}

/// The rules of the API for schemas, as far as types can break them.
#[track_caller]
fn assert_structural(schema: &Value, path: &str) {
    let typed = ["type", PRESERVE, INT_OR_STRING]
        .iter()
        .any(|key| schema.get(*key).is_some());
    assert!(typed, "{path}: no type: {schema}");
    let exclusive = schema.get("properties").is_some() && schema.get("additionalProperties").is_some();
    assert!(
        !exclusive,
        "{path}: properties and additionalProperties: {schema}"
    );
    for junctor in ["allOf", "anyOf", "oneOf"] {
        for variant in schema
            .get(junctor)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            assert_narrowing(schema, variant, path);
        }
    }
    for (name, property) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        assert_structural(property, &format!("{path}.{name}"));
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child) = schema.get(key) {
            assert_structural(child, &format!("{path}.{key}"));
        }
    }
}

#[track_caller]
fn assert_narrowing(of: &Value, variant: &Value, path: &str) {
    for forbidden in [
        "type",
        "description",
        "title",
        "default",
        "nullable",
        "additionalProperties",
        PRESERVE,
    ] {
        assert!(
            variant.get(forbidden).is_none(),
            "{path}: {forbidden} in a variant: {variant}"
        );
    }
    for (name, property) in variant
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        assert_narrowing(&of["properties"][name], property, path);
        assert!(
            of["properties"].get(name).is_some(),
            "{path}: {name} only in a variant: {variant}"
        );
    }
}

#[test]
fn unit_variants_are_an_enum() {
    assert_eq!(
        schema_of::<Unit>(),
        json!({"type": "string", "enum": ["C", "D", "A", "B"]})
    );
    assert_eq!(
        schema_of::<Option<Unit>>(),
        json!({"type": "string", "enum": ["C", "D", "A", "B"], "nullable": true})
    );
}

#[test]
fn external_tags_are_properties() {
    let properties = json!({
        "Value": {"type": "string", "enum": ["C", "D", "A", "B"], "description": "Over"},
        "Object": {"type": "object", "properties": {"hard": {"type": "string"}}, "required": ["hard"]},
        "Empty": {"type": "object"},
    });
    let one_of = json!([{"required": ["Value"]}, {"required": ["Object"]}, {"required": ["Empty"]}]);
    assert_eq!(
        schema_of::<External>(),
        json!({"type": "object", "properties": properties, "oneOf": one_of})
    );
    assert_eq!(
        schema_of::<Option<External>>(),
        json!({"type": "object", "properties": properties, "oneOf": one_of, "nullable": true})
    );
}

#[test]
fn untagged_variants_share_an_object() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Flat {
        own: bool,
        #[serde(flatten)]
        inner: Untagged,
    }

    let expected = json!({
        "type": "object",
        "properties": {
            "one": {"type": "string"},
            "two": {"type": "string", "enum": ["C", "D", "A", "B"]},
            "three": {"type": "string"},
        },
        "anyOf": [{"required": ["one"]}, {"required": ["three", "two"]}, {}],
    });
    assert_eq!(schema_of::<Untagged>(), expected);
    let mut flat = schema_of::<Flat>();
    flat["properties"]["own"].take();
    assert_eq!(flat["anyOf"], expected["anyOf"]);
    assert_eq!(flat["properties"]["one"], expected["properties"]["one"]);
}

#[test]
fn internal_tags_stay_tags() {
    assert_eq!(
        schema_of::<Internal>(),
        json!({
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": ["A", "B"]},
                "a": {"type": "string"},
                "b": {"type": "integer", "format": "uint8", "minimum": 0, "maximum": 255},
            },
            "oneOf": [
                {"properties": {"type": {"enum": ["A"]}}, "required": ["a", "type"]},
                {"properties": {"type": {"enum": ["B"]}}, "required": ["b", "type"]},
            ],
        })
    );
}

#[test]
fn several_flattened_enums() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Flat {
        #[serde(flatten)]
        external: External,
        #[serde(flatten)]
        untagged: Untagged,
    }

    let schema = schema_of::<Flat>();
    let properties = schema["properties"].as_object().expect("has properties");
    assert_eq!(properties.len(), 6, "{schema}");
}

#[test]
fn scalars_of_several_types() {
    #[derive(JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Port {
        Number(i32),
        Name(String),
    }
    #[derive(JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }

    assert_eq!(schema_of::<Port>(), json!({INT_OR_STRING: true}));
    assert_eq!(schema_of::<OneOrMany>(), json!({PRESERVE: true}));
    let pair = schema_of::<(i32, String)>();
    assert_eq!(pair["items"], json!({INT_OR_STRING: true}));
}

#[test]
fn types_of_kubernetes() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Optional {
        a: Option<Quantity>,
        b: Option<IntOrString>,
        c: IntOrString,
    }

    for schema in [schema_of::<Quantity>(), schema_of::<IntOrString>()] {
        assert_eq!(
            (&schema[INT_OR_STRING], schema.get("nullable")),
            (&json!(true), None)
        );
    }
    let optional = schema_of::<Optional>();
    for field in ["a", "b"] {
        let schema = &optional["properties"][field];
        assert_eq!(
            (&schema[INT_OR_STRING], &schema["nullable"]),
            (&json!(true), &json!(true))
        );
    }
    assert_eq!(optional["properties"]["c"].get("nullable"), None);
    schema_of::<k8s_openapi::api::core::v1::PodSpec>();
    schema_of::<Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>>();
    assert_eq!(schema_of::<crate::Duration>(), json!({"type": "string"}));
}

#[test]
fn maps_and_values() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Flat {
        own: bool,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }

    assert_eq!(
        schema_of::<BTreeMap<String, u8>>()["additionalProperties"]["type"],
        json!("integer")
    );
    assert_eq!(
        schema_of::<BTreeMap<String, Value>>(),
        json!({"type": "object", PRESERVE: true})
    );
    assert_eq!(schema_of::<Value>(), json!({PRESERVE: true}));
    assert_eq!(schema_of::<Vec<Value>>()["items"], json!({PRESERVE: true}));
    let flat = schema_of::<Flat>();
    assert_eq!(
        (&flat[PRESERVE], flat.get("additionalProperties")),
        (&json!(true), None)
    );
    assert_eq!(
        schema_of::<BTreeSet<String>>(),
        json!({"type": "array", "items": {"type": "string"}})
    );
}

#[test]
fn unknown_fields_and_recursion() {
    #[derive(JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Strict {
        a: bool,
    }
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Tree {
        children: Vec<Tree>,
    }

    assert_eq!(schema_of::<Strict>().get("additionalProperties"), None);
    assert_eq!(
        schema_of::<Tree>(),
        json!({"type": "object", "required": ["children"],
            "properties": {"children": {"type": "array", "items": {PRESERVE: true}}}})
    );
}

#[test]
fn exclusive_limits_are_flags() {
    let mut schema = schemars::json_schema!({ "type": "integer", "exclusiveMinimum": 3 });
    StructuralSchemaRewriter.transform(&mut schema);
    assert_eq!(
        schema,
        schemars::json_schema!({ "type": "integer", "minimum": 3, "exclusiveMinimum": true })
    );
}

#[test]
#[should_panic = "Enum variant set [String(\"A\")] has type Single(String) but was already defined as Some(Single(Object)). The instance type must be equal for all subschema variants."]
fn units_beside_objects() {
    #[derive(JsonSchema)]
    #[allow(dead_code)]
    enum Mixed {
        /// A unit
        A,
        B(u32),
    }

    schema_of::<Mixed>();
}

#[test]
#[should_panic = "Property \"inner\" has the schema"]
fn one_name_of_two_types() {
    #[derive(JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code)]
    enum Clash {
        A { inner: String },
        B { inner: u32 },
    }

    schema_of::<Clash>();
}
