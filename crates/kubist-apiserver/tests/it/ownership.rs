//! Who owns which field, where others than two appliers are involved.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, Http, MERGE, config_map};

const APPLY: &str = "application/apply-patch+yaml";
const JSON_PATCH: &str = "application/json-patch+json";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn path(manager: &str) -> String {
    format!("{CONFIG_MAPS}/a?fieldManager={manager}")
}

fn config(metadata: Value, data: Value) -> Value {
    let mut config =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
    for (key, value) in metadata.as_object().expect("there") {
        config["metadata"][key] = value.clone();
    }
    config
}

#[tokio::test]
async fn an_applier_may_give_up_all_metadata() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let metadata = json!({"labels": {"l": "1"}, "annotations": {"n": "1"}, "finalizers": ["example.com/f"]});
    let all = config(metadata, json!({"x": "1", "y": "1"}));
    assert_eq!(http.patch(&path("one"), APPLY, all).await.0, 201);
    for _ in 0..2 {
        let less = config(json!({}), json!({"x": "2"}));
        let (status, after) = http.patch(&path("one"), APPLY, less).await;
        assert_eq!(status, 200, "{after}");
        assert_eq!(after["data"], json!({"x": "2"}));
        assert_eq!(after["metadata"]["namespace"], "default");
        for gone in ["labels", "annotations", "finalizers"] {
            assert_eq!(after["metadata"].get(gone), None);
        }
    }
}

#[tokio::test]
async fn a_patch_may_replace_the_whole_object_in_its_place() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let (_, before) = http.post(CONFIG_MAPS, config_map("a")).await;
    let whole = |namespace: Value| {
        let metadata = json!({"name": "a", "namespace": namespace});
        json!([{"op": "replace", "path": "", "value": config(metadata, json!({"x": "1"}))}])
    };
    let (status, after) = http.patch(&path("m"), JSON_PATCH, whole(Value::Null)).await;
    assert_eq!(status, 200, "{after}");
    assert_eq!(after["data"], json!({"x": "1"}));
    for same in ["uid", "namespace", "creationTimestamp"] {
        assert_eq!(after["metadata"][same], before["metadata"][same]);
    }
    let (status, failure) = http
        .patch(&path("m"), JSON_PATCH, whole(json!("elsewhere")))
        .await;
    assert_eq!((status, &failure["reason"]), (400, &json!("BadRequest")));
}

#[tokio::test]
async fn ownership_can_be_forgotten_and_begins_again_with_an_apply() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    let forget = json!({"metadata": {"managedFields": []}, "data": {"fresh": "1"}});
    let (_, after) = http.patch(&path("m"), MERGE, forget).await;
    assert_eq!(after["metadata"].get("managedFields"), None);
    let (_, after) = http.patch(&path("m"), MERGE, json!({"data": {"k": "2"}})).await;
    assert_eq!(after["metadata"].get("managedFields"), None);

    let other = config(json!({}), json!({"fresh": "2"}));
    let (status, failure) = http.patch(&path("one"), APPLY, other).await;
    assert_eq!(status, 409);
    assert_eq!(
        failure["message"],
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .data.fresh"
    );
    let same = config(json!({}), json!({"fresh": "1"}));
    let (status, after) = http.patch(&path("one"), APPLY, same).await;
    assert_eq!(status, 200);
    let owners: Vec<&str> = after["metadata"]["managedFields"]
        .as_array()
        .expect("managers")
        .iter()
        .filter_map(|entry| entry["manager"].as_str())
        .collect();
    assert_eq!(owners, ["one", "before-first-apply"]);
}

