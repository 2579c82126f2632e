//! Custom resource definitions.

/// Definitions of `apiextensions.k8s.io/v1`.
///
/// ```
/// use kubist_core::crd::v1::CustomResourceExt;
///
/// fn json_of<K: CustomResourceExt>() -> serde_json::Result<String> {
///     serde_json::to_string_pretty(&K::crd())
/// }
/// ```
pub mod v1 {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use thiserror::Error;

    use crate::discovery::ApiResource;

    /// What `#[derive(CustomResource)]` says about a custom resource.
    ///
    /// ```
    /// use kubist_core::CustomResourceExt;
    ///
    /// fn describe<K: CustomResourceExt>() -> String {
    ///     let group = K::api_resource().group;
    ///     let versions = K::crd().spec.versions.len();
    ///     format!("{} ({}): {versions} of {group}", K::crd_name(), K::shortnames().join(", "))
    /// }
    /// ```
    pub trait CustomResourceExt {
        /// The definition that a server needs before it takes objects of this kind.
        ///
        /// # Panics
        ///
        /// Panics where no structural schema describes the type, with the field and what to do about it;
        /// `try_crd` gives this as an error.
        fn crd() -> CustomResourceDefinition;

        /// The same, where a type without a structural schema is an error: for who prints definitions.
        ///
        /// # Errors
        ///
        /// A type that no structural schema describes, with the field and what to do about it.
        #[cfg(feature = "schema")]
        fn try_crd() -> Result<CustomResourceDefinition, crate::schema::NotStructural> {
            Ok(Self::crd())
        }

        /// The definition's name: plural, dot, group.
        fn crd_name() -> &'static str;

        /// The resource as a value.
        fn api_resource() -> ApiResource;

        /// Short names, as `kubectl` takes them.
        fn shortnames() -> &'static [&'static str];
    }

    /// Definitions that are not versions of one.
    ///
    /// ```
    /// use kubist_core::crd::{MergeError, merge_crds};
    ///
    /// assert!(matches!(merge_crds(Vec::new(), "v1"), Err(MergeError::MissingCrds)));
    /// ```
    #[derive(Debug, Error)]
    pub enum MergeError {
        /// There is none.
        #[error("empty list of CRDs cannot be merged")]
        MissingCrds,

        /// No definition has the version to store.
        #[error("stored api version {0} not found")]
        MissingStoredApi(String),

        /// No definition has the version to start from.
        #[error("root api version {0} not found")]
        MissingRootVersion(String),

        /// A definition has no version.
        #[error("given CRD must have versions")]
        MissingVersions,

        /// A definition has many versions already.
        #[error("mergeable CRDs cannot have multiple versions")]
        MultiVersionCrd,

        /// Definitions differ in what all versions must share.
        #[error("mismatching {0} property from given CRDs")]
        PropertyMismatch(String),
    }

    /// Merges definitions of one version each into one definition of all.
    ///
    /// Everything but the versions is that of the definition with the version to store.
    ///
    /// ```no_run
    /// use kubist_core::crd::{CustomResourceExt, merge_crds};
    /// # fn of<V1: CustomResourceExt, V2: CustomResourceExt>() -> Result<(), kubist_core::crd::MergeError> {
    /// let merged = merge_crds(vec![V1::crd(), V2::crd()], "v2")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails unless every definition has one version, one of them is the one to store, and all
    /// have the same group, kind and scope.
    pub fn merge_crds(
        crds: Vec<CustomResourceDefinition>,
        stored_apiversion: &str,
    ) -> Result<CustomResourceDefinition, MergeError> {
        if crds.is_empty() {
            return Err(MergeError::MissingCrds);
        }
        for crd in &crds {
            match crd.spec.versions.len() {
                0 => return Err(MergeError::MissingVersions),
                1 => {}
                _ => return Err(MergeError::MultiVersionCrd),
            }
        }
        let is_stored = |crd: &CustomResourceDefinition| crd.spec.versions[0].name == stored_apiversion;
        let (mut stored, others): (Vec<_>, Vec<_>) = crds.into_iter().partition(is_stored);
        if stored.is_empty() {
            return Err(MergeError::MissingRootVersion(stored_apiversion.to_owned()));
        }
        let mut merged = stored.remove(0);
        for crd in stored.into_iter().chain(others) {
            for (what, differs) in [
                ("group", crd.spec.group != merged.spec.group),
                ("kind", crd.spec.names.kind != merged.spec.names.kind),
                ("scope", crd.spec.scope != merged.spec.scope),
            ] {
                if differs {
                    return Err(MergeError::PropertyMismatch(what.to_owned()));
                }
            }
            merged.spec.versions.extend(crd.spec.versions);
        }
        for (index, version) in merged.spec.versions.iter_mut().enumerate() {
            version.storage = index == 0;
        }
        Ok(merged)
    }
}

pub use v1::{CustomResourceExt, MergeError, merge_crds};

#[cfg(test)]
mod tests {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        CustomResourceDefinition, CustomResourceDefinitionVersion,
    };

    use super::*;

    fn crd(version: &str) -> CustomResourceDefinition {
        let mut crd = CustomResourceDefinition::default();
        crd.spec.group = "example.com".into();
        crd.spec.names.kind = "Document".into();
        crd.spec.scope = "Namespaced".into();
        crd.spec.versions.push(CustomResourceDefinitionVersion {
            name: version.into(),
            served: true,
            storage: true,
            ..Default::default()
        });
        crd
    }

    #[test]
    fn stores_the_version_asked_for() {
        let merged = merge_crds(vec![crd("v1"), crd("v2"), crd("v3")], "v2").expect("merges");
        let versions: Vec<_> = merged
            .spec
            .versions
            .iter()
            .map(|v| (v.name.as_str(), v.storage))
            .collect();
        assert_eq!(versions, [("v2", true), ("v1", false), ("v3", false)]);
    }

    #[test]
    fn refuses_what_is_not_one_resource() {
        assert!(matches!(merge_crds(vec![], "v1"), Err(MergeError::MissingCrds)));
        assert!(matches!(
            merge_crds(vec![crd("v1")], "v2"),
            Err(MergeError::MissingRootVersion(_))
        ));
        let merged = merge_crds(vec![crd("v1"), crd("v2")], "v2").expect("merges");
        assert!(matches!(
            merge_crds(vec![merged], "v2"),
            Err(MergeError::MultiVersionCrd)
        ));
        let mut none = crd("v1");
        none.spec.versions.clear();
        assert!(matches!(
            merge_crds(vec![none], "v1"),
            Err(MergeError::MissingVersions)
        ));
        let mut other = crd("v2");
        other.spec.scope = "Cluster".into();
        let error = merge_crds(vec![crd("v1"), other], "v1").expect_err("differs");
        assert_eq!(error.to_string(), "mismatching scope property from given CRDs");
    }
}
