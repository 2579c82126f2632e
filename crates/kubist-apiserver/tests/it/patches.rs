//! Patches of every format.

use kubist_apiserver::Server;
use serde_json::json;

use crate::client::{CONFIG_MAPS, Http, MERGE, config_map};

const APPLY: &str = "application/apply-patch+yaml";

#[tokio::test]
async fn every_format_does_what_it_says() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    let path = format!("{CONFIG_MAPS}/a");
    let (_, after) = http
        .patch(&path, MERGE, json!({"data": {"k": null, "m": "1"}}))
        .await;
    assert_eq!(after["data"], json!({"m": "1"}));
    let patch = json!([{"op": "test", "path": "/data/m", "value": "1"}, {"op": "add", "path": "/data/j", "value": "2"}]);
    let (_, after) = http.patch(&path, "application/json-patch+json", patch).await;
    assert_eq!(after["data"], json!({"m": "1", "j": "2"}));
    let (_, after) = http
        .patch(
            &path,
            "application/strategic-merge-patch+json",
            json!({"data": {"$patch": "replace", "s": "3"}}),
        )
        .await;
    assert_eq!(after["data"], json!({"s": "3"}));
    assert_eq!(http.patch(&path, "application/unknown", json!({})).await.0, 415);
    assert_eq!(
        http.patch(&format!("{CONFIG_MAPS}/none"), MERGE, json!({}))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn appliers_share_conflict_and_let_go() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let config = |data: serde_json::Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
    let path = |manager: &str| format!("{CONFIG_MAPS}/a?fieldManager={manager}");
    let (status, _) = http
        .patch(&path("one"), APPLY, config(json!({"x": "1", "y": "1"})))
        .await;
    assert_eq!(status, 201);
    let (status, conflict) = http.patch(&path("two"), APPLY, config(json!({"x": "2"}))).await;
    assert_eq!(status, 409);
    assert_eq!(conflict["details"]["causes"][0]["field"], ".data.x");
    let (status, _) = http
        .patch(
            &format!("{}&force=true", path("two")),
            APPLY,
            config(json!({"x": "2"})),
        )
        .await;
    assert_eq!(status, 200);
    let (_, after) = http.patch(&path("one"), APPLY, config(json!({}))).await;
    assert_eq!(after["data"], json!({"x": "2"}));
    let (_, again) = http.patch(&path("one"), APPLY, config(json!({}))).await;
    assert_eq!(
        again["metadata"]["resourceVersion"],
        after["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn apply_needs_a_manager() {
    let server = Server::start().await.unwrap();
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    assert_eq!(
        Http::new(&server)
            .patch(&format!("{CONFIG_MAPS}/a"), APPLY, config)
            .await
            .0,
        422
    );
}