#[tokio::test]
async fn kubectl_takes_over_what_it_applied_from_the_client() {
    let note = "kubectl.kubernetes.io/last-applied-configuration";
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let applied = config(json!({}), json!({"a": "1", "b": "2"}));
    let mut object = applied.clone();
    object["metadata"]["annotations"] = json!({note: applied.to_string()});
    object["data"]["c"] = "3".into();
    let create = format!("{CONFIG_MAPS}?fieldManager=kubectl-client-side-apply");
    assert_eq!(http.post(&create, object).await.0, 201);

    // What was never applied stays somebody else's.
    let (status, failure) = http
        .patch(
            &path("kubectl"),
            APPLY,
            config(json!({}), json!({"a": "5", "c": "5"})),
        )
        .await;
    assert_eq!(status, 409);
    assert_eq!(failure["details"]["causes"][0]["field"], ".data.c");
    assert_eq!(failure["details"]["causes"].as_array().map(Vec::len), Some(1));

    let next = config(json!({}), json!({"a": "5"}));
    let (status, _) = http.patch(&path("other"), APPLY, next.clone()).await;
    assert_eq!(status, 409, "only kubectl takes over");
    let (status, after) = http.patch(&path("kubectl"), APPLY, next.clone()).await;
    assert_eq!(status, 200, "{after}");
    assert_eq!(after["data"], json!({"a": "5", "b": "2", "c": "3"}));
    assert_eq!(after["metadata"]["annotations"][note], format!("{next}\n"));
}

#[tokio::test]
async fn a_scale_can_be_applied() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    });
    let apply = format!("{DEPLOYMENTS}/d?fieldManager=two");
    assert_eq!(http.patch(&apply, APPLY, deployment).await.0, 201);
    let scale = json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": 8},
    });
    let apply = format!("{DEPLOYMENTS}/d/scale?fieldManager=sc");
    let (status, failure) = http.patch(&apply, APPLY, scale.clone()).await;
    assert_eq!(status, 409);
    assert_eq!(
        failure["message"],
        "Apply failed with 1 conflict: conflict with \"two\": .spec.replicas"
    );
    let (status, after) = http.patch(&format!("{apply}&force=true"), APPLY, scale).await;
    assert_eq!((status, &after["spec"]["replicas"]), (200, &json!(8)));
    let (_, deployment) = http.get(&format!("{DEPLOYMENTS}/d")).await;
    let entries = deployment["metadata"]["managedFields"]
        .as_array()
        .expect("managers");
    let entry = entries
        .iter()
        .find(|entry| entry["manager"] == "sc")
        .expect("an entry");
    assert_eq!(
        (&entry["operation"], &entry["subresource"], &entry["fieldsV1"]),
        (
            &json!("Apply"),
            &json!("scale"),
            &json!({"f:spec": {"f:replicas": {}}})
        )
    );
}

#[tokio::test]
async fn the_status_of_a_deployment_has_no_labels() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let deployment = json!({
        "metadata": {"name": "d"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    });
    assert_eq!(http.post(DEPLOYMENTS, deployment).await.0, 201);
    let status = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "labels": {"x": "y"}},
        "status": {"replicas": 1},
    });
    let path = format!("{DEPLOYMENTS}/d/status?fieldManager=st");
    let (code, after) = http.patch(&path, APPLY, status).await;
    assert_eq!((code, &after["status"]["replicas"]), (200, &json!(1)));
    assert_eq!(after["metadata"].get("labels"), None);
    // Annotations count as a new generation, but not with the status.
    let annotated = json!({"metadata": {"annotations": {"revision": "1"}}});
    let status = format!("{DEPLOYMENTS}/d/status");
    let (_, same) = http.patch(&status, crate::client::MERGE, annotated).await;
    assert_eq!(same["metadata"]["annotations"]["revision"], "1");
    assert_eq!(same["metadata"]["generation"], 1);
    let annotated = json!({"metadata": {"annotations": {"revision": "2"}}});
    let whole = format!("{DEPLOYMENTS}/d");
    let (_, next) = http.patch(&whole, crate::client::MERGE, annotated).await;
    assert_eq!(next["metadata"]["generation"], 2);
    let entries = after["metadata"]["managedFields"].as_array().expect("managers");
    let entry = entries
        .iter()
        .find(|entry| entry["manager"] == "st")
        .expect("an entry");
    assert_eq!(entry["fieldsV1"], json!({"f:status": {"f:replicas": {}}}));
}

