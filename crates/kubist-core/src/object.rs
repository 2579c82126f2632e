//! Objects put together from a spec and a status, and lists of objects.

use std::{borrow::Cow, slice, vec};

use serde::{Deserialize, Serialize};

use crate::{
    discovery::ApiResource,
    metadata::{ListMeta, ObjectMeta, TypeMeta},
    resource::{DynamicResourceScope, Resource},
};

/// One page of a list of objects.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::ObjectList;
///
/// let json = r#"{ "items": [{ "metadata": { "name": "web-0" } }] }"#;
/// let pods: ObjectList<Pod> = serde_json::from_str(json)?;
/// for pod in pods {
///     assert_eq!(pod.metadata.name.as_deref(), Some("web-0"));
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(
    from = "ListWire<T>",
    bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>")
)]
pub struct ObjectList<T>
where
    T: Clone,
{
    /// What the list says it is; `v1`, `List` where it says nothing.
    #[serde(flatten)]
    pub types: TypeMeta,
    /// The resource version of the list, and where to go on.
    pub metadata: ListMeta,
    /// The objects.
    pub items: Vec<T>,
}

/// The list as it is read: without `flatten`, so that nothing is buffered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: Deserialize<'de>")]
struct ListWire<T> {
    api_version: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    metadata: ListMeta,
    // Go writes null for a nil slice.
    items: Option<Vec<T>>,
}

impl<T: Clone> From<ListWire<T>> for ObjectList<T> {
    fn from(wire: ListWire<T>) -> Self {
        ObjectList {
            types: TypeMeta::join(wire.api_version, wire.kind).unwrap_or_else(|| TypeMeta {
                api_version: "v1".to_owned(),
                kind: "List".to_owned(),
            }),
            metadata: wire.metadata,
            items: wire.items.unwrap_or_default(),
        }
    }
}

impl<T: Clone> ObjectList<T> {
    /// The objects by reference.
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::ObjectList;
    ///
    /// let json = r#"{ "items": [{ "metadata": { "name": "web-0" } }] }"#;
    /// let pods: ObjectList<Pod> = serde_json::from_str(json)?;
    /// assert!(pods.iter().all(|pod| pod.metadata.name.is_some()));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    /// The objects by mutable reference.
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::ObjectList;
    ///
    /// let json = r#"{ "items": [{ "metadata": { "name": "web-0" } }] }"#;
    /// let mut pods: ObjectList<Pod> = serde_json::from_str(json)?;
    /// for pod in pods.iter_mut() {
    ///     pod.metadata.managed_fields = None;
    /// }
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut()
    }
}

impl<T: Clone> IntoIterator for ObjectList<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T: Clone> IntoIterator for &'a ObjectList<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<'a, T: Clone> IntoIterator for &'a mut ObjectList<T> {
    type Item = &'a mut T;
    type IntoIter = slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter_mut()
    }
}

/// An object with a spec.
///
/// ```
/// use kubist_core::object::HasSpec;
///
/// fn reset<K: HasSpec<Spec: Default>>(object: &mut K) {
///     *object.spec_mut() = K::Spec::default();
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no object with a spec",
    note = "where `{Self}` is a spec, name the type of the whole object: the one that is called as its kind"
)]
pub trait HasSpec {
    /// The spec's type.
    type Spec;

    /// The spec.
    fn spec(&self) -> &Self::Spec;

    /// The spec, to change it.
    fn spec_mut(&mut self) -> &mut Self::Spec;
}

/// An object with a status.
///
/// ```
/// use kubist_core::object::HasStatus;
///
/// fn is_untouched<K: HasStatus>(object: &K) -> bool {
///     object.status().is_none()
/// }
/// ```
pub trait HasStatus {
    /// The status' type.
    type Status;

    /// The status, once something has written one.
    fn status(&self) -> Option<&Self::Status>;

    /// The status, to change it.
    fn status_mut(&mut self) -> &mut Option<Self::Status>;
}

