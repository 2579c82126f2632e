//! What every Kubernetes object has: a kind, a place in the API, and metadata.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::LazyLock,
};

use k8s_openapi::{
    api::core::v1::ObjectReference,
    apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference, Time},
};

pub use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, ResourceScope, SubResourceScope};

/// The scope of a resource that is only known at run time.
///
/// ```
/// use kubist_core::{DynamicObject, DynamicResourceScope, Resource};
///
/// fn is_known_at_run_time<K: Resource<Scope = DynamicResourceScope>>() {}
/// is_known_at_run_time::<DynamicObject>();
/// ```
pub struct DynamicResourceScope {}
impl ResourceScope for DynamicResourceScope {}

/// An object that an API server stores: its kind, its place in the API, its metadata.
///
/// All types of `k8s_openapi` with an [`ObjectMeta`] implement it; `#[derive(CustomResource)]`
/// implements it for yours.
///
/// What is known about the kind at compile time needs no argument, so its
/// [`DynamicType`](Resource::DynamicType) is `()`. For kinds found at run time
/// ([`DynamicObject`](crate::DynamicObject)) it is an [`ApiResource`](crate::ApiResource).
///
/// ```
/// use k8s_openapi::api::apps::v1::Deployment;
/// use kubist_core::Resource;
///
/// assert_eq!(Deployment::kind(&()), "Deployment");
/// assert_eq!(Deployment::api_version(&()), "apps/v1");
/// assert_eq!(Deployment::url_path(&(), Some("web")), "/apis/apps/v1/namespaces/web/deployments");
/// ```
pub trait Resource {
    /// What must be known at run time to name this resource; `()` where the type says it all.
    type DynamicType: Send + Sync + 'static;

    /// Whether objects live in a namespace.
    ///
    /// One of [`NamespaceResourceScope`], [`ClusterResourceScope`], [`SubResourceScope`], or
    /// [`DynamicResourceScope`] where only the run time knows.
    type Scope;

    /// The kind, e.g. `Pod`.
    fn kind(dt: &Self::DynamicType) -> Cow<'_, str>;

    /// The API group, e.g. `apps`; empty for the core group.
    fn group(dt: &Self::DynamicType) -> Cow<'_, str>;

    /// The version within the group, e.g. `v1`.
    fn version(dt: &Self::DynamicType) -> Cow<'_, str>;

    /// What `apiVersion` says: `group/version`, or the version alone in the core group.
    fn api_version(dt: &Self::DynamicType) -> Cow<'_, str> {
        api_version_from_group_version(Self::group(dt), Self::version(dt))
    }

    /// The plural that URLs use, e.g. `pods`.
    fn plural(dt: &Self::DynamicType) -> Cow<'_, str>;

    /// Whether a server should be asked for metadata only.
    fn metadata_api() -> bool {
        false
    }

    /// The URL path of the collection, in a namespace or across all of them.
    ///
    /// The namespace is percent-encoded.
    fn url_path(dt: &Self::DynamicType, namespace: Option<&str>) -> String {
        let group = Self::group(dt);
        let mut path = String::with_capacity(64);
        path.push_str(if group.is_empty() { "/api/" } else { "/apis/" });
        path.push_str(&Self::api_version(dt));
        path.push('/');
        if let Some(namespace) = namespace {
            path.push_str("namespaces/");
            // Writing into a String does not fail.
            let _ = write!(path, "{}/", crate::request::encode_segment(namespace));
        }
        path.push_str(&Self::plural(dt));
        path
    }

    /// The object's metadata.
    fn meta(&self) -> &ObjectMeta;

    /// The object's metadata, to change it.
    fn meta_mut(&mut self) -> &mut ObjectMeta;

    /// A reference to this object, as events carry it.
    fn object_ref(&self, dt: &Self::DynamicType) -> ObjectReference {
        let meta = self.meta();
        ObjectReference {
            api_version: Some(Self::api_version(dt).into_owned()),
            kind: Some(Self::kind(dt).into_owned()),
            name: meta.name.clone(),
            namespace: meta.namespace.clone(),
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
            field_path: None,
        }
    }

    /// An owner reference to this object that marks it as the controller.
    ///
    /// `None` without a name and a uid: only an object that a server stored can own another.
    fn controller_owner_ref(&self, dt: &Self::DynamicType) -> Option<OwnerReference> {
        Some(OwnerReference {
            controller: Some(true),
            ..self.owner_ref(dt)?
        })
    }

    /// An owner reference to this object.
    ///
    /// `None` without a name and a uid: only an object that a server stored can own another.
    /// For an owner that controls, see [`controller_owner_ref`](Resource::controller_owner_ref).
    fn owner_ref(&self, dt: &Self::DynamicType) -> Option<OwnerReference> {
        let meta = self.meta();
        Some(OwnerReference {
            api_version: Self::api_version(dt).into_owned(),
            kind: Self::kind(dt).into_owned(),
            name: meta.name.clone()?,
            uid: meta.uid.clone()?,
            block_owner_deletion: None,
            controller: None,
        })
    }
}

