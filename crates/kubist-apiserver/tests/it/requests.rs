//! What the path, the method and the headers of a request come to.

use http::Method;
use http_body_util::BodyExt as _;
use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, CRDS, Http, config_map, crd};

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
