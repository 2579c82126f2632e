//! What objects and lists say about themselves.

use std::{borrow::Cow, marker::PhantomData};

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ListMeta, ObjectMeta};
use serde::{Deserialize, Serialize};

use crate::{dynamic::DynamicObject, resource::Resource};

/// The two fields that say what a document is.
///
/// ```
/// use kubist_core::TypeMeta;
///
/// let types = TypeMeta { api_version: "apps/v1".to_owned(), kind: "Deployment".to_owned() };
/// assert_eq!(serde_json::to_value(types)?["apiVersion"], "apps/v1");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Deserialize, Serialize, Clone, Default, Debug, Eq, PartialEq, Hash)]
#[serde(rename_all = "camelCase")]
pub struct TypeMeta {
    /// Group and version, joined by a slash; the version alone in the core group.
    pub api_version: String,
    /// The kind.
    pub kind: String,
}

impl TypeMeta {
    /// What a list of `K` says it is.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// assert_eq!(kubist_core::TypeMeta::list::<Pod>().kind, "PodList");
    /// ```
    pub fn list<K: Resource<DynamicType = ()>>() -> Self {
        TypeMeta {
            api_version: K::api_version(&()).into_owned(),
            kind: K::kind(&()).into_owned() + "List",
        }
    }

    /// What a `K` says it is.
    ///
    /// ```
    /// # use k8s_openapi::api::core::v1::Pod;
    /// assert_eq!(kubist_core::TypeMeta::resource::<Pod>().kind, "Pod");
    /// ```
    pub fn resource<K: Resource<DynamicType = ()>>() -> Self {
        TypeMeta {
            api_version: K::api_version(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
        }
    }

    /// Both fields, where a document has both.
    pub(crate) fn join(api_version: Option<String>, kind: Option<String>) -> Option<Self> {
        Some(TypeMeta {
            api_version: api_version?,
            kind: kind?,
        })
    }
}

/// A `K` of which only the metadata was asked for or is given.
///
/// As a type parameter of an `Api` it makes all its requests ask for metadata only, which
/// spares server, network and memory the rest of the object.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::PartialObjectMeta;
///
/// let json = r#"{ "metadata": { "name": "web-0" }, "spec": {} }"#;
/// let pod: PartialObjectMeta<Pod> = serde_json::from_str(json)?;
/// assert_eq!(pod.metadata.name.as_deref(), Some("web-0"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(from = "Wire", bound = "")]
pub struct PartialObjectMeta<K = DynamicObject> {
    /// What the document says it is, if it does: `PartialObjectMetadata`, or `K`'s own kind.
    #[serde(flatten)]
    pub types: Option<TypeMeta>,
    /// The metadata.
    pub metadata: ObjectMeta,
    /// The kind of object that this is the metadata of.
    #[serde(skip)]
    pub _phantom: PhantomData<K>,
}

/// The document as it is read: without `flatten`, so that nothing is buffered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    api_version: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    metadata: ObjectMeta,
}

impl<K> From<Wire> for PartialObjectMeta<K> {
    fn from(wire: Wire) -> Self {
        PartialObjectMeta {
            types: TypeMeta::join(wire.api_version, wire.kind),
            metadata: wire.metadata,
            _phantom: PhantomData,
        }
    }
}

impl<K> Default for PartialObjectMeta<K> {
    fn default() -> Self {
        PartialObjectMeta {
            types: None,
            metadata: ObjectMeta::default(),
            _phantom: PhantomData,
        }
    }
}

impl<K: Resource> Resource for PartialObjectMeta<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dt)
    }

    fn group(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dt)
    }

    fn version(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dt)
    }

    fn api_version(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::api_version(dt)
    }

    fn plural(dt: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dt)
    }

    fn metadata_api() -> bool {
        true
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for super::ObjectMeta {}
}

/// Makes documents of metadata alone.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::{ObjectMeta, PartialObjectMetaExt};
///
/// let meta = ObjectMeta { name: Some("web-0".to_owned()), ..ObjectMeta::default() };
/// let patch = meta.into_request_partial::<Pod>();
/// assert!(patch.types.is_some_and(|types| types.kind == "Pod"));
/// ```
pub trait PartialObjectMetaExt: private::Sealed {
    /// The metadata as a document that says it is a `K`: for create, replace and apply.
    fn into_request_partial<K: Resource<DynamicType = ()>>(self) -> PartialObjectMeta<K>;

    /// The metadata as a server answers it: a document of kind `PartialObjectMetadata`.
    fn into_response_partial<K>(self) -> PartialObjectMeta<K>;
}

impl PartialObjectMetaExt for ObjectMeta {
    fn into_request_partial<K: Resource<DynamicType = ()>>(self) -> PartialObjectMeta<K> {
        PartialObjectMeta {
            types: Some(TypeMeta::resource::<K>()),
            metadata: self,
            _phantom: PhantomData,
        }
    }

    fn into_response_partial<K>(self) -> PartialObjectMeta<K> {
        PartialObjectMeta {
            types: Some(TypeMeta {
                api_version: "meta.k8s.io/v1".to_owned(),
                kind: "PartialObjectMetadata".to_owned(),
            }),
            metadata: self,
            _phantom: PhantomData,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;

    use super::*;

    #[test]
    fn says_which_kind_it_is_of() {
        let meta = ObjectMeta {
            name: Some("a".into()),
            ..Default::default()
        };
        let request = meta.clone().into_request_partial::<Pod>();
        assert_eq!(request.types, Some(TypeMeta::resource::<Pod>()));
        let response = meta.into_response_partial::<Pod>();
        assert_eq!(
            response.types.map(|t| t.kind).as_deref(),
            Some("PartialObjectMetadata")
        );
        assert!(PartialObjectMeta::<Pod>::metadata_api() && !Pod::metadata_api());
        assert_eq!(PartialObjectMeta::<Pod>::kind(&()), "Pod");
    }

    #[test]
    fn reads_whole_objects_and_writes_what_it_knows() {
        let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[]}}"#;
        let read: PartialObjectMeta<Pod> = serde_json::from_str(text).expect("valid");
        assert_eq!(
            serde_json::to_string(&read).expect("serializes"),
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#
        );
        let bare: PartialObjectMeta<Pod> = serde_json::from_str("{}").expect("valid");
        assert_eq!(bare.types, None);
    }
}
