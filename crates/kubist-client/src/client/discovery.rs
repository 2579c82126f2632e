//! Asks a server what it has; [`Discovery`](crate::Discovery) makes sense of the answers.

use http::{Request, header::ACCEPT};
use k8s_openapi::apimachinery::pkg::{
    apis::meta::v1::{APIGroupList, APIResourceList, APIVersions},
    version::Info,
};
use kubist_core::discovery::v2::{ACCEPT_AGGREGATED_DISCOVERY_V2, APIGroupDiscoveryList};

use super::Client;
use crate::{Error, Result};

fn get(path: &str, accept: Option<&str>) -> Result<Request<Vec<u8>>> {
    let mut builder = Request::get(path);
    if let Some(accept) = accept {
        builder = builder.header(ACCEPT, accept);
    }
    builder.body(Vec::new()).map_err(Error::HttpError)
}

/// Discovery, one document at a time.
impl Client {
    /// The server's version.
    ///
    /// ```no_run
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let version = client.apiserver_version().await?;
    /// println!("{}", version.git_version);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn apiserver_version(&self) -> Result<Info> {
        self.request(get("/version", None)?).await
    }

    /// All groups but the core group.
    ///
    /// ```no_run
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// for group in client.list_api_groups().await?.groups {
    ///     println!("{}", group.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list_api_groups(&self) -> Result<APIGroupList> {
        self.request(get("/apis", None)?).await
    }

    /// The resources of a group and version, as `apps/v1`.
    ///
    /// ```no_run
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// for resource in client.list_api_group_resources("apps/v1").await?.resources {
    ///     println!("{}: {:?}", resource.name, resource.verbs);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list_api_group_resources(&self, apiversion: &str) -> Result<APIResourceList> {
        self.request(get(&format!("/apis/{apiversion}"), None)?).await
    }

    /// The versions of the core group.
    ///
    /// ```no_run
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// println!("{:?}", client.list_core_api_versions().await?.versions);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list_core_api_versions(&self) -> Result<APIVersions> {
        self.request(get("/api", None)?).await
    }

    /// The resources of a version of the core group, as `v1`.
    ///
    /// ```no_run
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// for resource in client.list_core_api_resources("v1").await?.resources {
    ///     println!("{}", resource.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list_core_api_resources(&self, version: &str) -> Result<APIResourceList> {
        self.request(get(&format!("/api/{version}"), None)?).await
    }
}

/// Aggregated discovery: everything in one document.
///
/// Since Kubernetes 1.26.
impl Client {
    /// All groups but the core group, with their versions and resources.
    ///
    /// ```no_run
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// for group in client.list_api_groups_aggregated().await?.items {
    ///     for version in group.versions {
    ///         println!("{:?}: {} resources", version.version, version.resources.len());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the server has no aggregated discovery.
    pub async fn list_api_groups_aggregated(&self) -> Result<APIGroupDiscoveryList> {
        self.request(get("/apis", Some(ACCEPT_AGGREGATED_DISCOVERY_V2))?)
            .await
    }

    /// The core group, with its versions and resources.
    ///
    /// ```no_run
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// for group in client.list_core_api_versions_aggregated().await?.items {
    ///     for version in group.versions {
    ///         println!("{:?}: {} resources", version.version, version.resources.len());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the server has no aggregated discovery.
    pub async fn list_core_api_versions_aggregated(&self) -> Result<APIGroupDiscoveryList> {
        self.request(get("/api", Some(ACCEPT_AGGREGATED_DISCOVERY_V2))?)
            .await
    }
}
