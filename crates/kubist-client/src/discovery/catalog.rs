//! All resources of a server, by their names.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, future::try_join, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kubist_core::{
    Version,
    discovery::{ApiCapabilities, ApiResource, v2::APIGroupDiscovery},
    gvk::{GroupVersion, GroupVersionKind},
};

use super::{ApiGroup, CONCURRENCY, parse};
use crate::{Client, Error, Result};

/// All resources of a server, the preferred ones first.
pub(super) struct Catalog(Vec<Entry>);

struct Entry {
    resource: ApiResource,
    capabilities: ApiCapabilities,
    /// The singular and the short names.
    names: Vec<String>,
}

/// A resource's singular and short names, by its plural.
type Names = HashMap<String, Vec<String>>;

impl Catalog {
    pub(super) async fn ask(client: &Client) -> Result<Self> {
        let aggregated = try_join(
            client.list_core_api_versions_aggregated(),
            client.list_api_groups_aggregated(),
        );
        match aggregated.await {
            // What is older answers with documents of another form, which have no items.
            Ok((core, named)) if !core.items.is_empty() => {
                let groups = core.items.into_iter().chain(named.items);
                Ok(Self(groups.flat_map(of_group).collect()))
            }
            Ok(_) | Err(Error::SerdeError(_)) => Self::ask_one_by_one(client).await,
            Err(Error::Api(status)) if [404, 406].contains(&status.code) => {
                Self::ask_one_by_one(client).await
            }
            Err(error) => Err(error),
        }
    }

    async fn ask_one_by_one(client: &Client) -> Result<Self> {
        let (core, named) = try_join(client.list_core_api_versions(), client.list_api_groups()).await?;
        let core = core
            .versions
            .into_iter()
            .map(|version| GroupVersion::gv("", &version));
        let named = named.groups.into_iter().flat_map(|group| {
            let preferred = group.preferred_version.map(|version| version.version);
            let versions = group.versions.into_iter().map(|version| version.version);
            let versions = by_preference(versions.collect(), preferred.as_deref());
            versions
                .into_iter()
                .map(move |version| GroupVersion::gv(&group.name, &version))
        });
        let entries: Vec<Vec<Entry>> = stream::iter(core.chain(named))
            .map(|group_version| async move { of_version(client, &group_version).await })
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        Ok(Self(entries.into_iter().flatten().collect()))
    }

    pub(super) fn by_name(&self, name: &str) -> Option<(ApiResource, ApiCapabilities)> {
        let (name, rest) = name.split_once('.').unwrap_or((name, ""));
        // What follows is a version and a group, or else a group.
        let version_and_group = rest.split_once('.');
        let exact = self.0.iter().find(|entry| {
            let of = (&*entry.resource.version, &*entry.resource.group);
            version_and_group == Some(of) && entry.is_called(name)
        });
        let by_group = || {
            let mut entries = self.0.iter();
            entries.find(|entry| (rest.is_empty() || entry.resource.group == rest) && entry.is_called(name))
        };
        // `deployments.v1.` cannot be split, and `pods.v1` names a version of the core group.
        let by_version = || {
            let version = rest.trim_end_matches('.');
            let mut entries = self.0.iter();
            entries.find(|entry| {
                entry.resource.group.is_empty() && entry.resource.version == version && entry.is_called(name)
            })
        };
        exact.or_else(by_group).or_else(by_version).map(Entry::answer)
    }

    pub(super) fn by_kind(&self, kind: &GroupVersionKind) -> Option<(ApiResource, ApiCapabilities)> {
        let mut entries = self.0.iter();
        let found = entries.find(|Entry { resource, .. }| {
            (&resource.group, &resource.kind) == (&kind.group, &kind.kind)
                && (kind.version.is_empty() || resource.version == kind.version)
        });
        found.map(Entry::answer)
    }
}

impl Entry {
    fn is_called(&self, name: &str) -> bool {
        let Self { resource, names, .. } = self;
        [&resource.plural, &resource.kind]
            .into_iter()
            .chain(names)
            .any(|known| known.eq_ignore_ascii_case(name))
    }

    fn answer(&self) -> (ApiResource, ApiCapabilities) {
        (self.resource.clone(), self.capabilities.clone())
    }
}

/// Versions come by preference already.
fn of_group(group: APIGroupDiscovery) -> Vec<Entry> {
    let name = group.metadata.and_then(|meta| meta.name).unwrap_or_default();
    let preferred = group.versions.first().and_then(|version| version.version.clone());
    let mut entries: Vec<Entry> = Vec::new();
    let versions = group
        .versions
        .iter()
        .map(|version| version.version.clone().unwrap_or_default());
    for wanted in by_preference(versions.collect(), preferred.as_deref()) {
        let version = group
            .versions
            .iter()
            .find(|version| version.version.as_deref() == Some(&*wanted));
        let Some(version) = version else { continue };
        let names = version.resources.iter().map(|resource| {
            let plural = resource.resource.clone().unwrap_or_default();
            let singular = resource.singular_resource.iter();
            (plural, singular.chain(&resource.short_names).cloned().collect())
        });
        entries.extend(with_names(parse::from_version(&name, version), names.collect()));
    }
    entries
}

async fn of_version(client: &Client, group_version: &GroupVersion) -> Result<Vec<Entry>> {
    let listed = if group_version.group == ApiGroup::CORE_GROUP {
        client.list_core_api_resources(&group_version.version).await
    } else {
        client
            .list_api_group_resources(&group_version.api_version())
            .await
    };
    let list = match listed {
        Ok(list) => list,
        // An aggregated server that is down does not take the others with it.
        Err(Error::Api(status)) if [404, 503].contains(&status.code) => {
            tracing::debug!(group_version = group_version.api_version(), %status, "leaving out a version");
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let names = names(&list);
    let resources = parse::from_list(list).map_err(Error::Discovery)?;
    Ok(with_names(resources, names))
}

fn names(list: &APIResourceList) -> Names {
    let named = list.resources.iter().map(|resource| {
        let singular = Some(&resource.singular_name).filter(|name| !name.is_empty());
        let short = resource.short_names.iter().flatten();
        (
            resource.name.clone(),
            singular.into_iter().chain(short).cloned().collect(),
        )
    });
    named.collect()
}

fn with_names(resources: Vec<(ApiResource, ApiCapabilities)>, mut names: Names) -> Vec<Entry> {
    let entries = resources.into_iter().map(|(resource, capabilities)| Entry {
        names: names.remove(&resource.plural).unwrap_or_default(),
        resource,
        capabilities,
    });
    entries.collect()
}

/// The preferred version first, and the others by how stable they are.
fn by_preference(mut versions: Vec<String>, preferred: Option<&str>) -> Vec<String> {
    versions.sort_by_cached_key(|version| {
        let is_preferred = Some(version.as_str()) == preferred;
        std::cmp::Reverse((is_preferred, Version::parse(version).priority()))
    });
    versions
}
