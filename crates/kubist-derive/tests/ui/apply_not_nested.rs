use kubist_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "docs.example.com", version = "v1", kind = "Document", apply)]
struct DocumentSpec {
    #[serde(flatten)]
    layout: Layout,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Layout {
    columns: u8,
}

fn main() {}
