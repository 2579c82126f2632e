//! Watches: ordered, resumable, and honest about what they lost.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use kubist_apiserver::Server;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::client::{CONFIG_MAPS, Http, MERGE, config_map, without_controllers};

fn pair(event: &str, name: &str) -> Option<(String, String)> {
    Some((event.to_owned(), name.to_owned()))
}

#[tokio::test]
async fn a_watch_tells_the_state_and_then_what_happens() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    let mut events = http.watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    assert_eq!(events.told().await, pair("ADDED", "a"));
    http.post(CONFIG_MAPS, config_map("b")).await;
    http.patch(&format!("{CONFIG_MAPS}/a"), MERGE, json!({"data": {"k": "2"}}))
        .await;
    http.delete(&format!("{CONFIG_MAPS}/b")).await;
    assert_eq!(events.told().await, pair("ADDED", "b"));
    assert_eq!(events.told().await, pair("MODIFIED", "a"));
    assert_eq!(events.told().await, pair("DELETED", "b"));
    // What happens in another namespace stays there.
    http.post("/api/v1/namespaces/kube-system/configmaps", config_map("c"))
        .await;
    http.post(CONFIG_MAPS, config_map("d")).await;
    assert_eq!(events.told().await, pair("ADDED", "d"));
}

#[tokio::test]
async fn a_watch_resumes_after_every_version_that_was_seen() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let mut versions = Vec::new();
    for at in 0..5 {
        let (_, created) = http.post(CONFIG_MAPS, config_map(&format!("o{at}"))).await;
        versions.push(
            created["metadata"]["resourceVersion"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    for (at, version) in versions.iter().enumerate() {
        let path = format!("{CONFIG_MAPS}?watch=1&resourceVersion={version}&timeoutSeconds=1");
        let told: Vec<Value> = http.watch(&path).await.rest().await;
        let told: Vec<&Value> = told
            .iter()
            .map(|event| &event["object"]["metadata"]["resourceVersion"])
            .collect();
        assert_eq!(told, versions[at + 1..].iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_was_compacted_is_gone_and_said_so() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let (_, first) = http.post(CONFIG_MAPS, config_map("a")).await;
    http.post(CONFIG_MAPS, config_map("b")).await;
    server.compact();
    let version = first["metadata"]["resourceVersion"].as_str().unwrap();
    let mut events = http
        .watch(&format!("{CONFIG_MAPS}?watch=1&resourceVersion={version}"))
        .await;
    let event = events.next().await.unwrap();
    assert_eq!(
        (event["type"].as_str(), &event["object"]["code"]),
        (Some("ERROR"), &json!(410))
    );
    assert_eq!(event["object"]["reason"], "Expired");
    assert_eq!(events.next().await, None);
}

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

#[tokio::test]
async fn a_compaction_does_not_end_who_missed_nothing() {
    let (server, http) = without_controllers().await;
    let (_, list) = http.get(CONFIG_MAPS).await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let mut running = [
        http.watch(&format!("{CONFIG_MAPS}?watch=1&resourceVersion={version}"))
            .await,
        http.watch(&format!(
            "{CONFIG_MAPS}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
        ))
        .await,
    ];
    http.post(CONFIG_MAPS, config_map("a")).await;
    for events in &mut running {
        assert_eq!(events.told().await, pair("ADDED", "a"));
    }
    for (at, name) in ["b", "c"].into_iter().enumerate() {
        // What happens to others moves the revision that is compacted, but not these watches.
        let secret = json!({"metadata": {"name": format!("s{at}")}});
        assert_eq!(http.post(SECRETS, secret).await.0, 201);
        server.compact();
        http.post(CONFIG_MAPS, config_map(name)).await;
        for events in &mut running {
            assert_eq!(events.told().await, pair("ADDED", name));
        }
    }
    // Who begins where they began begins too late.
    let path = format!("{CONFIG_MAPS}?watch=1&resourceVersion={version}");
    let told = http.watch(&path).await.rest().await;
    assert_eq!(
        (told.len(), &told[0]["object"]["code"]),
        (1, &json!(410)),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_bookmark_carries_who_waits_over_a_compaction() {
    let (server, http) = without_controllers().await;
    let (_, list) = http.get(SECRETS).await;
    let start = list["metadata"]["resourceVersion"].as_str().unwrap();
    let watch = |version: &str| {
        format!("{SECRETS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=5&resourceVersion={version}")
    };
    let mut events = http.watch(&watch(start)).await;
    let (_, other) = http.post(CONFIG_MAPS, config_map("a")).await;
    server.compact();
    // Before the watch ends it tells how far it is, though nothing that it watches has moved.
    let event = events.next().await.unwrap();
    let told = (&event["type"], &event["object"]["metadata"]["resourceVersion"]);
    assert_eq!(told, (&json!("BOOKMARK"), &other["metadata"]["resourceVersion"]));
    assert_eq!(events.rest().await, [] as [Value; 0]);
    let reached = event["object"]["metadata"]["resourceVersion"].as_str().unwrap();
    let mut resumed = http.watch(&watch(reached)).await;
    http.post(SECRETS, json!({"metadata": {"name": "s"}})).await;
    assert_eq!(resumed.told().await, pair("ADDED", "s"));
    let gone = http.watch(&watch(start)).await.next().await.unwrap();
    assert_eq!(gone["object"]["code"], 410);
}

/// Hours pass in no time: the clock moves on when everybody waits.
#[tokio::test(start_paused = true)]
async fn bookmarks_come_every_minute_and_before_the_end() {
    let (server, _) = without_controllers().await;
    let request = |method: &str, path: &str, body: String| {
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        server
            .service()
            .oneshot(request.body(Full::<Bytes>::from(body)).expect("a request"))
    };
    let path = format!("{CONFIG_MAPS}?watch=1&allowWatchBookmarks=1&timeoutSeconds=150&resourceVersion=1");
    let began = tokio::time::Instant::now();
    let mut watch = request("GET", &path, String::new())
        .await
        .expect("a watch")
        .into_body();
    let mut told = Vec::new();
    while let Some(frame) = watch.frame().await {
        let data = frame.expect("no error").into_data().expect("data");
        let event: Value = serde_json::from_slice(&data).expect("an event");
        assert_eq!(event["type"], "BOOKMARK");
        let version = event["object"]["metadata"]["resourceVersion"]
            .as_str()
            .expect("a version");
        told.push((
            began.elapsed().as_secs(),
            version.parse::<u64>().expect("a number"),
        ));
        // What happens to others moves it on, too.
        let name = format!("s{}", told.len());
        let secret = json!({"metadata": {"name": name}}).to_string();
        let created = request("POST", "/api/v1/namespaces/default/secrets", secret)
            .await
            .expect("an answer");
        assert_eq!(created.status(), 201);
    }
    let seconds: Vec<u64> = told.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [60, 120, 148]);
    assert!(
        told.is_sorted_by(|(_, before), (_, after)| before < after),
        "{told:?}"
    );
    assert_eq!(began.elapsed().as_secs(), 150);
}

#[tokio::test]
async fn a_streaming_list_ends_with_a_bookmark() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    for name in ["b", "a"] {
        http.post(CONFIG_MAPS, config_map(name)).await;
    }
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events = http.watch(&format!("{CONFIG_MAPS}?{query}")).await;
    assert_eq!(events.told().await, pair("ADDED", "a"));
    assert_eq!(events.told().await, pair("ADDED", "b"));
    let bookmark = events.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(
        bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    http.post(CONFIG_MAPS, config_map("c")).await;
    assert_eq!(events.told().await, pair("ADDED", "c"));
}

#[tokio::test]
async fn objects_enter_and_leave_a_selection() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    let mut events = http
        .watch(&format!("{CONFIG_MAPS}?watch=1&labelSelector=x"))
        .await;
    let path = format!("{CONFIG_MAPS}/a");
    http.patch(&path, MERGE, json!({"metadata": {"labels": {"x": "1"}}}))
        .await;
    http.patch(&path, MERGE, json!({"data": {"k": "2"}})).await;
    let (_, left) = http
        .patch(&path, MERGE, json!({"metadata": {"labels": {"x": null}}}))
        .await;
    assert_eq!(events.told().await, pair("ADDED", "a"));
    assert_eq!(events.told().await, pair("MODIFIED", "a"));
    let event = events.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    // As it was, at the version of its leaving.
    assert_eq!(event["object"]["metadata"]["labels"]["x"], "1");
    assert_eq!(
        event["object"]["metadata"]["resourceVersion"],
        left["metadata"]["resourceVersion"]
    );
}
