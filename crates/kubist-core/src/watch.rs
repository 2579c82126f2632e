//! The events of a watch.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{Status, metadata::TypeMeta};

/// One line of a watch: a change, a bookmark, or an error.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::WatchEvent;
///
/// let line = r#"{ "type": "ADDED", "object": { "metadata": { "name": "web-0" } } }"#;
/// match serde_json::from_str::<WatchEvent<Pod>>(line)? {
///     WatchEvent::Added(pod) => assert_eq!(pod.metadata.name.as_deref(), Some("web-0")),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Deserialize, Serialize, Clone)]
#[serde(tag = "type", content = "object", rename_all = "UPPERCASE")]
pub enum WatchEvent<K> {
    /// An object was created, or is now selected.
    Added(K),
    /// An object was changed.
    Modified(K),
    /// An object was deleted, or is no longer selected.
    Deleted(K),
    /// All events up to this resource version were sent.
    Bookmark(Bookmark),
    /// The server ends the watch and says why.
    Error(Box<Status>),
}

/// Names the event but not the object, which may be a secret.
impl<K> fmt::Debug for WatchEvent<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WatchEvent::Added(_) => f.write_str("Added event"),
            WatchEvent::Modified(_) => f.write_str("Modified event"),
            WatchEvent::Deleted(_) => f.write_str("Deleted event"),
            WatchEvent::Bookmark(_) => f.write_str("Bookmark event"),
            WatchEvent::Error(status) => write!(f, "Error event: {status:?}"),
        }
    }
}

/// How far a watch has come.
///
/// ```
/// use k8s_openapi::api::core::v1::Pod;
/// use kubist_core::{WatchEvent, watch::Bookmark};
///
/// fn version(event: WatchEvent<Pod>) -> Option<String> {
///     let WatchEvent::Bookmark(Bookmark { metadata, .. }) = event else { return None };
///     Some(metadata.resource_version)
/// }
/// ```
#[derive(Serialize, Deserialize, Clone)]
pub struct Bookmark {
    /// The kind that is watched.
    #[serde(flatten)]
    pub types: TypeMeta,
    /// How far.
    pub metadata: BookmarkMeta,
}

/// The metadata of a bookmark.
///
/// ```
/// use kubist_core::watch::BookmarkMeta;
///
/// fn ends_list(meta: &BookmarkMeta) -> bool {
///     meta.annotations.get("k8s.io/initial-events-end").is_some_and(|value| value == "true")
/// }
/// ```
#[derive(Serialize, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct BookmarkMeta {
    /// The resource version to watch from next.
    pub resource_version: String,
    /// `k8s.io/initial-events-end: "true"` marks the end of a streamed list
    /// ([KEP-3157](https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/3157-watch-list)).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;

    use super::*;

    fn event(text: &str) -> WatchEvent<Secret> {
        serde_json::from_str(text).expect("valid")
    }

    #[test]
    fn reads_every_kind_of_event() {
        let object = r#"{"metadata":{"name":"a"},"stringData":{"k":"hidden"}}"#;
        assert!(matches!(
            event(&format!(r#"{{"type":"ADDED","object":{object}}}"#)),
            WatchEvent::Added(_)
        ));
        assert!(matches!(
            event(&format!(r#"{{"object":{object},"type":"DELETED"}}"#)),
            WatchEvent::Deleted(_)
        ));
        let WatchEvent::Bookmark(bookmark) = event(
            r#"{"type":"BOOKMARK","object":{"apiVersion":"v1","kind":"Secret","metadata":{"resourceVersion":"7",
            "annotations":{"k8s.io/initial-events-end":"true"},"creationTimestamp":null}}}"#,
        ) else {
            panic!("no bookmark")
        };
        assert_eq!(
            (
                bookmark.metadata.resource_version.as_str(),
                bookmark.metadata.annotations.len()
            ),
            ("7", 1)
        );
        let WatchEvent::Error(status) = event(r#"{"type":"ERROR","object":{"code":410,"reason":"Expired"}}"#)
        else {
            panic!("no error")
        };
        assert_eq!(status.code, 410);
    }

    #[test]
    fn debug_hides_objects() {
        let shown = format!(
            "{:?}",
            event(r#"{"type":"MODIFIED","object":{"stringData":{"k":"hidden"}}}"#)
        );
        assert_eq!(shown, "Modified event");
    }
}
