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

#[tokio::test]
async fn a_create_is_met_by_the_name_of_what_it_makes() {
    let (server, http) = started().await;
    let faults = server.faults();
    let aimed = || faults.writes::<ConfigMap>().named("a");
    let create = async |name: &str| http.post(CONFIG_MAPS, map(name)).await.0;
    aimed().inject(Effect::Conflict).then(Effect::Status(503));
    assert_eq!(create("b").await, 201);
    let (status, failure) = http.post(CONFIG_MAPS, map("a")).await;
    assert_eq!((status, &failure["details"]["name"]), (409, &json!("a")));
    assert_eq!(create("a").await, 503);
    // What is read from YAML, or counted, is met all the same.
    aimed().skip(1).answer(500);
    let yaml = b"metadata: {name: a}".to_vec();
    let headers = [("content-type", "application/yaml")];
    let path = format!("{CONFIG_MAPS}?dryRun=All");
    for code in [201, 500] {
        let response = http.send(Method::POST, &path, &headers, yaml.clone()).await;
        assert_eq!(response.status(), code);
    }
    // Nothing is done before a connection breaks, and all of it before an answer is lost.
    aimed().inject(Effect::Drop).then(Effect::LoseAnswer);
    assert!(http.try_send(Method::POST, CONFIG_MAPS, map("a")).await.is_err());
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/a")).await.0, 404);
    assert!(http.try_send(Method::POST, CONFIG_MAPS, map("a")).await.is_err());
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/a")).await.0, 200);
    // A create by another way is met once.
    aimed().skip(1).answer(500);
    let path = format!("{CONFIG_MAPS}/a");
    let apply = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    faults.writes::<ConfigMap>().named("c").skip(1).answer(500);
    let applied = format!("{CONFIG_MAPS}/c?fieldManager=m");
    let mut other = apply.clone();
    other["metadata"]["name"] = "c".into();
    let codes = [
        http.patch(&applied, "application/apply-patch+yaml", other.clone())
            .await
            .0,
        http.patch(&applied, "application/apply-patch+yaml", other)
            .await
            .0,
    ];
    assert_eq!(codes, [201, 500]);
    assert_eq!(http.put(&path, apply.clone()).await.0, 200);
    assert_eq!(http.put(&path, apply).await.0, 500);
}

#[tokio::test]
async fn a_generated_name_is_a_name() {
    let generated = json!({"metadata": {"generateName": "x-"}});
    let name = async |server: &Server| {
        let (status, made) = Http::new(server).post(CONFIG_MAPS, generated.clone()).await;
        (status, made["metadata"]["name"].as_str().unwrap_or("").to_owned())
    };
    let start = async || Server::builder().seed(3).start().await.expect("a server");
    let (_, first) = name(&start().await).await;
    let server = start().await;
    server.faults().writes::<ConfigMap>().named(&first).answer(500);
    assert_eq!(name(&server).await.0, 500);
    assert_eq!(name(&server).await.0, 201);
}

#[tokio::test]
async fn a_list_and_a_watch_have_the_name_that_they_select() {
    let (server, http) = started().await;
    let faults = server.faults();
    let selected = format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3Da");
    let fault = |verb: &str| faults.requests(verb).named("a").answer(500);
    for (verb, more) in [
        ("list", ""),
        ("watch", "&watch=1"),
        ("list", ",metadata.namespace%3Ddefault"),
    ] {
        let pending = fault(verb);
        assert_eq!(http.get(&format!("{CONFIG_MAPS}?limit=1")).await.0, 200);
        let other = format!("{CONFIG_MAPS}?fieldSelector=metadata.name%21%3Da");
        assert_eq!(http.get(&other).await.0, 200);
        assert!(pending.is_pending());
        assert_eq!(http.get(&format!("{selected}{more}")).await.0, 500, "{verb}");
    }
    fault("deletecollection");
    assert_eq!(http.delete(&selected).await.0, 500);
}

#[tokio::test]
async fn a_request_that_is_delayed_is_handled_later() {
    let (server, http) = started().await;
    let faults = server.faults();
    faults.requests("create").delay(Duration::from_millis(20));
    assert_eq!(http.post(CONFIG_MAPS, map("soon")).await.0, 201);
    faults.requests("create").delay(Duration::from_secs(3_600));
    let delayed = http.try_send(Method::POST, CONFIG_MAPS, map("late"));
    let others = async {
        while faults.hits() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(http.post(CONFIG_MAPS, map("other")).await.0, 201);
        assert_eq!(http.get(&format!("{CONFIG_MAPS}/late")).await.0, 404);
    };
    tokio::select! {
        answer = delayed => panic!("answered in a moment: {answer:?}"),
        () = others => {}
    }
    // It is delayed before it breaks, too.
    faults.inject(Fault::new(Effect::Delay(Duration::from_millis(20))).verbs(["create"]));
    faults.requests("create").inject(Effect::Drop);
    assert!(
        http.try_send(Method::POST, CONFIG_MAPS, map("never"))
            .await
            .is_err()
    );
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/never")).await.0, 404);
}

#[test]
fn faults_are_read_from_text() {
    for wrong in ["", "verb=watch", "status=x", "nope=1", "delay=3"] {
        assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
    }
    for (wrong, told) in [
        (
            "verb=frob,drop",
            "a fault has no verb \"frob\", only get, list, watch,",
        ),
        ("verb=get+,drop", "a fault has no verb \"\", only get"),
        ("status=1000", "a fault has no status \"1000\", only 400 to 599"),
        ("status=200", "a fault has no status \"200\", only 400 to 599"),
        ("drop,chance=2", "a fault has no chance \"2\", only 0 to 1"),
        ("drop,chance=NaN", "a fault has no chance \"NaN\", only 0 to 1"),
        ("drop,times=0", "a fault has no times \"0\", only 1 and more"),
    ] {
        let error = wrong.parse::<Fault>().expect_err(wrong).to_string();
        assert!(error.starts_with(told), "{error}");
    }
    for right in [
        "verb=webhook,status=500",
        "verb=get+list,status=599,chance=1,forever",
    ] {
        assert!(right.parse::<Fault>().is_ok(), "{right}");
    }
}

#[tokio::test]
#[should_panic(expected = "a fault has no verb \"frob\"")]
async fn a_verb_that_there_is_none_of_is_no_fault() {
    let (server, _) = started().await;
    server.faults().requests("frob").inject(Effect::Drop);
}

#[tokio::test]
#[should_panic(expected = "a fault has no status \"1000\"")]
async fn a_status_that_there_is_none_of_is_no_fault() {
    let (server, _) = started().await;
    server
        .faults()
        .requests("get")
        .inject(Effect::Drop)
        .then(Effect::Status(1000));
}
