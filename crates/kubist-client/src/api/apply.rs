//! Server-side apply.

use std::fmt::Debug;

use kubist_core::{
    params::{Patch, PatchParams},
    request,
};
use serde::{Serialize, de::DeserializeOwned};

use super::Api;
use crate::{Error, Result};

/// Applying: saying what an object's manager wants of it, and leaving the rest to others
/// ([concept](https://kubernetes.io/docs/reference/using-api/server-side-apply/)).
impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Debug,
{
    /// Applies a configuration: creates the object, or makes it have what the configuration says.
    ///
    /// A field that the same manager applied before and that is missing now is taken out, if
    /// nobody else wants it. A field that another manager has with another value is a conflict,
    /// unless the parameters [force](PatchParams::force) it.
    ///
    /// The configuration needs its `apiVersion` and `kind`, and must not have `managedFields`:
    /// apply what is wanted, not what was read.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::ConfigMap;
    /// use kubist_client::{Api, Client, api::PatchParams};
    /// use serde_json::json;
    ///
    /// # async fn run(client: Client) -> Result<(), kubist_client::Error> {
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(client);
    /// let wanted = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"level": "info"}});
    /// config_maps.apply("settings", &PatchParams::apply("my-controller"), &wanted).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the parameters name no manager, where there is a conflict
    /// ([`Status::is_conflict`](kubist_core::Status::is_conflict)), and where the server does not
    /// take the configuration.
    pub async fn apply<C>(&self, name: &str, pp: &PatchParams, configuration: &C) -> Result<K>
    where
        C: Serialize + Debug,
    {
        check(pp)?;
        self.patch(name, pp, &Patch::Apply(configuration)).await
    }

    /// Applies a configuration to an object's status, and to nothing else of it.
    ///
    /// The object must be there.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PatchParams;
    ///
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// let status = serde_json::json!({
    ///     "apiVersion": "apps/v1",
    ///     "kind": "Deployment",
    ///     "status": { "observedGeneration": 2 },
    /// });
    /// deployments.apply_status("web", &PatchParams::apply("my-controller"), &status).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Api::apply`], and a missing object or status subresource.
    pub async fn apply_status<C>(&self, name: &str, pp: &PatchParams, configuration: &C) -> Result<K>
    where
        C: Serialize + Debug,
    {
        check(pp)?;
        self.patch_status(name, pp, &Patch::Apply(configuration)).await
    }
}

/// Nobody can own what nobody applied.
fn check(pp: &PatchParams) -> Result<()> {
    if pp.field_manager.is_some() {
        return Ok(());
    }
    let message = "PatchParams::field_manager must be set to apply".to_owned();
    Err(Error::BuildRequest(request::Error::Validation(message)))
}
