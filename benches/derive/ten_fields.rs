// A resource of ten fields, as an operator has it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "docs.example.com", version = "v1", kind = "Document", namespaced)]
#[kube(status = "DocumentStatus", shortname = "doc", category = "all")]
#[kube(printcolumn(name = "Title", type_ = "string", json_path = ".spec.title"))]
#[serde(rename_all = "camelCase")]
pub struct DocumentSpec {
    /// The headline.
    #[x_kube(validation = "self != ''")]
    pub title: String,
    pub subtitle: Option<String>,
    #[serde(default)]
    pub hidden: bool,
    #[serde(default)]
    pub pages: u32,
    pub authors: Vec<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub format: Format,
    pub layout: Option<Layout>,
    pub weight: Option<f64>,
    pub reviewed_by: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub enum Format {
    Text,
    Markdown,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Layout {
    pub columns: u8,
    pub font: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DocumentStatus {
    pub published: bool,
    pub conditions: Vec<Condition>,
}
