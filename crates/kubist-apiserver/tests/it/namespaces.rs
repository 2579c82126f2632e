//! How namespaces end.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{Events, Http, MERGE, config_map, without_controllers};
use crate::hooks::Hooks;

const NAMESPACES: &str = "/api/v1/namespaces";
const NAMESPACE: &str = "/api/v1/namespaces/n";
const MAPS: &str = "/api/v1/namespaces/n/configmaps";

async fn watched(http: &Http, namespace: Value) -> Events {
    assert_eq!(http.post(NAMESPACES, namespace).await.0, 201);
    let mut events = http
        .watch(&format!("{NAMESPACES}?watch=1&fieldSelector=metadata.name%3Dn"))
        .await;
    assert_eq!(events.next().await.expect("an event")["type"], "ADDED");
    events
}

fn held(name: &str, finalizers: &[&str]) -> Value {
    let mut object = config_map(name);
    object["metadata"]["finalizers"] = json!(finalizers);
    object
}

/// What the condition of a type says: its status, reason and message.
fn condition(namespace: &Value, kind: &str) -> [String; 3] {
    let conditions = namespace["status"]["conditions"].as_array();
    let found = conditions.into_iter().flatten().find(|one| one["type"] == kind);
    ["status", "reason", "message"].map(|field| {
        let text = found.and_then(|found| found[field].as_str());
        text.unwrap_or_default().to_owned()
    })
}

/// The namespace as soon as one of its conditions has this status.
async fn until(events: &mut Events, kind: &str, status: &str) -> Value {
    loop {
        let event = events.next().await.expect("an event");
        assert_ne!(event["type"], "DELETED");
        if condition(&event["object"], kind)[0] == status {
            return event["object"].clone();
        }
    }
}

async fn until_gone(events: &mut Events) -> Value {
    let mut last = Value::Null;
    loop {
        let event = events.next().await.expect("an event");
        if event["type"] == "DELETED" {
            return last;
        }
        last = event["object"].clone();
    }
}

#[tokio::test]
async fn a_namespace_says_what_holds_it() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut events = watched(&http, json!({"metadata": {"name": "n"}})).await;
    http.post(MAPS, config_map("free")).await;
    http.post(MAPS, held("one", &["example.com/a"])).await;
    http.post(MAPS, held("two", &["example.com/a", "example.com/b"]))
        .await;
    let account = json!({"metadata": {"name": "s", "finalizers": ["example.com/b"]}});
    http.post(&format!("{NAMESPACE}/serviceaccounts"), account).await;
    http.delete(NAMESPACE).await;

    let namespace = until(&mut events, "NamespaceContentRemaining", "True").await;
    assert_eq!(
        condition(&namespace, "NamespaceContentRemaining")[1..],
        [
            "SomeResourcesRemain",
            "Some resources are remaining: configmaps. has 2 resource instances, serviceaccounts. has 1 resource instances"
        ]
    );
    assert_eq!(
        condition(&namespace, "NamespaceFinalizersRemaining")[1..],
        [
            "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: example.com/a in 2 resource instances, \
             example.com/b in 2 resource instances"
        ]
    );
    assert_eq!(
        condition(&namespace, "NamespaceDeletionContentFailure"),
        [
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization"
        ]
    );
    assert_eq!(http.get(&format!("{MAPS}/free")).await.0, 404);

    let free = json!({"metadata": {"finalizers": null}});
    for path in ["configmaps/one", "configmaps/two", "serviceaccounts/s"] {
        http.patch(&format!("{NAMESPACE}/{path}"), MERGE, free.clone())
            .await;
    }
    let last = until_gone(&mut events).await;
    assert_eq!(
        condition(&last, "NamespaceFinalizersRemaining"),
        [
            "False",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished"
        ]
    );
}

#[tokio::test]
async fn pods_end_before_anything_else_goes() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut events = watched(&http, json!({"metadata": {"name": "n"}})).await;
    let pods = format!("{NAMESPACE}/pods");
    let container = json!([{"name": "c", "image": "i"}]);
    for (name, node) in [("running", "node"), ("waiting", "")] {
        let pod = json!({"metadata": {"name": name}, "spec": {"nodeName": node, "containers": container}});
        assert_eq!(http.post(&pods, pod).await.0, 201);
    }
    http.post(MAPS, config_map("a")).await;
    http.delete(NAMESPACE).await;
    until(&mut events, "NamespaceContentRemaining", "False").await;

    let (_, running) = http.get(&format!("{pods}/running")).await;
    assert_eq!(running["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(http.get(&format!("{pods}/waiting")).await.0, 404);
    assert_eq!(http.get(&format!("{MAPS}/a")).await.0, 200);

    http.delete(&format!("{pods}/running?gracePeriodSeconds=0")).await;
    until_gone(&mut events).await;
    assert_eq!(http.get(&format!("{MAPS}/a")).await.0, 404);
}

#[tokio::test]
async fn pods_that_should_have_ended_are_reported() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut events = watched(&http, json!({"metadata": {"name": "n"}})).await;
    let pod = json!({"metadata": {"name": "p"}, "spec": {
        "nodeName": "node", "terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "i"}],
    }});
    http.post(&format!("{NAMESPACE}/pods"), pod).await;
    http.delete(NAMESPACE).await;
    let namespace = until(&mut events, "NamespaceDeletionContentFailure", "True").await;
    assert_eq!(
        condition(&namespace, "NamespaceDeletionContentFailure")[1..],
        [
            "ContentDeletionFailed",
            "Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: n for gvr: \
             /v1, Resource=pods"
        ]
    );
}

