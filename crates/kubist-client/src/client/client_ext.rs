//! Requests for objects of any kind, straight from a client: what says where they are.
//!
//! The traits here are public for signatures only; what implements them is in
//! [`scope`](super::scope) and among the references of Kubernetes.

use std::fmt::Debug;

use k8s_openapi::{
    api::core::v1::{LocalObjectReference, Namespace as NamespaceObject, ObjectReference},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kubist_core::{
    ClusterResourceScope, DynamicResourceScope, NamespaceResourceScope, Resource,
    dynamic::{ApiResource, DynamicObject},
    gvk::GroupVersionKind,
    object::ObjectList,
    params::{GetParams, ListParams},
    request::Request,
};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::{Client, named};
use crate::{Error, Result};

/// Requests for objects of any kind.
impl Client {
    /// Reads an object of the cluster, or of a namespace.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::{Node, Pod};
    /// use kubist_client::client::scope::{Cluster, Namespace};
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let node = client.get::<Node>("worker-1", &Cluster).await?;
    /// let pod: Pod = client.get("web-0", &Namespace::from("web")).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with [`Error::Api`] and code 404 where there is none.
    pub async fn get<K>(&self, name: &str, scope: &impl ObjectUrl<K>) -> Result<K>
    where
        K: Resource + Serialize + DeserializeOwned + Clone + Debug,
        K::DynamicType: Default,
    {
        self.get_at(scope.url_path()?, name).await
    }

    /// Reads the object that a reference names.
    ///
    /// The URL is made of the kind that the reference tells; for references that do not tell one,
    /// it is that of `K`. References without a namespace get one by
    /// [`within`](super::scope::NamespacedRef::within).
    ///
    /// ```no_run
    /// use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1::Pod};
    /// use kubist_client::{ResourceExt, client::scope::NamespacedRef};
    ///
    /// # async fn run(client: kubist_client::Client, pod: Pod) -> Result<(), kubist_client::Error> {
    /// for owner in pod.owner_references() {
    ///     let owner: ReplicaSet = client.fetch(&owner.within(pod.namespace())).await?;
    ///     println!("{}", owner.name_any());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with [`Error::RefResolve`] where the reference names nothing, and as
    /// [`get`](Self::get) does.
    pub async fn fetch<K>(&self, reference: &impl ObjectRef<K>) -> Result<K>
    where
        K: Resource + Serialize + DeserializeOwned + Clone + Debug,
    {
        let name = reference.name().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Error::RefResolve("the reference has no name".to_owned()))?;
        self.get_at(reference.url_path()?, name).await
    }

    /// Lists objects of the cluster, of all namespaces, or of one.
    ///
    /// ```no_run
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_client::{api::ListParams, client::scope::Cluster};
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let everywhere = client.list::<Pod>(&ListParams::default(), &Cluster).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the server says that it failed, or its answer is no list of `K`.
    pub async fn list<K>(&self, lp: &ListParams, scope: &impl CollectionUrl<K>) -> Result<ObjectList<K>>
    where
        K: Resource + Serialize + DeserializeOwned + Clone + Debug,
        K::DynamicType: Default,
    {
        let request = Request::new(scope.url_path()?);
        let request = match K::metadata_api() {
            true => request.list_metadata(lp),
            false => request.list(lp),
        };
        let request = request.map_err(Error::BuildRequest)?;
        self.request_list(named("list", request)).await
    }

    async fn get_at<K: Resource + DeserializeOwned>(&self, collection: String, name: &str) -> Result<K> {
        let request = Request::new(collection);
        let request = match K::metadata_api() {
            true => request.get_metadata(name, &GetParams::default()),
            false => request.get(name, &GetParams::default()),
        };
        let request = request.map_err(Error::BuildRequest)?;
        let request = named("get", request);
        self.request(request).await
    }
}

/// Objects of the cluster; for lists, also those of all namespaces.
///
/// ```no_run
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_client::api::ListParams;
/// use kubist_client::client::scope::Cluster;
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// // Those of all namespaces.
/// let pods = client.list::<Pod>(&ListParams::default(), &Cluster).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Cluster;

/// Objects of one namespace.
///
/// ```no_run
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_client::api::ListParams;
/// use kubist_client::client::scope::Namespace;
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// let pods = client.list::<Pod>(&ListParams::default(), &Namespace::from("web")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Namespace(String);

/// A reference that says which object, but not in which namespace.
///
/// ```no_run
/// use k8s_openapi::api::core::v1::{LocalObjectReference, Secret};
/// use kubist_client::client::scope::NamespacedRef;
///
/// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
/// let reference = LocalObjectReference { name: "token".to_owned() };
/// let secret: Secret = client.fetch(&reference.within("web".to_owned())).await?;
/// # Ok(())
/// # }
/// ```
pub trait NamespacedRef<K> {
    /// The object in this namespace; in the cluster, if there is none.
    fn within(&self, namespace: impl Into<Option<String>>) -> impl ObjectRef<K>;
}

