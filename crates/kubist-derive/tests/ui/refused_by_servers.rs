//! What kube takes and servers do not: a warning, which is an error here.
#![deny(deprecated)]

use kubist_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example_com", version = "v1", kind = "Document", root = "Root1")]
struct Spec1 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "Example.com", version = "v1", kind = "Document", root = "Root2")]
struct Spec2 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "V1", kind = "Document", root = "Root3")]
struct Spec3 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "1", kind = "Document", root = "Root4")]
struct Spec4 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "document", root = "Root5")]
struct Spec5 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", plural = "Documents", root = "Root6")]
struct Spec6 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", singular = "a document", root = "Root7")]
struct Spec7 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", shortname = "Doc", category = "all of them", root = "Root8")]
struct Spec8 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", selectable = "spec.title", root = "Root9")]
struct Spec9 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", printcolumn(name = "Title", type_ = "text", json_path = ".spec.title"), root = "Root10")]
struct Spec10 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", printcolumn(name = "Title", type_ = "string", format = "big", json_path = "spec.title"), root = "Root11")]
struct Spec11 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", scale(spec_replicas_path = "spec.replicas", status_replicas_path = ".status.replicas"), root = "Root12")]
struct Spec12 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", scale(spec_replicas_path = ".spec.sets[0].replicas", status_replicas_path = ".spec.replicas"), root = "Root13")]
struct Spec13 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Document", scale(spec_replicas_path = ".spec.replicas", status_replicas_path = ".status.replicas", label_selector_path = "selector"), root = "Root14")]
struct Spec14 {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "", version = "v1", kind = "Pod")]
#[kube(printcolumn = r#"{"name": "Title", "type": "text", "jsonPath": "title"}"#)]
struct PodSpec {}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "test", version = "v1", kind = "document")]
struct DocumentSpec {}

fn main() {}
