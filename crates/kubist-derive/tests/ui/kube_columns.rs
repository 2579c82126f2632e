use kubist_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", printcolumn(name = "Title", type_ = "string", json_path = ".spec.title", width = 3))]
struct Spec3 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", printcolumn = r#"{"name": "Title", "type": "string"}"#)]
struct Spec4 {}

fn main() {}
