//! From documents of discovery to resources with their capabilities.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIResource, APIResourceList};
use kubist_core::{
    discovery::{
        ApiCapabilities, ApiResource, Scope,
        v2::{APIResourceDiscovery, APISubresourceDiscovery, APIVersionDiscovery, GroupVersionKind as Kind},
    },
    gvk::{GroupVersion, ParseGroupVersionError},
};

use crate::error::DiscoveryError;

type Resources = Vec<(ApiResource, ApiCapabilities)>;

pub(super) fn parse_group_version(text: &str) -> Result<GroupVersion, DiscoveryError> {
    text.parse()
        .map_err(|error: ParseGroupVersionError| DiscoveryError::InvalidGroupVersion(error.0))
}

/// The resources of one version, each with its subresources.
pub(super) fn from_list(list: APIResourceList) -> Result<Resources, DiscoveryError> {
    let group_version = parse_group_version(&list.group_version)?;
    let (subresources, resources): (Vec<_>, Vec<_>) = list
        .resources
        .into_iter()
        .partition(|resource| resource.name.contains('/'));
    let mut parsed: Resources = resources
        .iter()
        .map(|resource| from_resource(resource, &group_version))
        .collect();
    for subresource in &subresources {
        // A subresource of what is not listed belongs to nothing.
        let owner = subresource.name.split('/').next().unwrap_or_default();
        if let Some((_, capabilities)) = parsed.iter_mut().find(|(resource, _)| resource.plural == owner) {
            capabilities
                .subresources
                .push(from_resource(subresource, &group_version));
        }
    }
    Ok(parsed)
}

fn from_resource(resource: &APIResource, around: &GroupVersion) -> (ApiResource, ApiCapabilities) {
    let kind = Kind {
        group: resource.group.clone(),
        version: resource.version.clone(),
        kind: Some(resource.kind.clone()),
    };
    let capabilities = ApiCapabilities {
        scope: if resource.namespaced {
            Scope::Namespaced
        } else {
            Scope::Cluster
        },
        subresources: Vec::new(),
        operations: resource.verbs.clone(),
    };
    (api_resource(around, &resource.name, &kind), capabilities)
}

/// The resources of one version of aggregated discovery.
///
/// One without a kind is left out: its server does not say what it is.
pub(super) fn from_version(group: &str, version: &APIVersionDiscovery) -> Resources {
    let around = GroupVersion::gv(group, version.version.as_deref().unwrap_or_default());
    version
        .resources
        .iter()
        .filter_map(|resource| from_discovery(resource, &around))
        .collect()
}

fn from_discovery(
    resource: &APIResourceDiscovery,
    around: &GroupVersion,
) -> Option<(ApiResource, ApiCapabilities)> {
    let plural = resource.resource.as_deref()?;
    let kind = resource.response_kind.as_ref()?;
    let scope = match resource.scope.as_deref() {
        Some("Namespaced") => Scope::Namespaced,
        _ => Scope::Cluster,
    };
    let subresource = |subresource: &APISubresourceDiscovery| {
        let name = subresource.subresource.as_deref()?;
        let kind = subresource.response_kind.as_ref().unwrap_or(kind);
        let capabilities = ApiCapabilities {
            scope: scope.clone(),
            subresources: Vec::new(),
            operations: subresource.verbs.clone(),
        };
        Some((
            api_resource(around, &format!("{plural}/{name}"), kind),
            capabilities,
        ))
    };
    let capabilities = ApiCapabilities {
        subresources: resource.subresources.iter().filter_map(subresource).collect(),
        operations: resource.verbs.clone(),
        scope: scope.clone(),
    };
    Some((api_resource(around, plural, kind), capabilities))
}

/// A kind says its group and version only where they are not those around it.
fn api_resource(around: &GroupVersion, plural: &str, kind: &Kind) -> ApiResource {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let group_version = match said(&kind.version) {
        Some(version) => GroupVersion {
            // With a version, no group is the core group only if the group is said to be empty.
            group: kind.group.clone().unwrap_or_else(|| around.group.clone()),
            version,
        },
        None => GroupVersion {
            group: said(&kind.group).unwrap_or_else(|| around.group.clone()),
            version: around.version.clone(),
        },
    };
    ApiResource {
        api_version: group_version.api_version(),
        group: group_version.group,
        version: group_version.version,
        kind: kind.kind.clone().unwrap_or_default(),
        plural: plural.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn subresources_belong_to_resources() {
        let list: APIResourceList = serde_json::from_value(json!({
            "kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [
                {"name": "deployments/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
                 "version": "v1", "kind": "Scale", "verbs": ["get"]},
                {"name": "deployments", "singularName": "deployment", "namespaced": true, "kind": "Deployment",
                 "verbs": ["create", "get"]},
                {"name": "lost/status", "singularName": "", "namespaced": true, "kind": "Lost", "verbs": []},
            ],
        }))
        .expect("valid");
        let resources = from_list(list).expect("valid");
        let [(resource, capabilities)] = &resources[..] else {
            panic!("one resource: {resources:?}")
        };
        assert_eq!(
            (resource.api_version.as_str(), resource.plural.as_str()),
            ("apps/v1", "deployments")
        );
        assert!(capabilities.supports_operation("create") && capabilities.scope == Scope::Namespaced);
        let (scale, _) = &capabilities.subresources[0];
        assert_eq!(
            (scale.api_version.as_str(), scale.plural.as_str()),
            ("autoscaling/v1", "deployments/scale")
        );
    }

    #[test]
    fn aggregated_discovery_says_the_same() {
        let version: APIVersionDiscovery = serde_json::from_value(json!({
            "version": "v1", "resources": [
                {"resource": "pods", "scope": "Namespaced", "verbs": ["get"],
                 "responseKind": {"group": "", "version": "", "kind": "Pod"},
                 "subresources": [
                    {"subresource": "eviction", "verbs": ["create"],
                     "responseKind": {"group": "policy", "version": "v1", "kind": "Eviction"}},
                    {"subresource": "log", "verbs": ["get"],
                     "responseKind": {"group": "", "version": "", "kind": "Pod"}}]},
                {"resource": "unknown", "verbs": ["get"]},
            ],
        }))
        .expect("valid");
        let resources = from_version("", &version);
        let [(pods, capabilities)] = &resources[..] else {
            panic!("one resource: {resources:?}")
        };
        assert_eq!((pods.api_version.as_str(), pods.kind.as_str()), ("v1", "Pod"));
        let [(eviction, _), (log, _)] = &capabilities.subresources[..] else {
            panic!("two subresources")
        };
        assert_eq!(eviction.api_version, "policy/v1");
        assert_eq!(
            (log.api_version.as_str(), log.plural.as_str()),
            ("v1", "pods/log")
        );
    }

    #[test]
    fn a_bad_group_version_is_named() {
        let list = APIResourceList {
            group_version: "a/b/c".into(),
            resources: vec![],
        };
        assert_eq!(
            from_list(list).expect_err("invalid").to_string(),
            "Invalid GroupVersion: a/b/c"
        );
    }
}
