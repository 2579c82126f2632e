//! Objects whose kind is only known at run time.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Value};
use thiserror::Error;

pub use crate::discovery::ApiResource;
use crate::{
    metadata::{ObjectMeta, TypeMeta},
    resource::{DynamicResourceScope, Resource},
};

/// A [`DynamicObject`] that is not what it was taken for.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::{ApiResource, DynamicObject, GroupVersionKind, dynamic::ParseDynamicObjectError};
///
/// let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
/// let settings = DynamicObject::new("settings", &resource);
/// let result: Result<Pod, ParseDynamicObjectError> = settings.try_parse();
/// assert!(result.is_err());
/// ```
#[derive(Debug, Error)]
#[error("failed to parse this DynamicObject into a Resource: {source}")]
pub struct ParseDynamicObjectError {
    #[from]
    source: serde_json::Error,
}

/// An object of any kind: its metadata, and the rest as JSON.
///
/// ```
/// use kubist_core::{ApiResource, DynamicObject, GroupVersionKind};
///
/// let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Document"));
/// let document = DynamicObject::new("readme", &resource)
///     .within("default")
///     .data(serde_json::json!({ "spec": { "title": "Read me" } }));
/// assert_eq!(document.types.as_ref().unwrap().api_version, "example.com/v1");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicObject {
    /// What the document says it is; `None` unless it says both.
    pub types: Option<TypeMeta>,
    /// The metadata.
    pub metadata: ObjectMeta,
    /// All other fields: an object, or null where there are none.
    pub data: Value,
}

impl DynamicObject {
    /// An object of this name and kind, and nothing else.
    ///
    /// ```
    /// use kubist_core::{ApiResource, DynamicObject, GroupVersionKind};
    ///
    /// let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
    /// let settings = DynamicObject::new("settings", &resource);
    /// assert_eq!(settings.metadata.name.as_deref(), Some("settings"));
    /// ```
    pub fn new(name: &str, resource: &ApiResource) -> Self {
        DynamicObject {
            types: Some(TypeMeta {
                api_version: resource.api_version.clone(),
                kind: resource.kind.clone(),
            }),
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            data: Value::Null,
        }
    }

    /// Sets all fields other than type and metadata.
    ///
    /// ```
    /// use kubist_core::{ApiResource, DynamicObject, GroupVersionKind};
    ///
    /// let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
    /// let settings = DynamicObject::new("settings", &resource)
    ///     .data(serde_json::json!({ "data": { "color": "blue" } }));
    /// assert_eq!(settings.data["data"]["color"], "blue");
    /// ```
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    /// Sets the namespace.
    ///
    /// ```
    /// use kubist_core::{ApiResource, DynamicObject, GroupVersionKind};
    ///
    /// let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
    /// let settings = DynamicObject::new("settings", &resource).within("web");
    /// assert_eq!(settings.metadata.namespace.as_deref(), Some("web"));
    /// ```
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        self.metadata.namespace = Some(namespace.to_owned());
        self
    }

    /// Turns it into a typed object.
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::ConfigMap;
    /// use kubist_core::{ApiResource, DynamicObject, GroupVersionKind};
    ///
    /// let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
    /// let settings: ConfigMap = DynamicObject::new("settings", &resource).try_parse()?;
    /// assert_eq!(settings.metadata.name.as_deref(), Some("settings"));
    /// # Ok::<(), kubist_core::dynamic::ParseDynamicObjectError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Fails where the fields, or `apiVersion` and `kind`, are not those of `K`.
    pub fn try_parse<K: Resource + for<'a> Deserialize<'a>>(self) -> Result<K, ParseDynamicObjectError> {
        let mut fields = match self.data {
            Value::Object(fields) => fields,
            Value::Null => Map::new(),
            other => return Err(not_an_object::<serde_json::Error>(&other).into()),
        };
        if let Some(types) = self.types {
            fields.insert("apiVersion".to_owned(), Value::String(types.api_version));
            fields.insert("kind".to_owned(), Value::String(types.kind));
        }
        fields.insert("metadata".to_owned(), serde_json::to_value(self.metadata)?);
        Ok(serde_json::from_value(Value::Object(fields))?)
    }
}

