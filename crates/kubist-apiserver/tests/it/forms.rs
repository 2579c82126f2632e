//! Discovery, and the forms in which objects are shown.

use http::Method;
use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, Http, config_map};

#[tokio::test]
async fn discovery_tells_what_is_served() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let (_, groups) = http.get("/apis").await;
    let names: Vec<&str> = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"apps") && names.contains(&"apiextensions.k8s.io"),
        "{names:?}"
    );
    // Every resource that can be listed is.
    for group in names.iter().map(|name| format!("/apis/{name}")) {
        let (_, found) = http.get(&group).await;
        for version in found["versions"].as_array().unwrap() {
            let path = format!("/apis/{}", version["groupVersion"].as_str().unwrap());
            let (_, resources) = http.get(&path).await;
            for resource in resources["resources"].as_array().unwrap() {
                let listable = resource["verbs"].as_array().unwrap().contains(&json!("list"));
                let name = resource["name"].as_str().unwrap();
                if listable {
                    assert_eq!(http.get(&format!("{path}/{name}")).await.0, 200, "{path}/{name}");
                }
            }
        }
    }
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let (_, aggregated) = http.get_as("/apis", accept).await;
    assert_eq!(aggregated["kind"], "APIGroupDiscoveryList");
    assert_eq!(aggregated["items"].as_array().map(Vec::len), Some(names.len()));
}

#[tokio::test]
async fn openapi_describes_every_group_and_refers_to_nothing_absent() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let (_, index) = http.get("/openapi/v3").await;
    for (path, entry) in index["paths"].as_object().unwrap() {
        let (status, document) = http.get(entry["serverRelativeURL"].as_str().unwrap()).await;
        assert_eq!(status, 200, "{path}");
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn tables_and_metadata_are_shown_on_request() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    let (_, table) = http
        .get_as(CONFIG_MAPS, "application/json;as=Table;v=v1;g=meta.k8s.io")
        .await;
    let columns: Vec<&Value> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| &column["name"])
        .collect();
    assert_eq!(columns, ["Name", "Data", "Age"]);
    assert_eq!(table["rows"][0]["cells"][0], "a");
    assert_eq!(table["rows"][0]["cells"][1], 1);
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let (_, list) = http.get_as(CONFIG_MAPS, accept).await;
    assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
    assert!(list["items"][0].get("data").is_none());
    assert_eq!(http.get_as(CONFIG_MAPS, "text/html").await.0, 406);
}

#[tokio::test]
async fn both_groups_serve_the_same_events() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let new = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": "a", "namespace": "default"},
        "regarding": {"kind": "Pod", "namespace": "default", "name": "web"},
        "note": "hello", "reason": "Hello", "action": "Greet", "type": "Normal",
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "example.com/c", "reportingInstance": "c-1",
    });
    let (code, created) = http
        .post("/apis/events.k8s.io/v1/namespaces/default/events", new)
        .await;
    assert_eq!((code, &created["note"]), (201, &json!("hello")), "{created}");
    assert_eq!(created["apiVersion"], "events.k8s.io/v1");

    let (_, core) = http.get("/api/v1/namespaces/default/events/a").await;
    assert_eq!(core["apiVersion"], "v1");
    assert_eq!(core["involvedObject"]["name"], "web");
    assert_eq!(
        (&core["message"], &core["reportingComponent"]),
        (&json!("hello"), &json!("example.com/c"))
    );
    assert!(
        core.get("regarding").is_none() && core.get("note").is_none(),
        "{core}"
    );

    let found = |path: &'static str| {
        let http = &http;
        async move { http.get(path).await.1["items"].as_array().unwrap().len() }
    };
    assert_eq!(
        found("/api/v1/events?fieldSelector=involvedObject.name%3Dweb").await,
        1
    );
    assert_eq!(
        found("/apis/events.k8s.io/v1/events?fieldSelector=regarding.name%3Dweb").await,
        1
    );
    assert_eq!(
        found("/api/v1/events?fieldSelector=involvedObject.name%3Dother").await,
        0
    );

    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}});
    let path = "/apis/events.k8s.io/v1/namespaces/default/events/a";
    let (code, patched) = http.patch(path, "application/merge-patch+json", series).await;
    assert_eq!((code, &patched["series"]["count"]), (200, &json!(2)), "{patched}");
    assert_eq!(patched["note"], "hello");
    assert_eq!(
        http.get("/api/v1/namespaces/default/events/a").await.1["series"]["count"],
        2
    );
}

#[tokio::test]
async fn documents_that_a_client_has_are_not_sent_again() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    for (path, accept) in [
        ("/apis", aggregated),
        ("/openapi/v2", "application/json"),
        ("/openapi/v3/apis/apps/v1", "application/json"),
    ] {
        let ask = async |tag: &str| {
            let headers = [("accept", accept), ("if-none-match", tag)];
            http.send(Method::GET, path, &headers, Vec::new()).await
        };
        let first = ask("").await;
        assert_eq!(first.status(), 200, "{path}");
        let tag = first.headers()["etag"].to_str().expect("text").to_owned();
        assert_eq!(ask(&tag).await.status(), 304, "{path}");
        assert_eq!(ask("\"other\"").await.status(), 200, "{path}");
    }

    // Under the hash that the index tells, a document never changes.
    let (_, index) = http.get("/openapi/v3").await;
    let index = match index {
        Value::String(text) => serde_json::from_str(&text).expect("JSON"),
        index => index,
    };
    let path = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
        .as_str()
        .expect("a path");
    let forever = http.send(Method::GET, path, &[], Vec::new()).await;
    assert_eq!(forever.headers()["cache-control"], "public, immutable");
    let old = "/openapi/v3/apis/apps/v1?hash=0";
    let moved = http.send(Method::GET, old, &[], Vec::new()).await;
    assert_eq!(
        (moved.status().as_u16(), &moved.headers()["location"]),
        (301, &path.parse().expect("a value"))
    );
}
