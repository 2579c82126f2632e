use std::collections::BTreeMap;

use kubist_core::CustomResourceExt;
use kubist_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "docs.example.com", version = "v1", kind = "Range", validation = Rule::new("true"))]
#[x_kube(validation = Rule::new("self.minimum <= self.max").message("minimum is above max").reason(Reason::FieldValueInvalid))]
#[serde(rename_all = "camelCase")]
pub(crate) struct RangeSpec {
    /// The least.
    #[serde(rename = "minimum")]
    #[x_kube(validation = ("self >= 0", "minimum is negative"), validation = "self < 100")]
    min: i32,
    #[serde(default = "RangeSpec::default_max")]
    max: i32,
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    named_steps: Vec<Step>,
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    labels: BTreeMap<String, String>,
    nested: Nested,
}

impl RangeSpec {
    fn default_max() -> i32 {
        99
    }
}

#[derive(JsonSchema, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    name: String,
}

#[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[x_kube(merge_strategy = StructMerge::Atomic)]
pub(crate) struct Nested {
    #[x_kube(validation = "self != ''")]
    text: String,
}

#[test]
fn rules_and_strategies_are_in_the_schema_where_they_were_written() {
    let crd = serde_json::to_value(Range::crd()).unwrap();
    let root = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    assert_eq!(root["x-kubernetes-validations"], json!([{"rule": "true"}]));
    let spec: &Value = &root["properties"]["spec"];
    assert_eq!(
        *spec,
        json!({
            "type": "object",
            "required": ["labels", "minimum", "namedSteps", "nested"],
            "x-kubernetes-validations": [{
                "rule": "self.minimum <= self.max", "message": "minimum is above max",
                "reason": "FieldValueInvalid",
            }],
            "properties": {
                "minimum": {
                    "type": "integer", "format": "int32", "description": "The least.",
                    "x-kubernetes-validations": [
                        {"rule": "self >= 0", "message": "minimum is negative"},
                        {"rule": "self < 100"},
                    ],
                },
                "max": {"type": "integer", "format": "int32", "default": 99},
                "namedSteps": {
                    "type": "array",
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object", "required": ["name"],
                        "properties": {"name": {"type": "string"}},
                    },
                },
                "labels": {
                    "type": "object", "x-kubernetes-map-type": "atomic",
                    "additionalProperties": {"type": "string"},
                },
                "nested": {
                    "type": "object", "required": ["text"], "x-kubernetes-map-type": "atomic",
                    "properties": {
                        "text": {"type": "string", "x-kubernetes-validations": [{"rule": "self != ''"}]},
                    },
                },
            },
        })
    );
}

#[test]
fn the_schema_has_the_name_of_the_type() {
    assert_eq!(Nested::schema_name(), "Nested");
    assert_eq!(schemars::schema_for!(Nested).get("title"), Some(&json!("Nested")));
}

#[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "docs.example.com", version = "v1", kind = "Forest")]
struct ForestSpec {
    trees: BTreeMap<String, Tree>,
}

#[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
struct Tree {
    branches: Vec<Branch>,
}

#[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
struct Branch {
    grafted: Option<Tree>,
}

#[test]
#[should_panic = "spec.trees[*].branches[].grafted of it::kube_schema::Forest has no structural schema. It is of a type within itself (Tree)"]
fn types_within_each_other_are_refused_with_the_field() {
    Forest::crd();
}

#[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "docs.example.com", version = "v1", kind = "Mixture")]
struct MixtureSpec {
    parts: Vec<Part>,
}

#[derive(JsonSchema, Clone, Debug, Serialize, Deserialize)]
enum Part {
    /// A unit beside what is none.
    Nothing,
    Some {
        text: String,
    },
}

#[test]
#[should_panic = "spec.parts[] of it::kube_schema::Mixture has no structural schema"]
fn a_shape_without_a_structural_schema_is_refused_with_the_field() {
    Mixture::crd();
}

#[test]
fn who_prints_definitions_gets_an_error() {
    let error = Mixture::try_crd().unwrap_err();
    assert_eq!(
        (error.field().as_str(), error.type_name()),
        ("spec.parts[]", "it::kube_schema::Mixture")
    );
    assert!(
        error.to_string().contains("give the unit variants braces"),
        "{error}"
    );
    assert_eq!(Range::try_crd().unwrap(), Range::crd());
}

mod other {
    use super::{Deserialize, KubeSchema, Serialize};

    /// Another type of the same name.
    #[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Nested {
        pub(super) inner: super::Nested,
    }
}

#[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "docs.example.com", version = "v1", kind = "Namesake")]
struct NamesakeSpec {
    nested: other::Nested,
}

#[test]
fn types_of_one_name_are_not_one_type() {
    let crd = serde_json::to_value(Namesake::crd()).unwrap();
    let nested = crd.pointer(
        "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/nested/properties/inner/properties/text",
    );
    assert_eq!(nested.unwrap()["type"], "string");
}
