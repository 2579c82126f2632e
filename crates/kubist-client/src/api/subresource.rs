//! Subresources: what belongs to an object and is asked for by itself.

use std::fmt::Debug;

use futures::AsyncBufRead;
use k8s_openapi::api::{autoscaling::v1::Scale, core::v1::Pod};
use kubist_core::{
    Status,
    params::{Patch, PatchParams, PostParams},
    subresource::{EvictParams, LogParams},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Api, named, to_json};
use crate::Result;

/// The requests that every subresource has.
impl<K> Api<K> {
    async fn get_sub<T: DeserializeOwned>(&self, span: &'static str, sub: &str, name: &str) -> Result<T> {
        let request = self.request.get_subresource(sub, name);
        self.client.request(named(span, request)?).await
    }

    async fn patch_sub<T: DeserializeOwned, P: Serialize>(
        &self,
        span: &'static str,
        sub: &str,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<T> {
        let request = self.request.patch_subresource(sub, name, pp, patch);
        self.client.request(self.writing(span, request)?).await
    }

    async fn replace_sub<T: DeserializeOwned, D: Serialize>(
        &self,
        span: &'static str,
        sub: &str,
        name: &str,
        pp: &PostParams,
        data: &D,
    ) -> Result<T> {
        let request = self.request.replace_subresource(sub, name, pp, to_json(data)?);
        self.client.request(self.writing(span, request)?).await
    }
}

/// How many replicas there are to be.
impl<K> Api<K>
where
    K: Clone + DeserializeOwned,
{
    /// Reads the scale.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// let scale = deployments.get_scale("web").await?;
    /// println!("{:?}", scale.spec.and_then(|spec| spec.replicas));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_scale(&self, name: &str) -> Result<Scale> {
        self.get_sub("get_scale", "scale", name).await
    }

    /// Changes the scale.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{Patch, PatchParams};
    ///
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// let patch = serde_json::json!({ "spec": { "replicas": 3 } });
    /// deployments.patch_scale("web", &PatchParams::default(), &Patch::Merge(patch)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn patch_scale<P: Serialize + Debug>(
        &self,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<Scale> {
        self.patch_sub("patch_scale", "scale", name, pp, patch).await
    }

    /// Replaces the scale.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    ///
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// let mut scale = deployments.get_scale("web").await?;
    /// scale.spec.get_or_insert_default().replicas = Some(3);
    /// deployments.replace_scale("web", &PostParams::default(), &scale).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn replace_scale(&self, name: &str, pp: &PostParams, data: &Scale) -> Result<Scale> {
        self.replace_sub("replace_scale", "scale", name, pp, data).await
    }
}

/// Any subresource, by its name.
impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Debug,
{
    /// Reads a subresource that is of the object's kind.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let pod = pods.get_subresource("resize", "web-0").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_subresource(&self, subresource_name: &str, name: &str) -> Result<K> {
        self.get_sub("get_subresource", subresource_name, name).await
    }

    /// Creates a subresource, of any kind.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::{api::PostParams, core::Status};
    /// use k8s_openapi::api::policy::v1::Eviction;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let eviction = Eviction::default();
    /// let pp = PostParams::default();
    /// let status: Status = pods.create_subresource("eviction", "web-0", &pp, &eviction).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_subresource<I, T>(
        &self,
        subresource_name: &str,
        name: &str,
        pp: &PostParams,
        data: &I,
    ) -> Result<T>
    where
        I: Serialize,
        T: DeserializeOwned,
    {
        let request = self
            .request
            .create_subresource(subresource_name, name, pp, to_json(data)?);
        self.client.request(named("create_subresource", request)?).await
    }

    /// Changes a subresource that is of the object's kind.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{Patch, PatchParams};
    ///
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// let patch = serde_json::json!({ "status": { "observedGeneration": 2 } });
    /// let pp = PatchParams::default();
    /// deployments.patch_subresource("status", "web", &pp, &Patch::Merge(patch)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn patch_subresource<P: Serialize + Debug>(
        &self,
        subresource_name: &str,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K> {
        self.patch_sub("patch_subresource", subresource_name, name, pp, patch)
            .await
    }

    /// Replaces a subresource; answered with the object.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    ///
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// let deployment = deployments.get("web").await?;
    /// let pp = PostParams::default();
    /// deployments.replace_subresource("status", "web", &pp, &deployment).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn replace_subresource<I>(
        &self,
        subresource_name: &str,
        name: &str,
        pp: &PostParams,
        data: &I,
    ) -> Result<K>
    where
        I: Serialize,
    {
        self.replace_sub("replace_subresource", subresource_name, name, pp, data)
            .await
    }
}

