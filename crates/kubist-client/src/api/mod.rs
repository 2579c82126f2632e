//! Typed requests: what can be done with one kind of object.

mod apply;
#[cfg(feature = "ws")]
mod channels;
#[cfg(feature = "copy")]
mod copy;
mod core;
pub mod entry;
mod pages;
#[cfg(feature = "ws")]
mod portforward;
#[cfg(feature = "ws")]
mod remote_command;
#[cfg(feature = "ws")]
mod streaming;
mod subresource;
mod util;

use std::{fmt, marker::PhantomData};

use http::Request as HttpRequest;
#[cfg(feature = "admission")]
pub use kubist_core::admission;
#[cfg(feature = "ws")]
pub use kubist_core::subresource::AttachParams;
use kubist_core::{DynamicResourceScope, NamespaceResourceScope};
pub use kubist_core::{
    Resource, ResourceExt,
    dynamic::{ApiResource, DynamicObject},
    gvk::{GroupVersionKind, GroupVersionResource},
    metadata::{ListMeta, ObjectMeta, PartialObjectMeta, PartialObjectMetaExt, TypeMeta},
    object::{NotUsed, Object, ObjectList},
    params::{
        DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Preconditions,
        PropagationPolicy, ValidationDirective, VersionMatch, WatchParams,
    },
    request::Request,
    subresource::{EvictParams, LogParams, ScaleSpec, ScaleStatus},
    watch::WatchEvent,
};

#[cfg(feature = "copy")]
pub use copy::{CopyError, CopyParams, CopyProgress};
#[cfg(feature = "ws")]
pub use portforward::Portforwarder;
#[cfg(feature = "ws")]
pub use remote_command::{AttachedProcess, TerminalSize};
#[cfg(feature = "ws")]
pub use streaming::{Attach, Execute, Portforward};
pub use subresource::{Ephemeral, Evict, Log, Resize};

use crate::{Client, Error, Result};

/// What can be done with objects of one kind: in one namespace, in all, or in the cluster.
///
/// ```no_run
/// use k8s_openapi::api::core::v1::{Node, Pod};
/// use kubist_client::{Api, Client, ResourceExt, api::PostParams};
///
/// # async fn run(client: Client) -> Result<(), kubist_client::Error> {
/// let nodes: Api<Node> = Api::all(client.clone());
/// let pods: Api<Pod> = Api::namespaced(client, "web");
/// let mut pod = pods.get("web-0").await?;
/// pod.labels_mut().insert("seen".to_owned(), "yes".to_owned());
/// pods.replace("web-0", &PostParams::default(), &pod).await?;
/// # Ok(())
/// # }
/// ```
///
/// `Api<PartialObjectMeta<Pod>>` reads, lists, watches and patches pods, and is answered with their
/// metadata only.
///
/// Requests are cancel safe in that a future that is dropped leaves nothing behind here; whether
/// the server did what was asked is then not known.
#[derive(Clone)]
pub struct Api<K> {
    request: Request,
    client: Client,
    namespace: Option<String>,
    /// Whether to ask for metadata only; the kind says so.
    metadata_only: bool,
    /// What the server does with fields that it does not know.
    field_validation: Option<ValidationDirective>,
    // Neither Send nor Sync depend on the kind.
    kind: PhantomData<fn() -> K>,
}

/// For kinds known at run time.
impl<K: Resource> Api<K> {
    /// Objects of the cluster, or of all namespaces.
    ///
    /// ```no_run
    /// use kubist_client::{Api, Client, api::{ApiResource, DynamicObject, GroupVersionKind}};
    ///
    /// # fn run(client: Client) {
    /// let foo = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Foo"));
    /// let foos: Api<DynamicObject> = Api::all_with(client, &foo);
    /// # }
    /// ```
    pub fn all_with(client: Client, dyntype: &K::DynamicType) -> Self {
        Self::at(client, dyntype, None)
    }

    /// Objects of one namespace.
    ///
    /// ```no_run
    /// use kubist_client::{Api, Client, api::{ApiResource, DynamicObject, GroupVersionKind}};
    ///
    /// # fn run(client: Client) {
    /// let foo = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Foo"));
    /// let foos: Api<DynamicObject> = Api::namespaced_with(client, "web", &foo);
    /// # }
    /// ```
    pub fn namespaced_with(client: Client, ns: &str, dyntype: &K::DynamicType) -> Self
    where
        K: Resource<Scope = DynamicResourceScope>,
    {
        Self::at(client, dyntype, Some(ns.to_owned()))
    }

    /// Objects of the client's default namespace.
    ///
    /// ```no_run
    /// use kubist_client::{Api, Client, api::{ApiResource, DynamicObject, GroupVersionKind}};
    ///
    /// # fn run(client: Client) {
    /// let foo = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Foo"));
    /// let foos: Api<DynamicObject> = Api::default_namespaced_with(client, &foo);
    /// # }
    /// ```
    pub fn default_namespaced_with(client: Client, dyntype: &K::DynamicType) -> Self
    where
        K: Resource<Scope = DynamicResourceScope>,
    {
        let namespace = client.default_namespace().to_owned();
        Self::at(client, dyntype, Some(namespace))
    }

    fn at(client: Client, dyntype: &K::DynamicType, namespace: Option<String>) -> Self {
        Self {
            request: Request::new(K::url_path(dyntype, namespace.as_deref())),
            client,
            namespace,
            metadata_only: K::metadata_api(),
            field_validation: None,
            kind: PhantomData,
        }
    }