/// Joins a group and a version to what `apiVersion` says.
///
/// ```
/// use kubist_core::api_version_from_group_version;
/// assert_eq!(api_version_from_group_version("apps".into(), "v1".into()), "apps/v1");
/// assert_eq!(api_version_from_group_version("".into(), "v1".into()), "v1");
/// ```
pub fn api_version_from_group_version<'a>(group: Cow<'a, str>, version: Cow<'a, str>) -> Cow<'a, str> {
    if group.is_empty() {
        return version;
    }
    let mut joined = group.into_owned();
    joined.push('/');
    joined.push_str(&version);
    Cow::Owned(joined)
}

/// Every type of `k8s_openapi` that has object metadata.
impl<K, S> Resource for K
where
    K: k8s_openapi::Metadata<Ty = ObjectMeta>,
    K: k8s_openapi::Resource<Scope = S>,
{
    type DynamicType = ();
    type Scope = S;

    fn kind(_: &()) -> Cow<'_, str> {
        K::KIND.into()
    }

    fn group(_: &()) -> Cow<'_, str> {
        K::GROUP.into()
    }

    fn version(_: &()) -> Cow<'_, str> {
        K::VERSION.into()
    }

    fn api_version(_: &()) -> Cow<'_, str> {
        K::API_VERSION.into()
    }

    fn plural(_: &()) -> Cow<'_, str> {
        K::URL_PATH_SEGMENT.into()
    }

    fn meta(&self) -> &ObjectMeta {
        self.metadata()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.metadata_mut()
    }
}

/// Short ways to what is most often wanted of an object's metadata.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::ResourceExt;
///
/// let mut pod: Pod = serde_json::from_str(r#"{ "metadata": { "name": "web-0", "namespace": "web" } }"#)?;
/// assert_eq!((pod.name_any(), pod.namespace()), ("web-0".to_owned(), Some("web".to_owned())));
/// assert!(pod.uid().is_none() && pod.resource_version().is_none());
/// pod.labels_mut().insert("app".to_owned(), "web".to_owned());
/// pod.finalizers_mut().push("example.com/cleanup".to_owned());
/// assert_eq!(pod.labels()["app"], "web");
/// assert_eq!(pod.finalizers(), ["example.com/cleanup"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub trait ResourceExt: Resource {
    /// The name, where the object is known to have one.
    ///
    /// # Panics
    ///
    /// Panics without `metadata.name`. Objects that came from a server have it;
    /// [`name_any`](ResourceExt::name_any) does not panic.
    fn name_unchecked(&self) -> String;

    /// The name, or else the prefix that a server will generate one from, or else nothing.
    fn name_any(&self) -> String;

    /// The namespace; `None` for objects of the whole cluster.
    fn namespace(&self) -> Option<String>;

    /// The resource version, an opaque text.
    fn resource_version(&self) -> Option<String>;

    /// The uid that the server gave.
    fn uid(&self) -> Option<String>;

    /// When the server created the object.
    fn creation_timestamp(&self) -> Option<Time>;

    /// The labels.
    fn labels(&self) -> &BTreeMap<String, String>;

    /// The labels, to change them.
    fn labels_mut(&mut self) -> &mut BTreeMap<String, String>;

    /// The annotations.
    fn annotations(&self) -> &BTreeMap<String, String>;

    /// The annotations, to change them.
    fn annotations_mut(&mut self) -> &mut BTreeMap<String, String>;

    /// The owners.
    fn owner_references(&self) -> &[OwnerReference];

    /// The owners, to change them.
    fn owner_references_mut(&mut self) -> &mut Vec<OwnerReference>;

    /// The finalizers.
    fn finalizers(&self) -> &[String];

    /// The finalizers, to change them.
    fn finalizers_mut(&mut self) -> &mut Vec<String>;

    /// Who set which field.
    fn managed_fields(&self) -> &[ManagedFieldsEntry];

    /// Who set which field, to change it.
    fn managed_fields_mut(&mut self) -> &mut Vec<ManagedFieldsEntry>;
}

