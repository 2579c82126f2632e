use kubist_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "docs.example.com", version = "v1", kind = "Document", namespace)]
struct DocumentSpec {}

fn main() {}
