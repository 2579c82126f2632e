use kubist_derive::{CustomResource, Upgrade};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod v1alpha1 {
    use super::*;

    #[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
    #[kube(group = "example.com", version = "v1alpha1", kind = "Document")]
    pub struct DocumentSpec {
        pub title: String,
    }
}

#[derive(CustomResource, Upgrade, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document")]
#[upgrade(from = v1alpha1::DocumentSpec)]
struct DocumentSpec {
    title: String,
}

fn main() {}
