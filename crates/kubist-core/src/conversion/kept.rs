//! What a conversion would lose, kept in the object's annotations.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::chain::parts;

/// The annotation is this and the version whose fields it keeps.
const PREFIX: &str = "conversion.kubist.rs/";

/// A field that another version does not have, or has in another way.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lost {
    /// Where, by the names of the fields.
    path: Vec<String>,
    /// What came back; when it is something else by now, somebody has changed it since.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    was: Value,
    /// What it is.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    is: Value,
}

/// What differs between an object and what came back of it.
pub(super) fn lost(returned: &Value, original: &Value) -> Vec<Lost> {
    let mut lost = Vec::new();
    if let (Value::Object(returned), Value::Object(original)) = (returned, original) {
        for part in parts(returned, original) {
            let mut path = vec![part.to_owned()];
            compare(returned.get(part), original.get(part), &mut path, &mut lost);
        }
    }
    lost
}

fn compare(was: Option<&Value>, is: Option<&Value>, path: &mut Vec<String>, lost: &mut Vec<Lost>) {
    let (was, is) = (was.unwrap_or(&Value::Null), is.unwrap_or(&Value::Null));
    if let (Value::Object(was), Value::Object(is)) = (was, is) {
        let added = is.keys().filter(|key| !was.contains_key(*key));
        for key in was.keys().chain(added) {
            path.push(key.clone());
            compare(was.get(key), is.get(key), path, lost);
            path.pop();
        }
    } else if was != is {
        lost.push(Lost {
            path: path.clone(),
            was: was.clone(),
            is: is.clone(),
        });
    }
}

/// Puts back what was lost, but for what has been changed since.
pub(super) fn restore(object: &mut Value, lost: Vec<Lost>) {
    for Lost { path, was, is } in lost {
        let Some((last, parents)) = path.split_last() else {
            continue;
        };
        let parent = parents
            .iter()
            .try_fold(&mut *object, |value, key| value.get_mut(key));
        let Some(Value::Object(parent)) = parent else {
            continue;
        };
        if parent.get(last).unwrap_or(&Value::Null) != &was {
            continue;
        }
        if is.is_null() {
            parent.remove(last);
        } else {
            parent.insert(last.clone(), is);
        }
    }
}

/// An object's metadata, for the sake of its annotations.
pub(super) struct Annotations(Option<Value>);

impl Annotations {
    pub(super) fn of(metadata: Option<Value>) -> Self {
        Annotations(metadata)
    }

    /// The object's name.
    pub(super) fn name(&self) -> String {
        let name = self.0.as_ref().and_then(|metadata| metadata.get("name"));
        name.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Takes out what is kept of a version; what is not readable was not kept.
    pub(super) fn take(&mut self, api_version: &str) -> Option<Vec<Lost>> {
        let metadata = self.0.as_mut()?.as_object_mut()?;
        let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
        let kept = annotations.remove(&key(api_version))?;
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
        serde_json::from_str(kept.as_str()?).ok()
    }

    /// Keeps what was lost of a version.
    pub(super) fn keep(&mut self, api_version: &str, lost: Vec<Lost>) {
        self.take(api_version);
        if lost.is_empty() {
            return;
        }
        let Ok(text) = serde_json::to_string(&lost) else {
            return;
        };
        let metadata = self.0.get_or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(metadata) = metadata {
            let annotations = metadata
                .entry("annotations")
                .and_modify(|annotations| {
                    if annotations.is_null() {
                        *annotations = Value::Object(Map::new());
                    }
                })
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(annotations) = annotations {
                annotations.insert(key(api_version), Value::String(text));
            }
        }
    }

    pub(super) fn into_metadata(self) -> Option<Value> {
        self.0
    }
}

/// An object without anything that is kept for other versions.
#[cfg(feature = "testing")]
pub(super) fn without(mut object: Value) -> Value {
    if let Some(annotations) = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.retain(|key, _| !key.starts_with(PREFIX));
    }
    object
}

fn key(api_version: &str) -> String {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    format!("{PREFIX}{version}")
}
