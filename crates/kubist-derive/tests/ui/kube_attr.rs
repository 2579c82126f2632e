use kubist_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", attr = "derive(PartialEq)")]
struct Spec1 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", attr = r#"serde(rename_all = "snake_case")"#)]
struct Spec2 {}

#[derive(CustomResource)]
#[kube(group = "example.com", version = "v1", kind = "Document")]
union Spec3 {
    one: u8,
}

fn main() {}