static NO_PAIRS: LazyLock<BTreeMap<String, String>> = LazyLock::new(BTreeMap::new);

impl<K: Resource> ResourceExt for K {
    fn name_unchecked(&self) -> String {
        match &self.meta().name {
            Some(name) => name.clone(),
            None => missing_name(),
        }
    }

    fn name_any(&self) -> String {
        let meta = self.meta();
        meta.name
            .as_ref()
            .or(meta.generate_name.as_ref())
            .cloned()
            .unwrap_or_default()
    }

    fn namespace(&self) -> Option<String> {
        self.meta().namespace.clone()
    }

    fn resource_version(&self) -> Option<String> {
        self.meta().resource_version.clone()
    }

    fn uid(&self) -> Option<String> {
        self.meta().uid.clone()
    }

    fn creation_timestamp(&self) -> Option<Time> {
        self.meta().creation_timestamp.clone()
    }

    fn labels(&self) -> &BTreeMap<String, String> {
        self.meta().labels.as_ref().unwrap_or(&NO_PAIRS)
    }

    fn labels_mut(&mut self) -> &mut BTreeMap<String, String> {
        self.meta_mut().labels.get_or_insert_default()
    }

    fn annotations(&self) -> &BTreeMap<String, String> {
        self.meta().annotations.as_ref().unwrap_or(&NO_PAIRS)
    }

    fn annotations_mut(&mut self) -> &mut BTreeMap<String, String> {
        self.meta_mut().annotations.get_or_insert_default()
    }

    fn owner_references(&self) -> &[OwnerReference] {
        self.meta().owner_references.as_deref().unwrap_or_default()
    }

    fn owner_references_mut(&mut self) -> &mut Vec<OwnerReference> {
        self.meta_mut().owner_references.get_or_insert_default()
    }

    fn finalizers(&self) -> &[String] {
        self.meta().finalizers.as_deref().unwrap_or_default()
    }

    fn finalizers_mut(&mut self) -> &mut Vec<String> {
        self.meta_mut().finalizers.get_or_insert_default()
    }

    fn managed_fields(&self) -> &[ManagedFieldsEntry] {
        self.meta().managed_fields.as_deref().unwrap_or_default()
    }

    fn managed_fields_mut(&mut self) -> &mut Vec<ManagedFieldsEntry> {
        self.meta_mut().managed_fields.get_or_insert_default()
    }
}

#[cold]
#[track_caller]
fn missing_name() -> ! {
    panic!("object without metadata.name")
}

impl fmt::Debug for DynamicResourceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DynamicResourceScope")
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};

    use super::*;

    #[test]
    fn paths_of_core_and_grouped_resources() {
        assert_eq!(Pod::url_path(&(), None), "/api/v1/pods");
        assert_eq!(Pod::url_path(&(), Some("ns")), "/api/v1/namespaces/ns/pods");
        assert_eq!(
            Deployment::url_path(&(), Some("ns")),
            "/apis/apps/v1/namespaces/ns/deployments"
        );
    }

    #[test]
    fn a_namespace_cannot_leave_its_segment() {
        assert_eq!(
            Pod::url_path(&(), Some("a/../b?c")),
            "/api/v1/namespaces/a%2F..%2Fb%3Fc/pods"
        );
    }

    #[test]
    fn only_stored_objects_own_others() {
        let mut pod = Pod::default();
        pod.metadata.name = Some("a".into());
        assert!(pod.owner_ref(&()).is_none());
        pod.metadata.uid = Some("1".into());
        let owner = pod.controller_owner_ref(&()).expect("has name and uid");
        assert_eq!((owner.kind.as_str(), owner.controller), ("Pod", Some(true)));
        assert_eq!(pod.owner_ref(&()).and_then(|o| o.controller), None);
    }

    #[test]
    fn any_name_falls_back_to_the_prefix() {
        let mut pod = Pod::default();
        assert_eq!(pod.name_any(), "");
        pod.metadata.generate_name = Some("web-".into());
        assert_eq!(pod.name_any(), "web-");
    }
}
