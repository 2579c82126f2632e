//! Events: what a controller tells the users of an object.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event as K8sEvent, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kubist_client::{Api, Client};
use kubist_core::params::{Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an event may be followed by the same one to count as a series; client-go's figure.
const SERIES: Duration = Duration::from_secs(6 * 60);

/// How many events are remembered at most, to recognise a series.
const REMEMBERED: usize = 4096;

/// The longest name that an object may have.
const LONGEST_NAME: usize = 253;

/// Something that happened to an object, for the users of that object.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whether it is good to know, or a problem.
    pub type_: EventType,
    /// Why the action was taken: short and machine-readable, in UpperCamelCase, at most 128 characters.
    pub reason: String,
    /// What happened, for people; at most 1 kB. Default: none.
    pub note: Option<String>,
    /// What was done or failed: short and machine-readable, in UpperCamelCase, at most 128 characters.
    pub action: String,
    /// Another object that the event is about.
    pub secondary: Option<ObjectReference>,
}

/// The type of an [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Good to know.
    Normal,
    /// A problem that a user may want to do something about.
    Warning,
}

impl EventType {
    fn as_str(self) -> &'static str {
        match self {
            EventType::Normal => "Normal",
            EventType::Warning => "Warning",
        }
    }
}

/// Who reports events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reporter {
    /// The name of the controller, qualified, for example `docs.example.com/document-controller`.
    pub controller: String,
    /// Which of several processes, usually the name of its pod. Default: the name of the controller.
    pub instance: Option<String>,
}

impl From<String> for Reporter {
    fn from(controller: String) -> Self {
        Reporter {
            controller,
            instance: None,
        }
    }
}

impl From<&str> for Reporter {
    fn from(controller: &str) -> Self {
        controller.to_owned().into()
    }
}

/// An object reference that can be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference(ObjectReference);

impl Eq for Reference {}

impl std::hash::Hash for Reference {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let ObjectReference {
            api_version,
            kind,
            name,
            namespace,
            uid,
            ..
        } = &self.0;
        (api_version, kind, name, namespace, uid).hash(state);
    }
}

/// Publishes events about objects.
///
/// An event that was published already within the last six minutes is not published anew: the first one
/// counts how often it came, as `kubectl describe` shows. Clones share that memory.
///
/// The controller needs the verbs `create` and `patch` on `events.events.k8s.io`.
///
/// # Example
///
/// ```no_run
/// use kubist_client::Client;
/// use kubist_core::Resource;
/// use kubist_runtime::events::{Event, EventType, Recorder};
/// use k8s_openapi::api::core::v1::ConfigMap;
///
/// # async fn wrapper(map: ConfigMap) -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::try_default().await?;
/// let recorder = Recorder::new(client, "docs.example.com/document-controller".into());
/// recorder
///     .publish(
///         &Event {
///             type_: EventType::Normal,
///             reason: "Published".into(),
///             note: Some("the document was published".into()),
///             action: "Publish".into(),
///             secondary: None,
///         },
///         &map.object_ref(&()),
///     )
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Recorder {
    client: Client,
    reporter: Reporter,
    published: Arc<Mutex<HashMap<EventKey, Published>>>,
}

/// What makes two events the same.
#[derive(Clone, PartialEq, Eq, Hash)]
struct EventKey {
    type_: EventType,
    action: String,
    reason: String,
    note: Option<String>,
    regarding: Reference,
    related: Option<Reference>,
}

/// The event that stands for a series.
#[derive(Clone)]
struct Published {
    name: String,
    /// How often it came.
    count: i32,
    last: Instant,
}

impl Recorder {
    /// A recorder that reports in the name of `reporter`.
    #[must_use]
    pub fn new(client: Client, reporter: Reporter) -> Self {
        Recorder {
            client,
            reporter,
            published: Arc::default(),
        }
    }

