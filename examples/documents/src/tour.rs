//! A tour of the operator: what a user does, and what comes of it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kubist::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kubist::runtime::wait::{await_condition, conditions};
use kubist::{Api, Client, ResourceExt};
use serde_json::json;

use crate::{Document, DocumentSpec, FINALIZER};

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Creates three Documents, edits one and deletes one, and prints what the operator makes of it.
///
/// # Errors
///
/// When something is not as it should be.
pub async fn guide(client: Client) -> Result<()> {
    let documents: Api<Document> = Api::default_namespaced(client.clone());
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let events: Api<Event> = Api::default_namespaced(client);

    println!("\n-- three Documents are created");
    let samples = [
        ("welcome", "Welcome", "This is where it begins."),
        ("manual", "The manual", "How it is used."),
        ("farewell", "Farewell", "This is where it ends."),
    ];
    let params = PostParams::default();
    for (name, title, body) in samples {
        let spec = DocumentSpec {
            title: title.to_owned(),
            body: body.to_owned(),
            hidden: false,
        };
        documents.create(&params, &Document::new(name, spec)).await?;
    }
    let published = try_join_all(samples.map(|(name, ..)| published(&documents, name))).await?;
    for document in &published {
        show(document, &maps, &events).await?;
    }

    println!("\n-- one is edited");
    let patch = Patch::Merge(json!({ "spec": { "title": "The manual, second edition" } }));
    let edited = documents.patch("manual", &PatchParams::default(), &patch).await?;
    println!(
        "manual         generation {}",
        edited.metadata.generation.unwrap_or_default()
    );
    show(&published_again(&documents, &edited).await?, &maps, &events).await?;

    println!("\n-- one is deleted");
    let doomed = documents.get("farewell").await?;
    documents.delete("farewell", &DeleteParams::default()).await?;
    let uid = doomed.uid().unwrap_or_default();
    let gone = await_condition(documents.clone(), "farewell", conditions::is_deleted(&uid));
    tokio::time::timeout(PATIENCE, gone)
        .await
        .context("farewell is still there")??;
    let map = map_of(&doomed)?;
    ensure!(
        maps.get_opt(&map).await?.is_none(),
        "the ConfigMap {map} is still there"
    );
    println!("farewell       gone, after its finalizer {FINALIZER}; ConfigMap {map} gone too");

    println!("\n-- what is left");
    for document in documents.list(&ListParams::default()).await? {
        println!("{:<14} {:?}", document.name_any(), document.spec.title);
    }
    Ok(())
}

/// Waits until a Document is published as it is now.
async fn published(documents: &Api<Document>, name: &str) -> Result<Document> {
    let ready = |document: Option<&Document>| document.is_some_and(Document::is_ready);
    let document = tokio::time::timeout(PATIENCE, await_condition(documents.clone(), name, ready))
        .await
        .with_context(|| format!("{name} was not published within {}s", PATIENCE.as_secs()))??;
    document.with_context(|| format!("{name} does not exist"))
}

async fn published_again(documents: &Api<Document>, edited: &Document) -> Result<Document> {
    let name = edited.name_any();
    let document = published(documents, &name).await?;
    ensure!(
        document.metadata.generation >= edited.metadata.generation,
        "{name} is not the edited one"
    );
    Ok(document)
}

/// Prints what the operator made of a Document, and checks that all of it is there.
async fn show(document: &Document, maps: &Api<ConfigMap>, events: &Api<Event>) -> Result<()> {
    let name = document.name_any();
    ensure!(
        document
            .finalizers()
            .iter()
            .any(|finalizer| finalizer == FINALIZER),
        "{name} has no finalizer"
    );
    let status = document.status.clone().unwrap_or_default();
    let ready = status
        .ready()
        .with_context(|| format!("{name} has no condition Ready"))?;
    println!(
        "{name:<14} Ready={} observedGeneration={} finalizer {FINALIZER}",
        ready.status,
        status.observed_generation.unwrap_or_default(),
    );

    let map = maps.get(&map_of(document)?).await?;
    let owner = map
        .owner_references()
        .iter()
        .find(|owner| Some(&owner.uid) == document.metadata.uid.as_ref());
    ensure!(owner.is_some(), "{} is not owned by {name}", map.name_any());
    let text = map
        .data
        .as_ref()
        .and_then(|data| data.get("document.md"))
        .map_or("", String::as_str);
    println!(
        "{:<14} ConfigMap {}, owned by it: {:?}",
        "",
        map.name_any(),
        text.lines().next().unwrap_or("")
    );

    let about = ListParams::default().fields(&format!("regarding.name={name}"));
    let note = events
        .list(&about)
        .await?
        .into_iter()
        .filter_map(|event| event.note)
        .next_back();
    println!(
        "{:<14} Event: {}",
        "",
        note.with_context(|| format!("{name} has no Event"))?
    );
    Ok(())
}

fn map_of(document: &Document) -> Result<String> {
    let status = document.status.as_ref();
    status
        .and_then(|status| status.config_map.clone())
        .with_context(|| format!("{} names no ConfigMap", document.name_any()))
}