#[tokio::test]
async fn a_refused_deletion_keeps_a_namespace() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let hooks = Hooks::start(|_, _| json!({"allowed": false, "status": {"message": "keep it"}})).await;
    let configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let configuration = json!({"metadata": {"name": "keeps"}, "webhooks": [{
        "name": "keeps.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": hooks.at("/"), "timeoutSeconds": 5,
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["DELETE"]}],
    }]});
    let mut events = watched(&http, json!({"metadata": {"name": "n"}})).await;
    http.post(MAPS, config_map("a")).await;
    assert_eq!(http.post(configurations, configuration).await.0, 201);
    http.delete(NAMESPACE).await;
    let namespace = until(&mut events, "NamespaceDeletionContentFailure", "True").await;
    assert_eq!(
        condition(&namespace, "NamespaceDeletionContentFailure")[2],
        "Failed to delete all resource types, 1 remaining: admission webhook \"keeps.example.com\" denied the request: \
         keep it"
    );
    let (_, asked) = hooks.take().remove(0);
    assert_eq!(
        asked["userInfo"]["username"],
        "system:serviceaccount:kube-system:namespace-controller"
    );
    http.delete(&format!("{configurations}/keeps")).await;
    until_gone(&mut events).await;
}

#[tokio::test]
async fn finalizers_of_a_namespace_have_a_path_of_their_own() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let namespace =
        json!({"metadata": {"name": "n"}, "spec": {"finalizers": ["kubernetes", "example.com/f"]}});
    let mut events = watched(&http, namespace).await;
    http.delete(NAMESPACE).await;
    loop {
        let event = events.next().await.expect("an event");
        if event["object"]["spec"]["finalizers"] == json!(["example.com/f"]) {
            break;
        }
    }
    let finalize = format!("{NAMESPACE}/finalize");
    let wanted = |name: &str, finalizers: Value| json!({"metadata": {"name": name}, "spec": {"finalizers": finalizers}});
    let (status, answer) = http.put(&finalize, wanted("n", json!(["a b"]))).await;
    assert_eq!(
        (status, &answer["details"]["causes"][0]["field"]),
        (422, &json!("spec.finalizers[0]"))
    );
    assert_eq!(http.put(&finalize, wanted("other", json!([]))).await.0, 400);
    let dry = format!("{finalize}?dryRun=All");
    assert_eq!(http.put(&dry, wanted("n", json!([]))).await.0, 200);
    assert_eq!(http.get(NAMESPACE).await.0, 200);
    let (status, answer) = http.put(&finalize, wanted("n", json!([]))).await;
    assert_eq!((status, &answer["spec"]), (200, &json!({})));
    until_gone(&mut events).await;
}

/// Nothing changes any more, so nothing may be written any more.
#[tokio::test]
async fn a_namespace_that_waits_for_its_own_finalizers_is_left_alone() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let namespace = json!({"metadata": {"name": "n", "finalizers": ["example.com/f"]}});
    let mut events = watched(&http, namespace).await;
    http.delete(NAMESPACE).await;
    let mut left = Value::Null;
    while left["spec"] != json!({}) {
        left = events.next().await.expect("an event")["object"].clone();
    }
    // The controller looks at all of them: when another one is gone, it has looked at this one.
    let mut others = http
        .watch(&format!(
            "{NAMESPACES}?watch=1&fieldSelector=metadata.name%3Dother"
        ))
        .await;
    http.post(NAMESPACES, json!({"metadata": {"name": "other"}}))
        .await;
    http.delete(&format!("{NAMESPACES}/other")).await;
    until_gone(&mut others).await;
    let (_, now) = http.get(NAMESPACE).await;
    assert_eq!(
        now["metadata"]["resourceVersion"],
        left["metadata"]["resourceVersion"]
    );
    http.patch(NAMESPACE, MERGE, json!({"metadata": {"finalizers": null}}))
        .await;
    until_gone(&mut events).await;
}

#[tokio::test]
async fn without_controllers_a_namespace_keeps_its_finalizer() {
    let (_server, http) = without_controllers().await;
    http.post(NAMESPACES, json!({"metadata": {"name": "n"}})).await;
    http.delete(NAMESPACE).await;
    let (status, namespace) = http.get(NAMESPACE).await;
    assert_eq!(status, 200);
    assert_eq!(namespace["status"], json!({"phase": "Terminating"}));
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]));
    let phase = json!({"status": {"phase": "Active"}});
    assert_eq!(
        http.patch(&format!("{NAMESPACE}/status"), MERGE, phase).await.0,
        422
    );
    let empty = json!({"metadata": {"name": "n"}});
    assert_eq!(http.put(&format!("{NAMESPACE}/finalize"), empty).await.0, 200);
    assert_eq!(http.get(NAMESPACE).await.0, 404);
}
