//! A list of 5,000 pods, from asking for it to the objects.

use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;

use crate::{
    rounds::{alternate, line},
    server::{Document, Protocol, Server},
};

const PODS: usize = 5_000;

pub async fn compare() {
    compare_over("HTTP/1.1", Protocol::Plain).await;
    compare_over("TLS", Protocol::Tls).await;
}

async fn compare_over(name: &str, protocol: Protocol) {
    let server = Server::start(protocol, Document::Pods(PODS));
    let kube = kube::Api::<Pod>::all(server.kube());
    let kubist = kubist::Api::<Pod>::all(server.kubist());
    let figures = alternate(
        || async {
            let start = Instant::now();
            let list = kube
                .list(&kube::api::ListParams::default())
                .await
                .expect("a list");
            assert_eq!(list.items.len(), PODS);
            start.elapsed().as_secs_f64() * 1000.0
        },
        || async {
            let start = Instant::now();
            let list = kubist
                .list(&kubist::api::ListParams::default())
                .await
                .expect("a list");
            assert_eq!(list.items.len(), PODS);
            start.elapsed().as_secs_f64() * 1000.0
        },
    )
    .await;
    line(&format!("a list of {PODS} pods, {name}"), "ms", figures, false);
}
