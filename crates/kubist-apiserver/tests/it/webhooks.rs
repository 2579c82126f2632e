//! Admission webhooks: who is asked what, in which order, and what becomes of the answers.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, CRDS, Http, MERGE, crd};
use crate::hooks::{Hooks, patched};

const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

fn hook(name: &str, client: Value, extra: Value) -> Value {
    let mut hook = json!({
        "name": format!("{name}.example.com"), "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": client, "timeoutSeconds": 5,
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
    });
    for (key, value) in extra.as_object().expect("an object") {
        hook[key] = value.clone();
    }
    hook
}

async fn configure(http: &Http, path: &str, name: &str, hooks: Value) {
    let configuration = json!({"metadata": {"name": name}, "webhooks": hooks});
    let (status, answer) = http.post(path, configuration).await;
    assert_eq!(status, 201, "{answer}");
}

fn map(name: &str, data: Value) -> Value {
    json!({"metadata": {"name": name}, "data": data})
}

/// Appends its own name to `data.chain`.
fn chain(path: &str, request: &Value) -> Value {
    match request["object"]["data"]["chain"].as_str() {
        Some(chain) => {
            let value = format!("{chain}{}", path.trim_start_matches('/'));
            patched(json!([{"op": "replace", "path": "/data/chain", "value": value}]))
        }
        None => json!({"allowed": true}),
    }
}

#[tokio::test]
async fn mutating_webhooks_come_one_after_the_other_and_again_where_they_want_to() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(chain).await;
    let again = json!({"reinvocationPolicy": "IfNeeded"});
    configure(
        &http,
        MUTATING,
        "b",
        json!([
            hook("three", hooks.at("/3"), json!({})),
            hook("four", hooks.at("/4"), again.clone())
        ]),
    )
    .await;
    configure(
        &http,
        MUTATING,
        "a",
        json!([
            hook("one", hooks.at("/1"), again),
            hook("two", hooks.at("/2"), json!({}))
        ]),
    )
    .await;
    let (status, created) = http.post(CONFIG_MAPS, map("a", json!({"chain": ""}))).await;
    // The first saw that others changed the object after it, and then the fourth that it did.
    assert_eq!((status, &created["data"]["chain"]), (201, &json!("123414")));
    assert_eq!(hooks.paths(), ["/1", "/2", "/3", "/4", "/1", "/4"]);
    // Changes of webhooks are no change of the client's, but they are stored.
    let (_, found) = http.get(&format!("{CONFIG_MAPS}/a")).await;
    assert_eq!(found["data"]["chain"], "123414");
    assert_eq!(
        found["metadata"]["managedFields"].as_array().map(Vec::len),
        Some(1)
    );
    // Nothing to change: nobody is asked twice.
    hooks.take();
    http.post(CONFIG_MAPS, map("b", json!({"k": "v"}))).await;
    assert_eq!(hooks.paths(), ["/1", "/2", "/3", "/4"]);
}

#[tokio::test]
async fn what_a_patch_breaks_is_refused() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(|path, _| match path {
        "/missing" => patched(json!([{"op": "remove", "path": "/data/none"}])),
        "/invalid" => patched(json!([{"op": "add", "path": "/data/a b", "value": "x"}])),
        "/unasked" => json!({"allowed": true, "patch": "W10="}),
        _ => json!({"allowed": true}),
    })
    .await;
    for (path, code, message) in [
        (
            "/missing",
            500,
            "Internal error occurred: error in remove for path: '/data/none': Unable to remove nonexistent key: none: \
             missing value",
        ),
        (
            "/invalid",
            422,
            "ConfigMap \"x\" is invalid: data[a b]: Invalid value",
        ),
        (
            "/unasked",
            500,
            "Internal error occurred: failed calling webhook \"x.example.com\": received invalid webhook response: \
             webhook returned response.patch but not response.patchType",
        ),
    ] {
        configure(
            &http,
            MUTATING,
            "x",
            json!([hook("x", hooks.at(path), json!({}))]),
        )
        .await;
        let (status, failure) = http.post(CONFIG_MAPS, map("x", json!({"k": "v"}))).await;
        let found = failure["message"].as_str().unwrap_or("");
        assert_eq!((status, found.starts_with(message)), (code, true), "{failure}");
        http.delete(&format!("{MUTATING}/x")).await;
    }
}

