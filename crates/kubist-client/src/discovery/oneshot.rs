//! One question to a server, whose answer is not kept.

use kubist_core::{
    discovery::{ApiCapabilities, ApiResource},
    gvk::{GroupVersion, GroupVersionKind},
};

use super::{ApiGroup, group::query_kind};
use crate::{Client, Error, Result, error::DiscoveryError};

/// A group with all its versions.
///
/// ```no_run
/// use kubist_client::{Api, Client, api::DynamicObject, discovery};
///
/// # async fn run(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let group = discovery::group(&client, "apiregistration.k8s.io").await?;
/// let (resource, _) = group.recommended_kind("APIService").ok_or("no such kind")?;
/// let services: Api<DynamicObject> = Api::all_with(client, &resource);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Fails where there is no such group.
pub async fn group(client: &Client, apigroup: &str) -> Result<ApiGroup> {
    if apigroup == ApiGroup::CORE_GROUP {
        let versions = client.list_core_api_versions().await?;
        return ApiGroup::query_core(client, versions).await;
    }
    let groups = client.list_api_groups().await?.groups;
    let missing = || Error::Discovery(DiscoveryError::MissingApiGroup(apigroup.to_owned()));
    let group = groups
        .into_iter()
        .find(|group| group.name == apigroup)
        .ok_or_else(missing)?;
    ApiGroup::query_group(client, group).await
}

/// A group with one version.
///
/// ```no_run
/// use kubist_client::{core::GroupVersion, discovery};
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// let apps = discovery::pinned_group(&client, &GroupVersion::gv("apps", "v1")).await?;
/// for (resource, _) in apps.versioned_resources("v1") {
///     println!("{}", resource.kind);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Fails where there is no such group or version.
pub async fn pinned_group(client: &Client, gv: &GroupVersion) -> Result<ApiGroup> {
    ApiGroup::query_version(client, gv).await
}

/// The resource of a kind.
///
/// ```no_run
/// use kubist_client::{Api, Client, api::{DynamicObject, GroupVersionKind}, discovery};
///
/// # async fn run(client: Client) -> Result<(), kubist_client::Error> {
/// let gvk = GroupVersionKind::gvk("example.com", "v1", "Document");
/// let (resource, _) = discovery::pinned_kind(&client, &gvk).await?;
/// let documents: Api<DynamicObject> = Api::all_with(client, &resource);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Fails where there is no such group, version or kind.
pub async fn pinned_kind(client: &Client, gvk: &GroupVersionKind) -> Result<(ApiResource, ApiCapabilities)> {
    query_kind(client, gvk).await
}
