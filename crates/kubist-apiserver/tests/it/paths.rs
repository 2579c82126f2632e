//! Paths behind an object: parts of it, proxies, and what is behind nothing.

use http::Method;
use http_body_util::BodyExt as _;
use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, CRDS, Http, MERGE, config_map, crd, with_alice};
use crate::hooks::Hooks;

const PODS: &str = "/api/v1/namespaces/default/pods";
const SERVICES: &str = "/api/v1/namespaces/default/services";

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
}

/// A server with a pod `p`, a service `s` and a node `n`.
async fn populated() -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    for (path, object) in [
        (PODS, pod("p")),
        (SERVICES, service),
        ("/api/v1/nodes", json!({"metadata": {"name": "n"}})),
    ] {
        assert_eq!(http.post(path, object).await.0, 201, "{path}");
    }
    (server, http)
}

async fn send(http: &Http, method: &str, path: &str) -> (u16, Value) {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let content_type = if method == Method::PATCH {
        MERGE
    } else {
        "application/json"
    };
    let body = match method.as_str() {
        "POST" | "PUT" | "PATCH" => json!({"metadata": {"labels": {"was": "changed"}}}).to_string(),
        _ => String::new(),
    };
    let headers = [("content-type", content_type)];
    let response = http.send(method, path, &headers, body.into_bytes()).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

#[tokio::test]
async fn what_is_behind_an_object_leaves_it_as_it_is() {
    let (server, http) = populated().await;
    let before = server.snapshot().revision();
    for path in [
        format!("{PODS}/p/proxy"),
        format!("{PODS}/p/proxy/any/path/"),
        format!("{PODS}/p:80/proxy"),
        format!("{PODS}/http:p:web/proxy/x"),
        format!("{SERVICES}/s/proxy"),
        format!("{SERVICES}/https:s:80/proxy"),
        format!("{SERVICES}/s:/proxy"),
        "/api/v1/nodes/n/proxy".to_owned(),
        "/api/v1/nodes/n:10250/proxy/metrics".to_owned(),
    ] {
        for method in METHODS {
            assert_eq!(send(&http, method, &path).await.0, 501, "{method} {path}");
        }
    }
    for part in ["exec", "attach", "portforward"] {
        for method in METHODS {
            let code = if matches!(method, "GET" | "POST") {
                501
            } else {
                405
            };
            let path = format!("{PODS}/p/{part}");
            assert_eq!(send(&http, method, &path).await.0, code, "{method} {path}");
        }
    }
    let (status, failure) = http.get(&format!("{SERVICES}/s/proxy")).await;
    assert_eq!((status, &failure["reason"]), (501, &json!("NotImplemented")));
    assert_eq!(server.snapshot().revision(), before);
}

#[tokio::test]
async fn a_proxy_looks_for_the_name_within_the_name() {
    let (_server, http) = populated().await;
    for (path, code, told) in [
        (format!("{PODS}/q:80/proxy"), 404, "pods \"q\" not found"),
        (format!("{PODS}/p:80/exec"), 404, "pods \"p:80\" not found"),
        (
            format!("{SERVICES}/http:t:80/proxy"),
            404,
            "services \"t\" not found",
        ),
        (format!("{SERVICES}/s:80"), 404, "services \"s:80\" not found"),
        (
            format!("{SERVICES}/ftp:s:80/proxy"),
            400,
            "invalid service request \"ftp:s:80\"",
        ),
        (
            format!("{PODS}/a:b:c:d/proxy"),
            400,
            "invalid pod request \"a:b:c:d\"",
        ),
        (
            "/api/v1/nodes/:80/proxy".to_owned(),
            400,
            "invalid node request \":80\"",
        ),
        (
            format!("{PODS}/p/exec?dryRun=All"),
            400,
            "dryRun is not supported",
        ),
        (
            format!("{PODS}/p/portforward?ports=x"),
            400,
            "cannot convert to []int32: strconv.ParseUint: parsing \"x\": invalid syntax",
        ),
    ] {
        let (status, failure) = http.get(&path).await;
        assert_eq!(
            (status, failure["message"].as_str()),
            (code, Some(told)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn who_may_not_is_refused_before_anything_else() {
    let (_server, admin, alice) = with_alice().await;
    admin.post(PODS, pod("p")).await;
    for part in ["proxy", "proxy/x", "exec", "attach", "portforward"] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let path = format!("{PODS}/p/{part}");
            assert_eq!(send(&alice, method, &path).await.0, 403, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn who_may_see_one_object_may_list_it_by_its_name() {
    let (_server, admin, alice) = with_alice().await;
    for name in ["a", "b"] {
        admin.post(CONFIG_MAPS, config_map(name)).await;
    }
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let rule = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"], "resourceNames": ["a"]});
    let role = json!({"metadata": {"name": "r"}, "rules": [rule]});
    let binding = json!({
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}],
    });
    assert_eq!(admin.post(&format!("{rbac}/roles"), role).await.0, 201);
    assert_eq!(admin.post(&format!("{rbac}/rolebindings"), binding).await.0, 201);
    let selecting = |name: &str| format!("{CONFIG_MAPS}?fieldSelector=metadata.name%3D{name}");
    assert_eq!(alice.get(CONFIG_MAPS).await.0, 403);
    assert_eq!(alice.get(&selecting("a")).await.0, 200);
    let (status, failure) = alice.get(&selecting("b")).await;
    assert_eq!((status, &failure["details"]["name"]), (403, &json!("b")));
    assert_eq!(alice.get(&selecting("..")).await.0, 403);
    assert_eq!(
        alice
            .get(&format!("{CONFIG_MAPS}?fieldSelector=metadata.name!%3Db"))
            .await
            .0,
        403
    );
    let mut watch = alice.watch(&format!("{}&watch=1", selecting("a"))).await;
    assert_eq!(watch.told().await, Some(("ADDED".into(), "a".into())));
}

#[tokio::test]
async fn webhooks_are_told_what_a_connection_is_for() {
    let (_server, http) = populated().await;
    let hooks = Hooks::start(|_, _| json!({"allowed": true})).await;
    let rule =
        json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["*/*"], "operations": ["CONNECT"]});
    let hook = json!({
        "name": "x.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": hooks.at("/"), "rules": [rule],
    });
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let created = http
        .post(path, json!({"metadata": {"name": "x"}, "webhooks": [hook]}))
        .await;
    assert_eq!(created.0, 201);
    for (method, path, name, options) in [
        (
            "GET",
            format!("{PODS}/p/exec?command=ls&command=-l&stdin=1&tty=false&unknown=1&container=c"),
            "p",
            json!({
                "kind": "PodExecOptions", "apiVersion": "v1", "stdin": true, "container": "c", "command": ["ls", "-l"],
            }),
        ),
        (
            "POST",
            format!("{PODS}/p/portforward?ports=80&ports=81"),
            "p",
            json!({"kind": "PodPortForwardOptions", "apiVersion": "v1", "ports": [80, 81]}),
        ),
        (
            "PATCH",
            format!("{PODS}/p/proxy/x/y/?path=z"),
            "p",
            json!({"kind": "PodProxyOptions", "apiVersion": "v1", "path": "/x/y/"}),
        ),
        (
            "OPTIONS",
            format!("{SERVICES}/http:s:80/proxy"),
            "http:s:80",
            json!({"kind": "ServiceProxyOptions", "apiVersion": "v1"}),
        ),
        // They are asked before anybody looks whether there is such a pod.
        (
            "GET",
            format!("{PODS}/nobody/attach"),
            "nobody",
            json!({"kind": "PodAttachOptions", "apiVersion": "v1"}),
        ),
    ] {
        send(&http, method, &path).await;
        let calls = hooks.take();
        assert_eq!(calls.len(), 1, "{method} {path}");
        let (_, review) = &calls[0];
        assert_eq!(
            (&review["operation"], &review["name"], &review["object"]),
            (&json!("CONNECT"), &json!(name), &options),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn only_a_proxy_takes_a_path_behind_it() {
    let (server, http) = populated().await;
    http.post(CRDS, crd("Widget", json!({"type": "object"}))).await;
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    assert_eq!(http.post(widgets, widget).await.0, 201);
    let before = server.snapshot().revision();
    for path in [
        format!("{PODS}/p/status/x"),
        format!("{PODS}/p/log/x"),
        format!("{PODS}/p/exec/x"),
        format!("{PODS}/p/eviction/x"),
        format!("{CONFIG_MAPS}/nobody/x/y"),
        "/api/v1/namespaces/default/status/x".to_owned(),
        "/apis/apps/v1/namespaces/default/deployments/d/scale/x".to_owned(),
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let (status, failure) = send(&http, method, &path).await;
            let told = "the server could not find the requested resource";
            assert_eq!(
                (status, failure["message"].as_str()),
                (404, Some(told)),
                "{method} {path}"
            );
        }
    }
    assert_eq!(http.get(&format!("{widgets}/w/nope/x")).await.0, 404);
    // A real server does not look there for custom resources.
    assert_eq!(http.get(&format!("{widgets}/w/status/x")).await.0, 200);
    assert_eq!(server.snapshot().revision(), before);
}

#[tokio::test]
async fn the_deprecated_paths_of_watches_do_nothing_but_watch() {
    let (server, http) = populated().await;
    http.post(CONFIG_MAPS, config_map("a")).await;
    let before = server.snapshot().revision();
    for path in [
        "/api/v1/watch/namespaces/default/configmaps",
        "/api/v1/watch/namespaces/default/configmaps/a",
        "/api/v1/watch/configmaps",
        "/api/v1/watch/nodes/n",
        "/api/v1/watch/namespaces",
        "/api/v1/watch/namespaces/default",
        "/apis/apps/v1/watch/deployments",
    ] {
        for method in METHODS.into_iter().filter(|method| *method != "GET") {
            assert_eq!(send(&http, method, path).await.0, 405, "{method} {path}");
        }
    }
    assert_eq!(server.snapshot().revision(), before);
    for path in [
        "/api/v1/watch/configmaps/a",
        "/api/v1/watch/namespaces/default/pods/p/status",
        "/api/v1/watch/namespaces/default/status",
        "/apis/authorization.k8s.io/v1/watch/subjectaccessreviews",
        "/api/v1/watch/nope",
    ] {
        assert_eq!(http.get(path).await.0, 404, "{path}");
    }
    let mut watch = http.watch("/api/v1/watch/namespaces/default/configmaps/a").await;
    assert_eq!(watch.told().await, Some(("ADDED".into(), "a".into())));
}