#[tokio::test]
async fn webhooks_are_asked_what_their_rules_say() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(|_, _| json!({"allowed": true})).await;
    let rule = |operations: Value, resources: Value, scope: &str| {
        json!({"rules": [{
            "apiGroups": ["*"], "apiVersions": ["*"], "operations": operations, "resources": resources, "scope": scope,
        }]})
    };
    configure(
        &http,
        VALIDATING,
        "v",
        json!([
            hook(
                "status",
                hooks.at("/status"),
                rule(json!(["UPDATE"]), json!(["*/status"]), "*")
            ),
            hook(
                "delete",
                hooks.at("/delete"),
                rule(json!(["DELETE"]), json!(["configmaps"]), "*")
            ),
            hook(
                "cluster",
                hooks.at("/cluster"),
                rule(json!(["CREATE"]), json!(["*"]), "Cluster")
            ),
            hook(
                "scale",
                hooks.at("/scale"),
                rule(json!(["*"]), json!(["deployments/scale"]), "Namespaced")
            ),
            hook(
                "connect",
                hooks.at("/connect"),
                rule(json!(["CONNECT"]), json!(["pods/exec"]), "*")
            ),
        ]),
    )
    .await;
    let (status, _) = http
        .post("/api/v1/namespaces", json!({"metadata": {"name": "n"}}))
        .await;
    assert_eq!((status, hooks.paths()), (201, vec!["/cluster".to_owned()]));

    http.post(CONFIG_MAPS, map("a", json!({}))).await;
    assert!(hooks.paths().is_empty());
    http.delete(&format!("{CONFIG_MAPS}/a")).await;
    let calls = hooks.take();
    assert_eq!(calls[0].0, "/delete");
    assert_eq!(calls[0].1["object"], Value::Null);
    assert_eq!(calls[0].1["oldObject"]["metadata"]["name"], "a");
    assert_eq!(calls[0].1["options"]["kind"], "DeleteOptions");

    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let pod =
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"selector": {"matchLabels": {"a": "b"}}, "template": pod});
    http.post(deployments, json!({"metadata": {"name": "d"}, "spec": spec}))
        .await;
    let scale = json!({"spec": {"replicas": 3}});
    let (status, _) = http.patch(&format!("{deployments}/d/scale"), MERGE, scale).await;
    let calls = hooks.take();
    assert_eq!((status, calls.len()), (200, 1));
    assert_eq!(
        calls[0].1["kind"],
        json!({"group": "autoscaling", "version": "v1", "kind": "Scale"})
    );
    assert_eq!(calls[0].1["resource"]["resource"], "deployments");
    assert_eq!(calls[0].1["subResource"], "scale");
    assert_eq!(calls[0].1["object"]["spec"]["replicas"], 3);
    assert_eq!(calls[0].1["oldObject"]["spec"]["replicas"], 1);
    let status = json!({"status": {"replicas": 1}});
    http.patch(&format!("{deployments}/d/status"), MERGE, status)
        .await;
    assert_eq!(hooks.paths(), ["/status"]);

    let pods = "/api/v1/namespaces/default/pods";
    http.post(pods, json!({"metadata": {"name": "p"}, "spec": pod["spec"]}))
        .await;
    hooks.take();
    let (status, _) = http
        .post(&format!("{pods}/p/exec?command=ls&stdin=true"), json!({}))
        .await;
    let calls = hooks.take();
    assert_eq!((status, calls.len()), (501, 1));
    assert_eq!(calls[0].1["object"]["kind"], "PodExecOptions");
}

