//! Services: what they are given, keep and lose.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{Http, MERGE};

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn service(name: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    if spec.get("ports").is_none() {
        spec["ports"] = json!([{"port": 80}]);
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

#[tokio::test]
async fn addresses_and_ports_come_and_go_with_the_type() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let (_, made) = http.post(SERVICES, service("a", &json!({}))).await;
    let address = made["spec"]["clusterIP"].as_str().expect("an address").to_owned();
    assert!(address.starts_with("10.0.0."));
    let path = format!("{SERVICES}/a");
    let patch = async |spec: Value| http.patch(&path, MERGE, json!({"spec": spec})).await.1["spec"].clone();

    let open = patch(json!({"type": "NodePort"})).await;
    let number = open["ports"][0]["nodePort"].as_i64().expect("a port");
    assert!((30_000..=32_767).contains(&number));
    assert_eq!(open["externalTrafficPolicy"], "Cluster");
    let moved = patch(json!({"ports": [{"port": 81}]})).await;
    assert_eq!(
        moved["ports"][0]["nodePort"], number,
        "the port of the node stays"
    );
    let balanced = patch(json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"})).await;
    assert!(balanced["healthCheckNodePort"].is_i64());
    assert_eq!(balanced["clusterIP"], address.as_str());
    let inside = patch(json!({"type": "ClusterIP"})).await;
    for gone in [
        "externalTrafficPolicy",
        "healthCheckNodePort",
        "allocateLoadBalancerNodePorts",
    ] {
        assert_eq!(inside.get(gone), None, "{gone}");
    }
    assert_eq!(inside["ports"][0].get("nodePort"), None);
    let external = patch(json!({"type": "ExternalName", "externalName": "a.example.com"})).await;
    for gone in [
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "internalTrafficPolicy",
    ] {
        assert_eq!(external.get(gone), None, "{gone}");
    }
    let back = patch(json!({"type": "ClusterIP", "externalName": null})).await;
    assert!(back["clusterIP"].is_string());

    let (_, headless) = http
        .post(SERVICES, service("h", &json!({"clusterIP": "None"})))
        .await;
    assert_eq!(headless["spec"]["ipFamilies"], json!(["IPv4", "IPv6"]));
    let quiet = json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false});
    let (_, quiet) = http.post(SERVICES, service("q", &quiet)).await;
    assert_eq!(quiet["spec"]["ports"][0].get("nodePort"), None);
}

#[tokio::test]
async fn what_does_not_fit_is_told() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let taken = json!({
        "type": "NodePort", "clusterIP": "10.0.0.77", "ports": [{"port": 80, "nodePort": 30_077}],
    });
    assert_eq!(http.post(SERVICES, service("taken", &taken)).await.0, 201);
    for (spec, field, message) in [
        (
            json!({"clusterIP": "10.0.0.77"}),
            "spec.clusterIPs",
            "provided IP is already allocated",
        ),
        (
            json!({"clusterIP": "11.0.0.1"}),
            "spec.clusterIPs",
            "does not match the current range",
        ),
        (
            json!({"clusterIP": "10.0.0.255"}),
            "spec.clusterIPs",
            "does not match the current range",
        ),
        (
            json!({"clusterIP": "x"}),
            "spec.clusterIPs[0]",
            "must be a valid IP address",
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30_077}]}),
            "spec.ports[0].nodePort",
            "provided port is already allocated",
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}),
            "spec.ports[0].nodePort",
            "The range of valid ports is 30000-32767",
        ),
        (
            json!({"ports": [{"port": 80, "nodePort": 30_001}]}),
            "spec.ports[0].nodePort",
            "may not be used when `type` is 'ClusterIP'",
        ),
        (
            json!({"ports": [{"port": 80, "targetPort": "80"}]}),
            "spec.ports[0].targetPort",
            "must contain at least one letter",
        ),
        (
            json!({"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]}),
            "spec.ports[1]",
            "Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80",
        ),
        (
            json!({"type": "NodePort", "clusterIP": "None"}),
            "spec.clusterIPs[0]",
            "for NodePort services",
        ),
        (
            json!({"externalTrafficPolicy": "Local"}),
            "spec.externalTrafficPolicy",
            "externally-accessible",
        ),
        (
            json!({"loadBalancerClass": "a/b"}),
            "spec.loadBalancerClass",
            "may only be used when",
        ),
        (
            json!({"type": "ExternalName", "externalName": "A_b"}),
            "spec.externalName",
            "RFC 1123 subdomain",
        ),
        (
            json!({"externalIPs": ["127.0.0.1"]}),
            "spec.externalIPs[0]",
            "loopback",
        ),
    ] {
        let (code, failure) = http.post(SERVICES, service("s", &spec)).await;
        let cause = &failure["details"]["causes"][0];
        let found = cause["message"].as_str().unwrap_or("");
        assert_eq!(
            (code, cause["field"].as_str()),
            (422, Some(field)),
            "{spec}: {failure}"
        );
        assert!(found.contains(message), "{found} lacks {message}");
    }
    let ingress = json!({"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}});
    let path = format!("{SERVICES}/taken/status");
    assert_eq!(http.patch(&path, MERGE, ingress.clone()).await.0, 422);
    http.post(SERVICES, service("lb", &json!({"type": "LoadBalancer"})))
        .await;
    let (code, shown) = http.patch(&format!("{SERVICES}/lb/status"), MERGE, ingress).await;
    assert_eq!(
        (code, &shown["status"]["loadBalancer"]["ingress"][0]["ipMode"]),
        (200, &json!("VIP"))
    );
}
