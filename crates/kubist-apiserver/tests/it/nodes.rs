//! Nodes.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::Http;

#[tokio::test]
async fn ranges_of_pods_are_one_of_each_family() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let create = async |name: &str, spec: Value| {
        http.post("/api/v1/nodes", json!({"metadata": {"name": name}, "spec": spec}))
            .await
    };
    let (status, created) = create("a", json!({"podCIDRs": ["10.0.0.0/24", "fd00::/64"]})).await;
    assert_eq!(
        (status, &created["spec"]["podCIDR"]),
        (201, &json!("10.0.0.0/24"))
    );
    for (ranges, why) in [
        (json!(["x"]), "must be a valid CIDR value"),
        (json!(["10.0.0.0/33"]), "must be a valid CIDR value"),
        (
            json!(["10.0.0.1/24"]),
            "must not have bits set beyond the prefix length",
        ),
        (
            json!(["fd00::1/64"]),
            "must not have bits set beyond the prefix length",
        ),
        (json!(["010.0.0.0/24"]), "must not have leading 0s"),
        (
            json!(["10.0.0.0/24", "10.0.1.0/24"]),
            "no more than one CIDR for each IP family",
        ),
        (
            json!(["10.0.0.0/24", "fd00::/64", "fd01::/64"]),
            "no more than one CIDR for each IP family",
        ),
    ] {
        let (status, refused) = create("b", json!({"podCIDRs": ranges})).await;
        assert_eq!(status, 422, "{ranges}");
        let message = refused["message"].as_str().expect("a message");
        assert!(message.contains(why), "{ranges}: {message}");
    }
    for (name, whole) in [
        ("c", "0.0.0.0/0"),
        ("d", "10.0.0.1/32"),
        ("e", "::/0"),
        ("f", "fd00::1/128"),
    ] {
        let (status, refused) = create(name, json!({"podCIDRs": [whole]})).await;
        assert_eq!(status, 201, "{whole}: {refused}");
    }
}
