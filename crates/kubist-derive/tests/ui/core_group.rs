use kubist_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "", version = "v1", kind = "Document")]
struct DocumentSpec {}

fn main() {}
