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
struct RangeSpec {
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
struct Step {
    name: String,
}

#[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[x_kube(merge_strategy = StructMerge::Atomic)]
struct Nested {
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
