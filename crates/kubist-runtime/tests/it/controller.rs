use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kubist_client::Api;
use kubist_core::params::{DeleteParams, PostParams};
use kubist_core::{Resource, ResourceExt};
use kubist_runtime::Controller;
use kubist_runtime::controller::{Action, Config, Error, RunnerError};
use kubist_runtime::reflector::ObjectRef;
use kubist_runtime::watcher;
use tokio::sync::{Notify, mpsc};

use crate::support::{cluster, map, maps, soon, text};

#[derive(Debug, thiserror::Error)]
#[error("not today")]
struct NotToday;

/// What a test sees of the reconciles: the name and the text of each object.
type Seen = mpsc::UnboundedSender<(String, String)>;

async fn report(object: Arc<ConfigMap>, seen: Arc<Seen>) -> Result<Action, NotToday> {
    let _ = seen.send((object.name_any(), text(&object).to_owned()));
    Ok(Action::await_change())
}

fn retry<K, C>(_: Arc<K>, _: &NotToday, _: Arc<C>) -> Action {
    Action::requeue_with_backoff()
}

async fn next(seen: &mut mpsc::UnboundedReceiver<(String, String)>) -> (String, String) {
    soon(seen.recv()).await.unwrap()
}

#[tokio::test]
async fn reconciles_what_is_there_and_what_changes() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    maps.create(&PostParams::default(), &map("a", "1")).await.unwrap();

    let (send, mut seen) = mpsc::unbounded_channel();
    let controller = Controller::new(maps.clone(), watcher::Config::default());
    let (reader, synced) = (controller.store(), controller.synced());
    assert!(!synced.is_synced());
    tokio::spawn(
        controller
            .run(report, retry, Arc::new(send))
            .for_each(|_| std::future::ready(())),
    );

    assert_eq!(next(&mut seen).await, ("a".into(), "1".into()));
    assert!(synced.is_synced());
    let mut changed = maps.get("a").await.unwrap();
    assert!(!changed.managed_fields().is_empty() || changed.metadata.managed_fields.is_none());
    changed.data = map("a", "2").data;
    maps.replace("a", &PostParams::default(), &changed).await.unwrap();
    assert_eq!(next(&mut seen).await, ("a".into(), "2".into()));
    let cached = reader.get(&ObjectRef::new("a").within("default")).unwrap();
    assert!(
        cached.metadata.managed_fields.is_none(),
        "caches leave managedFields out"
    );
}

fn secret(name: &str, owner: Option<&ConfigMap>) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.into()),
            owner_references: owner.map(|owner| vec![owner.controller_owner_ref(&()).unwrap()]),
            ..ObjectMeta::default()
        },
        ..Secret::default()
    }
}

#[tokio::test]
async fn owned_objects_lead_to_their_owner() {
    let (_server, client) = cluster().await;
    let (maps, secrets) = (maps(&client), Api::<Secret>::default_namespaced(client.clone()));
    let owner = maps
        .create(&PostParams::default(), &map("owner", ""))
        .await
        .unwrap();
    maps.create(&PostParams::default(), &map("other", ""))
        .await
        .unwrap();

    let (send, mut seen) = mpsc::unbounded_channel();
    let controller = Controller::new(maps.clone(), watcher::Config::default())
        .owns(secrets.clone(), watcher::Config::default());
    let synced = controller.synced();
    tokio::spawn(
        controller
            .run(report, retry, Arc::new(send))
            .for_each(|_| std::future::ready(())),
    );
    for _ in 0..2 {
        next(&mut seen).await;
    }
    soon(synced.wait()).await;

    secrets
        .create(&PostParams::default(), &secret("owned", Some(&owner)))
        .await
        .unwrap();
    assert_eq!(next(&mut seen).await.0, "owner");
    // A change that takes the owner away still concerns the one that it was.
    let mut orphan = secrets.get("owned").await.unwrap();
    orphan.metadata.owner_references = None;
    secrets
        .replace("owned", &PostParams::default(), &orphan)
        .await
        .unwrap();
    assert_eq!(next(&mut seen).await.0, "owner");
    secrets
        .create(&PostParams::default(), &secret("foreign", None))
        .await
        .unwrap();
    maps.create(&PostParams::default(), &map("last", ""))
        .await
        .unwrap();
    assert_eq!(
        next(&mut seen).await.0,
        "last",
        "what nobody owns leads to nothing"
    );
}

