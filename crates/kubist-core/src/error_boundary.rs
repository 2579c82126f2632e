//! Reads what is invalid as far as it can be read.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use thiserror::Error;

use crate::{
    metadata::{ObjectMeta, PartialObjectMeta},
    redact::redact,
    resource::Resource,
};

/// A `K`, or the metadata of an object that was meant to be one.
///
/// One object that does not fit its type makes a whole list unreadable. A list of
/// `DeserializeGuard<K>` reads, and says which of its objects are invalid and why.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::{DeserializeGuard, Resource};
///
/// let guard: DeserializeGuard<Pod> = serde_json::from_value(serde_json::json!({
///     "metadata": { "name": "a" },
///     "spec": { "containers": "none" },
/// }))?;
/// assert_eq!(guard.meta().name.as_deref(), Some("a"));
/// assert!(guard.0.is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DeserializeGuard<K>(pub Result<K, InvalidObject>);

/// An object that does not fit its type.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::{DeserializeGuard, error_boundary::InvalidObject};
///
/// let json = r#"{ "metadata": { "name": "web-0" }, "spec": { "containers": 1 } }"#;
/// if let Err(InvalidObject { error, metadata }) = serde_json::from_str::<DeserializeGuard<Pod>>(json)?.0 {
///     assert!(error.starts_with("spec.containers"));
///     assert_eq!(metadata.name.as_deref(), Some("web-0"));
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Error)]
#[error("{error}")]
pub struct InvalidObject {
    /// Why it does not, with the path of the field; never with what the field holds.
    pub error: String,
    /// Its metadata.
    pub metadata: ObjectMeta,
}

impl<'de, K> Deserialize<'de> for DeserializeGuard<K>
where
    K: Deserialize<'de> + Resource,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        // The document goes into the object, so what is needed without one is kept aside.
        let metadata = document.get("metadata").cloned();
        let error = match serde_path_to_error::deserialize(document) {
            Ok(object) => return Ok(DeserializeGuard(Ok(object))),
            Err(error) => error,
        };
        let wrapped = Value::Object(metadata.map(|m| ("metadata".to_owned(), m)).into_iter().collect());
        let partial: PartialObjectMeta<K> =
            serde_json::from_value(wrapped).map_err(serde::de::Error::custom)?;
        let path = error.path().to_string();
        let error: serde_json::Error = error.into_inner();
        Ok(DeserializeGuard(Err(InvalidObject {
            error: format!("{path}: {}", redact(&error.to_string())),
            metadata: partial.metadata,
        })))
    }
}

impl<K: Resource> Resource for DeserializeGuard<K> {
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

    fn meta(&self) -> &ObjectMeta {
        match &self.0 {
            Ok(object) => object.meta(),
            Err(invalid) => &invalid.metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.0 {
            Ok(object) => object.meta_mut(),
            Err(invalid) => &mut invalid.metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_the_metadata_of_invalid_objects() {
        let guard: DeserializeGuard<Pod> = serde_json::from_value(json!({
            "metadata": {"name": "a", "namespace": "ns"},
            "spec": {"containers": [{"name": "c", "image": 5}]},
        }))
        .expect("metadata is valid");
        assert_eq!(guard.meta().namespace.as_deref(), Some("ns"));
        let error = guard.0.expect_err("containers are invalid");
        assert_eq!(
            error.to_string(),
            "spec.containers[0].image: invalid type: integer, expected a string"
        );
    }

    #[test]
    fn lets_valid_objects_pass() {
        let guard: DeserializeGuard<ConfigMap> =
            serde_json::from_value(json!({"metadata": {"name": "a"}, "data": {"k": "v"}})).expect("valid");
        let data = guard.0.expect("valid").data;
        assert_eq!(data, Some([("k".to_owned(), "v".to_owned())].into()));
    }

    #[test]
    fn needs_no_metadata() {
        let guard: DeserializeGuard<Pod> = serde_json::from_value(json!({"spec": 1})).expect("reads");
        assert!(guard.0.is_err());
        serde_json::from_value::<DeserializeGuard<Pod>>(json!({"metadata": 1, "spec": 1}))
            .expect_err("no metadata");
    }
}
