use kubist_derive::{CustomResource, Upgrade};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod v1alpha1 {
    use super::*;

    #[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
    #[kube(group = "example.com", version = "v1alpha1", kind = "Document", status = "DocumentStatus")]
    pub struct DocumentSpec {
        pub title: String,
    }

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub struct DocumentStatus {
        pub done: bool,
    }
}

#[derive(CustomResource, Upgrade, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document")]
#[upgrade(from = v1alpha1::Document)]
struct DocumentSpec {
    title: String,
}

fn main() {}