#[tokio::test]
async fn an_equivalent_version_is_converted_for_the_webhook() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks =
        Hooks::start(|_, _| patched(json!([{"op": "add", "path": "/spec/seen", "value": "yes"}]))).await;
    let mut definition = crd(
        "Widget",
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    );
    let mut second = definition["spec"]["versions"][0].clone();
    second["name"] = "v2".into();
    second["storage"] = false.into();
    definition["spec"]["versions"]
        .as_array_mut()
        .expect("there")
        .push(second);
    assert_eq!(http.post(CRDS, definition).await.0, 201);
    let rule = |policy: &str| {
        json!({"matchPolicy": policy, "rules": [{
            "apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["widgets"],
        }]})
    };
    configure(
        &http,
        MUTATING,
        "m",
        json!([
            hook("equal", hooks.at("/equivalent"), rule("Equivalent")),
            hook("exact", hooks.at("/exact"), rule("Exact")),
        ]),
    )
    .await;
    let widget = json!({
        "apiVersion": "example.com/v2", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 1},
    });
    let (status, created) = http
        .post("/apis/example.com/v2/namespaces/default/widgets", widget)
        .await;
    assert_eq!((status, &created["apiVersion"]), (201, &json!("example.com/v2")));
    assert_eq!(created["spec"], json!({"size": 1, "seen": "yes"}));
    let calls = hooks.take();
    assert_eq!(calls.len(), 1, "the exact one wants v1 only");
    assert_eq!(calls[0].1["object"]["apiVersion"], "example.com/v1");
    assert_eq!(calls[0].1["requestKind"]["version"], "v2");
    assert_eq!(calls[0].1["kind"]["version"], "v1");
}

#[tokio::test]
async fn services_are_where_the_test_says() {
    let hooks =
        Hooks::start(|_, _| json!({"allowed": false, "status": {"code": 418, "message": "no tea"}})).await;
    let address = hooks.address;
    let server = Server::builder()
        .resolve_service(move |service| {
            (service.name == "hook" && service.namespace == "default" && service.port == 443)
                .then_some(address)
        })
        .start()
        .await
        .expect("a server");
    let http = Http::new(&server);
    let service = |name: &str| json!({"service": {"namespace": "default", "name": name, "path": "/v"}, "caBundle": hooks.bundle});
    configure(
        &http,
        VALIDATING,
        "v",
        json!([hook("x", service("hook"), json!({}))]),
    )
    .await;
    let (status, failure) = http.post(CONFIG_MAPS, map("a", json!({}))).await;
    assert_eq!(
        (status, &failure["message"]),
        (
            418,
            &json!("admission webhook \"x.example.com\" denied the request: no tea")
        )
    );
    assert_eq!(hooks.paths(), ["/v"]);

    http.delete(&format!("{VALIDATING}/v")).await;
    configure(
        &http,
        VALIDATING,
        "v",
        json!([hook("x", service("none"), json!({}))]),
    )
    .await;
    let (status, failure) = http.post(CONFIG_MAPS, map("a", json!({}))).await;
    assert_eq!(
        (status, failure["message"].as_str()),
        (
            500,
            Some(
                "Internal error occurred: failed calling webhook \"x.example.com\": failed to call webhook: Post \
                 \"https://none.default.svc:443/v?timeout=5s\": service \"none\" not found"
            )
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_overtaken_asks_again() {
    use std::sync::Arc;
    let server = Arc::new(Server::start().await.expect("a server"));
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, map("a", json!({"n": "0"}))).await;
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let hooks = Hooks::start(move |_, _| {
        started.send(()).ok();
        tokio::task::block_in_place(|| released.lock().expect("a lock").recv().ok());
        json!({"allowed": true})
    });
    let hooks = tokio::task::spawn(hooks).await.expect("hooks");
    let selector = json!({"objectSelector": {"matchLabels": {"slow": "yes"}}});
    configure(
        &http,
        VALIDATING,
        "v",
        json!([hook("x", hooks.at("/v"), selector)]),
    )
    .await;
    let slow = {
        let http = Http::new(&server);
        tokio::spawn(async move {
            let patch = json!({"metadata": {"labels": {"slow": "yes"}}});
            http.patch(&format!("{CONFIG_MAPS}/a"), MERGE, patch).await
        })
    };
    starts.recv().await;
    // While the webhook thinks, others write: nothing is locked.
    let (status, _) = http
        .patch(&format!("{CONFIG_MAPS}/a"), MERGE, json!({"data": {"n": "1"}}))
        .await;
    assert_eq!(status, 200);
    release.send(()).expect("there");
    starts.recv().await;
    release.send(()).expect("there");
    let (status, patched) = slow.await.expect("there");
    assert_eq!((status, &patched["data"]["n"]), (200, &json!("1")));
    assert_eq!(patched["metadata"]["labels"]["slow"], "yes");
}

#[tokio::test]
async fn a_scale_is_changed_as_a_scale() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks =
        Hooks::start(|_, _| patched(json!([{"op": "replace", "path": "/spec/replicas", "value": 2}]))).await;
    let rule = json!({"rules": [{
        "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments/scale"],
    }]});
    configure(&http, MUTATING, "m", json!([hook("most", hooks.at("/"), rule)])).await;
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let pod =
        json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"selector": {"matchLabels": {"a": "b"}}, "template": pod});
    http.post(deployments, json!({"metadata": {"name": "d"}, "spec": spec}))
        .await;
    let scale = json!({"spec": {"replicas": 9}});
    let (status, scaled) = http.patch(&format!("{deployments}/d/scale"), MERGE, scale).await;
    assert_eq!((status, &scaled["spec"]["replicas"]), (200, &json!(2)));
    let (_, found) = http.get(&format!("{deployments}/d")).await;
    assert_eq!(found["spec"]["replicas"], 2);
}

