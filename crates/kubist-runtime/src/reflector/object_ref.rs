//! Typed references to objects.

use std::borrow::Cow;
use std::fmt::{self, Debug, Display};
use std::hash::{Hash, Hasher};

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kubist_core::Resource;
use kubist_core::discovery::ApiResource;
use kubist_core::dynamic::DynamicObject;

use crate::key::{Key, KeyRef};

/// What can be cached and referred to: anything with a kind, a name and a version.
///
/// Implemented for every [`Resource`]; implement it for a type of your own to cache something that is
/// not one.
pub trait Lookup {
    /// What is known of the type at run time only; `()` where the type says it all.
    type DynamicType;

    /// The kind, for example `Pod`.
    fn kind(dyntype: &Self::DynamicType) -> Cow<'_, str>;
    /// The API group, empty for the core group.
    fn group(dyntype: &Self::DynamicType) -> Cow<'_, str>;
    /// The version within the group, for example `v1`.
    fn version(dyntype: &Self::DynamicType) -> Cow<'_, str>;
    /// The group and version as objects carry them, for example `apps/v1`.
    fn api_version(dyntype: &Self::DynamicType) -> Cow<'_, str> {
        kubist_core::api_version_from_group_version(Self::group(dyntype), Self::version(dyntype))
    }
    /// The name of the collection, for example `pods`.
    fn plural(dyntype: &Self::DynamicType) -> Cow<'_, str>;
    /// The name of the object.
    fn name(&self) -> Option<Cow<'_, str>>;
    /// The namespace of the object, if it lives in one.
    fn namespace(&self) -> Option<Cow<'_, str>>;
    /// The version of the object.
    fn resource_version(&self) -> Option<Cow<'_, str>>;
    /// The identity of the object.
    fn uid(&self) -> Option<Cow<'_, str>>;
    /// A reference to the object.
    fn to_object_ref(&self, dyntype: Self::DynamicType) -> ObjectRef<Self>
    where
        Self: Sized,
    {
        ObjectRef {
            dyntype,
            name: self.name().map(Cow::into_owned).unwrap_or_default(),
            namespace: self.namespace().map(Cow::into_owned),
            extra: ObjectRefExtra {
                resource_version: self.resource_version().map(Cow::into_owned),
                uid: self.uid().map(Cow::into_owned),
            },
        }
    }
}

impl<K: Resource> Lookup for K {
    type DynamicType = K::DynamicType;

    fn kind(dyntype: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(dyntype)
    }

    fn group(dyntype: &Self::DynamicType) -> Cow<'_, str> {
        K::group(dyntype)
    }

    fn version(dyntype: &Self::DynamicType) -> Cow<'_, str> {
        K::version(dyntype)
    }

    fn api_version(dyntype: &Self::DynamicType) -> Cow<'_, str> {
        K::api_version(dyntype)
    }

    fn plural(dyntype: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(dyntype)
    }

    fn name(&self) -> Option<Cow<'_, str>> {
        self.meta().name.as_deref().map(Cow::Borrowed)
    }

    fn namespace(&self) -> Option<Cow<'_, str>> {
        self.meta().namespace.as_deref().map(Cow::Borrowed)
    }

    fn resource_version(&self) -> Option<Cow<'_, str>> {
        self.meta().resource_version.as_deref().map(Cow::Borrowed)
    }

    fn uid(&self) -> Option<Cow<'_, str>> {
        self.meta().uid.as_deref().map(Cow::Borrowed)
    }
}

/// A reference to an object by its kind, namespace and name.
///
/// References are equal when those three are; what is in [`extra`](ObjectRef::extra) does not count.
#[non_exhaustive]
pub struct ObjectRef<K: Lookup + ?Sized> {
    /// What is known of the type at run time only.
    pub dyntype: K::DynamicType,
    /// The name of the object.
    pub name: String,
    /// Its namespace; `None` for cluster-wide objects.
    pub namespace: Option<String>,
    /// More about one particular object of that name.
    pub extra: ObjectRefExtra,
}

/// What a reference may know beyond the name; it takes no part in comparisons.
#[non_exhaustive]
#[derive(Default, Debug, Clone)]
pub struct ObjectRefExtra {
    /// The version of the object that the reference was made from.
    pub resource_version: Option<String>,
    /// The identity of the object that the reference was made from.
    pub uid: Option<String>,
}

impl<K: Lookup> ObjectRef<K>
where
    K::DynamicType: Default,
{
    /// A reference to an object of this name, without a namespace; see [`within`](ObjectRef::within).
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::new_with(name, Default::default())
    }

    /// A reference to this object.
    #[must_use]
    pub fn from_obj(obj: &K) -> Self {
        obj.to_object_ref(Default::default())
    }
}

impl<K: Lookup> From<&K> for ObjectRef<K>
where
    K::DynamicType: Default,
{
    fn from(obj: &K) -> Self {
        Self::from_obj(obj)
    }
}

impl<K: Lookup> ObjectRef<K> {
    /// A reference to an object of this name and dynamic type, without a namespace.
    #[must_use]
    pub fn new_with(name: &str, dyntype: K::DynamicType) -> Self {
        ObjectRef {
            dyntype,
            name: name.into(),
            namespace: None,
            extra: ObjectRefExtra::default(),
        }
    }

    /// The same reference in a namespace.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// A reference to this object, of this dynamic type.
    #[must_use]
    pub fn from_obj_with(obj: &K, dyntype: K::DynamicType) -> Self
    where
        K: Lookup,
    {
        obj.to_object_ref(dyntype)
    }