/// What became of the object.
impl<K> Api<K>
where
    K: DeserializeOwned,
{
    /// Reads an object by its status.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// let deployment = deployments.get_status("web").await?;
    /// println!("{:?}", deployment.status);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_status(&self, name: &str) -> Result<K> {
        self.get_sub("get_status", "status", name).await
    }

    /// Changes an object's status, and nothing else of it.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{Patch, PatchParams};
    ///
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// let patch = serde_json::json!({ "status": { "observedGeneration": 2 } });
    /// deployments.patch_status("web", &PatchParams::default(), &Patch::Merge(patch)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn patch_status<P: Serialize + Debug>(
        &self,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K> {
        self.patch_sub("patch_status", "status", name, pp, patch).await
    }

    /// Replaces an object's status, and nothing else of it.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::apps::v1::Deployment;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    ///
    /// # async fn run(deployments: Api<Deployment>) -> Result<(), kubist_client::Error> {
    /// let mut deployment = deployments.get("web").await?;
    /// deployment.status.get_or_insert_default().observed_generation = deployment.metadata.generation;
    /// deployments.replace_status("web", &PostParams::default(), &deployment).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn replace_status(&self, name: &str, pp: &PostParams, data: &K) -> Result<K>
    where
        K: Serialize,
    {
        self.replace_sub("replace_status", "status", name, pp, data).await
    }
}

/// A kind that containers can be added to while it runs.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kubist_client::Api;
/// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
/// let pod = pods.get_ephemeral_containers("web-0").await?;
/// println!("{:?}", pod.spec.and_then(|spec| spec.ephemeral_containers));
/// # Ok(())
/// # }
/// ```
pub trait Ephemeral {}
impl Ephemeral for Pod {}

/// Containers for debugging
/// ([concept](https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/)).
impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Ephemeral,
{
    /// Reads an object by its ephemeral containers.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let pod = pods.get_ephemeral_containers("web-0").await?;
    /// println!("{:?}", pod.spec.and_then(|spec| spec.ephemeral_containers));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_ephemeral_containers(&self, name: &str) -> Result<K> {
        self.get_sub("get_ephemeralcontainers", "ephemeralcontainers", name)
            .await
    }

    /// Changes the ephemeral containers: adds some, as none can go.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{Patch, PatchParams};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let patch = serde_json::json!({ "spec": { "ephemeralContainers": [
    ///     { "name": "debug", "image": "busybox", "stdin": true, "tty": true },
    /// ] } });
    /// let pp = PatchParams::default();
    /// pods.patch_ephemeral_containers("web-0", &pp, &Patch::Strategic(patch)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn patch_ephemeral_containers<P: Serialize>(
        &self,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K> {
        self.patch_sub(
            "patch_ephemeralcontainers",
            "ephemeralcontainers",
            name,
            pp,
            patch,
        )
        .await
    }

    /// Replaces the ephemeral containers: adds some, as none can go.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    /// use k8s_openapi::api::core::v1::EphemeralContainer;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let mut pod = pods.get_ephemeral_containers("web-0").await?;
    /// let debug = EphemeralContainer {
    ///     name: "debug".to_owned(),
    ///     image: Some("busybox".to_owned()),
    ///     ..EphemeralContainer::default()
    /// };
    /// pod.spec.get_or_insert_default().ephemeral_containers.get_or_insert_default().push(debug);
    /// pods.replace_ephemeral_containers("web-0", &PostParams::default(), &pod).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn replace_ephemeral_containers(&self, name: &str, pp: &PostParams, data: &K) -> Result<K>
    where
        K: Serialize,
    {
        self.replace_sub(
            "replace_ephemeralcontainers",
            "ephemeralcontainers",
            name,
            pp,
            data,
        )
        .await
    }
}

/// A kind whose resources can be changed while it runs.
///
/// ```no_run
/// # use k8s_openapi::api::core::v1::Pod;
/// # use kubist_client::Api;
/// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
/// let pod = pods.get_resize("web-0").await?;
/// println!("{:?}", pod.spec.and_then(|spec| spec.resources));
/// # Ok(())
/// # }
/// ```
pub trait Resize {}
impl Resize for Pod {}

