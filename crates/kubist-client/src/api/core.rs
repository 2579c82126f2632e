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
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let pod = pods.get("web-0").await?;
    /// println!("{:?}", pod.status);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Api`] and code 404 where there is none; see [`get_opt`](Self::get_opt).
    pub async fn get(&self, name: &str) -> Result<K> {
        self.get_with(name, &GetParams::default()).await
    }

    /// Reads an object, of a certain version.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::GetParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// // Whatever the server has at hand, be it a little old.
    /// let pod = pods.get_with("web-0", &GetParams::any()).await?;
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let meta = pods.get_metadata("web-0").await?;
    /// println!("{:?}", meta.metadata.labels);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_metadata(&self, name: &str) -> Result<PartialObjectMeta<K>> {
        self.get_metadata_with(name, &GetParams::default()).await
    }

    /// Reads an object's metadata, of a certain version.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::GetParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let meta = pods.get_metadata_with("web-0", &GetParams::at("4711")).await?;
    /// println!("{:?}", meta.metadata.resource_version);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_metadata_with(&self, name: &str, gp: &GetParams) -> Result<PartialObjectMeta<K>> {
        let request = self.request.get_metadata(name, gp);
        self.client.request(named("get_metadata", request)?).await
    }

    /// Reads an object's metadata, if there is one.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let is_there = pods.get_metadata_opt("web-0").await?.is_some();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_metadata_opt(&self, name: &str) -> Result<Option<PartialObjectMeta<K>>> {
        optional(self.get_metadata(name).await)
    }

    /// Reads an object's metadata, of a certain version, if there is one.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::GetParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// if let Some(meta) = pods.get_metadata_opt_with("web-0", &GetParams::any()).await? {
    ///     println!("{:?}", meta.metadata.annotations);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_metadata_opt_with(
        &self,
        name: &str,
        gp: &GetParams,
    ) -> Result<Option<PartialObjectMeta<K>>> {
        optional(self.get_metadata_with(name, gp).await)
    }

    /// Lists objects, one page of them if there is a limit.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::ListParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// for pod in pods.list(&ListParams::default().labels("app=web").limit(50)).await? {
    ///     println!("{:?}", pod.metadata.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list(&self, lp: &ListParams) -> Result<ObjectList<K>> {
        let request = match self.metadata_only {
            true => self.request.list_metadata(lp),
            false => self.request.list(lp),
        };
        self.client.request_list(named("list", request)?).await
    }

    /// Lists the metadata of objects, one page of them if there is a limit.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::ListParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let list = pods.list_metadata(&ListParams::default()).await?;
    /// println!("{} objects at {:?}", list.items.len(), list.metadata.resource_version);
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{WatchEvent, WatchParams};
    /// use futures::{StreamExt, TryStreamExt};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let mut events = pods.watch(&WatchParams::default(), "0").await?.boxed();
    /// while let Some(event) = events.try_next().await? {
    ///     match event {
    ///         WatchEvent::Added(pod) | WatchEvent::Modified(pod) => println!("{:?}", pod.metadata.name),
    ///         WatchEvent::Error(status) => eprintln!("{}", status.message),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{WatchEvent, WatchParams};
    /// use futures::{StreamExt, TryStreamExt};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let mut events = pods.watch_metadata(&WatchParams::default(), "0").await?.boxed();
    /// while let Some(event) = events.try_next().await? {
    ///     if let WatchEvent::Deleted(meta) = event {
    ///         println!("{:?} is gone", meta.metadata.name);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::ConfigMap;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    ///
    /// # async fn run(config_maps: Api<ConfigMap>) -> Result<(), kubist_client::Error> {
    /// let mut settings = ConfigMap::default();
    /// settings.metadata.generate_name = Some("settings-".to_owned());
    /// let created = config_maps.create(&PostParams::default(), &settings).await?;
    /// println!("{:?}", created.metadata.name);
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::DeleteParams;
    /// use either::Either;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// match pods.delete("web-0", &DeleteParams::default()).await? {
    ///     Either::Left(pod) => println!("since {:?}", pod.metadata.deletion_timestamp),
    ///     Either::Right(status) => println!("{status:?}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete(&self, name: &str, dp: &DeleteParams) -> Result<Either<K, Status>> {
        let request = self.request.delete(name, dp);
        self.client.request_status(named("delete", request)?).await
    }

    /// Deletes the objects that a list with these options would have.
    ///
    /// Gives the objects where they are still being deleted, or else a status.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{DeleteParams, ListParams};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let of_web = ListParams::default().labels("app=web");
    /// pods.delete_collection(&DeleteParams::background(), &of_web).await?;
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{Patch, PatchParams};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let patch = serde_json::json!({ "metadata": { "labels": { "seen": "yes" } } });
    /// let meta = pods.patch_metadata("web-0", &PatchParams::default(), &Patch::Merge(patch)).await?;
    /// println!("{:?}", meta.metadata.labels);
    /// # Ok(())
    /// # }
    /// ```
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
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::{Error, ResourceExt, api::PostParams};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let mut pod = pods.get("web-0").await?;
    /// pod.labels_mut().insert("seen".to_owned(), "yes".to_owned());
    /// match pods.replace("web-0", &PostParams::default(), &pod).await {
    ///     Err(Error::Api(status)) if status.is_conflict() => println!("somebody else was faster"),
    ///     result => drop(result?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