    /// A reference to the owner, if the owner is of this kind.
    ///
    /// `namespace` is that of the owned object: an owner lives in the same one, or is cluster-wide. The
    /// version of the API may differ, as an owner reference keeps the version of the day it was made.
    #[must_use]
    pub fn from_owner_ref(
        namespace: Option<&str>,
        owner: &OwnerReference,
        dyntype: K::DynamicType,
    ) -> Option<Self> {
        let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
        if owner.kind != K::kind(&dyntype) || group != K::group(&dyntype) {
            return None;
        }
        Some(ObjectRef {
            dyntype,
            name: owner.name.clone(),
            namespace: namespace.map(Into::into),
            extra: ObjectRefExtra {
                resource_version: None,
                uid: Some(owner.uid.clone()),
            },
        })
    }

    /// The same names as a reference to another type. Nothing checks that the types have to do with each
    /// other.
    #[must_use]
    pub fn into_kind_unchecked<K2: Lookup>(self, dyntype: K2::DynamicType) -> ObjectRef<K2> {
        ObjectRef {
            dyntype,
            name: self.name,
            namespace: self.namespace,
            extra: self.extra,
        }
    }

    /// The same reference with its type known at run time only.
    pub fn erase(self) -> ObjectRef<DynamicObject> {
        ObjectRef {
            dyntype: ApiResource {
                group: K::group(&self.dyntype).into_owned(),
                version: K::version(&self.dyntype).into_owned(),
                api_version: K::api_version(&self.dyntype).into_owned(),
                kind: K::kind(&self.dyntype).into_owned(),
                plural: K::plural(&self.dyntype).into_owned(),
            },
            name: self.name,
            namespace: self.namespace,
            extra: self.extra,
        }
    }

    /// A reference to what the caches know by this key.
    pub(crate) fn from_key(key: &Key, dyntype: K::DynamicType) -> Self {
        let reference = Self::new_with(key.name(), dyntype);
        match key.namespace() {
            Some(namespace) => reference.within(namespace),
            None => reference,
        }
    }

    pub(crate) fn key(&self) -> KeyRef<'_> {
        KeyRef {
            namespace: self.namespace.as_deref(),
            name: &self.name,
        }
    }
}

impl<K: Lookup> From<ObjectRef<K>> for ObjectReference {
    fn from(reference: ObjectRef<K>) -> Self {
        let ObjectRef {
            dyntype,
            name,
            namespace,
            extra,
        } = reference;
        ObjectReference {
            api_version: Some(K::api_version(&dyntype).into_owned()),
            kind: Some(K::kind(&dyntype).into_owned()),
            field_path: None,
            name: Some(name),
            namespace,
            resource_version: extra.resource_version,
            uid: extra.uid,
        }
    }
}

impl<K: Lookup> Display for ObjectRef<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}.{}/{}",
            K::kind(&self.dyntype),
            K::version(&self.dyntype),
            K::group(&self.dyntype),
            self.name
        )?;
        match &self.namespace {
            Some(namespace) => write!(f, ".{namespace}"),
            None => Ok(()),
        }
    }
}

impl<K: Lookup + ?Sized> Debug for ObjectRef<K>
where
    K::DynamicType: Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectRef")
            .field("dyntype", &self.dyntype)
            .field("name", &self.name)
            .field("namespace", &self.namespace)
            .field("extra", &self.extra)
            .finish()
    }
}

impl<K: Lookup + ?Sized> Clone for ObjectRef<K>
where
    K::DynamicType: Clone,
{
    fn clone(&self) -> Self {
        ObjectRef {
            dyntype: self.dyntype.clone(),
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            extra: self.extra.clone(),
        }
    }
}

impl<K: Lookup + ?Sized> PartialEq for ObjectRef<K>
where
    K::DynamicType: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        self.dyntype == other.dyntype && self.name == other.name && self.namespace == other.namespace
    }
}

impl<K: Lookup + ?Sized> Eq for ObjectRef<K> where K::DynamicType: Eq {}

impl<K: Lookup + ?Sized> Hash for ObjectRef<K>
where
    K::DynamicType: Hash,
{
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.dyntype.hash(state);
        self.name.hash(state);
        self.namespace.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::Deployment;
    use k8s_openapi::api::core::v1::{Node, Pod};

    use super::*;

    #[test]
    fn prints_what_it_refers_to() {
        assert_eq!(
            ObjectRef::<Pod>::new("web").within("prod").to_string(),
            "Pod.v1./web.prod"
        );
        assert_eq!(ObjectRef::<Node>::new("one").to_string(), "Node.v1./one");
        assert_eq!(
            ObjectRef::<Deployment>::new("web").within("a").to_string(),
            "Deployment.v1.apps/web.a"
        );
        assert_eq!(
            ObjectRef::<Deployment>::new("web").erase().to_string(),
            "Deployment.v1.apps/web"
        );
    }

    #[test]
    fn finds_its_owner_of_any_version() {
        let owner = |api_version: &str, kind: &str| OwnerReference {
            api_version: api_version.into(),
            kind: kind.into(),
            name: "web".into(),
            uid: "1".into(),
            ..OwnerReference::default()
        };
        let found = |owner| ObjectRef::<Deployment>::from_owner_ref(Some("a"), &owner, ()).is_some();
        assert!(found(owner("apps/v1", "Deployment")));
        assert!(found(owner("apps/v1beta1", "Deployment")));
        assert!(!found(owner("apps/v1", "ReplicaSet")));
        assert!(!found(owner("v1", "Deployment")));
    }

    #[test]
    fn equality_is_by_name() {
        let mut one = ObjectRef::<Pod>::new("web").within("a");
        one.extra.uid = Some("1".into());
        assert_eq!(one, ObjectRef::new("web").within("a"));
        assert_ne!(one, ObjectRef::new("web").within("b"));
    }
}
