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
    pub async fn apiserver_version(&self) -> Result<Info> {
        self.request(get("/version", None)?).await
    }

    /// All groups but the core group.
    pub async fn list_api_groups(&self) -> Result<APIGroupList> {
        self.request(get("/apis", None)?).await
    }

    /// The resources of a group and version, as `apps/v1`.
    pub async fn list_api_group_resources(&self, apiversion: &str) -> Result<APIResourceList> {
        self.request(get(&format!("/apis/{apiversion}"), None)?).await
    }

    /// The versions of the core group.
    pub async fn list_core_api_versions(&self) -> Result<APIVersions> {
        self.request(get("/api", None)?).await
    }

    /// The resources of a version of the core group, as `v1`.
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
    /// # Errors
    ///
    /// Fails where the server has no aggregated discovery.
    pub async fn list_api_groups_aggregated(&self) -> Result<APIGroupDiscoveryList> {
        self.request(get("/apis", Some(ACCEPT_AGGREGATED_DISCOVERY_V2))?)
            .await
    }

    /// The core group, with its versions and resources.
    ///
    /// # Errors
    ///
    /// Fails where the server has no aggregated discovery.
    pub async fn list_core_api_versions_aggregated(&self) -> Result<APIGroupDiscoveryList> {
        self.request(get("/api", Some(ACCEPT_AGGREGATED_DISCOVERY_V2))?)
            .await
    }
}
