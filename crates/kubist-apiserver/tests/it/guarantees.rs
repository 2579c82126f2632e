//! What a watch promises, whatever many writers do: events are ordered, unique and complete,
//! and every version that was seen is one to go on from.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubist_apiserver::Server;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::client::{CONFIG_MAPS, Http, MERGE};

/// What a writer does to one of a few objects.
#[derive(Clone, Copy, Debug)]
enum Act {
    Create,
    Patch,
    Delete,
}

type Script = Vec<(Act, u8, bool)>;

fn script() -> impl Strategy<Value = Script> {
    let act = prop::sample::select(vec![Act::Create, Act::Patch, Act::Patch, Act::Delete]);
    prop::collection::vec((act, 0..4_u8, any::<bool>()), 1..12)
}

/// A write that happened: at which version, to which object, with which mark; gone or not.
type History = BTreeMap<u64, (String, Option<String>, bool)>;

fn version(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"].as_str().expect("a version");
    text.parse().expect("a number")
}

fn mark(object: &Value) -> Option<String> {
    Some(object["metadata"]["labels"]["mark"].as_str()?.to_owned())
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or("").to_owned()
}

async fn write(http: &Http, script: &Script, writer: usize) {
    for (at, (act, object, marked)) in script.iter().enumerate() {
        let name = format!("o{object}");
        let path = format!("{CONFIG_MAPS}/{name}");
        let mark = if *marked { "yes" } else { "no" };
        let data = json!({"by": format!("{writer}-{at}")});
        let metadata = json!({"name": name, "labels": {"mark": mark}});
        match act {
            Act::Create => {
                http.post(CONFIG_MAPS, json!({"metadata": metadata, "data": data}))
                    .await
            }
            Act::Patch => {
                let patch = json!({"metadata": {"labels": {"mark": mark}}, "data": data});
                http.patch(&path, MERGE, patch).await
            }
            Act::Delete => http.delete(&path).await,
        };
    }
}

/// The events of a watch up to and with a version that was written after everything else.
async fn told(http: &Http, query: &str, last: u64) -> Vec<(String, Value)> {
    let mut events = http
        .watch(&format!("{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&{query}"))
        .await;
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        let kind = event["type"].as_str().unwrap_or("").to_owned();
        assert_ne!(kind, "ERROR", "{event}");
        let at = version(&event["object"]);
        seen.push((kind, event["object"].clone()));
        if at >= last {
            return seen;
        }
    }
    seen
}

async fn check(scripts: Vec<Script>) {
    let server = Arc::new(
        Server::builder()
            .controllers(false)
            .start()
            .await
            .expect("a server"),
    );
    let http = Http::new(&server);
    let (_, list) = http.get(CONFIG_MAPS).await;
    let start = version(&list);
    // One who watches while the others write.
    let live = {
        let http = Http::new(&server);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut events = http
            .watch(&format!("{CONFIG_MAPS}?watch=1&resourceVersion={start}"))
            .await;
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                let done = name(&event["object"]) == "last";
                kept.lock().await.push(event);
                if done {
                    return;
                }
            }
        });
        (task, seen)
    };
    let writers = scripts.iter().enumerate().map(|(at, script)| {
        let (http, script) = (Http::new(&server), script.clone());
        tokio::spawn(async move { write(&http, &script, at).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer ends");
    }
    let (_, last) = http
        .post(
            CONFIG_MAPS,
            json!({"metadata": {"name": "last", "labels": {"mark": "yes"}}}),
        )
        .await;
    let last = version(&last);
    live.0.await.expect("the watcher ends");
    let live = std::mem::take(&mut *live.1.lock().await);

    // Ordered and unique.
    let versions: Vec<u64> = live.iter().map(|event| version(&event["object"])).collect();
    assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
    // Complete: each event follows from the one before of its object, and the end is the list.
    let mut state: BTreeMap<String, Value> = BTreeMap::new();
    let mut history = History::new();
    for event in &live {
        let (object, key) = (&event["object"], name(&event["object"]));
        let gone = event["type"] == "DELETED";
        match event["type"].as_str() {
            Some("ADDED") => assert!(state.insert(key.clone(), object.clone()).is_none(), "{event}"),
            Some("MODIFIED") => assert!(state.insert(key.clone(), object.clone()).is_some(), "{event}"),
            Some("DELETED") => assert!(state.remove(&key).is_some(), "{event}"),
            other => panic!("{other:?}"),
        }
        history.insert(version(object), (key, mark(object), gone));
    }
    let (_, list) = http.get(CONFIG_MAPS).await;
    let listed: BTreeMap<String, Value> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| (name(item), item["data"].clone()))
        .collect();
    let reached: BTreeMap<String, Value> = state
        .iter()
        .map(|(key, object)| (key.clone(), object["data"].clone()))
        .collect();
    assert_eq!(listed, reached);

    for from in std::iter::once(start)
        .chain(versions.iter().copied())
        .filter(|from| *from < last)
    {
        // Resumable from every version.
        let seen = told(&http, &format!("resourceVersion={from}"), last).await;
        let seen: Vec<u64> = seen.iter().map(|(_, object)| version(object)).collect();
        let expected: Vec<u64> = history.range(from + 1..).map(|(version, _)| *version).collect();
        assert_eq!(seen, expected, "from {from}");
        // A selection sees its own: what enters is added, what leaves is deleted.
        let seen = told(
            &http,
            &format!("resourceVersion={from}&labelSelector=mark%3Dyes"),
            last,
        )
        .await;
        let seen: Vec<(String, u64)> = seen
            .iter()
            .map(|(kind, object)| (kind.clone(), version(object)))
            .collect();
        let selected = |until: u64| -> BTreeMap<&str, bool> {
            let mut selected = BTreeMap::new();
            for (_, (key, mark, gone)) in history.range(..=until) {
                selected.insert(key.as_str(), !gone && mark.as_deref() == Some("yes"));
            }
            selected
        };
        let mut before = selected(from);
        let mut expected = Vec::new();
        for (at, (key, mark, gone)) in history.range(from + 1..) {
            let now = !gone && mark.as_deref() == Some("yes");
            let was = before.insert(key, now).unwrap_or(false);
            match (was, now) {
                (false, true) => expected.push(("ADDED".to_owned(), *at)),
                (true, true) => expected.push(("MODIFIED".to_owned(), *at)),
                (true, false) => expected.push(("DELETED".to_owned(), *at)),
                (false, false) => {}
            }
        }
        assert_eq!(seen, expected, "selected from {from}");
    }
    // A streaming list is the state, then a bookmark that ends it.
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let mut events = http
        .watch(&format!("{CONFIG_MAPS}?watch=1&allowWatchBookmarks=true&{query}"))
        .await;
    let mut initial = BTreeMap::new();
    loop {
        let event = events.next().await.expect("an event");
        let object = &event["object"];
        if event["type"] == "BOOKMARK" {
            let end = &object["metadata"]["annotations"]["k8s.io/initial-events-end"];
            assert_eq!(end, "true");
            assert!(version(object) >= last);
            break;
        }
        assert_eq!(event["type"], "ADDED");
        initial.insert(name(object), object["data"].clone());
    }
    assert_eq!(initial, listed);
}

#[test]
fn watches_keep_their_promises() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let config = Config {
        cases: 12,
        failure_persistence: None,
        max_shrink_iters: 50,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let scripts = prop::collection::vec(script(), 2..6);
    let result = runner.run(&scripts, |scripts| {
        // A panic is a failed case, and shrinks like one.
        runtime.block_on(check(scripts));
        Ok(())
    });
    result.expect("all promises are kept");
}
