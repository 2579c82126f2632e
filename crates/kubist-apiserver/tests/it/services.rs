//! Services: addresses, ports of nodes, and what depends on their type.

use std::collections::BTreeSet;

use futures::future::join_all;
use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{Http, MERGE};

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn service(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    let ports = spec.get("ports").cloned();
    spec["ports"] = ports.unwrap_or_else(|| json!([{"port": 80}]));
    json!({"metadata": {"name": name}, "spec": spec})
}

async fn refused(http: &Http, spec: Value) -> String {
    let (status, answer) = http.post(SERVICES, service("refused", spec)).await;
    assert_eq!(status, 422, "{answer}");
    answer["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn addresses_are_given_once() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let names: Vec<String> = (0..40).map(|number| format!("s{number}")).collect();
    let created = join_all(names.iter().map(|name| {
        let kind =
            json!({"type": "NodePort", "ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]});
        http.post(SERVICES, service(name, kind))
    }))
    .await;
    let (mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for (status, created) in &created {
        assert_eq!(*status, 201, "{created}");
        let spec = &created["spec"];
        assert_eq!(spec["clusterIPs"], json!([spec["clusterIP"]]));
        addresses.insert(spec["clusterIP"].to_string());
        for port in spec["ports"].as_array().unwrap() {
            ports.insert(port["nodePort"].as_i64().unwrap());
        }
    }
    assert_eq!((addresses.len(), ports.len()), (40, 80));
    assert!(
        ports.iter().all(|port| (30_000..=32_767).contains(port)),
        "{ports:?}"
    );

    let taken = created[0].1["spec"]["clusterIP"].as_str().unwrap();
    let message = refused(&http, json!({"clusterIP": taken})).await;
    assert!(
        message.contains(&format!(
            "spec.clusterIPs: Invalid value: [\"{taken}\"]: failed to allocate IP {taken}: provided IP is already \
             allocated"
        )),
        "{message}"
    );
    // What was deleted, and what was refused, is free again.
    assert_eq!(http.delete(&format!("{SERVICES}/s0")).await.0, 200);
    let bad = json!({"clusterIP": taken, "sessionAffinity": "Nope"});
    refused(&http, bad).await;
    let again = service("again", json!({"clusterIP": taken}));
    assert_eq!(http.post(SERVICES, again).await.0, 201);
}

#[tokio::test]
async fn a_type_brings_its_fields_and_takes_them_along() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let path = format!("{SERVICES}/web");
    let (_, plain) = http.post(SERVICES, service("web", json!({}))).await;
    let address = plain["spec"]["clusterIP"].clone();
    assert_eq!(plain["spec"]["ports"][0].get("nodePort"), None);

    let to = |kind: &str, more: Value| {
        let mut patch = json!({"spec": more});
        patch["spec"]["type"] = kind.into();
        let (http, path) = (&http, &path);
        async move {
            let (status, answer) = http.patch(path, MERGE, patch).await;
            assert_eq!(status, 200, "{answer}");
            answer["spec"].clone()
        }
    };
    let local = json!({"externalTrafficPolicy": "Local"});
    let balanced = to("LoadBalancer", local).await;
    assert_eq!(balanced["clusterIP"], address);
    assert!(balanced["ports"][0]["nodePort"].is_i64() && balanced["healthCheckNodePort"].is_i64());
    assert_eq!(balanced["allocateLoadBalancerNodePorts"], true);

    // A client that does not know of the port of the nodes leaves it as it is.
    let (_, put) = http
        .patch(&path, MERGE, json!({"spec": {"ports": [{"port": 81}]}}))
        .await;
    assert_eq!(
        put["spec"]["ports"][0]["nodePort"],
        balanced["ports"][0]["nodePort"]
    );

    let plain = to("ClusterIP", json!({})).await;
    assert_eq!(plain["clusterIP"], address);
    for field in [
        "externalTrafficPolicy",
        "healthCheckNodePort",
        "allocateLoadBalancerNodePorts",
    ] {
        assert_eq!(plain.get(field), None, "{field}");
    }
    assert_eq!(plain["ports"][0].get("nodePort"), None);

    let external = to("ExternalName", json!({"externalName": "example.com"})).await;
    for field in [
        "clusterIP",
        "clusterIPs",
        "ipFamilies",
        "ipFamilyPolicy",
        "internalTrafficPolicy",
    ] {
        assert_eq!(external.get(field), None, "{field}");
    }
    let back = to("ClusterIP", json!({"externalName": null})).await;
    assert!(back["clusterIP"].as_str().unwrap().starts_with("10.0.0."));
}

#[tokio::test]
async fn what_services_are_refused_for() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    for (spec, expected) in [
        (json!({"ports": []}), "spec.ports: Required value"),
        (
            json!({"ports": [{"port": 80, "targetPort": "http_x"}]}),
            "spec.ports[0].targetPort: Invalid value: \"http_x\": must contain only alpha-numeric characters",
        ),
        (
            json!({"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]}),
            "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80,\
             \"TargetPort\":0,\"NodePort\":0}",
        ),
        (
            json!({"ports": [{"port": 80, "nodePort": 30077}]}),
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        (
            json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}),
            "The range of valid ports is 30000-32767",
        ),
        (
            json!({"type": "ExternalName", "externalName": "a.b", "clusterIP": "None"}),
            "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
        ),
        (
            json!({"clusterIP": "10.1.0.1"}),
            "the provided network does not match the current range",
        ),
        (
            json!({"clusterIP": "::1"}),
            "spec.clusterIPs[0]: Invalid value: [\"::1\"]: IPv6 is not configured on this cluster",
        ),
        (
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            "this cluster is not configured for dual-stack services",
        ),
        (
            json!({"externalIPs": ["1.2.3.4", "127.0.0.1"]}),
            "spec.externalIPs[1]: Invalid value: \"127.0.0.1\": may not be in the loopback range",
        ),
        (
            json!({"loadBalancerClass": "a/b"}),
            "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
        ),
        (
            json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 90000}}}),
            "must be greater than 0 and less than 86400",
        ),
    ] {
        let message = refused(&http, spec).await;
        assert!(message.contains(expected), "{message}");
    }
    // A service is not what it was refused for.
    let (_, list) = http.get(SERVICES).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn headless_services_have_no_address() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let (_, headless) = http
        .post(SERVICES, service("a", json!({"clusterIP": "None", "ports": []})))
        .await;
    assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
    assert_eq!(headless["spec"]["ipFamilyPolicy"], "RequireDualStack");
    let selected = json!({"clusterIP": "None", "selector": {"app": "web"}});
    let (_, headless) = http.post(SERVICES, service("b", selected)).await;
    assert_eq!(headless["spec"]["ipFamilies"], json!(["IPv4"]));
}
