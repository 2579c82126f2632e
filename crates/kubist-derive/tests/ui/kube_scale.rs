use kubist_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", scale(spec_replicas_path = ".spec.replicas"))]
struct Spec3 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", scale = r#"{"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "selector": ""}"#)]
struct Spec4 {}

fn main() {}