/// Resources of what runs
/// ([concept](https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/)).
impl<K> Api<K>
where
    K: Clone + DeserializeOwned + Resize,
{
    /// Reads an object by its resources.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let pod = pods.get_resize("web-0").await?;
    /// for container in pod.spec.unwrap_or_default().containers {
    ///     println!("{}: {:?}", container.name, container.resources);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_resize(&self, name: &str) -> Result<K> {
        self.get_sub("get_resize", "resize", name).await
    }

    /// Changes an object's resources, and nothing else of it.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::{Patch, PatchParams};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let patch = serde_json::json!({ "spec": { "containers": [
    ///     { "name": "nginx", "resources": { "requests": { "cpu": "500m" } } },
    /// ] } });
    /// pods.patch_resize("web-0", &PatchParams::default(), &Patch::Strategic(patch)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn patch_resize<P: Serialize>(
        &self,
        name: &str,
        pp: &PatchParams,
        patch: &Patch<P>,
    ) -> Result<K> {
        self.patch_sub("patch_resize", "resize", name, pp, patch).await
    }

    /// Replaces an object's resources, and nothing else of it.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::PostParams;
    /// use k8s_openapi::api::core::v1::ResourceRequirements;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let mut pod = pods.get_resize("web-0").await?;
    /// for container in &mut pod.spec.get_or_insert_default().containers {
    ///     container.resources = Some(ResourceRequirements::default());
    /// }
    /// pods.replace_resize("web-0", &PostParams::default(), &pod).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn replace_resize(&self, name: &str, pp: &PostParams, data: &K) -> Result<K>
    where
        K: Serialize,
    {
        self.replace_sub("replace_resize", "resize", name, pp, data).await
    }
}

/// A kind that writes a log.
///
/// ```no_run
/// use kubist_client::{Api, api::{Log, LogParams}};
/// use serde::de::DeserializeOwned;
///
/// async fn log<K: Log + DeserializeOwned>(api: &Api<K>, name: &str) -> Result<String, kubist_client::Error> {
///     api.logs(name, &LogParams::default()).await
/// }
/// ```
pub trait Log {}
impl Log for Pod {}

/// Logs.
impl<K> Api<K>
where
    K: DeserializeOwned + Log,
{
    /// Reads a log as a whole.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::api::LogParams;
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// let lp = LogParams { tail_lines: Some(100), ..LogParams::default() };
    /// println!("{}", pods.logs("web-0", &lp).await?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn logs(&self, name: &str, lp: &LogParams) -> Result<String> {
        let request = self.request.logs(name, lp);
        self.client.request_text(named("logs", request)?).await
    }

    /// Reads a log as it is written.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::{Api, Client, api::LogParams};
    /// use futures::{AsyncBufReadExt, TryStreamExt};
    ///
    /// # async fn run(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let pods: Api<Pod> = Api::default_namespaced(client);
    /// let lp = LogParams {
    ///     follow: true,
    ///     ..LogParams::default()
    /// };
    /// let mut lines = pods.log_stream("web-0", &lp).await?.lines();
    /// while let Some(line) = lines.try_next().await? {
    ///     println!("{line}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn log_stream(&self, name: &str, lp: &LogParams) -> Result<impl AsyncBufRead + use<K>> {
        let request = self.request.logs(name, lp);
        self.client.request_stream(named("log_stream", request)?).await
    }
}

/// A kind that can be evicted.
///
/// ```no_run
/// use kubist_client::{Api, api::{Evict, EvictParams}};
/// use serde::de::DeserializeOwned;
///
/// async fn drain<K: Evict + DeserializeOwned>(api: &Api<K>, name: &str) -> Result<(), kubist_client::Error> {
///     api.evict(name, &EvictParams::default()).await.map(drop)
/// }
/// ```
pub trait Evict {}
impl Evict for Pod {}

/// Eviction
/// ([concept](https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/)).
impl<K> Api<K>
where
    K: DeserializeOwned + Evict,
{
    /// Evicts an object.
    ///
    /// ```no_run
    /// # use k8s_openapi::api::core::v1::Pod;
    /// # use kubist_client::Api;
    /// use kubist_client::{Error, api::EvictParams};
    ///
    /// # async fn run(pods: Api<Pod>) -> Result<(), kubist_client::Error> {
    /// match pods.evict("web-0", &EvictParams::default()).await {
    ///     Err(Error::Api(status)) if status.code == 429 => println!("not now"),
    ///     result => drop(result?),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Api`](crate::Error::Api) and code 429 where a disruption budget forbids
    /// it for now.
    pub async fn evict(&self, name: &str, ep: &EvictParams) -> Result<Status> {
        let request = self.request.evict(name, ep);
        self.client.request(named("evict", request)?).await
    }
}