/// Where the objects of a kind are listed.
pub trait CollectionUrl<K> {
    /// The path of the collection.
    fn url_path(&self) -> Result<String>;
}

/// Where an object of a kind is.
pub trait ObjectUrl<K> {
    /// The path of the collection that has it.
    fn url_path(&self) -> Result<String>;
}

/// Where an object is, and what it is called.
pub trait ObjectRef<K>: ObjectUrl<K> {
    /// The name, if there is one.
    fn name(&self) -> Option<&str>;
}

/// Why an object is no [`Namespace`].
#[derive(Error, Debug)]
pub enum NamespaceError {
    /// It has no name.
    #[error("the namespace has no name")]
    MissingName,
}

/// Scopes whose objects may be of the cluster.
pub trait ClusterScope {}
impl ClusterScope for ClusterResourceScope {}
impl ClusterScope for DynamicResourceScope {}

/// Scopes whose objects may be of a namespace.
pub trait NamespaceScope {}
impl NamespaceScope for NamespaceResourceScope {}
impl NamespaceScope for DynamicResourceScope {}

impl From<String> for Namespace {
    fn from(name: String) -> Self {
        Self(name)
    }
}

impl From<&str> for Namespace {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl TryFrom<&NamespaceObject> for Namespace {
    type Error = NamespaceError;

