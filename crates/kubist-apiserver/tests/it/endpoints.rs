//! Endpoints, and slices of them.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{Http, MERGE};

const ENDPOINTS: &str = "/api/v1/namespaces/default/endpoints";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

/// What is refused of an object: fields and messages.
async fn refused(http: &Http, path: &str, object: Value) -> Vec<String> {
    let (status, answer) = http.post(path, object).await;
    assert_eq!(status, 422, "{answer}");
    let told = |cause: &Value| {
        let text = |member: &str| cause[member].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("field"), text("message"))
    };
    let causes = answer["details"]["causes"].as_array().expect("causes");
    causes.iter().map(told).collect()
}

#[tokio::test]
async fn endpoints_lead_somewhere() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let endpoints = |subset: Value| json!({"metadata": {"name": "e"}, "subsets": [subset]});
    assert_eq!(
        refused(&http, ENDPOINTS, endpoints(json!({}))).await,
        ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"]
    );
    for (address, why) in [
        (
            "127.0.0.1",
            "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        ),
        ("0.0.0.0", "may not be unspecified (0.0.0.0)"),
        (
            "169.254.0.1",
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
        ),
        (
            "ff02::1",
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    ] {
        let told = format!("subsets[0].addresses[0].ip: Invalid value: \"{address}\": {why}");
        let subset = json!({"addresses": [{"ip": address}]});
        assert_eq!(refused(&http, ENDPOINTS, endpoints(subset)).await, [told]);
    }
    let subset =
        json!({"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}, {"port": 0, "name": "b"}]});
    assert_eq!(
        refused(&http, ENDPOINTS, endpoints(subset)).await,
        [
            "subsets[0].ports[0].name: Required value",
            "subsets[0].ports[1].port: Invalid value: 0: must be between 1 and 65535, inclusive"
        ]
    );
    let fine = endpoints(json!({"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}));
    assert_eq!(http.post(ENDPOINTS, fine).await.0, 201);
}

#[tokio::test]
async fn slices_are_of_one_kind() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let slice = |kind: &str, addresses: Value| json!({"metadata": {"name": "s"}, "addressType": kind, "endpoints": [{"addresses": addresses}]});
    assert_eq!(
        refused(&http, SLICES, slice("", json!(["10.1.2.3"]))).await,
        ["addressType: Required value"]
    );
    assert_eq!(
        refused(&http, SLICES, slice("IPv4", json!(["2001:db8::1"]))).await,
        ["endpoints[0].addresses: Invalid value: \"2001:db8::1\": must be an IPv4 address"]
    );
    assert_eq!(
        refused(&http, SLICES, slice("IPv6", json!([]))).await,
        ["endpoints[0].addresses: Required value: must contain at least 1 address"]
    );
    assert_eq!(
        refused(&http, SLICES, slice("FQDN", json!(["host"]))).await,
        [
            "endpoints[0].addresses[0]: Invalid value: \"host\": should be a domain with at least two segments separated \
             by dots"
        ]
    );
    let mut twice = slice("IPv4", json!(["10.1.2.3"]));
    twice["ports"] = json!([{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]);
    assert_eq!(
        refused(&http, SLICES, twice).await,
        ["ports[1].name: Duplicate value: \"a\""]
    );
    assert_eq!(http.post(SLICES, slice("IPv4", json!(["10.1.2.3"]))).await.0, 201);
    let other = json!({"addressType": "IPv6"});
    assert_eq!(http.patch(&format!("{SLICES}/s"), MERGE, other).await.0, 422);
}
