//! Claims of volumes, and the nodes that volumes are attached to.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{Http, MERGE};

const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";

fn claim(name: &str, more: Value) -> Value {
    let mut claim = json!({"metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }});
    for (key, value) in more.as_object().expect("an object") {
        claim["spec"][key] = value.clone();
    }
    claim
}

#[tokio::test]
async fn the_source_of_a_claim_is_said_in_two_ways() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let other = json!({"apiGroup": "example.com", "kind": "Backup", "name": "b"});
    let snapshot = json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"});
    for (given, source) in [
        (json!({"dataSource": snapshot}), Some(&snapshot)),
        (json!({"dataSourceRef": other}), Some(&other)),
        // The older way knows snapshots and claims only, and forgets the rest.
        (json!({"dataSource": other}), None),
    ] {
        let (status, created) = http
            .post(&format!("{CLAIMS}?dryRun=All"), claim("c", given))
            .await;
        assert_eq!(status, 201, "{created}");
        for field in ["dataSource", "dataSourceRef"] {
            assert_eq!(created["spec"].get(field), source, "{field}");
        }
    }
    let both = json!({"dataSource": snapshot, "dataSourceRef": other});
    assert_eq!(http.post(CLAIMS, claim("c", both)).await.0, 422);
    http.post(CLAIMS, claim("kept", json!({"dataSourceRef": other})))
        .await;
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    let (status, kept) = http.patch(&format!("{CLAIMS}/kept"), MERGE, label).await;
    assert_eq!((status, &kept["spec"]["dataSourceRef"]), (200, &other));
}

#[tokio::test]
async fn a_new_node_is_not_ready() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let node =
        json!({"metadata": {"name": "n"}, "spec": {"taints": [{"key": "own", "effect": "NoExecute"}]}});
    let (status, node) = http.post("/api/v1/nodes", node).await;
    assert_eq!(status, 201, "{node}");
    assert_eq!(
        node["spec"]["taints"],
        json!([
            {"key": "own", "effect": "NoExecute"},
            {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"},
        ])
    );
    let provider = |id: &str| json!({"spec": {"providerID": id, "podCIDR": "10.1.0.0/24"}});
    let (_, node) = http.patch("/api/v1/nodes/n", MERGE, provider("one")).await;
    assert_eq!(node["spec"]["podCIDRs"], json!(["10.1.0.0/24"]));
    let (status, answer) = http.patch("/api/v1/nodes/n", MERGE, provider("two")).await;
    assert_eq!(
        (status, &answer["details"]["causes"][0]["field"]),
        (422, &json!("spec.providerID"))
    );
    let capacity = json!({"status": {"capacity": {"cpu": "4"}}});
    let (_, node) = http.patch("/api/v1/nodes/n/status", MERGE, capacity).await;
    assert_eq!(node["status"]["allocatable"], json!({"cpu": "4"}));
    let ready = json!({"spec": {"taints": null}});
    let (_, node) = http.patch("/api/v1/nodes/n", MERGE, ready).await;
    assert_eq!(node["spec"].get("taints"), None);
}
