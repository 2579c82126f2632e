//! What a server has: groups, versions, resources.
//!
//! [`Discovery`] asks for everything and keeps it; [`oneshot`] asks for one thing; [`RestMapper`]
//! resolves names, and asks when it has to.

mod catalog;
mod group;
mod mapper;
pub mod oneshot;
mod parse;

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};
pub use kubist_core::discovery::{ApiCapabilities, ApiResource, Scope, verbs};
use kubist_core::gvk::GroupVersionKind;

pub use group::ApiGroup;
pub use mapper::RestMapper;
pub use oneshot::{group, pinned_group, pinned_kind};

use crate::{Client, Result};

/// How many requests are under way at once.
const CONCURRENCY: usize = 16;

/// Asks a server what it has, and keeps the answers.
///
/// ```no_run
/// use kubist_client::{Api, Client, Discovery, ResourceExt, api::DynamicObject, discovery::verbs};
///
/// # async fn run() -> Result<(), kubist_client::Error> {
/// let client = Client::try_default().await?;
/// let discovery = Discovery::new(client.clone()).run_aggregated().await?;
/// for group in discovery.groups() {
///     for (resource, capabilities) in group.recommended_resources() {
///         if capabilities.supports_operation(verbs::LIST) {
///             let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
///             println!("{} {}", resource.kind, api.list(&Default::default()).await?.items.len());
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Discovery {
    client: Client,
    groups: HashMap<String, ApiGroup>,
    wanted: Wanted,
}

/// Which groups to ask for.
enum Wanted {
    Only(Vec<String>),
    AllBut(Vec<String>),
}

impl Wanted {
    fn contains(&self, group: &str) -> bool {
        match self {
            Wanted::Only(groups) => groups.iter().any(|g| g == group),
            Wanted::AllBut(groups) => groups.iter().all(|g| g != group),
        }
    }
}

/// Asking.
impl Discovery {
    /// Asks for all groups.
    ///
    /// ```no_run
    /// use kubist_client::Discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let discovery = Discovery::new(client).run_aggregated().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            groups: HashMap::new(),
            wanted: Wanted::AllBut(Vec::new()),
        }
    }

    /// Asks for these groups only; the core group is `""`.
    ///
    /// ```no_run
    /// use kubist_client::Discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let discovery = Discovery::new(client).filter(&["", "apps"]).run().await?;
    /// assert!(!discovery.has_group("batch"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn filter(mut self, allow: &[&str]) -> Self {
        self.wanted = Wanted::Only(allow.iter().map(|group| (*group).to_owned()).collect());
        self
    }

    /// Asks for all groups but these; the core group is `""`.
    ///
    /// ```no_run
    /// use kubist_client::Discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let discovery = Discovery::new(client).exclude(&["metrics.k8s.io"]).run().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn exclude(mut self, deny: &[&str]) -> Self {
        self.wanted = Wanted::AllBut(deny.iter().map(|group| (*group).to_owned()).collect());
        self
    }

    /// Asks, one request for each group and version, some of them at once.
    ///
    /// What was known before is forgotten.
    ///
    /// ```no_run
    /// use kubist_client::Discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let discovery = Discovery::new(client).run().await?;
    /// println!("{} groups", discovery.groups().count());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where any of the requests does.
    pub async fn run(mut self) -> Result<Self> {
        self.groups.clear();
        let client = &self.client;
        let listed = client.list_api_groups().await?;
        let wanted = listed
            .groups
            .into_iter()
            .filter(|group| self.wanted.contains(&group.name));
        let groups: Vec<ApiGroup> = stream::iter(wanted)
            .map(|group| ApiGroup::query_group(client, group))
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        self.insert(groups);
        if self.wanted.contains(ApiGroup::CORE_GROUP) {
            let versions = self.client.list_core_api_versions().await?;
            let core = ApiGroup::query_core(&self.client, versions).await?;
            self.insert([core]);
        }
        Ok(self)
    }

    /// Asks, two requests for everything.
    ///
    /// What was known before is forgotten.
    ///
    /// ```no_run
    /// use kubist_client::Discovery;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let discovery = Discovery::new(client).run_aggregated().await?;
    /// println!("{} groups", discovery.groups().count());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where one of the requests does: before Kubernetes 1.26, both do.
    pub async fn run_aggregated(mut self) -> Result<Self> {
        self.groups.clear();
        let lists = futures::future::try_join(
            self.client.list_api_groups_aggregated(),
            self.client.list_core_api_versions_aggregated(),
        );
        let (named, core) = lists.await?;
        for group in named.items.into_iter().chain(core.items) {
            let name = group.metadata.as_ref().and_then(|meta| meta.name.as_deref());
            if !self.wanted.contains(name.unwrap_or(ApiGroup::CORE_GROUP)) {
                continue;
            }
            match ApiGroup::from_v2(group) {
                Ok(group) => self.insert([group]),
                // An aggregated server that is down has a group without versions.
                Err(error) => tracing::debug!(%error, "leaving out a group"),
            }
        }
        Ok(self)
    }

    fn insert(&mut self, groups: impl IntoIterator<Item = ApiGroup>) {
        let named = groups.into_iter().map(|group| (group.name().to_owned(), group));
        self.groups.extend(named);
    }
}

/// Looking up.
impl Discovery {
    /// All groups, in no order.
    ///
    /// ```no_run
    /// # async fn run(discovery: kubist_client::Discovery) -> Result<(), kubist_client::Error> {
    /// for group in discovery.groups() {
    ///     println!("{}", group.preferred_version_or_latest());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn groups(&self) -> impl Iterator<Item = &ApiGroup> {
        self.groups.values()
    }

    /// All groups, by their names.
    ///
    /// ```no_run
    /// # async fn run(discovery: kubist_client::Discovery) -> Result<(), kubist_client::Error> {
    /// for group in discovery.groups_alphabetical() {
    ///     println!("{}", group.name());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn groups_alphabetical(&self) -> Vec<&ApiGroup> {
        let mut groups: Vec<_> = self.groups().collect();
        groups.sort_by_key(|group| group.name());
        groups
    }

    /// The group of this name; the core group is `""`.
    ///
    /// ```no_run
    /// # async fn run(discovery: kubist_client::Discovery) -> Result<(), kubist_client::Error> {
    /// if let Some(core) = discovery.get("") {
    ///     println!("{} resources", core.recommended_resources().len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self, group: &str) -> Option<&ApiGroup> {
        self.groups.get(group)
    }

    /// Whether there is a group of this name.
    ///
    /// ```no_run
    /// # async fn run(discovery: kubist_client::Discovery) -> Result<(), kubist_client::Error> {
    /// if discovery.has_group("cert-manager.io") {
    ///     println!("certificates can be asked for");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn has_group(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    /// The resource of a kind.
    ///
    /// ```no_run
    /// use kubist_client::api::GroupVersionKind;
    ///
    /// # async fn run(discovery: kubist_client::Discovery) -> Result<(), kubist_client::Error> {
    /// let gvk = GroupVersionKind::gvk("apps", "v1", "Deployment");
    /// if let Some((resource, _)) = discovery.resolve_gvk(&gvk) {
    ///     assert_eq!(resource.plural, "deployments");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn resolve_gvk(&self, gvk: &GroupVersionKind) -> Option<(ApiResource, ApiCapabilities)> {
        self.get(&gvk.group)?
            .versioned_resources(&gvk.version)
            .into_iter()
            .find(|(resource, _)| resource.kind == gvk.kind)
    }
}
