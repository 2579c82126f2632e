use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kubist_apiserver::Server;
use kubist_client::{Api, Client};

/// A server, and a client that reaches it through its kubeconfig.
pub(crate) async fn cluster() -> (Server, Client) {
    let server = Server::start().await.unwrap();
    let client = server.client();
    (server, client)
}

pub(crate) fn maps(client: &Client) -> Api<ConfigMap> {
    Api::default_namespaced(client.clone())
}

pub(crate) fn map(name: &str, text: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.into()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("text".to_owned(), text.to_owned())])),
        ..ConfigMap::default()
    }
}

pub(crate) fn text(map: &ConfigMap) -> &str {
    map.data
        .as_ref()
        .and_then(|data| data.get("text"))
        .map_or("", String::as_str)
}

/// Fails a test that waits for what does not come.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("it did not come")
}
