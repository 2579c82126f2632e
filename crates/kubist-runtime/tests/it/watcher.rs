use std::pin::Pin;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kubist_core::ResourceExt;
use kubist_core::params::{DeleteParams, PostParams};
use kubist_runtime::watcher::{self, Config, Event, watch_object, watcher};
use kubist_runtime::{WatchStreamExt, metadata_watcher, reflector};

use crate::support::{cluster, map, maps, soon, text};

type Events<K> = Pin<Box<dyn Stream<Item = watcher::Result<Event<K>>> + Send>>;

/// The next event in short: its kind and the name in it.
async fn next<K: kubist_core::Resource>(events: &mut Events<K>) -> String {
    match soon(events.next()).await.unwrap().unwrap() {
        Event::Init => "init".to_owned(),
        Event::InitApply(object) => format!("init {}", object.name_any()),
        Event::InitDone => "done".to_owned(),
        Event::Apply(object) => format!("apply {}", object.name_any()),
        Event::Delete(object) => format!("delete {}", object.name_any()),
    }
}

async fn lists_then_watches(config: Config) {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &map(name, "")).await.unwrap();
    }
    let mut events: Events<ConfigMap> = Box::pin(watcher(maps.clone(), config));
    assert_eq!(next(&mut events).await, "init");
    let mut listed = Vec::new();
    for _ in 0..3 {
        listed.push(next(&mut events).await);
    }
    listed.sort();
    assert_eq!(listed, ["init a", "init b", "init c"]);
    assert_eq!(next(&mut events).await, "done");

    maps.create(&PostParams::default(), &map("d", "")).await.unwrap();
    assert_eq!(next(&mut events).await, "apply d");
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert_eq!(next(&mut events).await, "delete a");
}

#[tokio::test]
async fn a_list_in_pages_is_followed_by_changes() {
    lists_then_watches(Config::default().page_size(2)).await;
}

#[tokio::test]
async fn a_list_of_any_version_is_followed_by_changes() {
    lists_then_watches(Config::default().any_semantic()).await;
}

#[tokio::test]
async fn a_streaming_list_is_followed_by_changes() {
    lists_then_watches(Config::default().streaming_lists()).await;
}

#[tokio::test]
async fn a_watch_is_renewed_where_it_stood() {
    let (server, client) = cluster().await;
    let maps = maps(&client);
    let mut events: Events<ConfigMap> = Box::pin(watcher(maps.clone(), Config::default().timeout(1)));
    assert_eq!(next(&mut events).await, "init");
    assert_eq!(next(&mut events).await, "done");
    for name in ["a", "b", "c"] {
        // Each falls somewhere in a watch, or between two.
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        maps.create(&PostParams::default(), &map(name, "")).await.unwrap();
        assert_eq!(next(&mut events).await, format!("apply {name}"));
    }
    let lists = server.audit().into_iter().filter(|record| record.verb == "list");
    assert_eq!(lists.count(), 1, "a renewed watch needs no list");
}

#[tokio::test]
async fn metadata_only() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    maps.create(&PostParams::default(), &map("a", "x")).await.unwrap();
    let mut events: Events<_> = Box::pin(metadata_watcher(maps, Config::default()));
    assert_eq!(next(&mut events).await, "init");
    assert_eq!(next(&mut events).await, "init a");
    assert_eq!(next(&mut events).await, "done");
}

#[tokio::test]
async fn one_object_by_its_name() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    maps.create(&PostParams::default(), &map("other", ""))
        .await
        .unwrap();
    let mut states = Box::pin(watch_object(maps.clone(), "one"));
    assert!(
        soon(states.next()).await.unwrap().unwrap().is_none(),
        "it is not there yet"
    );
    maps.create(&PostParams::default(), &map("one", "x"))
        .await
        .unwrap();
    assert_eq!(text(&soon(states.next()).await.unwrap().unwrap().unwrap()), "x");
    maps.create(&PostParams::default(), &map("another", ""))
        .await
        .unwrap();
    maps.delete("one", &DeleteParams::default()).await.unwrap();
    assert!(soon(states.next()).await.unwrap().unwrap().is_none());
}

#[tokio::test]
async fn a_reflector_follows() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    maps.create(&PostParams::default(), &map("a", "1")).await.unwrap();
    let (reader, writer) = reflector::store::<ConfigMap>();
    let mut events = Box::pin(
        watcher(maps.clone(), Config::default())
            .default_backoff()
            .reflect(writer)
            .touched_objects(),
    );
    let seen = soon(events.next()).await.unwrap().unwrap();
    assert_eq!(seen.name_any(), "a");

    let mut changed = maps.get("a").await.unwrap();
    changed.data = map("a", "2").data;
    maps.replace("a", &PostParams::default(), &changed).await.unwrap();
    soon(events.next()).await.unwrap().unwrap();
    let cached = reader
        .get(&reflector::ObjectRef::new("a").within("default"))
        .unwrap();
    assert_eq!(text(&cached), "2");
    assert!(reader.is_ready());

    maps.delete("a", &DeleteParams::default()).await.unwrap();
    soon(events.next()).await.unwrap().unwrap();
    assert!(reader.is_empty());
}