    fn try_from(namespace: &NamespaceObject) -> Result<Self, NamespaceError> {
        match &namespace.metadata.name {
            Some(name) => Ok(Self(name.clone())),
            None => Err(NamespaceError::MissingName),
        }
    }
}

impl<K> CollectionUrl<K> for Cluster
where
    K: Resource,
    K::DynamicType: Default,
{
    fn url_path(&self) -> Result<String> {
        Ok(K::url_path(&K::DynamicType::default(), None))
    }
}

impl<K> ObjectUrl<K> for Cluster
where
    K: Resource,
    K::DynamicType: Default,
    K::Scope: ClusterScope,
{
    fn url_path(&self) -> Result<String> {
        Ok(K::url_path(&K::DynamicType::default(), None))
    }
}

impl<K> CollectionUrl<K> for Namespace
where
    K: Resource,
    K::DynamicType: Default,
    K::Scope: NamespaceScope,
{
    fn url_path(&self) -> Result<String> {
        Ok(K::url_path(&K::DynamicType::default(), Some(&self.0)))
    }
}

impl<K> ObjectUrl<K> for Namespace
where
    K: Resource,
    K::DynamicType: Default,
    K::Scope: NamespaceScope,
{
    fn url_path(&self) -> Result<String> {
        Ok(K::url_path(&K::DynamicType::default(), Some(&self.0)))
    }
}

impl<K: Resource> ObjectUrl<K> for ObjectReference {
    fn url_path(&self) -> Result<String> {
        referenced(self.clone().into(), self.namespace.as_deref())
    }
}

impl<K: Resource> ObjectRef<K> for ObjectReference {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl<K> NamespacedRef<K> for ObjectReference
where
    K: Resource,
    K::Scope: NamespaceScope,
{
    fn within(&self, namespace: impl Into<Option<String>>) -> impl ObjectRef<K> {
        Self {
            namespace: namespace.into(),
            ..self.clone()
        }
    }
}

impl<K> ObjectUrl<K> for OwnerReference
where
    K: Resource,
    K::Scope: ClusterScope,
{
    fn url_path(&self) -> Result<String> {
        referenced(self.clone().into(), None)
    }
}

impl<K> ObjectRef<K> for OwnerReference
where
    K: Resource,
    K::Scope: ClusterScope,
{
    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

impl<K> NamespacedRef<K> for OwnerReference
where
    K: Resource,
    K::Scope: NamespaceScope,
{
    fn within(&self, namespace: impl Into<Option<String>>) -> impl ObjectRef<K> {
        ObjectReference {
            api_version: Some(self.api_version.clone()),
            kind: Some(self.kind.clone()),
            name: Some(self.name.clone()),
            namespace: namespace.into(),
            ..ObjectReference::default()
        }
    }
}

impl<K> NamespacedRef<K> for LocalObjectReference
where
    K: Resource,
    K::DynamicType: Default,
    K::Scope: NamespaceScope,
{
    fn within(&self, namespace: impl Into<Option<String>>) -> impl ObjectRef<K> {
        // It tells no kind, so the kind's own URL it is.
        Located {
            collection: K::url_path(&K::DynamicType::default(), namespace.into().as_deref()),
            name: self.name.clone(),
        }
    }
}

/// An object whose place is known.
struct Located {
    collection: String,
    name: String,
}

impl<K> ObjectUrl<K> for Located {
    fn url_path(&self) -> Result<String> {
        Ok(self.collection.clone())
    }
}

impl<K> ObjectRef<K> for Located {
    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

/// The collection of a kind that a reference tells; the plural is guessed.
fn referenced(kind: GroupVersionKind, namespace: Option<&str>) -> Result<String> {
    if kind.kind.is_empty() || kind.version.is_empty() {
        return Err(Error::RefResolve(
            "the reference has no apiVersion or no kind".to_owned(),
        ));
    }
    Ok(DynamicObject::url_path(&ApiResource::from_gvk(&kind), namespace))
}

#[cfg(test)]
mod tests {
    use http::Response;
    use k8s_openapi::api::{
        apps::v1::ReplicaSet,
        core::v1::{ConfigMap, Node, Pod},
    };
    use kubist_core::{metadata::PartialObjectMeta, params::ListParams};
    use serde_json::json;

    use super::*;
    use crate::client::Body;

    /// A client whose answers are named after the path that was asked for.
    fn client() -> Client {
        let server = tower::service_fn(|request: http::Request<Body>| async move {
            let path = request.uri().path();
            let accept = request.headers().get("accept").map(|value| value.to_str());
            let partial = accept.is_some_and(|accept| accept.expect("text").contains("Partial"));
            let meta = if partial { " (metadata)" } else { "" };
            let mut object = json!({"metadata": {"name": format!("{path}{meta}")}, "items": []});
            // An object has no items, a list no name of its own.
            if path.ends_with("pods") {
                object["metadata"] = json!({"resourceVersion": path});
            }
            Ok::<_, std::convert::Infallible>(Response::new(Body::from(object.to_string().into_bytes())))
        });
        Client::new(server, "default")
    }

    fn owner(api_version: &str, kind: &str) -> OwnerReference {
        OwnerReference {
            api_version: api_version.into(),
            kind: kind.into(),
            name: "a".into(),
            ..OwnerReference::default()
        }
    }

    #[tokio::test]
    async fn scopes() {
        let client = client();
        let node: Node = client.get("a", &Cluster).await.expect("answers");
        assert_eq!(node.metadata.name.as_deref(), Some("/api/v1/nodes/a"));
        let pod: Pod = client.get("a", &Namespace::from("ns")).await.expect("answers");
        assert_eq!(pod.metadata.name.as_deref(), Some("/api/v1/namespaces/ns/pods/a"));
        let pod: PartialObjectMeta<Pod> = client.get("a", &Namespace::from("ns")).await.expect("answers");
        assert_eq!(
            pod.metadata.name.as_deref(),
            Some("/api/v1/namespaces/ns/pods/a (metadata)")
        );
        let all = client.list::<Pod>(&ListParams::default(), &Cluster).await;
        let all = all.expect("answers").metadata.resource_version;
        assert_eq!(all.as_deref(), Some("/api/v1/pods"));
        let namespace = Namespace::from("ns".to_owned());
        let one = client.list::<Pod>(&ListParams::default(), &namespace).await;
        let one = one.expect("answers").metadata.resource_version;
        assert_eq!(one.as_deref(), Some("/api/v1/namespaces/ns/pods"));
    }

    #[tokio::test]
    async fn references() {
        let client = client();
        let reference = owner("apps/v1", "ReplicaSet");
        let set: ReplicaSet = client
            .fetch(&reference.within("ns".to_owned()))
            .await
            .expect("answers");
        assert_eq!(
            set.metadata.name.as_deref(),
            Some("/apis/apps/v1/namespaces/ns/replicasets/a")
        );
        let node: Node = client.fetch(&owner("v1", "Node")).await.expect("answers");
        assert_eq!(node.metadata.name.as_deref(), Some("/api/v1/nodes/a"));
        let local = LocalObjectReference { name: "a".into() };
        let map: ConfigMap = client
            .fetch(&local.within("ns".to_owned()))
            .await
            .expect("answers");
        assert_eq!(
            map.metadata.name.as_deref(),
            Some("/api/v1/namespaces/ns/configmaps/a")
        );
        let reference = ObjectReference {
            name: Some("a".into()),
            ..ObjectReference::default()
        };
        let error = client.fetch::<Pod>(&reference).await.expect_err("tells no kind");
        assert!(matches!(error, Error::RefResolve(_)), "{error}");
        let nothing = owner_of_nothing();
        let error = client.fetch::<Pod>(&nothing.within(None)).await;
        assert!(matches!(error, Err(Error::RefResolve(_))), "{error:?}");
    }

    fn owner_of_nothing() -> OwnerReference {
        OwnerReference {
            name: String::new(),
            ..owner("v1", "Pod")
        }
    }

    #[test]
    fn a_namespace_needs_a_name() {
        let mut object = NamespaceObject::default();
        Namespace::try_from(&object).expect_err("has no name");
        object.metadata.name = Some("ns".into());
        assert_eq!(Namespace::try_from(&object).expect("has a name").0, "ns");
    }
}