#[tokio::test]
async fn what_cannot_be_applied_is_told() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    let send = async |content_type: &str, path: &str, body: &str| {
        let headers = [("content-type", content_type)];
        let response = http
            .send(http::Method::PATCH, path, &headers, body.as_bytes().to_vec())
            .await;
        let code = response.status().as_u16();
        let body = http_body_util::BodyExt::collect(response.into_body())
            .await
            .expect("a body");
        let answer: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
        (code, answer["message"].as_str().unwrap_or("").to_owned())
    };
    let one = path("one");
    for (body, message) in [
        (
            "apiVersion: v1\nkind: Secret\n",
            "invalid object type: /v1, Kind=Secret",
        ),
        (
            "apiVersion: apps/v9\nkind: ConfigMap\n",
            "invalid object type: apps/v9, Kind=ConfigMap",
        ),
        ("", "invalid object type: /, Kind="),
        (
            "- a\n",
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go \
             value of type map[string]interface {}",
        ),
    ] {
        assert_eq!(send(APPLY, &one, body).await, (400, message.to_owned()));
    }
    let (code, message) = send(APPLY, &one, "a: b: c\n").await;
    assert_eq!(code, 400);
    assert!(
        message.starts_with("error decoding YAML: error converting YAML to JSON: yaml: ")
            && !message.contains('\n'),
        "{message}"
    );
    // The last of two keys, and the first of two documents.
    let twice =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1', x: '2'}\n---\nno: thing\n";
    assert_eq!(send(APPLY, &one, twice).await.0, 200);
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/a")).await.1["data"]["x"], "2");

    let (code, message) = send(MERGE, &format!("{one}&force=true"), "{}").await;
    assert_eq!(code, 422);
    assert!(
        message.contains("may not be specified for non-apply patch"),
        "{message}"
    );
    let many = Value::from(vec![
        json!({"op": "test", "path": "/kind", "value": "ConfigMap"});
        10_001
    ]);
    assert_eq!(send(JSON_PATCH, &one, &many.to_string()).await.0, 413);
}

fn deployment() -> Value {
    json!({
        "metadata": {"name": "d"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    })
}

#[tokio::test]
async fn an_update_leaves_the_status_to_its_owner() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(DEPLOYMENTS, deployment()).await;
    let path = format!("{DEPLOYMENTS}/d");
    let status = json!({"status": {"replicas": 3}});
    http.patch(&format!("{path}/status?fieldManager=ctl"), MERGE, status)
        .await;
    let mut whole = deployment();
    whole["spec"]["replicas"] = 4.into();
    let (code, after) = http.put(&path, whole).await;
    assert_eq!((code, &after["status"]["replicas"]), (200, &json!(3)));
    let entries = after["metadata"]["managedFields"].as_array().expect("managers");
    let owned = entries.iter().find(|entry| entry["manager"] == "ctl");
    assert_eq!(
        owned.expect("an entry")["fieldsV1"],
        json!({"f:status": {"f:replicas": {}}})
    );
    // Annotations count as a change of a deployment, labels do not.
    let generation = after["metadata"]["generation"].as_i64().expect("a number");
    for (metadata, more) in [
        (json!({"labels": {"l": "1"}}), 0),
        (json!({"annotations": {"n": "1"}}), 1),
    ] {
        let (_, after) = http.patch(&path, MERGE, json!({"metadata": metadata})).await;
        assert_eq!(after["metadata"]["generation"], generation + more);
    }
}

#[tokio::test]
async fn who_applies_what_is_there_is_noted_without_a_time() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    let (_, after) = http
        .patch(&path("one"), APPLY, config(json!({}), json!({"k": "v"})))
        .await;
    let entries = after["metadata"]["managedFields"].as_array().expect("managers");
    assert_eq!(
        (entries[0]["manager"].as_str(), entries[0].get("time")),
        (Some("one"), None)
    );
}
