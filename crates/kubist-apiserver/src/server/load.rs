//! Objects from manifests, put into a server as its administrator would apply them.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;

use crate::access::users::User;
use crate::object::meta;
use crate::state::Api;

/// Why a manifest was not loaded, or not as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The text is no YAML.
    #[error("the manifest is no YAML: {0}")]
    Yaml(String),
    /// A document is no object with an `apiVersion` and a `kind`.
    #[error("document {document} of the manifest has no apiVersion or kind")]
    NoType {
        /// Which document, counted from 1.
        document: usize,
    },
    /// The server has no such kind.
    #[error("document {document} of the manifest: there is no kind {kind} in {api_version}")]
    UnknownKind {
        /// Which document, counted from 1.
        document: usize,
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
    /// The server refused an object.
    #[error("document {document} of the manifest: {kind} {name:?} was refused: {message}")]
    Refused {
        /// Which document, counted from 1.
        document: usize,
        /// Its `kind`.
        kind: String,
        /// The name of the object.
        name: String,
        /// What the server said.
        message: String,
    },
}

/// Who loads, as `managedFields` name it.
const MANAGER: &str = "kubist-load";

/// Applies every object of a manifest; tells how many.
pub(crate) async fn load(api: &Arc<Api>, manifest: &str) -> Result<usize, LoadError> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(manifest).map_err(|error| LoadError::Yaml(error.to_string()))?;
    let mut count = 0;
    for (at, document) in documents.into_iter().enumerate() {
        for object in flattened(document) {
            apply(api, at + 1, object).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// The items of a `List`, or the object itself; nothing for an empty document.
fn flattened(mut document: Value) -> Vec<Value> {
    if document.is_null() {
        return Vec::new();
    }
    let is_list = document.get("kind").is_some_and(|kind| kind == "List");
    match document.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) if is_list => items,
        Some(items) => {
            document["items"] = items;
            vec![document]
        }
        None => vec![document],
    }
}

async fn apply(api: &Arc<Api>, document: usize, mut object: Value) -> Result<(), LoadError> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or("").to_owned();
    let (api_version, kind_name) = (text("apiVersion"), text("kind"));
    if api_version.is_empty() || kind_name.is_empty() {
        return Err(LoadError::NoType { document });
    }
    let (group, version) = meta::group_version(&api_version);
    let registry = api.registry();
    let found = registry
        .kinds()
        .iter()
        .find(|kind| kind.group == group && kind.version == version && kind.kind == kind_name);
    let Some(kind) = found else {
        return Err(LoadError::UnknownKind {
            document,
            api_version,
            kind: kind_name,
        });
    };
    for field in [
        "resourceVersion",
        "uid",
        "creationTimestamp",
        "managedFields",
        "generation",
        "selfLink",
    ] {
        meta::remove(&mut object, field);
    }
    let name = meta::name(&object).to_owned();
    let prefix = if group.is_empty() {
        "/api".to_owned()
    } else {
        format!("/apis/{group}")
    };
    let namespace = match (kind.namespaced, meta::text(&object, "namespace")) {
        (false, _) => String::new(),
        (true, "") => "namespaces/default/".to_owned(),
        (true, namespace) => format!("namespaces/{namespace}/"),
    };
    let encoded = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
    let path = format!("{prefix}/{version}/{namespace}{}/{encoded}", kind.plural);
    let refused = |message: String| LoadError::Refused {
        document,
        kind: kind_name.clone(),
        name: name.clone(),
        message,
    };
    send(api, &path, &object).await.map_err(&refused)?;
    if object.get("status").is_some_and(Value::is_object) && kind.subresource("status").is_some() {
        let status = serde_json::json!({
            "apiVersion": api_version, "kind": kind.kind, "metadata": {"name": name}, "status": object["status"],
        });
        send(api, &format!("{path}/status"), &status)
            .await
            .map_err(&refused)?;
    }
    Ok(())
}

async fn send(api: &Arc<Api>, path: &str, object: &Value) -> Result<(), String> {
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(format!("{path}?fieldManager={MANAGER}&force=true"))
        .header("content-type", "application/apply-patch+yaml")
        .header("user-agent", MANAGER)
        .extension(User {
            name: "kubist:loader".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..User::default()
        })
        .body(())
        .map_err(|error| error.to_string())?;
    let (parts, ()) = request.into_parts();
    let body = Full::new(Bytes::from(object.to_string()));
    let response = crate::router::handle(Arc::clone(api), parts, body).await;
    if response.status().is_success() {
        return Ok(());
    }
    let Ok(body) = response.into_body().collect().await;
    let answer: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    let message = answer.get("message").and_then(Value::as_str);
    Err(message.unwrap_or("the server gave no reason").to_owned())
}
