//! Lists: selectors, pages, versions.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, Http, config_map};

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .expect("as lists are")
        .iter()
        .map(|item| item["metadata"]["name"].as_str().expect("as lists are"))
        .collect()
}

async fn with_objects(count: usize) -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    for at in 0..count {
        let mut object = config_map(&format!("o{at}"));
        object["metadata"]["labels"] = json!({"n": at.to_string()});
        http.post(CONFIG_MAPS, object).await;
    }
    (server, http)
}

#[tokio::test]
async fn pages_show_one_state_whatever_happens_between_them() {
    let (_server, http) = with_objects(5).await;
    let (_, first) = http.get(&format!("{CONFIG_MAPS}?limit=2")).await;
    assert_eq!(
        (names(&first), &first["metadata"]["remainingItemCount"]),
        (vec!["o0", "o1"], &json!(3))
    );
    http.delete(&format!("{CONFIG_MAPS}/o2")).await;
    http.post(CONFIG_MAPS, config_map("o9")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (_, rest) = http.get(&format!("{CONFIG_MAPS}?limit=9&continue={token}")).await;
    assert_eq!(names(&rest), ["o2", "o3", "o4"]);
    assert_eq!(
        rest["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn a_page_of_a_forgotten_state_can_go_on_inconsistently() {
    let (server, http) = with_objects(4).await;
    let (_, first) = http.get(&format!("{CONFIG_MAPS}?limit=2")).await;
    http.post(CONFIG_MAPS, config_map("o9")).await;
    server.compact();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (status, expired) = http.get(&format!("{CONFIG_MAPS}?limit=9&continue={token}")).await;
    assert_eq!((status, expired["reason"].as_str()), (410, Some("Expired")));
    let token = expired["metadata"]["continue"].as_str().unwrap();
    let (_, rest) = http.get(&format!("{CONFIG_MAPS}?limit=9&continue={token}")).await;
    assert_eq!(names(&rest), ["o2", "o3", "o9"]);
}

#[tokio::test]
async fn selectors_choose() {
    let (_server, http) = with_objects(4).await;
    for (query, want) in [
        ("labelSelector=n%3D1", vec!["o1"]),
        ("labelSelector=n+in+(1,3)", vec!["o1", "o3"]),
        ("labelSelector=n%3E1", vec!["o2", "o3"]),
        ("labelSelector=n%3E0,n+notin+(2)", vec!["o1", "o3"]),
        ("fieldSelector=metadata.name!%3Do0", vec!["o1", "o2", "o3"]),
        ("labelSelector=n%3D1&fieldSelector=metadata.name%3Do2", vec![]),
    ] {
        let (status, list) = http.get(&format!("{CONFIG_MAPS}?{query}")).await;
        assert_eq!((status, names(&list)), (200, want), "{query}");
    }
}

#[tokio::test]
async fn a_version_from_the_future_is_waited_for_and_then_refused() {
    let (_server, http) = with_objects(1).await;
    let (status, failure) = http.get(&format!("{CONFIG_MAPS}?resourceVersion=999999")).await;
    assert_eq!((status, failure["reason"].as_str()), (504, Some("Timeout")));
    assert_eq!(
        failure["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
}

#[tokio::test]
async fn what_cannot_be_selected_by_is_told() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    for (query, want) in [
        (
            "labelSelector=a+b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        (
            "fieldSelector=metadata.name",
            "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
        ),
    ] {
        let (code, failure) = http.get(&format!("{CONFIG_MAPS}?{query}")).await;
        assert_eq!((code, failure["message"].as_str()), (400, Some(want)));
    }
    let (code, failure) = http.get("/api/v1/namespaces/default?resourceVersion=abc").await;
    assert_eq!((code, failure.get("reason")), (500, None));
}