    /// Publishes an event about an object.
    ///
    /// The event is created in the object's namespace, or in `default` for cluster-wide objects.
    ///
    /// # Errors
    ///
    /// Whatever the API answers, for example 403 where the controller may not create events, or 422 where
    /// a field is too long.
    pub async fn publish(
        &self,
        event: &Event,
        reference: &ObjectReference,
    ) -> Result<(), kubist_client::Error> {
        let namespace = reference.namespace.as_deref().unwrap_or("default");
        let events = Api::<K8sEvent>::namespaced(self.client.clone(), namespace);
        let key = EventKey {
            type_: event.type_,
            action: event.action.clone(),
            reason: event.reason.clone(),
            note: event.note.clone(),
            regarding: Reference(reference.clone()),
            related: event.secondary.clone().map(Reference),
        };
        if let Some(earlier) = self.recall(&key).await {
            match self.count(&events, &earlier).await {
                Ok(()) => {
                    self.remember(key, earlier).await;
                    return Ok(());
                }
                // Events expire on the server too; it begins anew.
                Err(kubist_client::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        let new = self.event(event, reference, namespace);
        let name = new.metadata.name.clone().unwrap_or_default();
        events.create(&PostParams::default(), &new).await?;
        self.remember(
            key,
            Published {
                name,
                count: 1,
                last: Instant::now(),
            },
        )
        .await;
        Ok(())
    }

    /// The same event, if it was published not long ago, counted once more.
    async fn recall(&self, key: &EventKey) -> Option<Published> {
        let published = self.published.lock().await;
        let earlier = published
            .get(key)
            .filter(|earlier| earlier.last.elapsed() < SERIES)?;
        Some(Published {
            name: earlier.name.clone(),
            count: earlier.count.saturating_add(1),
            last: Instant::now(),
        })
    }

    async fn remember(&self, key: EventKey, event: Published) {
        let mut published = self.published.lock().await;
        if published.len() >= REMEMBERED && !published.contains_key(&key) {
            published.retain(|_, earlier| earlier.last.elapsed() < SERIES);
            if published.len() >= REMEMBERED {
                // A flood of different events: forgetting costs a few duplicates, keeping costs memory.
                published.clear();
            }
        }
        published.insert(key, event);
    }

    async fn count(&self, events: &Api<K8sEvent>, event: &Published) -> Result<(), kubist_client::Error> {
        let series = EventSeries {
            count: event.count,
            last_observed_time: MicroTime(Timestamp::now()),
        };
        let patch = Patch::Merge(json!({ "series": series }));
        events
            .patch(&event.name, &PatchParams::default(), &patch)
            .await
            .map(|_| ())
    }

    fn event(&self, event: &Event, reference: &ObjectReference, namespace: &str) -> K8sEvent {
        let now = Timestamp::now();
        let Reporter { controller, instance } = &self.reporter;
        K8sEvent {
            action: Some(event.action.clone()),
            reason: Some(event.reason.clone()),
            event_time: Some(MicroTime(now)),
            note: event.note.clone(),
            regarding: Some(reference.clone()),
            related: event.secondary.clone(),
            reporting_controller: Some(controller.clone()),
            reporting_instance: Some(instance.clone().unwrap_or_else(|| controller.clone())),
            type_: Some(event.type_.as_str().to_owned()),
            metadata: ObjectMeta {
                namespace: Some(namespace.to_owned()),
                name: Some(event_name(reference.name.as_deref().unwrap_or_default(), now)),
                ..ObjectMeta::default()
            },
            ..K8sEvent::default()
        }
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("reporter", &self.reporter)
            .finish_non_exhaustive()
    }
}

/// The name of the object and the time in nanoseconds, as client-go names events.
fn event_name(object: &str, now: Timestamp) -> String {
    let suffix = format!("{:x}", now.as_nanosecond());
    let room = LONGEST_NAME - 1 - suffix.len();
    // Names of objects are ASCII; for any other the cut falls on a character all the same.
    let object = object
        .char_indices()
        .nth(room)
        .map_or(object, |(end, _)| &object[..end]);
    format!("{object}.{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit() {
        let now = Timestamp::now();
        assert!(event_name("web", now).starts_with("web."));
        let name = event_name(&"x".repeat(253), now);
        assert_eq!(name.len(), 253);
        assert!(name.starts_with("xxx"));
    }
}
