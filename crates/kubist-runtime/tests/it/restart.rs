use std::sync::Arc;
use std::time::Duration;

use backon::ExponentialBuilder;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kubist_apiserver::Server;
use kubist_core::ResourceExt;
use kubist_core::params::{DeleteParams, PostParams};
use kubist_runtime::Controller;
use kubist_runtime::controller::Action;
use kubist_runtime::watcher::{self, ExponentialBackoff};
use tokio::sync::mpsc;

use crate::support::{cluster, map, maps, soon, text};

/// A server dies, its state is changed by others meanwhile, and it comes back on the same port: the
/// controller goes on by itself, and learns of every change.
#[tokio::test]
async fn a_controller_survives_its_server() {
    let (mut server, client) = cluster().await;
    let api = maps(&client);
    for name in ["kept", "changed", "deleted"] {
        api.create(&PostParams::default(), &map(name, "1")).await.unwrap();
    }
    let (send, mut seen) = mpsc::unbounded_channel();
    async fn reconcile(
        object: Arc<ConfigMap>,
        seen: Arc<mpsc::UnboundedSender<(String, String)>>,
    ) -> Result<Action, std::convert::Infallible> {
        let _ = seen.send((object.name_any(), text(&object).to_owned()));
        Ok(Action::await_change())
    }
    let backoff: ExponentialBackoff = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_millis(100))
        .without_max_times()
        .into();
    let controller = Controller::new(api.clone(), watcher::Config::default()).trigger_backoff(backoff);
    let reader = controller.store();
    let policy = |_, _: &_, _| Action::requeue_with_backoff();
    tokio::spawn(
        controller
            .run(reconcile, policy, Arc::new(send))
            .for_each(|_| std::future::ready(())),
    );
    let mut first = Vec::new();
    for _ in 0..3 {
        first.push(soon(seen.recv()).await.unwrap().0);
    }
    first.sort();
    assert_eq!(first, ["changed", "deleted", "kept"]);

    for round in 2..5 {
        let snapshot = server.snapshot();
        let port = server.addr().port();
        server.kill().await;

        // Others change its state while the controller cannot see it.
        let elsewhere = Server::builder().restore(snapshot).start().await.unwrap();
        let other = maps(&elsewhere.client());
        let mut object = other.get("changed").await.unwrap();
        object.data = map("changed", &round.to_string()).data;
        other
            .replace("changed", &PostParams::default(), &object)
            .await
            .unwrap();
        if round == 2 {
            other.delete("deleted", &DeleteParams::default()).await.unwrap();
        }
        let snapshot = elsewhere.snapshot();
        elsewhere.kill().await;

        server = Server::builder()
            .restore(snapshot)
            .port(port)
            .start()
            .await
            .unwrap();
        assert_eq!(
            soon(seen.recv()).await.unwrap(),
            ("changed".into(), round.to_string())
        );
        soon(async {
            while reader.len() != 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        // And it sees what happens from now on.
        api.create(&PostParams::default(), &map(&format!("new-{round}"), "1"))
            .await
            .unwrap();
        assert_eq!(soon(seen.recv()).await.unwrap().0, format!("new-{round}"));
        api.delete(&format!("new-{round}"), &DeleteParams::default())
            .await
            .unwrap();
    }
}
