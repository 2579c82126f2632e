//! Every built-in kind, once around: created, read, shown, changed, applied, and deleted.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Http, MERGE, without_controllers};
use crate::samples::{Sample, samples};

const APPLY: &str = "application/apply-patch+yaml";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// The collections of everything that can be created and read again.
async fn served(http: &Http) -> BTreeSet<String> {
    let (_, groups) = http.get("/apis").await;
    let mut paths = vec!["/api/v1".to_owned()];
    for group in groups["groups"].as_array().expect("groups") {
        for version in group["versions"].as_array().expect("versions") {
            paths.push(format!(
                "/apis/{}",
                version["groupVersion"].as_str().expect("text")
            ));
        }
    }
    let mut served = BTreeSet::new();
    for path in paths {
        let (_, resources) = http.get(&path).await;
        for resource in resources["resources"].as_array().expect("resources") {
            let verbs = resource["verbs"].as_array().expect("verbs");
            let name = resource["name"].as_str().expect("a name");
            if name.contains('/') || !["create", "get"].iter().all(|verb| verbs.contains(&json!(verb))) {
                continue;
            }
            let namespace = if resource["namespaced"] == true {
                "namespaces/default/"
            } else {
                ""
            };
            served.insert(format!("{path}/{namespace}{name}"));
        }
    }
    served
}

#[tokio::test]
async fn every_kind_has_a_sample() {
    let (_server, http) = without_controllers().await;
    let known: Vec<&str> = samples().iter().map(|sample| sample.path).collect();
    let known_once: BTreeSet<String> = known.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(known.len(), known_once.len(), "a kind has two");
    assert_eq!(known_once, served(&http).await);
}

#[tokio::test]
async fn every_kind_goes_once_around() {
    let (_server, http) = without_controllers().await;
    for sample in samples() {
        around(&http, &sample).await;
    }
}

fn version(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Without what the server writes by itself: the status of definitions and API services.
fn lasting(object: &Value) -> Value {
    let mut object = object.clone();
    object["status"].take();
    for field in ["managedFields", "resourceVersion"] {
        object["metadata"][field].take();
    }
    object
}

async fn around(http: &Http, sample: &Sample) {
    let path = sample.path;
    let object = sample.named("sample");
    let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
    let one = format!("{path}/{name}");

    let (status, created) = http.post(path, object.clone()).await;
    assert_eq!(status, 201, "{path}: {created}");
    assert_ne!(created["metadata"]["uid"], json!(null), "{path}");
    assert_eq!(http.post(path, object).await.0, 409, "{path}");
    let (status, read) = http.get(&one).await;
    assert_eq!((status, &lasting(&read)), (200, &lasting(&created)), "{path}");

    let (status, list) = http.get(path).await;
    assert_eq!(status, 200, "{path}: {list}");
    let items = list["items"].as_array().expect("items");
    let listed = items.iter().find(|item| item["metadata"]["name"] == *name);
    assert_eq!(
        listed.map(|item| &item["metadata"]),
        Some(&read["metadata"]),
        "{path}"
    );
    let (status, table) = http.get_as(path, TABLE).await;
    assert_eq!(
        (status, &table["kind"]),
        (200, &json!("Table")),
        "{path}: {table}"
    );
    let columns = table["columnDefinitions"].as_array().expect("columns").len();
    let rows = table["rows"].as_array().expect("rows");
    assert!(columns > 0 && rows.len() == items.len(), "{path}: {table}");
    for row in rows {
        assert_eq!(
            row["cells"].as_array().map(Vec::len),
            Some(columns),
            "{path}: {row}"
        );
    }
    let told = |row: &Value| row["cells"][0] == *name || row["object"]["metadata"]["name"] == *name;
    assert!(rows.iter().any(told), "{path}: {table}");

    let (status, labelled) = http
        .patch(&one, MERGE, json!({"metadata": {"labels": {"a": "b"}}}))
        .await;
    assert_eq!(
        (status, &labelled["metadata"]["labels"]["a"]),
        (200, &json!("b")),
        "{path}: {labelled}"
    );
    assert!(version(&labelled) > version(&created), "{path}");
    let (status, replaced) = http.put(&one, labelled.clone()).await;
    assert_eq!(
        (status, &replaced),
        (200, &labelled),
        "{path}: what is the same changes nothing"
    );
    let mut stale = labelled.clone();
    stale["metadata"]["resourceVersion"] = created["metadata"]["resourceVersion"].clone();
    assert_eq!(http.put(&one, stale).await.0, 409, "{path}");

    let applied = json!({
        "apiVersion": created["apiVersion"], "kind": created["kind"],
        "metadata": {"name": name, "labels": {"c": "d"}},
    });
    let manager = format!("{one}?fieldManager=m");
    let (status, applied) = http.patch(&manager, APPLY, applied).await;
    assert_eq!(status, 200, "{path}: {applied}");
    assert_eq!(applied["metadata"]["labels"]["a"], "b", "{path}");
    assert_eq!(applied["metadata"]["labels"]["c"], "d", "{path}");
    let managers = applied["metadata"]["managedFields"].as_array().expect("managers");
    let own = managers.iter().find(|entry| entry["manager"] == "m");
    assert_eq!(
        own.map(|entry| &entry["fieldsV1"]),
        Some(&json!({"f:metadata": {"f:labels": {"f:c": {}}}})),
        "{path}"
    );

    if let Some((patch, field)) = &sample.fixed {
        let (status, answer) = http.patch(&one, MERGE, patch.clone()).await;
        let causes = answer["details"]["causes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let named = |cause: &Value| field.is_some_and(|field| cause["field"] == field);
        assert_eq!(
            status,
            if field.is_some() { 422 } else { 200 },
            "{path}: {answer}"
        );
        assert_eq!(
            causes.iter().any(named),
            field.is_some(),
            "{path}: {field:?}: {answer}"
        );
        assert_eq!(http.get(&one).await.1, applied, "{path}: nothing has changed");
    }

    let (status, answer) = http.delete(&one).await;
    assert_eq!(status, 200, "{path}: {answer}");
    let (status, left) = http.get(&one).await;
    // Namespaces wait for a controller, and what is protected for another.
    assert!(
        status == 404 || !left["metadata"]["deletionTimestamp"].is_null(),
        "{path}: {left}"
    );
}
