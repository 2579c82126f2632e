//! All resources of a server, by their names.

use std::{cmp::Reverse, collections::HashMap};

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
    names: Names,
}

/// What a resource is called beside its plural and its kind.
#[derive(Default)]
struct Names {
    singular: Option<String>,
    short: Vec<String>,
}

/// The names of resources, by their plurals.
type NamesByPlural = HashMap<String, Names>;

/// What a name may be: one that is whole goes before one that is short, and a kind comes last.
#[derive(Clone, Copy)]
enum NameKind {
    Whole,
    Short,
    Kind,
}

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
            let mut versions: Vec<String> = versions.collect();
            versions.sort_by_cached_key(|version| by_preference(version, preferred.as_deref()));
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
        // What follows is a version and a group, or else a group, or the beginning of one.
        let version_and_group = rest.split_once('.');
        let core_version = rest.trim_end_matches('.');
        let matches: [&dyn Fn(&ApiResource) -> bool; 4] = [
            &|resource| version_and_group == Some((&*resource.version, &*resource.group)),
            &|resource| rest.is_empty() || resource.group == rest,
            &|resource| resource.group.is_empty() && resource.version == core_version,
            &|resource| !core_version.is_empty() && resource.group.starts_with(core_version),
        ];
        let kinds = [NameKind::Whole, NameKind::Short, NameKind::Kind];
        let mut ways = matches
            .iter()
            .flat_map(|matches| kinds.map(|kind| (matches, kind)));
        let found = ways.find_map(|(matches, kind)| {
            let mut entries = self.0.iter();
            entries.find(|entry| matches(&entry.resource) && entry.is_called(name, kind))
        });
        found.map(Entry::answer)
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
    fn is_called(&self, name: &str, kind: NameKind) -> bool {
        let is = |known: &String| known.eq_ignore_ascii_case(name);
        match kind {
            NameKind::Whole => is(&self.resource.plural) || self.names.singular.as_ref().is_some_and(is),
            NameKind::Short => self.names.short.iter().any(is),
            NameKind::Kind => is(&self.resource.kind),
        }
    }

    fn answer(&self) -> (ApiResource, ApiCapabilities) {
        (self.resource.clone(), self.capabilities.clone())
    }
}

/// The first version is the one that the server prefers.
fn of_group(mut group: APIGroupDiscovery) -> Vec<Entry> {
    let name = group.metadata.and_then(|meta| meta.name).unwrap_or_default();
    let preferred = group.versions.first().and_then(|version| version.version.clone());
    group.versions.retain(|version| version.version.is_some());
    group.versions.sort_by_cached_key(|version| {
        let version = version.version.as_deref().unwrap_or_default();
        by_preference(version, preferred.as_deref())
    });
    let entries = group.versions.iter().flat_map(|version| {
        let names = version.resources.iter().map(|resource| {
            let plural = resource.resource.clone().unwrap_or_default();
            let names = Names {
                singular: resource.singular_resource.clone().filter(|name| !name.is_empty()),
                short: resource.short_names.clone(),
            };
            (plural, names)
        });
        with_names(parse::from_version(&name, version), names.collect())
    });
    entries.collect()
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

fn names(list: &APIResourceList) -> NamesByPlural {
    let named = list.resources.iter().map(|resource| {
        let names = Names {
            singular: Some(resource.singular_name.clone()).filter(|name| !name.is_empty()),
            short: resource.short_names.clone().unwrap_or_default(),
        };
        (resource.name.clone(), names)
    });
    named.collect()
}

fn with_names(resources: Vec<(ApiResource, ApiCapabilities)>, mut names: NamesByPlural) -> Vec<Entry> {
    let entries = resources.into_iter().map(|(resource, capabilities)| Entry {
        names: names.remove(&resource.plural).unwrap_or_default(),
        resource,
        capabilities,
    });
    entries.collect()
}

/// The preferred version first, and the others by how stable they are.
fn by_preference(version: &str, preferred: Option<&str>) -> impl Ord + use<> {
    Reverse((Some(version) == preferred, Version::parse(version).priority()))
}