#[tokio::test]
async fn a_deletion_is_refused_but_not_changed() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(|path, _| match path {
        "/patch" => patched(json!([{"op": "add", "path": "/a", "value": 1}])),
        _ => json!({"allowed": false, "status": {"message": "stays", "code": 403, "reason": "Forbidden"}}),
    })
    .await;
    http.post(CONFIG_MAPS, map("a", json!({}))).await;
    configure(
        &http,
        MUTATING,
        "m",
        json!([hook("x", hooks.at("/patch"), json!({}))]),
    )
    .await;
    let (status, failure) = http.delete(&format!("{CONFIG_MAPS}/a")).await;
    let message = failure["message"].as_str().unwrap_or("");
    assert_eq!(status, 500);
    assert!(
        message.ends_with("attempted to modify the object, which is not supported for this operation"),
        "{message}"
    );
    http.delete(&format!("{MUTATING}/m")).await;
    configure(
        &http,
        VALIDATING,
        "v",
        json!([hook("x", hooks.at("/no"), json!({}))]),
    )
    .await;
    let (status, failure) = http.delete(&format!("{CONFIG_MAPS}/a")).await;
    assert_eq!((status, failure["reason"].as_str()), (403, Some("Forbidden")));
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/a")).await.0, 200);
    // Webhooks are never asked about their own configuration: it can always be taken away.
    assert_eq!(http.delete(&format!("{VALIDATING}/v")).await.0, 200);
    assert_eq!(http.delete(&format!("{CONFIG_MAPS}/a")).await.0, 200);
}

#[tokio::test]
async fn who_validates_knows_a_generated_name_and_who_changes_does_not() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(|_, _| json!({"allowed": true})).await;
    let one = |path: &str| json!([hook("one", hooks.at(path), json!({}))]);
    configure(&http, MUTATING, "m", one("/mutating")).await;
    configure(&http, VALIDATING, "v", one("/validating")).await;
    let body = json!({"metadata": {"generateName": "g-"}});
    let (status, created) = http.post(CONFIG_MAPS, body).await;
    assert_eq!(status, 201, "{created}");
    let asked = hooks.take();
    let names: Vec<_> = asked
        .iter()
        .map(|(path, request)| {
            (
                path.as_str(),
                &request["name"],
                &request["object"]["metadata"]["name"],
            )
        })
        .collect();
    let name = &created["metadata"]["name"];
    assert_eq!(
        names,
        [
            ("/mutating", &Value::Null, &Value::Null),
            ("/validating", name, name)
        ]
    );
}

#[tokio::test]
async fn bindings_and_evictions_are_in_the_namespace_of_the_request() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(|_, _| json!({"allowed": true})).await;
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/binding", "pods/eviction"], "operations": ["CREATE"],
    });
    let one = hook("one", hooks.at("/v"), json!({"rules": [rule]}));
    configure(&http, VALIDATING, "v", json!([one])).await;
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    http.post(pods, pod).await;
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}});
    assert_eq!(http.post(&format!("{pods}/p/binding"), binding).await.0, 201);
    let eviction = json!({"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": "p"}});
    assert_eq!(http.post(&format!("{pods}/p/eviction"), eviction).await.0, 201);
    let asked = hooks.take();
    let places: Vec<_> = asked
        .iter()
        .map(|(_, request)| {
            (
                &request["subResource"],
                &request["object"]["metadata"]["namespace"],
            )
        })
        .collect();
    let here = json!("default");
    assert_eq!(places, [(&json!("binding"), &here), (&json!("eviction"), &here)]);
}
