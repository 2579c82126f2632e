//! Finalizers, dependents, namespaces.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, Events, Http, MERGE, config_map, without_controllers};

/// Waits for the deletion of an object.
async fn gone(events: &mut Events, name: &str) {
    while let Some((event, told)) = events.told().await {
        if event == "DELETED" && told == name {
            return;
        }
    }
    panic!("the watch ended before {name} was deleted");
}

fn owned(name: &str, owner: &Value) -> Value {
    let mut object = config_map(name);
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": true,
    }]);
    object
}

#[tokio::test]
async fn a_finalizer_holds_until_it_goes() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let path = format!("{CONFIG_MAPS}/a");
    let mut object = config_map("a");
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    http.post(CONFIG_MAPS, object).await;
    let (status, marked) = http.delete(&path).await;
    assert_eq!(status, 200);
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    let (_, again) = http.delete(&path).await;
    assert_eq!(
        again["metadata"]["resourceVersion"],
        marked["metadata"]["resourceVersion"]
    );
    let add = json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}});
    assert_eq!(http.patch(&path, MERGE, add).await.0, 422);
    assert_eq!(
        http.patch(&path, MERGE, json!({"metadata": {"finalizers": null}}))
            .await
            .0,
        200
    );
    assert_eq!(http.get(&path).await.0, 404);
}

#[tokio::test]
async fn dependents_go_with_their_owner() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let (_, owner) = http.post(CONFIG_MAPS, config_map("owner")).await;
    let (_, child) = http.post(CONFIG_MAPS, owned("child", &owner)).await;
    http.post(CONFIG_MAPS, owned("grandchild", &child)).await;
    let mut events = http.watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    http.delete(&format!("{CONFIG_MAPS}/owner")).await;
    gone(&mut events, "grandchild").await;
}

#[tokio::test]
async fn an_owner_in_the_foreground_waits_for_its_dependents() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let (_, owner) = http.post(CONFIG_MAPS, config_map("owner")).await;
    let mut child = owned("child", &owner);
    child["metadata"]["finalizers"] = json!(["example.com/hold"]);
    http.post(CONFIG_MAPS, child).await;
    let mut events = http.watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    http.delete(&format!("{CONFIG_MAPS}/owner?propagationPolicy=Foreground"))
        .await;
    // The child is marked, and the owner is still there.
    loop {
        let event = events.next().await.unwrap();
        let metadata = &event["object"]["metadata"];
        assert_ne!(event["type"], "DELETED");
        if metadata["name"] == "child" && metadata["deletionTimestamp"].is_string() {
            break;
        }
    }
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/owner")).await.0, 200);
    http.patch(
        &format!("{CONFIG_MAPS}/child"),
        MERGE,
        json!({"metadata": {"finalizers": null}}),
    )
    .await;
    gone(&mut events, "owner").await;
}

#[tokio::test]
async fn orphans_lose_their_owner_and_stay() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let (_, owner) = http.post(CONFIG_MAPS, config_map("owner")).await;
    http.post(CONFIG_MAPS, owned("child", &owner)).await;
    let mut events = http.watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    http.delete(&format!("{CONFIG_MAPS}/owner?propagationPolicy=Orphan"))
        .await;
    gone(&mut events, "owner").await;
    let (status, child) = http.get(&format!("{CONFIG_MAPS}/child")).await;
    assert_eq!(status, 200);
    assert!(child["metadata"].get("ownerReferences").is_none());
}

#[tokio::test]
async fn without_controllers_nothing_is_collected() {
    let (_server, http) = without_controllers().await;
    let (_, owner) = http.post(CONFIG_MAPS, config_map("owner")).await;
    http.post(CONFIG_MAPS, owned("child", &owner)).await;
    http.delete(&format!("{CONFIG_MAPS}/owner")).await;
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/child")).await.0, 200);
}

#[tokio::test]
async fn a_namespace_goes_with_what_is_in_it() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    http.post("/api/v1/namespaces", json!({"metadata": {"name": "n"}}))
        .await;
    http.post("/api/v1/namespaces/n/configmaps", config_map("a"))
        .await;
    let mut events = http
        .watch("/api/v1/namespaces?watch=1&fieldSelector=metadata.name%3Dn")
        .await;
    let (status, marked) = http.delete("/api/v1/namespaces/n").await;
    assert_eq!(
        (status, marked["status"]["phase"].as_str()),
        (200, Some("Terminating"))
    );
    gone(&mut events, "n").await;
    assert_eq!(http.get("/api/v1/namespaces/n/configmaps/a").await.0, 404);
    assert_eq!(
        http.post("/api/v1/namespaces/n/configmaps", config_map("b"))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    for name in ["a", "b"] {
        let mut object = config_map(name);
        object["metadata"]["labels"] = json!({"name": name});
        http.post(CONFIG_MAPS, object).await;
    }
    let (status, list) = http
        .delete(&format!("{CONFIG_MAPS}?labelSelector=name%3Da"))
        .await;
    assert_eq!((status, list["items"].as_array().map(Vec::len)), (200, Some(1)));
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/a")).await.0, 404);
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/b")).await.0, 200);
}

/// A dependent goes only if its owner is known to be gone.
#[tokio::test]
async fn an_owner_is_looked_up_by_its_kind_and_name() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let (_, owner) = http.post(CONFIG_MAPS, config_map("owner")).await;
    let mut unknown = owned("unknown", &owner);
    unknown["metadata"]["ownerReferences"][0]["apiVersion"] = "nope.io/v1".into();
    http.post(CONFIG_MAPS, unknown).await;
    let role = json!({
        "metadata": {"name": "wide", "ownerReferences": owned("", &owner)["metadata"]["ownerReferences"]},
    });
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    assert_eq!(http.post(roles, role).await.0, 201);
    let mut events = http.watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    let mut other = owned("other", &owner);
    other["metadata"]["ownerReferences"][0]["kind"] = "Secret".into();
    http.post(CONFIG_MAPS, other).await;
    gone(&mut events, "other").await;
    http.delete(&format!("{CONFIG_MAPS}/owner")).await;
    http.post(CONFIG_MAPS, owned("late", &owner)).await;
    gone(&mut events, "late").await;
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/unknown")).await.0, 200);
    assert_eq!(http.get(&format!("{roles}/wide")).await.0, 200);
}

#[tokio::test]
async fn a_pod_that_goes_at_once_is_told_twice() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    assert_eq!(http.post(pods, pod).await.0, 201);
    let mut events = http.watch(&format!("{pods}?watch=1")).await;
    assert_eq!(http.delete(&format!("{pods}/p")).await.0, 200);
    let mut told = Vec::new();
    while told.last().is_none_or(|kind| kind != "DELETED") {
        let event = events.next().await.expect("an event");
        told.push(event["type"].as_str().expect("a type").to_owned());
        if told.len() > 1 {
            assert_eq!(event["object"]["metadata"]["deletionGracePeriodSeconds"], 0);
        }
    }
    assert_eq!(told, ["ADDED", "MODIFIED", "DELETED"]);
}
