//! Those who write, and what they were told.

use std::sync::Arc;

use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::model::{Model, NAMESPACES};
use crate::client::{Answer, Http, MERGE};

/// What a writer does to one of a few objects.
#[derive(Clone, Copy, Debug)]
enum Act {
    Create,
    /// Changes the label that some watches select by.
    Mark,
    /// Changes the field that some watches select by.
    Type,
    Delete,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    act: Act,
    namespace: &'static str,
    object: u8,
    /// The side of the selection on which the object is afterwards.
    selected: bool,
}

pub(super) fn script() -> impl Strategy<Value = Vec<Step>> {
    let acts = vec![
        Act::Create,
        Act::Mark,
        Act::Mark,
        Act::Type,
        Act::Type,
        Act::Delete,
    ];
    let act = prop::sample::select(acts);
    let namespace = prop::sample::select(NAMESPACES.to_vec());
    let step = (act, namespace, 0..2_u8, any::<bool>()).prop_map(|(act, namespace, object, selected)| Step {
        act,
        namespace,
        object,
        selected,
    });
    prop::collection::vec(step, 4..24)
}

/// What all writers share.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) model: Arc<Mutex<Model>>,
    /// How many steps were made.
    pub(super) progress: watch::Sender<usize>,
}

impl Desk {
    fn note(&self, (status, object): Answer, gone: bool) {
        match status {
            200 | 201 => self.model.lock().acknowledge(object, gone),
            404 | 409 => {}
            _ => panic!("{status}: {object}"),
        }
    }

    /// Makes the steps of a script, one after the other.
    pub(super) async fn write(&self, http: &Http, script: &[Step], writer: usize) {
        for (at, step) in script.iter().enumerate() {
            let services = format!("/api/v1/namespaces/{}/services", step.namespace);
            let name = format!("o{}", step.object);
            let path = format!("{services}/{name}");
            // Each write writes something new.
            let by = json!({"by": format!("{writer}-{at}")});
            let mark = if step.selected { "yes" } else { "no" };
            let kind = if step.selected { "NodePort" } else { "ClusterIP" };
            let (answer, gone) = match step.act {
                Act::Create => (http.post(&services, service(&name, mark, by)).await, false),
                Act::Mark => {
                    let patch = json!({"metadata": {"labels": {"mark": mark}, "annotations": by}});
                    (http.patch(&path, MERGE, patch).await, false)
                }
                Act::Type => {
                    let patch = json!({"metadata": {"annotations": by}, "spec": {"type": kind}});
                    (http.patch(&path, MERGE, patch).await, false)
                }
                Act::Delete => (http.delete(&path).await, true),
            };
            self.note(answer, gone);
            self.progress.send_modify(|steps| *steps += 1);
        }
    }

    /// Writes, when all others are done, what every watch selects.
    pub(super) async fn finish(&self, http: &Http) {
        for namespace in NAMESPACES {
            let services = format!("/api/v1/namespaces/{namespace}/services");
            let last = service("last", "yes", json!({}));
            self.note(http.post(&services, last).await, false);
            let patch = json!({"spec": {"type": "NodePort"}});
            let path = format!("{services}/last");
            self.note(http.patch(&path, MERGE, patch).await, false);
        }
    }
}

/// Whether nothing comes after this object in the namespace of a watch, or in the last one.
pub(super) fn is_last(object: &Value, namespace: Option<&str>) -> bool {
    let metadata = &object["metadata"];
    metadata["name"] == "last"
        && object["spec"]["type"] == "NodePort"
        && metadata["namespace"] == namespace.unwrap_or(NAMESPACES[NAMESPACES.len() - 1])
}

fn service(name: &str, mark: &str, annotations: Value) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"mark": mark}, "annotations": annotations},
        "spec": {"ports": [{"port": 80}]},
    })
}
