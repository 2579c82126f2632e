//! What a watch promises, whatever many writers do: events are ordered, unique and complete,
//! and every version that was seen is one to go on from, until it is forgotten.
//!
//! What happened is known from the answers that the writers got. A watch must tell each
//! object as it was in the answer to the write, once and in the order of the versions.

mod model;
mod watchers;
mod writers;

use std::sync::Arc;
use std::time::Duration;

use kubist_apiserver::Server;
use parking_lot::Mutex;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tokio::sync::watch;

use crate::client::Http;
use model::{Model, NAMESPACES, View, same};
use watchers::Watcher;
use writers::{Desk, Step};

/// Who waits longer than this waits for ever.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
struct Case {
    writers: Vec<Vec<Step>>,
    watchers: Vec<Watcher>,
    /// After what parts of the steps the server forgets, in hundredths.
    compactions: Vec<usize>,
    /// How many events it remembers at most.
    history: usize,
    /// What is asked for again when all is written.
    again: View,
}

fn case() -> impl Strategy<Value = Case> {
    let writers = prop::collection::vec(writers::script(), 2..6);
    let watchers = prop::collection::vec(watchers::watcher(), 3..8);
    let compactions = prop::collection::btree_set(0..100_usize, 0..4);
    let history = prop::sample::select(vec![16, 10_000, 10_000]);
    (writers, watchers, compactions, history, watchers::view()).prop_map(
        |(writers, watchers, compactions, history, again)| Case {
            writers,
            watchers,
            compactions: compactions.into_iter().collect(),
            history,
            again,
        },
    )
}

/// Compacts after parts of the steps; gives between which revisions the last compaction was.
async fn compact(
    server: &Server,
    parts: Vec<usize>,
    mut progress: watch::Receiver<usize>,
    steps: usize,
) -> (u64, u64) {
    let mut between = (0, 0);
    for part in parts {
        let at = steps * part / 100;
        progress
            .wait_for(|made| *made >= at)
            .await
            .expect("somebody writes");
        between.0 = server.snapshot().revision();
        server.compact();
        between.1 = server.snapshot().revision();
    }
    between
}

async fn check(case: Case) {
    let server = Server::builder().controllers(false).history(case.history);
    let server = Arc::new(server.start().await.expect("a server"));
    let http = Http::new(&server);
    for name in NAMESPACES {
        http.post("/api/v1/namespaces", json!({"metadata": {"name": name}}))
            .await;
    }
    let steps = case.writers.iter().map(Vec::len).sum();
    let desk = Desk {
        model: Arc::new(Mutex::new(Model::default())),
        progress: watch::Sender::new(0),
    };
    let (_, list) = http.get("/api/v1/services").await;
    for item in list["items"].as_array().expect("items") {
        desk.model
            .lock()
            .acknowledge(watchers::whole(item.clone()), false);
    }
    let watching: Vec<_> = case
        .watchers
        .iter()
        .map(|watcher| {
            let (http, watcher) = (Http::new(&server), watcher.clone());
            let progress = desk.progress.subscribe();
            tokio::spawn(async move { watcher.run(&http, progress, steps).await })
        })
        .collect();
    let compacting = {
        let (server, progress) = (Arc::clone(&server), desk.progress.subscribe());
        let parts = case.compactions.clone();
        tokio::spawn(async move { compact(&server, parts, progress, steps).await })
    };
    let writing: Vec<_> = case
        .writers
        .iter()
        .enumerate()
        .map(|(at, script)| {
            let (http, desk, script) = (Http::new(&server), desk.clone(), script.clone());
            tokio::spawn(async move { desk.write(&http, &script, at).await })
        })
        .collect();
    for writer in writing {
        writer.await.expect("a writer ends");
    }
    let (forgotten, remembered) = compacting.await.expect("the compactions end");
    desk.finish(&http).await;
    let mut told = Vec::new();
    for watcher in watching {
        let ended = tokio::time::timeout(PATIENCE, watcher).await;
        let ended = ended.expect("every watcher is told of the last object");
        told.push(ended.expect("a watcher ends"));
    }

    let model = std::mem::take(&mut *desk.model.lock());
    for (watcher, epochs) in case.watchers.iter().zip(&told) {
        watcher.check(epochs, &model);
    }
    // Who goes on from a version gets what came after it, or is told that it is forgotten.
    let versions: Vec<u64> = model.versions().collect();
    let last = versions.len().saturating_sub(NAMESPACES.len() * 2);
    for (at, from) in versions[..last].iter().copied().enumerate() {
        let resumed = tokio::time::timeout(PATIENCE, watchers::resumed(&http, case.again, from)).await;
        match resumed.expect("the last object is told again") {
            Some((events, upto)) => {
                assert!(from >= forgotten, "{from} was forgotten with {forgotten}");
                let expected = model.events(case.again, from, upto);
                same(&events, &expected, &format!("{:?} from {from}", case.again));
            }
            None => assert!(
                from < remembered || versions.len() - at > case.history,
                "{from} is remembered"
            ),
        }
    }
}

#[test]
fn watches_keep_their_promises() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let config = Config {
        cases: 40,
        failure_persistence: None,
        max_shrink_iters: 20,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let result = runner.run(&case(), |case| {
        // A panic is a failed case, and shrinks like one.
        runtime.block_on(check(case));
        Ok(())
    });
    result.expect("all promises are kept");
}
