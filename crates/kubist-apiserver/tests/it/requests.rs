//! What the path, the method and the headers of a request come to.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;
use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, CRDS, Http, config_map, crd};
use crate::hooks::Hooks;

#[tokio::test]
async fn paths_and_methods_that_are_none_say_so() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    http.post(CRDS, crd("Widget", json!({"type": "object"}))).await;
    let nothing = "404 page not found\n";
    let unknown = "the server could not find the requested resource";
    for (path, code, told) in [
        ("/apis/apps/v9/deployments", 404, unknown),
        ("/api/v2/configmaps", 404, unknown),
        ("/apis/example.com/v1/namespaces/default/gadgets", 404, nothing),
        ("/apis/nope.example.com/v1/gadgets", 404, nothing),
        ("/readyz/nope", 404, nothing),
    ] {
        let (status, answer) = http.get(path).await;
        let text = answer["message"].as_str().or(answer.as_str()).unwrap_or("");
        assert_eq!((status, text), (code, told), "{path}");
    }
    assert_eq!(http.post("/api/v1/configmaps", config_map("b")).await.0, 405);
    for path in [CONFIG_MAPS, "/api/v1", "/api/v1/namespaces/default"] {
        let response = http.send(Method::HEAD, path, &[], Vec::new()).await;
        assert_eq!(response.status(), 405, "{path}");
    }
    let text = http.send(Method::GET, "/healthz", &[], Vec::new()).await;
    assert_eq!(text.headers()["x-content-type-options"], "nosniff");
    // One object is got, not watched.
    let (status, answer) = http.get(&format!("{CONFIG_MAPS}/a?watch=1")).await;
    assert_eq!((status, &answer["kind"]), (200, &json!("ConfigMap")));
    assert_eq!(http.get_as(CONFIG_MAPS, "application/*").await.0, 406);
}

#[tokio::test]
async fn who_is_impersonated_is_told() {
    let server = Server::builder()
        .user("admintoken", "admin", "", ["system:masters"])
        .start()
        .await
        .expect("a server");
    let http = Http::new(&server).with_token("admintoken");
    let review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let ask = async |headers: &[(&str, &str)]| {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        let response = http.send(Method::POST, review, &headers, b"{}".to_vec()).await;
        let code = response.status().as_u16();
        let body = http_body_util::BodyExt::collect(response.into_body())
            .await
            .expect("a body");
        (
            code,
            serde_json::from_slice::<Value>(&body.to_bytes()).expect("JSON"),
        )
    };
    let (_, account) = ask(&[("impersonate-user", "system:serviceaccount:ns:robot")]).await;
    assert_eq!(
        account["status"]["userInfo"]["groups"],
        json!([
            "system:serviceaccounts",
            "system:serviceaccounts:ns",
            "system:authenticated"
        ])
    );
    for (headers, printed) in [
        (
            &[("impersonate-group", "x")],
            "UID:\"\", Groups:[]string{\"x\"}, Extra:map[string][]string(nil)",
        ),
        (
            &[("impersonate-extra-foo", "x")],
            "UID:\"\", Groups:[]string(nil), Extra:map[string][]string{\"foo\":[]string{\"x\"}}",
        ),
    ] {
        let (code, failure) = ask(headers).await;
        let message = failure["message"].as_str().unwrap_or("");
        assert_eq!(code, 400);
        assert!(message.contains(printed), "{message}");
    }
}

#[tokio::test]
async fn an_access_review_tells_why() {
    let server = Server::builder()
        .user("admintoken", "admin", "", ["system:masters"])
        .start()
        .await
        .expect("a server");
    let http = Http::new(&server).with_token("admintoken");
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let role = json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
    http.post(&format!("{rbac}/roles"), role).await;
    let binding = json!({
        "metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}],
    });
    http.post(&format!("{rbac}/rolebindings"), binding).await;
    let reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let asked = json!({"verb": "get", "resource": "pods", "namespace": "default"});
    let review = json!({"spec": {"user": "alice", "resourceAttributes": asked}});
    let (_, answer) = http.post(reviews, review).await;
    assert_eq!(
        answer["status"],
        json!({
            "allowed": true,
            "reason": "RBAC: allowed by RoleBinding \"b/default\" of Role \"r\" to User \"alice\"",
        })
    );
    let (code, failure) = http.post(reviews, json!({"spec": {}})).await;
    assert_eq!(
        (code, failure["details"]["causes"].as_array().map(Vec::len)),
        (422, Some(2))
    );
}

#[tokio::test]
async fn every_answer_has_the_name_of_its_request() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let name = async |path: &str, headers: &[(&str, &str)]| {
        let response = http.send(http::Method::GET, path, headers, Vec::new()).await;
        let value = response.headers().get("audit-id").expect("a name");
        value.to_str().expect("a text").to_owned()
    };
    let first = name("/api/v1/namespaces", &[]).await;
    assert_eq!(first.len(), 36, "{first}");
    assert_ne!(first, name("/nope", &[]).await);
    assert_eq!(name("/api", &[("audit-id", "mine")]).await, "mine");
}

