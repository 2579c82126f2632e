//! Discovery, and the forms in which objects are shown.

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
