//! Objects as they are shown.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Schema};
use crate::state::Api;

/// A stored object in the version of `kind`.
pub(crate) fn object(_api: &Api, kind: &Kind, stored: &Arc<Value>) -> Result<Value, Failure> {
    let mut value = Value::clone(stored);
    if let Value::Object(map) = &mut value {
        if crate::kinds::event::is_translated(kind) {
            crate::kinds::event::show(map);
        }
        map.insert("apiVersion".into(), kind.api_version().into());
        map.insert("kind".into(), kind.kind.as_str().into());
    }
    if let Schema::Custom(custom) = &kind.schema {
        // A version that grew a default since, or has another than the stored one.
        crate::crd::structure::prune(&custom.schema, &mut value);
        crate::crd::structure::default(&custom.schema, &mut value);
    }
    Ok(value)
}

/// A list object. Items of built-in kinds do not repeat what they are.
pub(crate) fn list(kind: &Kind, mut items: Vec<Value>, metadata: Value) -> Value {
    if kind.custom().is_none() {
        for item in &mut items {
            if let Value::Object(item) = item {
                item.remove("apiVersion");
                item.remove("kind");
            }
        }
    }
    let mut list = Map::new();
    list.insert("kind".into(), kind.list_kind.as_str().into());
    list.insert("apiVersion".into(), kind.api_version().into());
    list.insert("metadata".into(), metadata);
    list.insert("items".into(), items.into());
    Value::Object(list)
}

/// The metadata alone.
pub(crate) fn partial(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata").cloned().unwrap_or_else(|| json!({})),
    })
}