#[tokio::test]
async fn bodies_that_are_no_objects_of_the_kind_are_told_apart() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(CRDS, crd("Widget", json!({"type": "object"}))).await;
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    let unreadable = "the object provided is unrecognized (must be of type";
    let no_object = "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type \
                     struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \
                     \"json:\\\"kind,omitempty\\\"\" } (5b5d)";
    for (path, content_type, body, code, told) in [
        (
            CONFIG_MAPS,
            "application/json",
            "",
            400,
            format!(
                "{unreadable} ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"
            ),
        ),
        (
            CONFIG_MAPS,
            "application/json",
            "[]",
            400,
            format!("{unreadable} ConfigMap): {no_object}"),
        ),
        (
            CONFIG_MAPS,
            "application/json",
            "null",
            422,
            "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"
                .to_owned(),
        ),
        (
            CONFIG_MAPS,
            "application/yaml",
            "a: b\nc: d: e",
            400,
            format!(
                "{unreadable} ConfigMap): yaml: line 2: mapping values are not allowed in this context (613a20620a633a20643a2065)"
            ),
        ),
        (
            widgets,
            "application/json",
            "[]",
            400,
            format!("{unreadable} Widget): {no_object}"),
        ),
        (
            widgets,
            "application/json",
            "null",
            400,
            format!("{unreadable} Widget): Object 'Kind' is missing in 'null' (6e756c6c)"),
        ),
        (
            widgets,
            "application/json",
            r#"{"kind":"Widget","metadata":{"name":"a"}}"#,
            400,
            "the API version in the data () does not match the expected API version (example.com/v1)"
                .to_owned(),
        ),
        (
            widgets,
            "application/json",
            r#"{"apiVersion":"example.com/v1","kind":"Other","metadata":{"name":"a"}}"#,
            422,
            "Other.example.com \"a\" is invalid: kind: Invalid value: \"Other\": must be Widget".to_owned(),
        ),
    ] {
        let headers = [("content-type", content_type)];
        let response = http
            .send(Method::POST, path, &headers, body.as_bytes().to_vec())
            .await;
        let status = response.status().as_u16();
        let body = http_body_util::BodyExt::collect(response.into_body())
            .await
            .expect("a body")
            .to_bytes();
        let answer: Value = serde_json::from_slice(&body).expect("a Status");
        assert_eq!((status, answer["message"].as_str()), (code, Some(told.as_str())));
    }
}

#[tokio::test]
async fn what_another_server_would_answer_is_not_implemented() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let services = "/apis/apiregistration.k8s.io/v1/apiservices";
    let service = |name: &str| {
        json!({"metadata": {"name": name}, "spec": {
            "group": "metrics.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": {"namespace": "default", "name": "metrics"},
        }})
    };
    assert_eq!(http.post(services, service("other")).await.0, 422);
    let path = "/apis/metrics.example.com/v1/nodes";
    assert_eq!(http.get(path).await.0, 404);
    assert_eq!(
        http.post(services, service("v1.metrics.example.com")).await.0,
        201
    );
    for path in [path, "/apis/metrics.example.com/v1"] {
        let (status, answer) = http.get(path).await;
        assert_eq!(
            (status, answer["message"].as_str()),
            (
                501,
                Some("this server does not implement the aggregated API v1.metrics.example.com")
            )
        );
    }
}

#[tokio::test]
async fn a_client_says_how_long_it_waits() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    for (value, told) in [
        ("x", "invalid duration \"x\""),
        ("5", "missing unit in duration \"5\""),
        ("1d", "unknown unit \"d\" in duration \"1d\""),
    ] {
        let told = format!("invalid timeout specified in the request URL - time: {told}");
        for path in [CONFIG_MAPS, "/version", "/nope", "/api/v1/nope"] {
            let (status, failure) = http.get(&format!("{path}?timeout={value}")).await;
            assert_eq!(
                (status, failure["message"].as_str()),
                (400, Some(told.as_str())),
                "{path}"
            );
        }
    }
    for value in ["", "0", "-1s", "1h2m3.5s"] {
        let path = format!("{CONFIG_MAPS}/a?timeout={value}");
        assert_eq!(http.get(&path).await.0, 200, "{value}");
    }
    let hours = Duration::from_secs(7_200);
    server.faults().requests("get").delay(hours);
    let (status, failure) = http.get(&format!("{CONFIG_MAPS}/a?timeout=20ms")).await;
    assert_eq!(
        (status, &failure["reason"], &failure["message"]),
        (
            504,
            &json!("Timeout"),
            &json!("Timeout: request did not complete within the allotted timeout")
        )
    );
    // What lasts as long as the client likes has no such limit.
    let mut watch = http.watch(&format!("{CONFIG_MAPS}?watch=1&timeout=x")).await;
    assert_eq!(watch.told().await, Some(("ADDED".into(), "a".into())));
}

