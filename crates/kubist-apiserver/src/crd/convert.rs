//! Conversion of custom resources between their versions.
//!
//! The rules for what a webhook may answer are those of
//! `k8s.io/apiextensions-apiserver/pkg/apiserver/conversion`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::http::status::Failure;
use crate::object::{meta, metavalidate};
use crate::state::Api;
use crate::webhook;

/// How long a webhook may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Converts objects to `api_version`; what is in that version already stays as it is.
///
/// `config` is `spec.conversion.webhook` of the definition, or nothing where no webhook
/// converts: then only the version changes.
pub(crate) async fn convert(
    api: &Api,
    config: Option<&Value>,
    api_version: &str,
    mut objects: Vec<Value>,
) -> Result<Vec<Value>, Failure> {
    let is_other = |object: &Value| {
        object
            .get("apiVersion")
            .is_none_or(|version| version != api_version)
    };
    let Some(config) = config else {
        for object in &mut objects {
            object["apiVersion"] = api_version.into();
        }
        return Ok(objects);
    };
    let (sent, places): (Vec<Value>, Vec<usize>) = objects
        .iter()
        .enumerate()
        .filter(|(_, object)| is_other(object))
        .map(|(at, object)| (as_sent(object), at))
        .unzip();
    let Some(first) = sent.first() else {
        return Ok(objects);
    };
    let name = named(first);
    let failed = |why: String| Failure::unknown(format!("conversion webhook for {name} failed: {why}"));
    let converted = ask(api, config, api_version, &sent).await.map_err(failed)?;
    if converted.len() != sent.len() {
        return Err(Failure::unknown(format!(
            "conversion webhook for {name} returned {} objects, expected {}",
            converted.len(),
            sent.len()
        )));
    }
    for (index, (converted, at)) in converted.into_iter().zip(places).enumerate() {
        let Some(original) = objects.get_mut(at) else {
            continue;
        };
        let name = named(original);
        let invalid =
            |why: String| Failure::unknown(format!("conversion webhook for {name} returned invalid {why}"));
        check_type(original, &converted, api_version)
            .map_err(|why| invalid(format!("object at index {index}: {why}")))?;
        check_identity(original, &converted).map_err(|why| invalid(format!("object: {why}")))?;
        let metadata = restored(original, &converted).map_err(|why| invalid(format!("metadata: {why}")))?;
        *original = converted;
        original["metadata"] = Value::Object(metadata);
    }
    Ok(objects)
}

/// An object as a webhook sees it: storage does not know the version of what it stores.
fn as_sent(object: &Value) -> Value {
    let mut object = object.clone();
    meta::remove(&mut object, "resourceVersion");
    object
}

/// A type as Go prints it.
fn named(object: &Value) -> String {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or("");
    format!("{}, Kind={}", text("apiVersion"), text("kind"))
}

async fn ask(api: &Api, config: &Value, api_version: &str, objects: &[Value]) -> Result<Vec<Value>, String> {
    let versions = meta::strings(config.get("conversionReviewVersions"));
    let Some(version) = versions
        .into_iter()
        .find(|version| matches!(*version, "v1" | "v1beta1"))
    else {
        return Err("no supported conversion review versions".into());
    };
    let uid = api.identity.uid();
    let review_version = format!("apiextensions.k8s.io/{version}");
    let review = json!({
        "kind": "ConversionReview",
        "apiVersion": review_version,
        "request": {"uid": uid, "desiredAPIVersion": api_version, "objects": objects},
        // Upstream sends the whole of the type.
        "response": {"uid": "", "convertedObjects": null, "result": {"metadata": {}}},
    });
    let client = config.get("clientConfig").unwrap_or(&Value::Null);
    let endpoint = webhook::endpoint(api, client, TIMEOUT).map_err(|error| error.to_string())?;
    let mut answer = api
        .webhooks
        .post(&endpoint, &review, TIMEOUT)
        .await
        .map_err(|error| error.to_string())?;
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or("").to_owned();
    if version == "v1" && named(&answer) != named(&review) {
        return Err(format!(
            "expected webhook response of {}, got {}",
            named(&review),
            named(&answer)
        ));
    }
    let Some(response) = answer.get_mut("response").filter(|response| response.is_object()) else {
        return Err("no response provided".into());
    };
    if version == "v1" && text(response, "uid") != uid {
        let got = text(response, "uid");
        return Err(format!("expected response.uid={uid:?}, got {got:?}"));
    }
    let result = response.get("result").cloned().unwrap_or_default();
    if text(&result, "status") != "Success" {
        let message = text(&result, "message");
        return Err(if message.is_empty() {
            format!(
                "response.result.status was '{}', not 'Success'",
                text(&result, "status")
            )
        } else {
            message
        });
    }
    Ok(match response.get_mut("convertedObjects").map(Value::take) {
        Some(Value::Array(objects)) => objects,
        _ => Vec::new(),
    })
}

fn check_type(original: &Value, converted: &Value, api_version: &str) -> Result<(), String> {
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or("").to_owned();
    let got = text(converted, "apiVersion");
    if got != api_version {
        return Err(format!(
            "invalid groupVersion (expected {api_version}, received {got})"
        ));
    }
    let (expected, got) = (text(original, "kind"), text(converted, "kind"));
    if expected != got {
        return Err(format!("invalid kind (expected {expected}, received {got})"));
    }
    Ok(())
}

fn check_identity(original: &Value, converted: &Value) -> Result<(), String> {
    for (field, shown) in [("name", "name"), ("namespace", "namespace"), ("uid", "UID")] {
        let (expected, got) = (meta::text(original, field), meta::text(converted, field));
        if expected != got {
            return Err(format!("must have the same {shown}: {expected} != {got}"));
        }
    }
    Ok(())
}

/// The metadata of the original, but for labels and annotations, which a webhook may change.
fn restored(original: &Value, converted: &Value) -> Result<Map<String, Value>, String> {
    let answered = match converted.get("metadata") {
        None => return Err("missing metadata in converted object".into()),
        Some(Value::Object(metadata)) => metadata,
        Some(other) => {
            let found = go_type(other);
            return Err(format!("invalid metadata of type {found} in converted object"));
        }
    };
    let mut metadata = original
        .get("metadata")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for field in ["labels", "annotations"] {
        let map = match answered.get(field) {
            None | Some(Value::Null) => {
                metadata.remove(field);
                continue;
            }
            Some(Value::Object(map)) => map,
            Some(other) => {
                let found = go_type(other);
                return Err(format!(
                    "invalid metadata.{field} of type {found} in converted object"
                ));
            }
        };
        for (key, value) in map {
            if !value.is_string() {
                let found = go_type(value);
                return Err(format!(
                    "metadata.{field}[{key}] must be a string, but is {found} in converted object"
                ));
            }
        }
        let value = Value::Object(map.clone());
        if metadata.get(field) != Some(&value) {
            let path = format!("metadata.{field}");
            let errors = match field {
                "labels" => metavalidate::labels(Some(&value), &path),
                _ => metavalidate::annotations(Some(&value)),
            };
            if !errors.is_empty() {
                let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
                return Err(match texts.as_slice() {
                    [one] => one.clone(),
                    many => format!("[{}]", many.join(", ")),
                });
            }
        }
        metadata.insert(field.into(), value);
    }
    Ok(metadata)
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