    /// Says what the server does with fields that it does not know, or that come twice, when objects
    /// are created, replaced or patched; unless a request's own parameters say something.
    ///
    /// Without it the server warns, see [`Client::with_warnings`].
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::ConfigMap;
    /// use kubist_client::{Api, Client, api::{PostParams, ValidationDirective}};
    ///
    /// # async fn run(client: Client, settings: ConfigMap) -> Result<(), kubist_client::Error> {
    /// let config_maps: Api<ConfigMap> = Api::default_namespaced(client);
    /// let strict = config_maps.with_field_validation(ValidationDirective::Strict);
    /// strict.create(&PostParams::default(), &settings).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Source: [server side field
    /// validation](https://kubernetes.io/docs/reference/using-api/api-concepts/#setting-the-field-validation-level).
    #[must_use]
    pub fn with_field_validation(mut self, directive: ValidationDirective) -> Self {
        self.field_validation = Some(directive);
        self
    }

    /// The client that requests go through.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, Client};
    ///
    /// # fn run(client: Client) {
    /// let pods: Api<Pod> = Api::namespaced(client, "web");
    /// let elsewhere: Api<Pod> = Api::namespaced(pods.into_client(), "db");
    /// # }
    /// ```
    pub fn into_client(self) -> Client {
        self.into()
    }

    /// The URL path of the collection.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, Client};
    ///
    /// # fn run(client: Client) {
    /// let pods: Api<Pod> = Api::namespaced(client, "web");
    /// assert_eq!(pods.resource_url(), "/api/v1/namespaces/web/pods");
    /// # }
    /// ```
    pub fn resource_url(&self) -> &str {
        &self.request.url_path
    }

    /// The namespace, if it is one.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, Client};
    ///
    /// # fn run(client: Client) {
    /// let pods: Api<Pod> = Api::namespaced(client.clone(), "web");
    /// assert_eq!(pods.namespace(), Some("web"));
    /// assert_eq!(Api::<Pod>::all(client).namespace(), None);
    /// # }
    /// ```
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }
}

/// For kinds known at compile time.
impl<K: Resource> Api<K>
where
    K::DynamicType: Default,
{
    /// Objects of the cluster, or of all namespaces.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, Client};
    ///
    /// # fn run(client: Client) {
    /// // Those of all namespaces.
    /// let pods: Api<Pod> = Api::all(client);
    /// assert_eq!(pods.resource_url(), "/api/v1/pods");
    /// # }
    /// ```
    pub fn all(client: Client) -> Self {
        Self::all_with(client, &K::DynamicType::default())
    }

    /// Objects of one namespace.
    ///
    /// The compiler knows which kinds have one:
    ///
    /// ```compile_fail
    /// # use kubist_client::{Api, Client};
    /// use k8s_openapi::api::core::v1::Node;
    /// fn nodes(client: Client) -> Api<Node> {
    ///     Api::namespaced(client, "default")
    /// }
    /// ```
    pub fn namespaced(client: Client, ns: &str) -> Self
    where
        K: Resource<Scope = NamespaceResourceScope>,
    {
        Self::at(client, &K::DynamicType::default(), Some(ns.to_owned()))
    }

    /// Objects of the client's default namespace.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{Api, Client};
    ///
    /// # fn run(client: Client) {
    /// let pods: Api<Pod> = Api::default_namespaced(client);
    /// # }
    /// ```
    pub fn default_namespaced(client: Client) -> Self
    where
        K: Resource<Scope = NamespaceResourceScope>,
    {
        let namespace = client.default_namespace().to_owned();
        Self::at(client, &K::DynamicType::default(), Some(namespace))
    }
}

impl<K> From<Api<K>> for Client {
    fn from(api: Api<K>) -> Self {
        api.client
    }
}

impl<K> fmt::Debug for Api<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A client has nothing to show.
        f.debug_struct("Api")
            .field("request", &self.request)
            .field("client", &"...")
            .field("namespace", &self.namespace)
            .finish()
    }
}

impl<K> Api<K> {
    /// A request that writes, which says what is to become of unknown fields.
    fn writing(
        &self,
        name: &'static str,
        request: Result<HttpRequest<Vec<u8>>, kubist_core::request::Error>,
    ) -> Result<HttpRequest<Vec<u8>>> {
        let mut request = named(name, request)?;
        let uri = request.uri();
        let query = uri.query().unwrap_or_default();
        if let Some(directive) = &self.field_validation
            && !query.contains("fieldValidation=")
        {
            let path = uri.path();
            let uri = format!("{path}?{query}&fieldValidation={}", directive.as_str());
            let uri = uri.try_into().map_err(http::Error::from);
            *request.uri_mut() =
                uri.map_err(|error| Error::BuildRequest(kubist_core::request::Error::BuildRequest(error)))?;
        }
        Ok(request)
    }
}

/// A request that carries the name of the method that made it, for spans and middleware.
fn named(
    name: &'static str,
    request: Result<HttpRequest<Vec<u8>>, kubist_core::request::Error>,
) -> Result<HttpRequest<Vec<u8>>> {
    let request = request.map_err(Error::BuildRequest)?;
    Ok(crate::client::named(name, request))
}

/// A body of JSON.
fn to_json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(Error::SerdeError)
}