/// An object of a spec and a status of yours, with a kind known at run time.
///
/// For reading a few fields of large objects without a type of the whole of them.
///
/// ```
/// use kubist_core::{ApiResource, NotUsed, Object};
/// use k8s_openapi::api::core::v1::Pod;
///
/// #[derive(serde::Deserialize, Clone)]
/// struct Spec {
///     containers: Vec<Container>,
/// }
/// #[derive(serde::Deserialize, Clone)]
/// struct Container {
///     image: String,
/// }
/// type LeanPod = Object<Spec, NotUsed>;
///
/// let resource = ApiResource::erase::<Pod>(&());
/// let pod = LeanPod::new("a", &resource, Spec { containers: vec![] });
/// assert_eq!(pod.types.unwrap().kind, "Pod");
/// ```
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(
    from = "ObjectWire<P, U>",
    bound(
        serialize = "P: Serialize, U: Serialize",
        deserialize = "P: Deserialize<'de>, U: Deserialize<'de>"
    )
)]
pub struct Object<P, U>
where
    P: Clone,
    U: Clone,
{
    /// What the document says it is, if it does.
    #[serde(flatten)]
    pub types: Option<TypeMeta>,
    /// The metadata.
    pub metadata: ObjectMeta,
    /// The spec.
    pub spec: P,
    /// The status, once something has written one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<U>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "P: Deserialize<'de>, U: Deserialize<'de>")]
struct ObjectWire<P, U> {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: ObjectMeta,
    spec: P,
    status: Option<U>,
}

impl<P: Clone, U: Clone> From<ObjectWire<P, U>> for Object<P, U> {
    fn from(wire: ObjectWire<P, U>) -> Self {
        Object {
            types: TypeMeta::join(wire.api_version, wire.kind),
            metadata: wire.metadata,
            spec: wire.spec,
            status: wire.status,
        }
    }
}

impl<P, U> Object<P, U>
where
    P: Clone,
    U: Clone,
{
    /// An object of this name, kind and spec.
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{ApiResource, NotUsed, Object};
    ///
    /// let pods = ApiResource::erase::<Pod>(&());
    /// let pod: Object<NotUsed, NotUsed> = Object::new("web-0", &pods, NotUsed {});
    /// assert_eq!(pod.metadata.name.as_deref(), Some("web-0"));
    /// ```
    pub fn new(name: &str, resource: &ApiResource, spec: P) -> Self {
        Object {
            types: Some(TypeMeta {
                api_version: resource.api_version.clone(),
                kind: resource.kind.clone(),
            }),
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            spec,
            status: None,
        }
    }

    /// Sets the namespace.
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::Pod;
    /// use kubist_core::{ApiResource, NotUsed, Object};
    ///
    /// let pods = ApiResource::erase::<Pod>(&());
    /// let pod: Object<NotUsed, NotUsed> = Object::new("web-0", &pods, NotUsed {}).within("web");
    /// assert_eq!(pod.metadata.namespace.as_deref(), Some("web"));
    /// ```
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.metadata.namespace = Some(namespace.to_owned());
        self
    }
}

impl<P: Clone, U: Clone> HasSpec for Object<P, U> {
    type Spec = P;

    fn spec(&self) -> &P {
        &self.spec
    }

    fn spec_mut(&mut self) -> &mut P {
        &mut self.spec
    }
}

impl<P: Clone, U: Clone> HasStatus for Object<P, U> {
    type Status = U;

    fn status(&self) -> Option<&U> {
        self.status.as_ref()
    }

    fn status_mut(&mut self) -> &mut Option<U> {
        &mut self.status
    }
}

impl<P: Clone, U: Clone> Resource for Object<P, U> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn group(dt: &ApiResource) -> Cow<'_, str> {
        dt.group.as_str().into()
    }

    fn version(dt: &ApiResource) -> Cow<'_, str> {
        dt.version.as_str().into()
    }

    fn kind(dt: &ApiResource) -> Cow<'_, str> {
        dt.kind.as_str().into()
    }

    fn api_version(dt: &ApiResource) -> Cow<'_, str> {
        dt.api_version.as_str().into()
    }

    fn plural(dt: &ApiResource) -> Cow<'_, str> {
        dt.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// A spec or status that nobody reads.
///
/// ```
/// use kubist_core::{NotUsed, Object};
///
/// // Reads any object that has a spec, and leaves the spec and the status out.
/// let json = r#"{ "metadata": {}, "spec": { "replicas": 3 } }"#;
/// let object: Object<NotUsed, NotUsed> = serde_json::from_str(json)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Deserialize, Serialize, Default, Debug)]
pub struct NotUsed {}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};

    use super::*;
    use crate::ResourceExt;

    #[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
    struct Spec {
        replicas: u8,
    }

    #[test]
    fn is_a_resource_of_the_kind_it_was_given() {
        let resource = ApiResource::erase::<Pod>(&());
        let mut pod = Object::<Spec, NotUsed>::new("a", &resource, Spec { replicas: 1 }).within("ns");
        assert_eq!(
            (pod.name_any().as_str(), pod.namespace().as_deref()),
            ("a", Some("ns"))
        );
        assert_eq!(
            Object::<Spec, NotUsed>::url_path(&resource, Some("ns")),
            "/api/v1/namespaces/ns/pods"
        );
        pod.spec_mut().replicas = 2;
        assert!(pod.status().is_none());
        assert_eq!(
            serde_json::to_string(&pod).expect("serializes"),
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"ns"},"spec":{"replicas":2}}"#
        );
    }

    #[test]
    fn lists_without_type_or_with_null_items() {
        let list: ObjectList<Pod> = serde_json::from_str(r#"{"metadata":{},"items":[]}"#).expect("valid");
        assert_eq!(
            (list.types.api_version.as_str(), list.types.kind.as_str()),
            ("v1", "List")
        );
        let list: ObjectList<Pod> =
            serde_json::from_str(r#"{"kind":"PodList","apiVersion":"v1","items":null}"#).expect("valid");
        assert_eq!((list.items.len(), list.types.kind.as_str()), (0, "PodList"));
    }

    #[test]
    fn lists_round_trip_and_iterate() {
        let text = r#"{"apiVersion":"v1","kind":"ConfigMapList","metadata":{"resourceVersion":"1"},"items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}]}"#;
        let mut list: ObjectList<ConfigMap> = serde_json::from_str(text).expect("valid");
        assert_eq!(serde_json::to_string(&list).expect("serializes"), text);
        for object in &mut list {
            object.metadata.name = Some("b".into());
        }
        assert!(list.iter().all(|o| o.name_any() == "b"));
        assert_eq!(list.into_iter().count(), 1);
    }
}
