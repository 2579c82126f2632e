//! One group with its versions and resources.

use std::cmp::Reverse;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{APIGroup, APIVersions};
use kubist_core::{
    Version,
    discovery::{ApiCapabilities, ApiResource, v2::APIGroupDiscovery},
    gvk::{GroupVersion, GroupVersionKind},
};

use super::{CONCURRENCY, parse};
use crate::{Client, Error, Result, error::DiscoveryError};

type Resources = Vec<(ApiResource, ApiCapabilities)>;

/// One group with its versions and resources.
///
/// Not every resource is in every version: what is new is in an alpha version only, while the
/// preferred one is stable. [`recommended_resources`](ApiGroup::recommended_resources) has those of
/// the preferred version, [`resources_by_stability`](ApiGroup::resources_by_stability) has all, each
/// in its most stable version.
///
/// ```no_run
/// use kubist_client::discovery;
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// let apps = discovery::group(&client, "apps").await?;
/// for (resource, capabilities) in apps.recommended_resources() {
///     println!("{}: {:?}", resource.plural, capabilities.scope);
/// }
/// # Ok(())
/// # }
/// ```
pub struct ApiGroup {
    name: String,
    /// By priority; never empty.
    versions: Vec<(String, Resources)>,
    preferred: Option<String>,
}

/// Asking.
impl ApiGroup {
    pub(super) async fn query_group(client: &Client, group: APIGroup) -> Result<Self> {
        let versions = group
            .versions
            .into_iter()
            .map(|version| version.version)
            .collect();
        let preferred = group.preferred_version.map(|version| version.version);
        Self::query(client, group.name, versions, preferred).await
    }

    pub(super) async fn query_core(client: &Client, core: APIVersions) -> Result<Self> {
        Self::query(
            client,
            Self::CORE_GROUP.to_owned(),
            core.versions,
            Some("v1".to_owned()),
        )
        .await
    }

    async fn query(
        client: &Client,
        name: String,
        versions: Vec<String>,
        preferred: Option<String>,
    ) -> Result<Self> {
        let group = name.as_str();
        let versions = stream::iter(versions)
            .map(|version| async move {
                let resources = resources(client, &GroupVersion::gv(group, &version)).await?;
                Ok::<_, Error>((version, resources))
            })
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        Self::new(name, versions, preferred).map_err(Error::Discovery)
    }

    /// A group with one version only.
    pub(super) async fn query_version(client: &Client, group_version: &GroupVersion) -> Result<Self> {
        let resources = resources(client, group_version).await?;
        let versions = vec![(group_version.version.clone(), resources)];
        Self::new(
            group_version.group.clone(),
            versions,
            Some(group_version.version.clone()),
        )
        .map_err(Error::Discovery)
    }

    pub(super) fn from_v2(group: APIGroupDiscovery) -> Result<Self, DiscoveryError> {
        let name = group.metadata.and_then(|meta| meta.name).unwrap_or_default();
        let named = group
            .versions
            .iter()
            .filter_map(|version| version.version.clone());
        // The preferred one comes first.
        let preferred = named.clone().next();
        let resources = group.versions.iter().filter(|version| version.version.is_some());
        let resources = resources.map(|version| parse::from_version(&name, version));
        let versions = named.zip(resources).collect();
        Self::new(name.clone(), versions, preferred)
    }

    fn new(
        name: String,
        mut versions: Vec<(String, Resources)>,
        preferred: Option<String>,
    ) -> Result<Self, DiscoveryError> {
        if versions.is_empty() {
            return Err(DiscoveryError::EmptyApiGroup(name));
        }
        versions.sort_by_cached_key(|(version, _)| Reverse(Version::parse(version).priority()));
        Ok(Self {
            name,
            versions,
            preferred,
        })
    }
}

async fn resources(client: &Client, group_version: &GroupVersion) -> Result<Resources> {
    let list = if group_version.group == ApiGroup::CORE_GROUP {
        client.list_core_api_resources(&group_version.version).await?
    } else {
        client
            .list_api_group_resources(&group_version.api_version())
            .await?
    };
    parse::from_list(list).map_err(Error::Discovery)
}

/// The resource of a kind, from its version only.
pub(super) async fn query_kind(
    client: &Client,
    gvk: &GroupVersionKind,
) -> Result<(ApiResource, ApiCapabilities)> {
    let resources = resources(client, &GroupVersion::gv(&gvk.group, &gvk.version)).await?;
    resources
        .into_iter()
        .find(|(resource, _)| resource.kind == gvk.kind)
        .ok_or_else(|| Error::Discovery(DiscoveryError::MissingKind(format!("{gvk:?}"))))
}

/// Looking up.
impl ApiGroup {
    /// The name of the core group.
    pub const CORE_GROUP: &'static str = "";

