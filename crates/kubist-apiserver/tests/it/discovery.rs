//! What the server tells about itself, and in which form.

use http::Method;
use http_body_util::BodyExt as _;
use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, CRDS, Http, config_map, crd, with_alice};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

async fn started() -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    (server, http)
}

/// The status, the type and the text of an answer.
async fn asked(http: &Http, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let response = http.send(Method::GET, path, headers, Vec::new()).await;
    let ty = response.headers()["content-type"]
        .to_str()
        .expect("a type")
        .to_owned();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, ty, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn documents_come_in_the_form_that_is_accepted() {
    let (_server, http) = started().await;
    http.post(CRDS, crd("Widget", json!({"type": "object"}))).await;
    for (path, kind) in [
        ("/api", "APIVersions"),
        ("/apis", "APIGroupList"),
        ("/apis/apps", "APIGroup"),
        ("/api/v1", "APIResourceList"),
        ("/apis/apps/v1", "APIResourceList"),
        ("/apis/example.com/v1", "APIResourceList"),
    ] {
        let told = async |accept: &str| asked(&http, path, &[("accept", accept)]).await;
        for accept in [
            "*/*",
            "application/json",
            "image/png,*/*;q=0.1",
            "application/json;stream=watch",
        ] {
            let (status, ty, text) = told(accept).await;
            let document: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(
                (status, ty.as_str()),
                (200, "application/json"),
                "{path} {accept}"
            );
            assert_eq!(document["kind"], kind);
        }
        for accept in [
            "application/yaml",
            "text/html,application/yaml;q=0.5",
            "application/json;q=0.1,application/yaml;q=0.9",
            "application/json;q=0,application/yaml",
        ] {
            let (status, ty, text) = told(accept).await;
            assert_eq!(
                (status, ty.as_str()),
                (200, "application/yaml"),
                "{path} {accept}"
            );
            assert!(text.contains(&format!("kind: {kind}\n")), "{text}");
        }
        let (status, ty, text) = told(PROTOBUF).await;
        assert_eq!((status, ty.as_str()), (200, PROTOBUF), "{path}");
        assert!(text.starts_with("k8s\0") && text.contains(kind), "{path}");
        for accept in [
            "text/html",
            "application/json;as=Table;v=v1;g=meta.k8s.io",
            "application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList",
            "application/json;q=0",
        ] {
            let (status, ty, text) = told(accept).await;
            assert_eq!(
                (status, ty.as_str()),
                (406, "application/json"),
                "{path} {accept}"
            );
            assert!(
                text.contains("application/json, application/yaml, application/vnd"),
                "{text}"
            );
        }
    }
    // Some are behind routes, which know no wildcards of subtypes.
    for (path, code) in [
        ("/api", 406),
        ("/api/v1", 406),
        ("/apis/apps/v1", 406),
        ("/apis", 200),
        ("/apis/apps", 200),
    ] {
        assert_eq!(http.get_as(path, "application/*").await.0, code, "{path}");
    }
}

#[tokio::test]
async fn the_version_is_json_or_nothing() {
    let (_server, http) = started().await;
    let (status, ty, text) = asked(
        &http,
        "/version",
        &[("accept", "application/yaml,application/json;q=0.1")],
    )
    .await;
    assert_eq!((status, ty.as_str()), (200, "application/json"));
    assert!(text.starts_with("{\n  \""), "{text}");
    let (status, failure) = http.get_as("/version", "text/html").await;
    let told = "406: Not Acceptable\n\nAvailable representations: application/json";
    assert_eq!((status, failure["message"].as_str()), (406, Some(told)));
    let (status, ty, text) = asked(&http, "/version", &[("accept", "application/yaml")]).await;
    assert_eq!((status, ty.as_str()), (406, "application/yaml"));
    assert!(text.contains("code: 406\n"), "{text}");
    let head = http.send(Method::HEAD, "/version", &[], Vec::new()).await;
    assert_eq!(head.status(), 405);
}

#[tokio::test]
async fn all_groups_come_at_once_in_json_and_yaml() {
    let (_server, http) = started().await;
    for path in ["/api", "/apis"] {
        for accept in [
            AGGREGATED.to_owned(),
            format!("application/json,{AGGREGATED};q=0.1"),
        ] {
            let response = http
                .send(Method::GET, path, &[("accept", &accept)], Vec::new())
                .await;
            assert_eq!(response.headers()["content-type"], AGGREGATED);
            assert_eq!(response.headers()["vary"], "Accept");
        }
        let accept = AGGREGATED.replace("json", "yaml");
        let (status, ty, text) = asked(&http, path, &[("accept", &accept)]).await;
        assert_eq!((status, &ty), (200, &accept));
        assert!(text.contains("kind: APIGroupDiscoveryList\n"), "{text}");
        // What is gone from Kubernetes is not told any more.
        let old = format!("{},application/json", AGGREGATED.replace("v=v2", "v=v2beta1"));
        let (status, ty, _) = asked(&http, path, &[("accept", &old)]).await;
        assert_eq!((status, ty.as_str()), (200, "application/json"));
    }
}

#[tokio::test]
async fn json_is_indented_for_readers() {
    let (_server, http) = started().await;
    http.post(CONFIG_MAPS, config_map("a")).await;
    let object = format!("{CONFIG_MAPS}/a");
    let is_indented = async |path: &str, headers: &[(&str, &str)]| {
        let (_, _, text) = asked(&http, path, headers).await;
        let is_one_line = text.ends_with("}\n") && text.lines().count() == 1;
        assert_ne!(text.starts_with("{\n  \""), is_one_line, "{text}");
        !is_one_line
    };
    for path in [
        &object,
        CONFIG_MAPS,
        &format!("{object}/nope"),
        "/api",
        "/apis/apps/v1",
    ] {
        for (pretty, indented) in [
            ("1", true),
            ("true", true),
            ("0", false),
            ("x", false),
            ("", false),
        ] {
            let path = format!("{path}?pretty={pretty}");
            assert_eq!(is_indented(&path, &[]).await, indented, "{path}");
        }
    }
    for (agent, indented) in [
        ("curl/8.9", true),
        ("Wget/1", true),
        ("Mozilla/5.0 (X)", true),
        ("kubectl/1", false),
    ] {
        assert_eq!(
            is_indented(&object, &[("user-agent", agent)]).await,
            indented,
            "{agent}"
        );
    }
    let curl = ("user-agent", "curl/8.9");
    assert!(!is_indented(&format!("{object}?pretty=0"), &[curl]).await);
    assert!(is_indented(&object, &[("accept", "application/json;pretty=1")]).await);
    // The events of a watch are lines whatever happens.
    let mut watch = http.watch(&format!("{CONFIG_MAPS}?watch=1&pretty=1")).await;
    assert_eq!(watch.told().await, Some(("ADDED".into(), "a".into())));
}

#[tokio::test]
async fn each_check_that_is_told_of_is_answered() {
    let (_server, http) = started().await;
    for name in ["healthz", "livez", "readyz"] {
        let (status, _, all) = asked(&http, &format!("/{name}?verbose"), &[]).await;
        assert_eq!(status, 200);
        let checks: Vec<&str> = all
            .lines()
            .filter_map(|line| line.strip_prefix("[+]")?.strip_suffix(" ok"))
            .collect();
        assert!(checks.starts_with(&["ping", "log", "etcd"]), "{all}");
        assert!(all.ends_with(&format!("{name} check passed\n")), "{all}");
        for check in checks {
            let (status, _, text) = asked(&http, &format!("/{name}/{check}?verbose"), &[]).await;
            assert_eq!((status, text.as_str()), (200, "ok"), "{name}/{check}");
        }
        for wrong in ["nope", "", "ping/", "verbose"] {
            assert_eq!(
                http.get(&format!("/{name}/{wrong}")).await.0,
                404,
                "{name}/{wrong}"
            );
        }
        let (_, _, text) = asked(&http, &format!("/{name}?verbose&exclude=etcd&exclude=nope"), &[]).await;
        assert!(text.contains("[+]etcd excluded: ok\n"), "{text}");
        assert!(
            text.contains("cannot be excluded: no matches for \"nope\"\n"),
            "{text}"
        );
    }
    let (_, root) = http.get("/").await;
    for path in root["paths"].as_array().expect("paths") {
        let path = path.as_str().expect("a path");
        assert_eq!(http.get(path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_told_is_not_implemented() {
    let (_server, admin, alice) = with_alice().await;
    for path in [
        "/metrics",
        "/metrics/slis",
        "/openid/v1/jwks",
        "/.well-known/openid-configuration",
        "/debug/pprof/",
    ] {
        let (status, failure) = admin.get(path).await;
        let told = format!("this server does not implement {path}");
        assert_eq!((status, failure["message"].as_str()), (501, Some(told.as_str())));
        assert_eq!(alice.get(path).await.0, 403, "{path}");
    }
}
