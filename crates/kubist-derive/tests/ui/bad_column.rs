use kubist_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "docs.example.com", version = "v1", kind = "Document")]
#[kube(printcolumn = r#"{"name": "Title"}"#)]
struct DocumentSpec {}

fn main() {}
