//! The verbs.

use std::fmt::Debug;

use either::Either;
use futures::Stream;
use kubist_core::{
    Status, WatchEvent,
    metadata::PartialObjectMeta,
    object::ObjectList,
    params::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, WatchParams},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Api, named, to_json};
use crate::{Error, Result};

/// Reading.
impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Debug,
{
    /// Reads an object.
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Api`] and code 404 where there is none; see [`get_opt`](Self::get_opt).
    pub async fn get(&self, name: &str) -> Result<K> {
        self.get_with(name, &GetParams::default()).await
    }

    /// Reads an object, of a certain version.
    pub async fn get_with(&self, name: &str, gp: &GetParams) -> Result<K> {
        let request = match self.metadata_only {
            true => self.request.get_metadata(name, gp),
            false => self.request.get(name, gp),
        };
        self.client.request(named("get", request)?).await
    }

    /// Reads an object, if there is one.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::{Api, Client};
    /// # async fn run(client: Client) -> Result<(), kubist_client::Error> {
    /// let pods: Api<Pod> = Api::default_namespaced(client);
    /// match pods.get_opt("web-0").await? {
    ///     Some(pod) => println!("{:?}", pod.status),
    ///     None => println!("there is none"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_opt(&self, name: &str) -> Result<Option<K>> {
        optional(self.get(name).await)
    }

    /// Reads an object's metadata.
    pub async fn get_metadata(&self, name: &str) -> Result<PartialObjectMeta<K>> {
        self.get_metadata_with(name, &GetParams::default()).await
    }

    /// Reads an object's metadata, of a certain version.
    pub async fn get_metadata_with(&self, name: &str, gp: &GetParams) -> Result<PartialObjectMeta<K>> {
        let request = self.request.get_metadata(name, gp);
        self.client.request(named("get_metadata", request)?).await
    }

    /// Reads an object's metadata, if there is one.
    pub async fn get_metadata_opt(&self, name: &str) -> Result<Option<PartialObjectMeta<K>>> {
        optional(self.get_metadata(name).await)
    }

    /// Reads an object's metadata, of a certain version, if there is one.
    pub async fn get_metadata_opt_with(
        &self,
        name: &str,
        gp: &GetParams,
    ) -> Result<Option<PartialObjectMeta<K>>> {
        optional(self.get_metadata_with(name, gp).await)
    }

    /// Lists objects, one page of them if there is a limit.
    pub async fn list(&self, lp: &ListParams) -> Result<ObjectList<K>> {
        let request = match self.metadata_only {
            true => self.request.list_metadata(lp),
            false => self.request.list(lp),
        };
        self.client.request_list(named("list", request)?).await
    }

    /// Lists the metadata of objects, one page of them if there is a limit.
    pub async fn list_metadata(&self, lp: &ListParams) -> Result<ObjectList<PartialObjectMeta<K>>> {
        let request = self.request.list_metadata(lp);
        self.client.request_list(named("list_metadata", request)?).await
    }

    /// Watches objects, from a version on.
    ///
    /// The stream ends when the server ends it, after 5 minutes at most; a watch that lasts is what
    /// the runtime's `watcher` makes of it. [`WatchEvent::Error`] is what the server says in place
    /// of events, as 410 where the version is too old.
    ///
    /// # Errors
    ///
    /// Fails where the server does not begin. Errors in the stream are events that cannot be
    /// decoded, or a connection that broke within one.
    pub async fn watch(
        &self,
        wp: &WatchParams,
        version: &str,
    ) -> Result<impl Stream<Item = Result<WatchEvent<K>>> + use<K>> {
        let request = match self.metadata_only {
            true => self.request.watch_metadata(wp, version),
            false => self.request.watch(wp, version),
        };
        self.client.request_events::<K>(named("watch", request)?).await
    }

    /// Watches the metadata of objects, from a version on; see [`watch`](Self::watch).
    ///
    /// # Errors
    ///
    /// Fails where the server does not begin.
    pub async fn watch_metadata(
        &self,
        wp: &WatchParams,
        version: &str,
    ) -> Result<impl Stream<Item = Result<WatchEvent<PartialObjectMeta<K>>>> + use<K>> {
        let request = self.request.watch_metadata(wp, version);
        let request = named("watch_metadata", request)?;
        self.client.request_events::<PartialObjectMeta<K>>(request).await
    }
}

/// Writing.
impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Debug,
{
    /// Creates an object; gives what the server made of it.
    pub async fn create(&self, pp: &PostParams, data: &K) -> Result<K>
    where
        K: Serialize,
    {
        let request = self.request.create(pp, to_json(data)?);
        self.client.request(self.writing("create", request)?).await
    }

    /// Deletes an object.
    ///
    /// Gives the object where it is still being deleted, or else a status.
    pub async fn delete(&self, name: &str, dp: &DeleteParams) -> Result<Either<K, Status>> {
        let request = self.request.delete(name, dp);
        self.client.request_status(named("delete", request)?).await
    }

    /// Deletes the objects that a list with these options would have.
    ///
    /// Gives the objects where they are still being deleted, or else a status.
    pub async fn delete_collection(
        &self,
        dp: &DeleteParams,
        lp: &ListParams,
    ) -> Result<Either<ObjectList<K>, Status>> {
        let request = self.request.delete_collection(dp, lp);
        self.client
            .request_status(named("delete_collection", request)?)
            .await
    }

    /// Changes an object; creates it if the change is an apply.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::{Api, Client, api::{Patch, PatchParams}};
    /// # async fn run(client: Client) -> Result<(), kubist_client::Error> {
    /// let pods: Api<Pod> = Api::default_namespaced(client);
    /// let patch = serde_json::json!({
    ///     "apiVersion": "v1",
    ///     "kind": "Pod",
    ///     "metadata": { "labels": { "seen": "yes" } },
    /// });
    /// pods.patch("web-0", &PatchParams::apply("my-controller"), &Patch::Apply(patch)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn patch<P: Serialize + Debug>(
        &self,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K> {
        let request = match self.metadata_only {
            true => self.request.patch_metadata(name, pp, patch),
            false => self.request.patch(name, pp, patch),
        };
        self.client.request(self.writing("patch", request)?).await
    }

    /// Changes an object; gives its metadata.
    pub async fn patch_metadata<P: Serialize + Debug>(
        &self,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<PartialObjectMeta<K>> {
        let request = self.request.patch_metadata(name, pp, patch);
        self.client
            .request(self.writing("patch_metadata", request)?)
            .await
    }

    /// Replaces an object; gives what the server made of it.
    ///
    /// With the version that was read in its metadata, it fails with a conflict if somebody else
    /// wrote meanwhile.
    pub async fn replace(&self, name: &str, pp: &PostParams, data: &K) -> Result<K>
    where
        K: Serialize,
    {
        let request = self.request.replace(name, pp, to_json(data)?);
        self.client.request(self.writing("replace", request)?).await
    }
}

/// No object is not an error.
fn optional<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(object) => Ok(Some(object)),
        Err(Error::Api(status)) if status.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