fn not_an_object<E: serde::ser::Error>(data: &Value) -> E {
    let found = match data {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    E::custom(format_args!(
        "the data of a DynamicObject is {found}, not an object"
    ))
}

impl Resource for DynamicObject {
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

impl Serialize for DynamicObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        if let Some(types) = &self.types {
            document.serialize_entry("apiVersion", &types.api_version)?;
            document.serialize_entry("kind", &types.kind)?;
        }
        document.serialize_entry("metadata", &self.metadata)?;
        match &self.data {
            Value::Null => {}
            Value::Object(fields) => {
                // What the named fields say is not said twice.
                let spoken_for = |key: &str| {
                    key == "metadata" || (self.types.is_some() && (key == "apiVersion" || key == "kind"))
                };
                for (key, value) in fields.iter().filter(|(key, _)| !spoken_for(key)) {
                    document.serialize_entry(key, value)?;
                }
            }
            other => return Err(not_an_object::<S::Error>(other)),
        }
        document.end()
    }
}

/// Reads a document in one pass, without buffering it.
impl<'de> Deserialize<'de> for DynamicObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DocumentVisitor;

        impl<'de> Visitor<'de> for DocumentVisitor {
            type Value = DynamicObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a Kubernetes object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut document: A) -> Result<DynamicObject, A::Error> {
                let mut api_version: Option<Value> = None;
                let mut kind: Option<Value> = None;
                let mut metadata = None;
                let mut data = Map::new();
                while let Some(key) = document.next_key::<String>()? {
                    match key.as_str() {
                        "apiVersion" => api_version = Some(document.next_value()?),
                        "kind" => kind = Some(document.next_value()?),
                        "metadata" if metadata.is_some() => {
                            return Err(A::Error::duplicate_field("metadata"));
                        }
                        "metadata" => metadata = Some(document.next_value()?),
                        _ => {
                            data.insert(key, document.next_value()?);
                        }
                    }
                }
                let types = match (api_version, kind) {
                    (Some(Value::String(api_version)), Some(Value::String(kind))) => {
                        Some(TypeMeta { api_version, kind })
                    }
                    // Half a type is no type, but is not lost.
                    (api_version, kind) => {
                        data.extend(api_version.map(|v| ("apiVersion".to_owned(), v)));
                        data.extend(kind.map(|v| ("kind".to_owned(), v)));
                        None
                    }
                };
                Ok(DynamicObject {
                    types,
                    metadata: metadata.unwrap_or_default(),
                    data: Value::Object(data),
                })
            }
        }

        deserializer.deserialize_map(DocumentVisitor)
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};
    use serde_json::json;

    use super::*;
    use crate::{GroupVersionKind, Request, params::PostParams};

    #[test]
    fn names_its_resource_in_requests() {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Foo"));
        let url = DynamicObject::url_path(&resource, Some("ns"));
        let request = Request::new(url)
            .create(&PostParams::default(), vec![])
            .expect("valid");
        assert_eq!(request.uri(), "/apis/example.com/v1/namespaces/ns/foos?");
    }

    #[test]
    fn becomes_typed_and_back() {
        let document = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        });
        let pod: Pod = serde_json::from_value(document.clone()).expect("valid");
        let dynamic: DynamicObject = serde_json::from_value(document.clone()).expect("valid");
        assert_eq!(serde_json::to_value(&dynamic).expect("serializes"), document);
        assert_eq!(dynamic.clone().try_parse::<Pod>().expect("is a pod"), pod);
        let error = dynamic.try_parse::<ConfigMap>().expect_err("is no config map");
        assert!(error.to_string().contains("failed to parse"), "{error}");
    }

    #[test]
    fn loses_nothing_of_odd_documents() {
        for document in [
            json!({"kind": "A", "metadata": {}, "x": 1}),
            json!({"apiVersion": 3, "kind": "A", "metadata": {}}),
        ] {
            let dynamic: DynamicObject = serde_json::from_value(document.clone()).expect("valid");
            assert_eq!(dynamic.types, None);
            assert_eq!(serde_json::to_value(&dynamic).expect("serializes"), document);
        }
    }

    #[test]
    fn data_must_be_an_object() {
        let resource = ApiResource::erase::<Pod>(&());
        let object = DynamicObject::new("a", &resource).data(json!("secret"));
        let error = serde_json::to_string(&object).expect_err("no object");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
