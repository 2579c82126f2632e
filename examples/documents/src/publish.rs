//! The reconciler.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kubist::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kubist::runtime::controller::Action;
use kubist::runtime::events::{Event, EventType, Recorder};
use kubist::runtime::finalizer::{Event as Finalizer, finalizer};
use kubist::{Api, Client, Resource, ResourceExt};
use serde_json::json;

use crate::{Document, DocumentStatus};

/// The finalizer that keeps a Document until it is withdrawn.
pub const FINALIZER: &str = "docs.example.com/withdraw";

/// How often a Document is looked at even if nothing changes.
const RECHECK: Duration = Duration::from_secs(300);

/// What the reconciler needs beside the Document.
pub struct Context {
    client: Client,
    recorder: Recorder,
}

impl Context {
    /// The context of an operator with this client.
    #[must_use]
    pub fn new(client: Client) -> Arc<Self> {
        let recorder = Recorder::new(client.clone(), "docs.example.com/documents".into());
        Arc::new(Context { client, recorder })
    }
}

/// Why a Document could not be published or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused something.
    #[error("the API server refused: {0}")]
    Kube(#[from] kubist::Error),
    /// The finalizer could not do its work.
    #[error(transparent)]
    Finalizer(#[from] Box<kubist::runtime::finalizer::Error<Error>>),
}

/// Publishes a Document, or withdraws it when it is being deleted.
///
/// # Errors
///
/// See [`Error`]; the runtime tries again after a while.
pub async fn reconcile(document: Arc<Document>, context: Arc<Context>) -> Result<Action, Error> {
    let namespace = document.namespace().unwrap_or_default();
    let documents = Api::<Document>::namespaced(context.client.clone(), &namespace);
    let maps = Api::<ConfigMap>::namespaced(context.client.clone(), &namespace);
    finalizer(&documents, FINALIZER, document, |event| async {
        match event {
            Finalizer::Apply(document) => publish(&document, &context, &documents, &maps).await,
            Finalizer::Cleanup(document) => withdraw(&document, &context, &maps).await,
        }
    })
    .await
    .map_err(|error| Box::new(error).into())
}

async fn publish(
    document: &Document,
    context: &Context,
    documents: &Api<Document>,
    maps: &Api<ConfigMap>,
) -> Result<Action, Error> {
    let name = document.name_any();
    let wanted = config_map(document);
    let map = wanted.name_any();
    let written = match maps.get_opt(&map).await? {
        None => {
            maps.create(&PostParams::default(), &wanted).await?;
            true
        }
        Some(mut present) if present.data != wanted.data || present.owner_references().is_empty() => {
            present.data = wanted.data;
            present.metadata.owner_references = wanted.metadata.owner_references;
            maps.replace(&map, &PostParams::default(), &present).await?;
            true
        }
        Some(_) => false,
    };
    if written {
        let note = format!("{:?} is in the ConfigMap {map}", document.spec.title);
        context.tell(document, "Published", "Publish", note).await?;
    }

    let status = DocumentStatus::published(document.status.as_ref(), document.metadata.generation, &map);
    if document.status.as_ref() != Some(&status) {
        let patch = Patch::Merge(json!({ "status": status }));
        documents
            .patch_status(&name, &PatchParams::default(), &patch)
            .await?;
    }
    Ok(Action::requeue(RECHECK))
}

async fn withdraw(document: &Document, context: &Context, maps: &Api<ConfigMap>) -> Result<Action, Error> {
    let map = config_map(document).name_any();
    match maps.delete(&map, &DeleteParams::default()).await {
        Ok(_) => {}
        Err(kubist::Error::Api(status)) if status.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    let note = format!("{:?} is no longer in the ConfigMap {map}", document.spec.title);
    context.tell(document, "Withdrawn", "Withdraw", note).await?;
    Ok(Action::await_change())
}

impl Context {
    async fn tell(&self, document: &Document, reason: &str, action: &str, note: String) -> Result<(), Error> {
        let event = Event {
            type_: EventType::Normal,
            reason: reason.to_owned(),
            note: Some(note),
            action: action.to_owned(),
            secondary: None,
        };
        Ok(self.recorder.publish(&event, &document.object_ref(&())).await?)
    }
}

/// The ConfigMap that a Document is published in. It goes with the Document, which owns it.
fn config_map(document: &Document) -> ConfigMap {
    let spec = &document.spec;
    let text = if spec.hidden {
        String::new()
    } else {
        format!("# {}\n\n{}\n", spec.title, spec.body)
    };
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(format!("document-{}", document.name_any())),
            namespace: document.namespace(),
            owner_references: document.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("document.md".to_owned(), text)])),
        ..ConfigMap::default()
    }
}
