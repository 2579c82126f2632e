//! Small GETs: how many a second, and what one of them allocates.

use std::future::Future;
use std::time::{Duration, Instant};

use futures::future::join_all;
use k8s_openapi::api::core::v1::ConfigMap;
use stats_alloc::Region;

use crate::ALLOCATOR;
use crate::rounds::{alternate, line};
use crate::server::{Document, Protocol, Server};

/// How long one turn takes.
const TURN: Duration = Duration::from_millis(700);

pub async fn compare() {
    compare_over("HTTP/1.1", Protocol::Plain).await;
    compare_over("TLS", Protocol::Tls).await;
}

async fn compare_over(name: &str, protocol: Protocol) {
    let server = Server::start(protocol, Document::ConfigMap);
    let kube = kube::Api::<ConfigMap>::namespaced(server.kube(), "default");
    let kubist = kubist::Api::<ConfigMap>::namespaced(server.kubist(), "default");
    for tasks in [1, 64] {
        let figures = alternate(
            || {
                let api = kube.clone();
                per_second(tasks, move || {
                    let api = api.clone();
                    async move { api.get("settings").await.map(drop).expect("an answer") }
                })
            },
            || {
                let api = kubist.clone();
                per_second(tasks, move || {
                    let api = api.clone();
                    async move { api.get("settings").await.map(drop).expect("an answer") }
                })
            },
        )
        .await;
        line(
            &format!("GETs a second, {tasks} task(s), {name}"),
            "",
            figures,
            true,
        );
    }
    let figures = alternate(
        || allocations(|| async { kube.get("settings").await.map(drop).expect("an answer") }),
        || allocations(|| async { kubist.get("settings").await.map(drop).expect("an answer") }),
    )
    .await;
    line(&format!("allocations per GET, {name}"), "", figures, false);
}

async fn per_second<F, Fut>(tasks: usize, get: F) -> f64
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let start = Instant::now();
    let running = (0..tasks).map(|_| {
        let get = get.clone();
        tokio::spawn(async move {
            let mut count = 0_u64;
            while start.elapsed() < TURN {
                get().await;
                count += 1;
            }
            count
        })
    });
    let counts = join_all(running).await;
    let total: u64 = counts.into_iter().map(|count| count.expect("no panic")).sum();
    total as f64 / start.elapsed().as_secs_f64()
}

async fn allocations<F, Fut>(get: F) -> f64
where
    F: Fn() -> Fut,
    Fut: Future<Output = ()>,
{
    const GETS: usize = 500;
    get().await;
    let region = Region::new(ALLOCATOR);
    for _ in 0..GETS {
        get().await;
    }
    let stats = region.change();
    (stats.allocations + stats.reallocations) as f64 / GETS as f64
}
