//! Aggregated discovery: all groups, versions and resources in one document.
//!
//! The types of `apidiscovery.k8s.io/v2`
//! ([reference](https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery)).

use serde::{Deserialize, Serialize};

use crate::metadata::{ListMeta, ObjectMeta};

/// The `Accept` header that asks `/api` and `/apis` for aggregated discovery.
///
/// Servers older than 1.30 answer in `v2beta1`, which reads the same; servers without aggregated
/// discovery answer in plain JSON.
pub const ACCEPT_AGGREGATED_DISCOVERY_V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// All groups of `/apis`, or the core group of `/api`.
///
/// ```
/// use kubist_core::discovery::v2::APIGroupDiscoveryList;
///
/// let json = r#"{ "items": [{ "metadata": { "name": "apps" }, "versions": [{ "version": "v1" }] }] }"#;
/// let groups: APIGroupDiscoveryList = serde_json::from_str(json)?;
/// assert_eq!(groups.items[0].versions[0].version.as_deref(), Some("v1"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct APIGroupDiscoveryList {
    /// The list's metadata; empty in practice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ListMeta>,
    /// The groups, in the order the server prefers.
    #[serde(default)]
    pub items: Vec<APIGroupDiscovery>,
}

/// One group with its versions.
///
/// ```
/// use kubist_core::discovery::v2::APIGroupDiscovery;
///
/// fn preferred(group: &APIGroupDiscovery) -> Option<&str> {
///     group.versions.first()?.version.as_deref()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct APIGroupDiscovery {
    /// Metadata whose name is the group's; empty for the core group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ObjectMeta>,
    /// The versions, the preferred one first.
    #[serde(default)]
    pub versions: Vec<APIVersionDiscovery>,
}

/// One version with its resources.
///
/// ```
/// use kubist_core::discovery::v2::APIVersionDiscovery;
///
/// fn is_stale(version: &APIVersionDiscovery) -> bool {
///     version.freshness.as_deref() == Some("Stale")
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct APIVersionDiscovery {
    /// The version's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The resources.
    #[serde(default)]
    pub resources: Vec<APIResourceDiscovery>,
    /// `Current`, or `Stale` where an aggregated API server could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freshness: Option<String>,
}

/// One resource with its verbs and subresources.
///
/// ```
/// use kubist_core::discovery::v2::APIResourceDiscovery;
///
/// fn is_listed(resource: &APIResourceDiscovery) -> bool {
///     resource.verbs.iter().any(|verb| verb == "list")
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct APIResourceDiscovery {
    /// The plural that URLs use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The kind that is answered; group and version are empty where they are those around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_kind: Option<GroupVersionKind>,
    /// `Namespaced` or `Cluster`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The singular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub singular_resource: Option<String>,
    /// The verbs.
    #[serde(default)]
    pub verbs: Vec<String>,
    /// Short names, as `po` for `pods`.
    #[serde(default)]
    pub short_names: Vec<String>,
    /// Groups of resources it belongs to, as `all`.
    #[serde(default)]
    pub categories: Vec<String>,
    /// The subresources.
    #[serde(default)]
    pub subresources: Vec<APISubresourceDiscovery>,
}

/// One subresource with its verbs.
///
/// ```
/// use kubist_core::discovery::v2::{APIResourceDiscovery, APISubresourceDiscovery};
///
/// fn has_status(resource: &APIResourceDiscovery) -> bool {
///     let is_status = |sub: &APISubresourceDiscovery| sub.subresource.as_deref() == Some("status");
///     resource.subresources.iter().any(is_status)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct APISubresourceDiscovery {
    /// The name, as `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// The kind that is answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_kind: Option<GroupVersionKind>,
    /// The kinds that are accepted, where they are not the one that is answered.
    #[serde(default)]
    pub accepted_types: Vec<GroupVersionKind>,
    /// The verbs.
    #[serde(default)]
    pub verbs: Vec<String>,
}

/// A kind's name, as this document writes it.
///
/// ```
/// use kubist_core::discovery::v2::{APIResourceDiscovery, GroupVersionKind};
///
/// fn kind(resource: &APIResourceDiscovery) -> Option<&str> {
///     let GroupVersionKind { kind, .. } = resource.response_kind.as_ref()?;
///     kind.as_deref()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupVersionKind {
    /// The group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_document_and_ignores_what_it_does_not_know() {
        let text = r#"{
            "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
            "items": [{"metadata": {"name": "apps", "creationTimestamp": null}, "versions": [{
                "version": "v1", "freshness": "Current", "later": 1, "resources": [{
                    "resource": "deployments", "singularResource": "deployment", "scope": "Namespaced",
                    "responseKind": {"group": "", "version": "", "kind": "Deployment"},
                    "verbs": ["get", "watch"], "shortNames": ["deploy"],
                    "subresources": [{"subresource": "scale", "verbs": ["get"],
                        "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}}]
                }]
            }]}]
        }"#;
        let list: APIGroupDiscoveryList = serde_json::from_str(text).expect("valid");
        let version = &list.items[0].versions[0];
        let resource = &version.resources[0];
        assert_eq!(version.freshness.as_deref(), Some("Current"));
        assert_eq!(resource.short_names, ["deploy"]);
        assert!(resource.categories.is_empty());
        let scale = resource.subresources[0].response_kind.as_ref().expect("has kind");
        assert_eq!(scale.group.as_deref(), Some("autoscaling"));
    }
}
