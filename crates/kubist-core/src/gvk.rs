//! Names of kinds and resources: group, version, and kind or plural.

use std::str::FromStr;

use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::OwnerReference};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{metadata::TypeMeta, resource::api_version_from_group_version};

/// A text that is no `apiVersion`; carries that text.
///
/// ```
/// use kubist_core::{GroupVersion, gvk::ParseGroupVersionError};
///
/// let result = "apps/v1/Deployment".parse::<GroupVersion>();
/// assert!(matches!(result, Err(ParseGroupVersionError(text)) if text == "apps/v1/Deployment"));
/// ```
#[derive(Debug, Error)]
#[error("failed to parse group version: {0}")]
pub struct ParseGroupVersionError(pub String);

/// A kind's full name.
///
/// ```
/// use kubist_core::{GroupVersionKind, TypeMeta};
///
/// let types = TypeMeta { api_version: "apps/v1".to_owned(), kind: "Deployment".to_owned() };
/// assert_eq!(GroupVersionKind::try_from(types)?, GroupVersionKind::gvk("apps", "v1", "Deployment"));
/// # Ok::<(), kubist_core::gvk::ParseGroupVersionError>(())
/// ```
#[derive(Deserialize, Serialize, Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupVersionKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version within the group.
    pub version: String,
    /// The kind.
    pub kind: String,
}

impl GroupVersionKind {
    /// The kind of this group, version and name.
    ///
    /// ```
    /// use kubist_core::GroupVersionKind;
    ///
    /// let deployment = GroupVersionKind::gvk("apps", "v1", "Deployment");
    /// assert_eq!(deployment.kind, "Deployment");
    /// ```
    pub fn gvk(group: &str, version: &str, kind: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    /// What `apiVersion` says for this kind.
    ///
    /// ```
    /// use kubist_core::GroupVersionKind;
    ///
    /// assert_eq!(GroupVersionKind::gvk("apps", "v1", "Deployment").api_version(), "apps/v1");
    /// assert_eq!(GroupVersionKind::gvk("", "v1", "Pod").api_version(), "v1");
    /// ```
    pub fn api_version(&self) -> String {
        api_version_from_group_version((&*self.group).into(), (&*self.version).into()).into_owned()
    }
}

impl TryFrom<&TypeMeta> for GroupVersionKind {
    type Error = ParseGroupVersionError;

    fn try_from(types: &TypeMeta) -> Result<Self, Self::Error> {
        Ok(types.api_version.parse::<GroupVersion>()?.with_kind(&types.kind))
    }
}

impl TryFrom<TypeMeta> for GroupVersionKind {
    type Error = ParseGroupVersionError;

    fn try_from(types: TypeMeta) -> Result<Self, Self::Error> {
        Self::try_from(&types)
    }
}

/// A reference that says no kind or version gives an empty one.
impl From<ObjectReference> for GroupVersionKind {
    fn from(reference: ObjectReference) -> Self {
        split_reference(
            reference.api_version.as_deref().unwrap_or_default(),
            reference.kind.unwrap_or_default(),
        )
    }
}

impl From<OwnerReference> for GroupVersionKind {
    fn from(reference: OwnerReference) -> Self {
        split_reference(&reference.api_version, reference.kind)
    }
}

fn split_reference(api_version: &str, kind: String) -> GroupVersionKind {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    GroupVersionKind {
        group: group.to_owned(),
        version: version.to_owned(),
        kind,
    }
}

/// A group and a version, as `apiVersion` joins them.
///
/// ```
/// use kubist_core::GroupVersion;
///
/// assert_eq!("apps/v1".parse::<GroupVersion>()?, GroupVersion::gv("apps", "v1"));
/// assert_eq!("v1".parse::<GroupVersion>()?, GroupVersion::gv("", "v1"));
/// # Ok::<(), kubist_core::gvk::ParseGroupVersionError>(())
/// ```
#[derive(Deserialize, Serialize, Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupVersion {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version within the group.
    pub version: String,
}

impl GroupVersion {
    /// This group and version.
    ///
    /// ```
    /// use kubist_core::GroupVersion;
    ///
    /// let apps = GroupVersion::gv("apps", "v1");
    /// assert_eq!(apps.group, "apps");
    /// ```
    pub fn gv(group: &str, version: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
        }
    }

    /// The kind of this name in this group and version.
    ///
    /// ```
    /// use kubist_core::{GroupVersion, GroupVersionKind};
    ///
    /// let deployment = GroupVersion::gv("apps", "v1").with_kind("Deployment");
    /// assert_eq!(deployment, GroupVersionKind::gvk("apps", "v1", "Deployment"));
    /// ```
    pub fn with_kind(self, kind: &str) -> GroupVersionKind {
        GroupVersionKind {
            group: self.group,
            version: self.version,
            kind: kind.to_owned(),
        }
    }

    /// What `apiVersion` says for this group and version.
    ///
    /// ```
    /// use kubist_core::GroupVersion;
    ///
    /// assert_eq!(GroupVersion::gv("apps", "v1").api_version(), "apps/v1");
    /// ```
    pub fn api_version(&self) -> String {
        api_version_from_group_version((&*self.group).into(), (&*self.version).into()).into_owned()
    }
}

/// Parses `group/version`, or a version alone for the core group.
impl FromStr for GroupVersion {
    type Err = ParseGroupVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            None => Ok(Self::gv("", text)),
            Some((group, version)) if !version.contains('/') => Ok(Self::gv(group, version)),
            Some(_) => Err(ParseGroupVersionError(text.to_owned())),
        }
    }
}

/// A resource's full name: with the plural that URLs use in place of a kind.
///
/// ```
/// use kubist_core::GroupVersionResource;
///
/// let deployments = GroupVersionResource::gvr("apps", "v1", "deployments");
/// assert_eq!(deployments.resource, "deployments");
/// ```
#[derive(Deserialize, Serialize, Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupVersionResource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The version within the group.
    pub version: String,
    /// The plural.
    pub resource: String,
}

impl GroupVersionResource {
    /// The resource of this group, version and plural.
    ///
    /// ```
    /// use kubist_core::GroupVersionResource;
    ///
    /// let deployments = GroupVersionResource::gvr("apps", "v1", "deployments");
    /// assert_eq!(deployments.resource, "deployments");
    /// ```
    pub fn gvr(group: &str, version: &str, resource: &str) -> Self {
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            resource: resource.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_api_versions() {
        let gv = |s: &str| s.parse::<GroupVersion>();
        assert_eq!(gv("apps/v1").ok(), Some(GroupVersion::gv("apps", "v1")));
        assert_eq!(gv("v1").ok(), Some(GroupVersion::gv("", "v1")));
        assert_eq!(gv("a/b/c").unwrap_err().0, "a/b/c");
        assert_eq!(GroupVersion::gv("", "v1").api_version(), "v1");
    }

    #[test]
    fn reads_kinds_from_type_metadata_and_references() {
        let types: TypeMeta = serde_saphyr::from_str("apiVersion: a.b/v2\nkind: C\n").expect("valid yaml");
        let expected = GroupVersionKind::gvk("a.b", "v2", "C");
        assert_eq!(GroupVersionKind::try_from(&types).ok(), Some(expected.clone()));
        let owner = OwnerReference {
            api_version: "a.b/v2".into(),
            kind: "C".into(),
            ..Default::default()
        };
        assert_eq!(GroupVersionKind::from(owner), expected);
        assert_eq!(
            GroupVersionKind::from(ObjectReference::default()),
            GroupVersionKind::gvk("", "", "")
        );
    }
}
