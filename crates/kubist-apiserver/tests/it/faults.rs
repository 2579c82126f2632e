//! Faults on demand: what a client sees of each.

use std::time::Duration;

use http::Method;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kubist_apiserver::{Effect, Fault, Server};
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, Http, MERGE};
use crate::hooks::Hooks;

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

async fn started() -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    (server, http)
}

#[tokio::test]
async fn a_watch_is_cut_and_the_next_is_told_to_list_again() {
    let (server, http) = started().await;
    server
        .faults()
        .watches::<ConfigMap>()
        .cut_after(2)
        .then(Effect::Gone)
        .then(Effect::HalfFrameAfter(1));
    for name in ["a", "b", "c"] {
        http.post(CONFIG_MAPS, map(name)).await;
    }
    let path = format!("{CONFIG_MAPS}?watch=1");
    let mut cut = http.watch(&path).await;
    assert_eq!(cut.told().await, Some(("ADDED".into(), "a".into())));
    assert_eq!(cut.told().await, Some(("ADDED".into(), "b".into())));
    assert_eq!(cut.next().await, None);
    let mut gone = http.watch(&path).await;
    let error = gone.next().await.expect("an event");
    assert_eq!(
        (&error["type"], &error["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert_eq!(gone.next().await, None);
    let mut half = http.watch(&path).await;
    assert_eq!(half.told().await, Some(("ADDED".into(), "a".into())));
    assert_eq!(half.next().await, None, "the rest is no whole line");
    let mut whole = http.watch(&path).await;
    for name in ["a", "b", "c"] {
        assert_eq!(whole.told().await, Some(("ADDED".into(), name.into())));
    }
    // Those that run are cut at once, and no event is lost to whoever resumes.
    let mut other = http.watch("/api/v1/namespaces/default/secrets?watch=1").await;
    assert_eq!(server.faults().watches::<ConfigMap>().cut_now(), 1);
    assert_eq!(whole.next().await, None);
    http.post("/api/v1/namespaces/default/secrets", map("s")).await;
    assert_eq!(other.told().await, Some(("ADDED".into(), "s".into())));
    assert_eq!(server.faults().cut_watches(), 1);
}

#[tokio::test]
async fn requests_fail_as_real_servers_fail() {
    let (server, http) = started().await;
    let faults = server.faults();
    faults.requests("list").inject(Effect::TooManyRequests(7));
    let response = http.send(Method::GET, CONFIG_MAPS, &[], Vec::new()).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    for (code, reason) in [
        (500, "InternalError"),
        (503, "ServiceUnavailable"),
        (504, "Timeout"),
    ] {
        faults.requests("list").answer(code).times(2);
        for _ in 0..2 {
            let (status, failure) = http.get(CONFIG_MAPS).await;
            assert_eq!((status, failure["reason"].as_str()), (code, Some(reason)));
        }
        assert_eq!(http.get(CONFIG_MAPS).await.0, 200);
    }
    // The third write of one object, and nothing else.
    http.post(CONFIG_MAPS, map("a")).await;
    http.post(CONFIG_MAPS, map("b")).await;
    let pending = faults
        .writes::<ConfigMap>()
        .named("a")
        .skip(2)
        .inject(Effect::Conflict);
    let mut codes = Vec::new();
    for n in 0..4 {
        let patch = json!({"data": {"n": n.to_string()}});
        assert_eq!(
            http.patch(&format!("{CONFIG_MAPS}/b"), MERGE, patch.clone())
                .await
                .0,
            200
        );
        codes.push(http.patch(&format!("{CONFIG_MAPS}/a"), MERGE, patch).await.0);
    }
    assert_eq!(codes, [200, 200, 409, 200]);
    assert!(!pending.is_pending());
    faults.inject(Fault::new(Effect::Status(500)).of::<Secret>().forever());
    assert_eq!(http.get("/api/v1/namespaces/default/secrets").await.0, 500);
    faults.clear();
    assert_eq!(http.get("/api/v1/namespaces/default/secrets").await.0, 200);
}

#[tokio::test]
async fn connections_break_before_and_after_the_work_is_done() {
    let (server, http) = started().await;
    let faults = server.faults();
    faults.requests("create").inject(Effect::Drop);
    assert!(http.try_send(Method::POST, CONFIG_MAPS, map("a")).await.is_err());
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/a")).await.0, 404);
    faults.requests("create").inject(Effect::LoseAnswer);
    assert!(http.try_send(Method::POST, CONFIG_MAPS, map("a")).await.is_err());
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/a")).await.0, 200);
    faults.watches::<ConfigMap>().inject(Effect::BreakAfter(1));
    let mut watch = http.watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    assert_eq!(watch.told().await, Some(("ADDED".into(), "a".into())));
    assert_eq!(watch.next().await, None);
    let lost = server
        .audit()
        .into_iter()
        .filter(|record| record.status == 0)
        .count();
    assert_eq!(lost, 2);
}

#[tokio::test]
async fn a_cached_read_may_be_behind() {
    let (server, http) = started().await;
    http.post(CONFIG_MAPS, map("a")).await;
    http.post(CONFIG_MAPS, map("b")).await;
    http.delete(&format!("{CONFIG_MAPS}/a")).await;
    server.faults().inject(Fault::new(Effect::Stale(2)).forever());
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("items");
        let name = |item: &Value| item["metadata"]["name"].as_str().unwrap_or("").to_owned();
        items.iter().map(name).collect()
    };
    let (_, stale) = http.get(&format!("{CONFIG_MAPS}?resourceVersion=0")).await;
    assert_eq!(names(&stale), ["a"]);
    assert_eq!(
        http.get(&format!("{CONFIG_MAPS}/a?resourceVersion=0")).await.0,
        200
    );
    let (_, fresh) = http.get(CONFIG_MAPS).await;
    assert_eq!(names(&fresh), ["b"]);
    // A watch from there tells all that came since.
    let version = stale["metadata"]["resourceVersion"].as_str().expect("a version");
    let mut watch = http
        .watch(&format!("{CONFIG_MAPS}?watch=1&resourceVersion={version}"))
        .await;
    assert_eq!(watch.told().await, Some(("ADDED".into(), "b".into())));
    assert_eq!(watch.told().await, Some(("DELETED".into(), "a".into())));
}

#[tokio::test]
async fn a_seed_reproduces_a_schedule() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let server = Server::builder()
            .seed(seed)
            .fault("verb=get,status=503,chance=0.4,forever".parse().expect("a fault"))
            .start()
            .await
            .expect("a server");
        let http = Http::new(&server);
        let mut codes = Vec::new();
        for _ in 0..40 {
            codes.push(http.get("/api/v1/namespaces/default").await.0);
        }
        assert_eq!(
            server.faults().hits(),
            codes.iter().filter(|code| **code == 503).count() as u64
        );
        runs.push(codes);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn a_webhook_can_be_slow() {
    let (server, http) = started().await;
    let hooks = Hooks::start(|_, _| json!({"allowed": true})).await;
    let hook = json!({
        "name": "x.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": 1,
        "clientConfig": hooks.at("/"),
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
    });
    http.post(
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        json!({"metadata": {"name": "x"}, "webhooks": [hook]}),
    )
    .await;
    server
        .faults()
        .requests("webhook")
        .named("x.example.com")
        .delay(Duration::from_secs(60));
    let (status, failure) = http.post(CONFIG_MAPS, map("a")).await;
    let message = failure["message"].as_str().unwrap_or("");
    assert_eq!(status, 500);
    assert!(
        message.ends_with("?timeout=1s\": context deadline exceeded"),
        "{message}"
    );
    assert_eq!(http.post(CONFIG_MAPS, map("a")).await.0, 201);
}

#[test]
fn faults_are_read_from_text() {
    for wrong in ["", "verb=watch", "status=x", "nope=1", "delay=3"] {
        assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
    }
}
