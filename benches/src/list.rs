//! A list of 5,000 pods: from the bytes of the answer to the objects.

use std::convert::Infallible;
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use k8s_openapi::api::core::v1::Pod;
use tower::service_fn;

use crate::pods;
use crate::rounds::{alternate, line};

const PODS: usize = 5_000;

pub async fn compare() {
    let body = Bytes::from(pods::list(PODS));
    let kube = {
        let body = body.clone();
        let service = service_fn(move |_: Request<kube::client::Body>| {
            let body = body.clone();
            async move { Ok::<_, Infallible>(Response::new(kube::client::Body::from(body))) }
        });
        kube::Api::<Pod>::all(kube::Client::new(service, "default"))
    };
    let kubist = {
        let body = body.clone();
        let service = service_fn(move |_: Request<kubist::client::Body>| {
            let body = body.clone();
            async move { Ok::<_, Infallible>(Response::new(kubist::client::Body::from(body))) }
        });
        kubist::Api::<Pod>::all(kubist::Client::new(service, "default"))
    };
    let figures = alternate(
        || async {
            let start = Instant::now();
            let list = kube.list(&Default::default()).await.expect("a list");
            assert_eq!(list.items.len(), PODS);
            start.elapsed().as_secs_f64() * 1000.0
        },
        || async {
            let start = Instant::now();
            let list = kubist.list(&Default::default()).await.expect("a list");
            assert_eq!(list.items.len(), PODS);
            start.elapsed().as_secs_f64() * 1000.0
        },
    )
    .await;
    line(
        &format!("a list of {PODS} pods of {} kB", body.len() / PODS / 1000),
        "ms",
        figures,
        false,
    );
}