#[tokio::test]
async fn a_slow_webhook_takes_no_longer_than_the_client_waits() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(|_, _| json!({"allowed": true})).await;
    let hook = json!({
        "name": "x.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": 30,
        "clientConfig": hooks.at("/"),
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
    });
    http.post(
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        json!({"metadata": {"name": "x"}, "webhooks": [hook]}),
    )
    .await;
    let slow = server
        .faults()
        .requests("webhook")
        .delay(Duration::from_secs(3_600));
    let slow = slow.times(2);
    let limited = format!("{CONFIG_MAPS}?timeout=20ms");
    assert_eq!(http.post(&limited, config_map("a")).await.0, 504);
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/a")).await.0, 404);
    slow.remove();
    assert_eq!(
        http.post(&format!("{CONFIG_MAPS}?timeout=1m"), config_map("a"))
            .await
            .0,
        201
    );
}

/// Nothing of what is looked at there runs here.
#[tokio::test]
async fn there_are_no_components() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let path = "/api/v1/componentstatuses";
    let response = http.send(Method::GET, path, &[], Vec::new()).await;
    assert_eq!(
        response.headers()["warning"],
        "299 - \"v1 ComponentStatus is deprecated in v1.19+\""
    );
    let (status, list) = http.get(path).await;
    assert_eq!((status, &list["items"]), (200, &json!([])));
    assert_eq!(http.get(&format!("{path}/etcd-0")).await.0, 404);
}

#[tokio::test]
async fn what_is_large_is_compressed_for_who_takes_gzip() {
    use std::io::Read as _;

    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let value = "x".repeat(140_000);
    let large = json!({"metadata": {"name": "large"}, "data": {"k": value}});
    http.post(CONFIG_MAPS, large).await;
    http.post(CONFIG_MAPS, config_map("small")).await;
    let object = format!("{CONFIG_MAPS}/large");
    let small = format!("{CONFIG_MAPS}/small");
    let ask = async |path: &str, coding: &str, accept: &str| {
        let headers = [("accept-encoding", coding), ("accept", accept)];
        http.send(Method::GET, path, &headers, Vec::new()).await
    };
    for path in [object.as_str(), CONFIG_MAPS] {
        for accept in [
            "application/json",
            "application/yaml",
            "application/vnd.kubernetes.protobuf",
        ] {
            for coding in ["gzip", "identity, gzip"] {
                let response = ask(path, coding, accept).await;
                assert_eq!(
                    response.headers()["content-encoding"],
                    "gzip",
                    "{path} {accept} {coding}"
                );
                assert_eq!(response.headers()["vary"], "Accept-Encoding");
                let body = response.into_body().collect().await.expect("a body").to_bytes();
                assert!(body.len() < 10_000, "{path} {accept}");
                let mut whole = Vec::new();
                let mut decoder = flate2::read::GzDecoder::new(&body[..]);
                decoder.read_to_end(&mut whole).expect("gzip");
                assert!(
                    String::from_utf8_lossy(&whole).contains(&value),
                    "{path} {accept}"
                );
            }
        }
        // A real server looks for the bare word.
        for coding in ["", "identity", "br", "*", "gzip;q=1.0", "gzip;q=0"] {
            let response = ask(path, coding, "application/json").await;
            assert!(
                !response.headers().contains_key("content-encoding"),
                "{path} {coding}"
            );
        }
    }
    for path in [
        small,
        format!("{CONFIG_MAPS}?limit=0&fieldSelector=metadata.name%3Dsmall"),
    ] {
        let response = ask(&path, "gzip", "application/json").await;
        assert!(!response.headers().contains_key("content-encoding"), "{path}");
    }
    // Events are told at once.
    let response = ask(&format!("{CONFIG_MAPS}?watch=1"), "gzip", "application/json").await;
    assert!(!response.headers().contains_key("content-encoding"));
}

/// It may be a secret.
#[tokio::test]
async fn a_body_that_is_not_readable_is_shown_at_its_beginning_only() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let path = "/api/v1/namespaces/default/secrets";
    let body = br#"{"kind":"Secret","stringData":{"password":"hunter2"}} and more"#;
    let headers = [("content-type", "application/json")];
    let response = http.send(http::Method::POST, path, &headers, body.to_vec()).await;
    assert_eq!(response.status(), 400);
    let answer = response.into_body().collect().await.expect("a body").to_bytes();
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.contains(r#"({\"kind\":\"Secret\",\"stringData\": ...)"#),
        "{answer}"
    );
    assert!(!answer.contains("hunter2"), "{answer}");
}
