//! Objects as they are shown.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::crd::{convert as conversion, structure};
use crate::http::status::Failure;
use crate::kinds::kind::{Kind, Schema};
use crate::kinds::{autoscaler, event, strategy};
use crate::object::meta;
use crate::state::Api;
use crate::store::Stored;

/// A stored object in the version of `kind`.
pub(crate) async fn object(api: &Api, kind: &Kind, stored: &Arc<Value>) -> Result<Value, Failure> {
    let mut shown = objects(api, kind, [stored]).await?;
    shown
        .pop()
        .ok_or_else(|| Failure::internal("a conversion lost an object"))
}

/// Stored objects in the version of `kind`. A webhook that converts is asked once for all.
pub(crate) async fn objects<'a>(
    api: &Api,
    kind: &Kind,
    stored: impl IntoIterator<Item = &'a Arc<Value>>,
) -> Result<Vec<Value>, Failure> {
    let mut values: Vec<Value> = stored.into_iter().map(|value| Value::clone(value)).collect();
    let Schema::Custom(custom) = &kind.schema else {
        values.iter_mut().for_each(|value| show_builtin(kind, value));
        return Ok(values);
    };
    let config = custom.conversion.as_ref();
    let mut values = conversion::convert(api, config, &kind.api_version(), values).await?;
    for value in &mut values {
        set_type(kind, value);
        // A version that grew a default since, or has another than the stored one.
        structure::prune(&custom.schema, value);
        structure::default(&custom.schema, value);
    }
    Ok(values)
}

/// Waits until a write is converted for those who list and watch, but not for long.
pub(crate) async fn settled(api: &Api, kind: &Kind) {
    if kind.custom().is_some_and(|custom| custom.conversion.is_some()) {
        api.conversions.settled(&kind.table).await;
    }
}

/// Versions of objects for lists and watches, which may be served from what is remembered.
pub(crate) async fn cached<'a>(
    api: &Api,
    kind: &Kind,
    stored: impl IntoIterator<Item = &'a Arc<Value>>,
) -> Result<Vec<Value>, Failure> {
    if kind.custom().is_none_or(|custom| custom.conversion.is_none()) {
        return objects(api, kind, stored).await;
    }
    api.conversions.settled(&kind.table).await;
    let stored: Vec<&Arc<Value>> = stored.into_iter().collect();
    let known: Vec<Option<Arc<Value>>> = stored
        .iter()
        .map(|value| {
            api.conversions
                .get(kind, meta::text(value, "resourceVersion").parse().ok()?)
        })
        .collect();
    let missing = stored.iter().zip(&known).filter(|(_, known)| known.is_none());
    let missing: Vec<&Arc<Value>> = missing.map(|(value, _)| *value).collect();
    let mut converted = objects(api, kind, missing).await?.into_iter();
    let lost = || Failure::internal("a conversion lost an object");
    known
        .into_iter()
        .map(|known| match known {
            Some(known) => Ok(Value::clone(&known)),
            None => converted.next().ok_or_else(lost),
        })
        .collect()
}

/// Converts objects at once, so that they are known one by one.
pub(crate) async fn remember<'a>(
    api: &Api,
    kind: &Kind,
    stored: impl Iterator<Item = &'a Stored>,
) -> Result<(), Failure> {
    let stored: Vec<&Stored> = stored.collect();
    let generation = api.conversions.generation();
    let values = cached(api, kind, stored.iter().map(|stored| &stored.value)).await?;
    for (stored, value) in stored.into_iter().zip(values) {
        api.conversions.put(kind, stored.revision, value, generation);
    }
    Ok(())
}

fn show_builtin(kind: &Kind, value: &mut Value) {
    if let (true, Value::Object(map)) = (event::is_translated(kind), &mut *value) {
        event::show(map);
    }
    if autoscaler::is_translated(kind) {
        autoscaler::show(value);
    }
    set_type(kind, value);
}

fn set_type(kind: &Kind, value: &mut Value) {
    if let Value::Object(map) = value {
        map.insert("apiVersion".into(), kind.api_version().into());
        map.insert("kind".into(), kind.kind.as_str().into());
    }
}

/// An object of one version in another one of the same resource.
pub(crate) async fn convert(api: &Api, from: &Kind, to: &Kind, value: Value) -> Result<Value, Failure> {
    let version = meta::text(&value, "resourceVersion").to_owned();
    let stored = Arc::new(stored(api, from, value).await?);
    let mut shown = object(api, to, &stored).await?;
    if !version.is_empty() {
        meta::set(&mut shown, "resourceVersion", version);
    }
    Ok(shown)
}

/// An object of `kind` in the form in which it is stored.
pub(crate) async fn stored(api: &Api, kind: &Kind, mut value: Value) -> Result<Value, Failure> {
    if let Schema::Custom(custom) = &kind.schema
        && custom.conversion.is_some()
        && kind.version != custom.storage_version
    {
        let storage = meta::api_version(&kind.group, &custom.storage_version);
        let mut converted =
            conversion::convert(api, custom.conversion.as_ref(), &storage, vec![value]).await?;
        value = converted
            .pop()
            .ok_or_else(|| Failure::internal("a conversion lost an object"))?;
    }
    strategy::storage_form(kind, &mut value);
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