    /// The name.
    ///
    /// ```no_run
    /// use kubist_client::discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let apps = discovery::group(&client, "apps").await?;
    /// assert_eq!(apps.name(), "apps");
    /// # Ok(())
    /// # }
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The versions, the most stable and newest first; never none.
    ///
    /// ```no_run
    /// use kubist_client::discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let apps = discovery::group(&client, "apps").await?;
    /// for version in apps.versions() {
    ///     println!("{version}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn versions(&self) -> impl Iterator<Item = &str> {
        self.versions.iter().map(|(version, _)| version.as_str())
    }

    /// The version that the server prefers, if it says so.
    ///
    /// ```no_run
    /// use kubist_client::discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let apps = discovery::group(&client, "apps").await?;
    /// println!("{:?}", apps.preferred_version());
    /// # Ok(())
    /// # }
    /// ```
    pub fn preferred_version(&self) -> Option<&str> {
        self.preferred.as_deref()
    }

    /// The version that the server prefers, or else the most stable and newest.
    ///
    /// ```no_run
    /// use kubist_client::discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let apps = discovery::group(&client, "apps").await?;
    /// println!("{}", apps.preferred_version_or_latest());
    /// # Ok(())
    /// # }
    /// ```
    pub fn preferred_version_or_latest(&self) -> &str {
        let latest = || self.versions().next().unwrap_or_default();
        self.preferred_version().unwrap_or_else(latest)
    }

    /// The resources of a version; none where there is no such version.
    ///
    /// ```no_run
    /// use kubist_client::discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let apps = discovery::group(&client, "apps").await?;
    /// for (resource, _) in apps.versioned_resources("v1") {
    ///     println!("{}", resource.kind);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn versioned_resources(&self, ver: &str) -> Vec<(ApiResource, ApiCapabilities)> {
        self.resources_of(ver).to_vec()
    }

    /// The resources of the preferred version.
    ///
    /// ```no_run
    /// use kubist_client::discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let apps = discovery::group(&client, "apps").await?;
    /// for (resource, _) in apps.recommended_resources() {
    ///     println!("{} {}", resource.api_version, resource.kind);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn recommended_resources(&self) -> Vec<(ApiResource, ApiCapabilities)> {
        self.versioned_resources(self.preferred_version_or_latest())
    }

    /// All resources, each in its most stable and newest version.
    ///
    /// ```no_run
    /// use kubist_client::discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let apps = discovery::group(&client, "apps").await?;
    /// for (resource, _) in apps.resources_by_stability() {
    ///     println!("{} {}", resource.api_version, resource.kind);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn resources_by_stability(&self) -> Vec<(ApiResource, ApiCapabilities)> {
        let mut found: Resources = Vec::new();
        // By priority already: the first that is found of a kind is the one.
        for (resource, capabilities) in self.versions.iter().flat_map(|(_, resources)| resources) {
            if !found.iter().any(|(known, _)| known.kind == resource.kind) {
                found.push((resource.clone(), capabilities.clone()));
            }
        }
        found
    }

    /// The resource of a kind in the preferred version.
    ///
    /// ```no_run
    /// use kubist_client::discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let apps = discovery::group(&client, "apps").await?;
    /// if let Some((deployment, _)) = apps.recommended_kind("Deployment") {
    ///     assert_eq!(deployment.plural, "deployments");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn recommended_kind(&self, kind: &str) -> Option<(ApiResource, ApiCapabilities)> {
        let mut resources = self.resources_of(self.preferred_version_or_latest()).iter();
        resources.find(|(resource, _)| resource.kind == kind).cloned()
    }

    fn resources_of(&self, version: &str) -> &[(ApiResource, ApiCapabilities)] {
        let found = self.versions.iter().find(|(name, _)| name == version);
        found
            .map(|(_, resources)| resources.as_slice())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group() -> ApiGroup {
        let resource = |plural: &str, kind: &str| {
            json!({"resource": plural, "scope": "Namespaced", "verbs": ["get"],
                "responseKind": {"group": "", "version": "", "kind": kind}})
        };
        let group = json!({
            "metadata": {"name": "example.com"},
            "versions": [
                {"version": "v1beta1", "resources": [resource("old", "Old"), resource("both", "Both")]},
                {"version": "v2alpha1", "resources": [resource("new", "New")]},
                {"version": "v1", "resources": [resource("both", "Both")]},
            ],
        });
        ApiGroup::from_v2(serde_json::from_value(group).expect("valid")).expect("has versions")
    }

    #[test]
    fn versions_are_ordered_and_the_first_is_preferred() {
        let group = group();
        assert_eq!(
            group.versions().collect::<Vec<_>>(),
            ["v1", "v1beta1", "v2alpha1"]
        );
        assert_eq!(group.preferred_version(), Some("v1beta1"));
        assert_eq!(group.recommended_resources().len(), 2);
        assert!(group.recommended_kind("New").is_none());
        assert_eq!(group.versioned_resources("v2alpha1")[0].0.kind, "New");
        assert!(group.versioned_resources("v3").is_empty());
    }

    #[test]
    fn each_resource_in_its_most_stable_version() {
        let versions: Vec<_> = group()
            .resources_by_stability()
            .into_iter()
            .map(|(resource, _)| (resource.kind, resource.version))
            .collect();
        let expected = [("Both", "v1"), ("Old", "v1beta1"), ("New", "v2alpha1")];
        assert_eq!(
            versions,
            expected.map(|(kind, version)| (kind.to_owned(), version.to_owned()))
        );
    }

    #[test]
    fn a_group_has_versions() {
        let empty = ApiGroup::from_v2(APIGroupDiscovery::default());
        assert!(matches!(empty, Err(DiscoveryError::EmptyApiGroup(_))));
    }
}