#[tokio::test]
async fn watched_objects_lead_to_whom_they_name() {
    let (_server, client) = cluster().await;
    let (maps, secrets) = (maps(&client), Api::<Secret>::default_namespaced(client.clone()));
    maps.create(&PostParams::default(), &map("user", ""))
        .await
        .unwrap();
    secrets
        .create(&PostParams::default(), &secret("key", None))
        .await
        .unwrap();

    let (send, mut seen) = mpsc::unbounded_channel();
    let controller = Controller::new(maps.clone(), watcher::Config::default()).watches(
        secrets.clone(),
        watcher::Config::default(),
        |secret| {
            secret
                .namespace()
                .map(|namespace| ObjectRef::new("user").within(&namespace))
        },
    );
    let synced = controller.synced();
    tokio::spawn(
        controller
            .run(report, retry, Arc::new(send))
            .for_each(|_| std::future::ready(())),
    );
    assert_eq!(next(&mut seen).await.0, "user");
    soon(synced.wait()).await;
    while seen.try_recv().is_ok() {}
    secrets.delete("key", &DeleteParams::default()).await.unwrap();
    assert_eq!(next(&mut seen).await.0, "user");
}

/// Counts how many reconciles of one object are under way.
#[derive(Default)]
struct Busy {
    now: AtomicUsize,
    most: AtomicUsize,
    runs: AtomicUsize,
    go: Notify,
}

