use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kubist_client::Api;
use kubist_core::discovery::ApiResource;
use kubist_core::dynamic::DynamicObject;
use kubist_core::gvk::GroupVersionKind;
use kubist_core::params::PostParams;
use kubist_operator::{Args, Error, Runtime};
use kubist_runtime::{Controller, controller::Action, watcher};
use tokio::sync::mpsc;

use crate::support::{args, cluster, get, soon};

async fn report(map: Arc<ConfigMap>, seen: Arc<mpsc::UnboundedSender<String>>) -> Result<Action, Infallible> {
    let _ = seen.send(map.metadata.name.clone().unwrap());
    Ok(Action::await_change())
}

fn map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta {
        name: Some(name.into()),
        ..ObjectMeta::default()
    };
    ConfigMap {
        metadata,
        ..ConfigMap::default()
    }
}

#[tokio::test]
async fn a_whole_life() {
    let (_server, client) = cluster().await;
    let builder = Runtime::builder("test", args())
        .client(client.clone())
        .without_signals();
    let mut runtime = builder.build().await.unwrap();
    let (send, mut seen) = mpsc::unbounded_channel();
    let maps = Controller::new(runtime.all::<ConfigMap>(), watcher::Config::default());
    runtime.controller(maps, report, Arc::new(send));
    let (addr, readiness, shutdown) = (runtime.admin_addr(), runtime.readiness(), runtime.shutdown());
    assert!(!readiness.is_ready(), "nothing runs yet");

    let running = tokio::spawn(runtime.run());
    soon(readiness.ready()).await;
    assert_eq!(get(addr, "/live").await.0, 200);
    assert_eq!(get(addr, "/ready").await, (200, "ready\n".into()));
    assert_eq!(get(addr, "/nowhere").await.0, 404);

    let api: Api<ConfigMap> = Api::default_namespaced(client);
    api.create(&PostParams::default(), &map("a")).await.unwrap();
    while soon(seen.recv()).await.unwrap() != "a" {}
    let counted = soon(async {
        loop {
            let (code, metrics) = get(addr, "/metrics").await;
            assert_eq!(code, 200);
            if metrics
                .contains("controller_runtime_reconcile_total{controller=\"configmap\",result=\"success\"}")
            {
                return metrics;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(
        counted.contains("controller_runtime_reconcile_time_seconds_count"),
        "{counted}"
    );

    shutdown.trigger();
    soon(running).await.unwrap().unwrap();
    assert!(
        tokio::net::TcpStream::connect(addr).await.is_err(),
        "the admin server is gone too"
    );
}

#[tokio::test]
async fn not_ready_while_a_cache_lacks_its_initial_list() {
    let (_server, client) = cluster().await;
    let builder = Runtime::builder("test", args())
        .client(client.clone())
        .without_signals();
    let mut runtime = builder.build().await.unwrap();
    let missing = ApiResource::from_gvk(&GroupVersionKind::gvk("nowhere.example.com", "v1", "Missing"));
    let (send, mut seen) = mpsc::unbounded_channel();
    let maps = Controller::new(runtime.all::<ConfigMap>(), watcher::Config::default()).owns_with(
        Api::<DynamicObject>::all_with(client.clone(), &missing),
        missing,
        watcher::Config::default(),
    );
    runtime.controller(maps, report, Arc::new(send));
    let (addr, shutdown) = (runtime.admin_addr(), runtime.shutdown());
    let running = tokio::spawn(runtime.run());

    // What can be done is done.
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    api.create(&PostParams::default(), &map("a")).await.unwrap();
    while soon(seen.recv()).await.unwrap() != "a" {}
    assert_eq!(
        get(addr, "/ready").await,
        (503, "waiting for: the caches of ConfigMap\n".into())
    );
    assert_eq!(get(addr, "/live").await.0, 200);
    shutdown.trigger();
    soon(running).await.unwrap().unwrap();
}

#[tokio::test]
async fn stops_when_told_before_it_is_ready_and_waits_for_tasks() {
    let (_server, client) = cluster().await;
    let builder = Runtime::builder("test", args()).client(client).without_signals();
    let mut runtime = builder.build().await.unwrap();
    let (done, shutdown) = (
        Arc::new(std::sync::atomic::AtomicBool::new(false)),
        runtime.shutdown(),
    );
    let (ended, stopping) = (done.clone(), runtime.shutdown());
    let _gate = runtime.readiness().gate("something that never comes");
    runtime.spawn("a task", async move {
        stopping.signaled().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        ended.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    shutdown.trigger();
    soon(runtime.run()).await.unwrap();
    assert!(done.load(std::sync::atomic::Ordering::SeqCst));
}

#[tokio::test]
async fn a_task_that_panics_ends_the_process() {
    let (_server, client) = cluster().await;
    let builder = Runtime::builder("test", args()).client(client).without_signals();
    let mut runtime = builder.build().await.unwrap();
    runtime.spawn("a bad task", async { panic!("for the test") });
    let Err(Error::Panicked { task }) = soon(runtime.run()).await else {
        panic!("it went on")
    };
    assert_eq!(task, "a bad task");
}

#[tokio::test]
async fn an_admin_address_that_is_taken_is_named() {
    let (_server, client) = cluster().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut args: Args = args();
    args.admin.admin_addr = taken.local_addr().unwrap();
    let error = Runtime::builder("test", args)
        .client(client)
        .without_signals()
        .build()
        .await
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .contains(&taken.local_addr().unwrap().to_string()),
        "{error}"
    );
}
