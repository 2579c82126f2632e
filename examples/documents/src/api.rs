//! The API: what a user of the operator writes and reads.
// Two columns of one type are no duplicate, whatever clippy takes them for.
#![allow(clippy::duplicated_attributes)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kubist::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text to be published.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "docs.example.com", version = "v1", kind = "Document", namespaced)]
#[kube(status = "DocumentStatus", shortname = "doc", category = "all")]
#[kube(printcolumn(name = "Title", type_ = "string", json_path = ".spec.title"))]
#[kube(printcolumn(
    name = "Ready",
    type_ = "string",
    json_path = r#".status.conditions[?(@.type=="Ready")].status"#
))]
#[kube(printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"))]
#[serde(rename_all = "camelCase")]
pub struct DocumentSpec {
    /// The headline.
    #[schemars(length(min = 1))]
    pub title: String,
    /// The text below it.
    #[serde(default)]
    pub body: String,
    /// Whether it is kept from readers.
    #[serde(default)]
    pub hidden: bool,
}

/// What became of a Document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentStatus {
    /// The generation of the spec that this status speaks of.
    pub observed_generation: Option<i64>,
    /// The ConfigMap that holds the text.
    pub config_map: Option<String>,
    /// The conditions; `Ready` is true once the present spec is published.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// The condition that a published Document has.
pub const READY: &str = "Ready";

impl DocumentStatus {
    /// The status of a Document whose spec of this generation is published in a ConfigMap.
    #[must_use]
    pub fn published(before: Option<&DocumentStatus>, generation: Option<i64>, config_map: &str) -> Self {
        let ready = before
            .and_then(DocumentStatus::ready)
            .filter(|ready| ready.status == "True");
        DocumentStatus {
            observed_generation: generation,
            config_map: Some(config_map.to_owned()),
            conditions: vec![Condition {
                type_: READY.to_owned(),
                status: "True".to_owned(),
                reason: "Published".to_owned(),
                message: format!("the text is in the ConfigMap {config_map}"),
                observed_generation: generation,
                // The time of the last change of the condition's status, not of its message.
                last_transition_time: ready.map_or_else(
                    || Time(Timestamp::now()),
                    |ready| ready.last_transition_time.clone(),
                ),
            }],
        }
    }

    /// The `Ready` condition.
    #[must_use]
    pub fn ready(&self) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == READY)
    }
}

impl Document {
    /// Whether the present spec, not an earlier one, is published.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status.as_ref().is_some_and(|status| {
            status.observed_generation == self.metadata.generation
                && status.ready().is_some_and(|ready| ready.status == "True")
        })
    }
}