#[tokio::test]
async fn one_object_is_never_reconciled_twice_at_once_and_no_change_is_lost() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    maps.create(&PostParams::default(), &map("a", "0")).await.unwrap();

    let busy = Arc::new(Busy::default());
    let (send, mut seen) = mpsc::unbounded_channel();
    let reconcile = move |object: Arc<ConfigMap>, busy: Arc<Busy>| {
        let send = send.clone();
        async move {
            let now = busy.now.fetch_add(1, Ordering::SeqCst) + 1;
            busy.most.fetch_max(now, Ordering::SeqCst);
            busy.runs.fetch_add(1, Ordering::SeqCst);
            let _ = send.send((object.name_any(), text(&object).to_owned()));
            busy.go.notified().await;
            busy.now.fetch_sub(1, Ordering::SeqCst);
            Ok(Action::await_change())
        }
    };
    let controller = Controller::new(maps.clone(), watcher::Config::default());
    let reader = controller.store();
    tokio::spawn(
        controller
            .run(reconcile, retry, busy.clone())
            .for_each(|_| std::future::ready(())),
    );
    assert_eq!(next(&mut seen).await.1, "0");

    // Three changes while the first run is held.
    let mut current = maps.get("a").await.unwrap();
    for text in ["1", "2", "3"] {
        current.data = map("a", text).data;
        current = maps.replace("a", &PostParams::default(), &current).await.unwrap();
    }
    soon(async {
        while reader
            .get(&ObjectRef::new("a").within("default"))
            .is_none_or(|cached| text(&cached) != "3")
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    busy.go.notify_one();
    assert_eq!(
        next(&mut seen).await.1,
        "3",
        "they lead to one more run, with the last state"
    );
    busy.go.notify_one();
    maps.create(&PostParams::default(), &map("b", "x")).await.unwrap();
    assert_eq!(next(&mut seen).await, ("b".into(), "x".into()));
    assert_eq!(busy.runs.load(Ordering::SeqCst), 3);
    assert!(
        busy.most.load(Ordering::SeqCst) <= 2,
        "two objects at most, each once"
    );
}

#[tokio::test]
async fn a_failing_object_is_tried_again_and_a_panicking_one_too() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    maps.create(&PostParams::default(), &map("fails", ""))
        .await
        .unwrap();
    maps.create(&PostParams::default(), &map("panics", ""))
        .await
        .unwrap();

    let tries = Arc::new(parking_lot::Mutex::new(BTreeMap::<String, usize>::new()));
    async fn reconcile(
        object: Arc<ConfigMap>,
        tries: Arc<parking_lot::Mutex<BTreeMap<String, usize>>>,
    ) -> Result<Action, NotToday> {
        let name = object.name_any();
        let nth = {
            let mut tries = tries.lock();
            let nth = tries.entry(name.clone()).or_default();
            *nth += 1;
            *nth
        };
        match (name.as_str(), nth) {
            (_, 3..) => Ok(Action::await_change()),
            ("panics", _) => panic!("for the test"),
            _ => Err(NotToday),
        }
    }
    let results = Controller::new(maps, watcher::Config::default()).run(reconcile, retry, tries);
    let mut results = std::pin::pin!(results);
    let (mut failures, mut panics, mut successes) = (0, 0, 0);
    while successes < 2 {
        match soon(results.next()).await.unwrap() {
            Ok(_) => successes += 1,
            Err(Error::ReconcilerFailed(NotToday, object)) => {
                assert_eq!(object.name, "fails");
                failures += 1;
            }
            Err(Error::RunnerError(RunnerError::Panicked(object, message))) => {
                assert_eq!(
                    (object.name.as_str(), message.as_str()),
                    ("panics", "for the test")
                );
                panics += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((failures, panics), (2, 2));
}

#[tokio::test]
async fn concurrency_is_bounded() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    for name in ["a", "b", "c", "d"] {
        maps.create(&PostParams::default(), &map(name, "")).await.unwrap();
    }
    let busy = Arc::new(Busy::default());
    async fn reconcile(_: Arc<ConfigMap>, busy: Arc<Busy>) -> Result<Action, NotToday> {
        let now = busy.now.fetch_add(1, Ordering::SeqCst) + 1;
        busy.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        busy.now.fetch_sub(1, Ordering::SeqCst);
        Ok(Action::await_change())
    }
    let results = Controller::new(maps, watcher::Config::default())
        .with_config(Config::default().concurrency(2))
        .run(reconcile, retry, busy.clone());
    let ended = soon(results.take(4).collect::<Vec<_>>()).await;
    assert!(ended.iter().all(Result::is_ok));
    assert_eq!(busy.most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_graceful_shutdown_lets_reconciles_end() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    maps.create(&PostParams::default(), &map("a", "")).await.unwrap();

    let stop = Arc::new(Notify::new());
    let busy = Arc::new(Busy::default());
    async fn reconcile(_: Arc<ConfigMap>, busy: Arc<Busy>) -> Result<Action, NotToday> {
        busy.now.fetch_add(1, Ordering::SeqCst);
        busy.go.notified().await;
        Ok(Action::await_change())
    }
    let stopped = stop.clone();
    let results = Controller::new(maps.clone(), watcher::Config::default())
        .graceful_shutdown_on(async move { stopped.notified().await })
        .run(reconcile, retry, busy.clone());
    let all = tokio::spawn(results.collect::<Vec<_>>());
    soon(async {
        while busy.now.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    stop.notify_one();
    maps.create(&PostParams::default(), &map("late", ""))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!all.is_finished());
    busy.go.notify_one();
    let ended = soon(all).await.unwrap();
    assert_eq!(ended.len(), 1, "what runs ends, and nothing new begins");
}

#[tokio::test]
async fn a_missing_related_kind_stalls_nothing_else() {
    use kubist_core::discovery::ApiResource;
    use kubist_core::dynamic::DynamicObject;
    use kubist_core::gvk::GroupVersionKind;

    let (_server, client) = cluster().await;
    let maps = maps(&client);
    let missing = ApiResource::from_gvk(&GroupVersionKind::gvk("nowhere.example.com", "v1", "Missing"));
    let (send, mut seen) = mpsc::unbounded_channel();
    let controller = Controller::new(maps.clone(), watcher::Config::default()).owns_with(
        Api::<DynamicObject>::all_with(client, &missing),
        missing,
        watcher::Config::default(),
    );
    let synced = controller.synced();
    let (errors, mut failed) = mpsc::unbounded_channel();
    let results = controller
        .run(report, retry, Arc::new(send))
        .for_each(move |result| {
            if let Err(error) = result {
                let _ = errors.send(error.to_string());
            }
            std::future::ready(())
        });
    tokio::spawn(results);
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &map(name, "")).await.unwrap();
        assert_eq!(next(&mut seen).await.0, name);
    }
    let error = soon(failed.recv()).await.unwrap();
    assert!(error.contains("event queue error"), "{error}");
    assert!(!synced.is_synced());
}
