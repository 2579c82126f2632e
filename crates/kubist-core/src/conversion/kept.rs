//! What a conversion would lose, kept in the object's annotations.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::chain::parts;

/// The annotation is this and the version whose fields it keeps.
const PREFIX: &str = "conversion.kubist.rs/";

/// A field that another version does not have, or has in another way.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lost {
    /// Where.
    path: Vec<Segment>,
    /// What came back; when it is something else by now, somebody has changed it since.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    was: Value,
    /// What it is.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    is: Value,
}

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Segment {
    /// The field of this name.
    Field(String),
    /// The item of a list that this field tells from the others.
    Item { key: String, of: Value },
}

/// The fields that items are told apart by, as lists of type map usually have them.
const KEYS: [&str; 4] = ["name", "key", "id", "type"];

/// What differs between an object and what came back of it.
pub(super) fn lost(returned: &Value, original: &Value) -> Vec<Lost> {
    let mut lost = Vec::new();
    if let (Value::Object(returned), Value::Object(original)) = (returned, original) {
        for part in parts(returned, original) {
            let mut path = vec![Segment::Field(part.to_owned())];
            compare(returned.get(part), original.get(part), &mut path, &mut lost);
        }
    }
    lost
}

fn compare(was: Option<&Value>, is: Option<&Value>, path: &mut Vec<Segment>, lost: &mut Vec<Lost>) {
    let (was, is) = (was.unwrap_or(&Value::Null), is.unwrap_or(&Value::Null));
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => {
            let added = is.keys().filter(|key| !was.contains_key(*key));
            for key in was.keys().chain(added) {
                path.push(Segment::Field(key.clone()));
                compare(was.get(key), is.get(key), path, lost);
                path.pop();
            }
        }
        (Value::Array(were), Value::Array(are)) if were != are => match common_key(were, are) {
            Some(key) => {
                for (was, is) in were.iter().zip(are) {
                    path.push(Segment::Item {
                        key: key.to_owned(),
                        of: is.get(key).cloned().unwrap_or_default(),
                    });
                    compare(Some(was), Some(is), path, lost);
                    path.pop();
                }
            }
            None => keep(was, is, path, lost),
        },
        _ if was != is => keep(was, is, path, lost),
        _ => {}
    }
}

fn keep(was: &Value, is: &Value, path: &[Segment], lost: &mut Vec<Lost>) {
    lost.push(Lost {
        path: path.to_vec(),
        was: was.clone(),
        is: is.clone(),
    });
}

/// The field that tells the items of two lists apart, and in both alike.
fn common_key(were: &[Value], are: &[Value]) -> Option<&'static str> {
    KEYS.into_iter().find(|key| {
        let mut seen = Vec::with_capacity(are.len());
        were.len() == are.len()
            && were.iter().zip(are).all(|(was, is)| {
                let of = is.get(key).filter(|of| of.is_string() || of.is_number());
                let is_new = of.is_some() && !seen.contains(&of);
                seen.push(of);
                is_new && was.get(key) == of
            })
    })
}

/// Puts back what was lost, but for what has been changed since.
pub(super) fn restore(object: &mut Value, lost: Vec<Lost>) {
    for Lost { path, was, is } in lost {
        let Some((Segment::Field(last), parents)) = path.split_last() else {
            continue;
        };
        let parent = parents.iter().try_fold(&mut *object, Segment::follow);
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

impl Segment {
    fn follow<'a>(value: &'a mut Value, segment: &Segment) -> Option<&'a mut Value> {
        match segment {
            Segment::Field(name) => value.get_mut(name),
            Segment::Item { key, of } => {
                let mut items = value.as_array_mut()?.iter_mut();
                let found = items.find(|item| item.get(key) == Some(of))?;
                // Of several, none is known to be the one.
                items.all(|item| item.get(key) != Some(of)).then_some(found)
            }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What comes home, when what was left of an object is changed on the way.
    fn home(original: Value, left: &Value, changed: Value) -> Value {
        let lost = lost(left, &original);
        let text = serde_json::to_string(&lost).expect("serializes");
        let mut home = changed;
        restore(&mut home, serde_json::from_str(&text).expect("is read again"));
        home
    }

    #[test]
    fn items_with_names_keep_what_is_theirs() {
        let original = json!({"spec": {"list": [
            {"name": "a", "size": 1, "new": {"x": 1}}, {"name": "b", "size": 2, "new": {"x": 2}},
        ]}});
        let left = json!({"spec": {"list": [{"name": "a", "size": 1}, {"name": "b", "size": 2}]}});
        assert_eq!(home(original.clone(), &left, left.clone()), original);
        // One is new, the order is another, and a size has changed.
        let changed = json!({"spec": {"list": [
            {"name": "c", "size": 0}, {"name": "b", "size": 3}, {"name": "a", "size": 1},
        ]}});
        let expected = json!({"spec": {"list": [
            {"name": "c", "size": 0}, {"name": "b", "size": 3, "new": {"x": 2}},
            {"name": "a", "size": 1, "new": {"x": 1}},
        ]}});
        assert_eq!(home(original.clone(), &left, changed), expected);
        // Who is meant cannot be told any more.
        let twice = json!({"spec": {"list": [{"name": "a", "size": 1}, {"name": "a", "size": 1}]}});
        assert_eq!(home(original, &left, twice.clone()), twice);
    }

    #[test]
    fn other_lists_are_kept_as_a_whole() {
        for (original, left) in [
            (json!([{"a": 1, "new": 1}]), json!([{"a": 1}])),
            (
                json!([{"name": "a", "new": 1}, {"name": "a"}]),
                json!([{"name": "a"}, {"name": "a"}]),
            ),
            (json!([{"name": "a"}, {"name": "b"}]), json!([{"name": "a"}])),
            (json!([[1], [2]]), json!([[1]])),
        ] {
            let (original, left) = (
                json!({"spec": {"list": original}}),
                json!({"spec": {"list": left}}),
            );
            assert_eq!(home(original.clone(), &left, left.clone()), original);
            let changed = json!({"spec": {"list": [{"name": "z"}]}});
            assert_eq!(home(original, &left, changed.clone()), changed);
        }
    }
}
