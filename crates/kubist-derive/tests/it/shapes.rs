//! Every shape that serde can express, as a server takes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::api::core::v1::{Container, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use k8s_openapi::apimachinery::pkg::runtime::RawExtension;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kubist_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Enums of each representation.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "shapes.example.com",
    version = "v1",
    kind = "Choice",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChoiceSpec {
    pub(crate) level: Level,
    pub(crate) maybe_level: Option<Level>,
    pub(crate) external: External,
    pub(crate) maybe_external: Option<External>,
    pub(crate) internal: Internal,
    pub(crate) adjacent: Option<Adjacent>,
    pub(crate) untagged: Option<Untagged>,
    pub(crate) number_or_text: Option<NumberOrText>,
    #[serde(default)]
    pub(crate) each: Vec<External>,
    #[serde(flatten)]
    pub(crate) flat: FlatChoice,
}

#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Little.
    Low,
    /// Much.
    High,
}

#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum External {
    Git { url: String, depth: Option<u8> },
    Inline(String),
    Empty {},
}

#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum Internal {
    Fixed { replicas: i32 },
    Scaled { min: i32, max: i32 },
    Off,
}

#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "camelCase")]
pub(crate) enum Adjacent {
    Left { a: bool },
    Right { a: bool },
}

#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged {
    A { one: String },
    B { two: i64 },
}

#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum NumberOrText {
    Number(i64),
    Text(String),
}

#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum FlatChoice {
    ByName { name: String },
    ByLabel(BTreeMap<String, String>),
}

/// Everything but enums.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "shapes.example.com",
    version = "v1",
    kind = "Shape",
    namespaced,
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShapeSpec {
    pub(crate) nested: Option<Option<Inner>>,
    pub(crate) list: Option<Vec<Inner>>,
    #[serde(default)]
    pub(crate) set: BTreeSet<String>,
    #[serde(default)]
    pub(crate) map: BTreeMap<String, Inner>,
    #[serde(default)]
    pub(crate) lists: HashMap<String, Vec<Option<u16>>>,
    #[serde(default)]
    pub(crate) by_level: BTreeMap<Level, i32>,
    pub(crate) port: Option<IntOrString>,
    #[serde(default)]
    pub(crate) limit: Quantity,
    pub(crate) raw: Option<RawExtension>,
    pub(crate) any: Option<serde_json::Value>,
    pub(crate) at: Option<Time>,
    pub(crate) selector: Option<LabelSelector>,
    #[serde(default)]
    pub(crate) containers: Vec<Container>,
    pub(crate) resources: Option<ResourceRequirements>,
    #[serde(default = "ten")]
    pub(crate) with_default: i32,
    #[serde(default)]
    pub(crate) inner_default: InnerDefault,
    pub(crate) wrapped: Option<Wrapped>,
    pub(crate) pair: Option<(i32, String)>,
    pub(crate) small: Option<u8>,
    pub(crate) big: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) letter: Option<char>,
    pub(crate) boxed: Option<Box<Inner>>,
    #[schemars(schema_with = "kubist_core::schema::unchecked_list")]
    #[serde(default)]
    pub(crate) trees: Vec<Tree>,
    #[serde(flatten)]
    pub(crate) rest: BTreeMap<String, serde_json::Value>,
}

fn ten() -> i32 {
    10
}

#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Inner {
    #[x_kube(validation = ("self != ''", "a name is not empty"))]
    #[schemars(length(max = 10))]
    pub(crate) name: String,
}

#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct InnerDefault {
    pub(crate) on: bool,
}

impl Default for InnerDefault {
    fn default() -> Self {
        InnerDefault { on: true }
    }
}

#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wrapped(pub(crate) i64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) children: Vec<Tree>,
}

/// A status of conditions.
#[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[kube(
    group = "shapes.example.com",
    version = "v1",
    kind = "Condensed",
    status = "CondensedStatus"
)]
pub(crate) struct CondensedSpec {
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub(crate) inner: Vec<Inner>,
}

#[derive(JsonSchema, Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CondensedStatus {
    pub(crate) conditions: Vec<Condition>,
}
