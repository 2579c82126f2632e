//! Which requests a policy and its bindings are asked about.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use super::{GROUP, bind, config_maps, create, map, message, spec, validate, validations};
use crate::client::{CONFIG_MAPS, Http, MERGE};

const NEVER: &str = "false";

async fn refused(http: &Http, path: &str, object: Value) -> bool {
    http.post(path, object).await.0 == 422
}

#[tokio::test]
async fn rules_exclusions_and_selectors_choose() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut excluded = config_maps();
    excluded["resourceNames"] = json!(["free"]);
    let constraints = json!({"matchConstraints": {
        "resourceRules": [config_maps()], "excludeResourceRules": [excluded],
        "objectSelector": {"matchLabels": {"checked": "yes"}},
        "namespaceSelector": {"matchExpressions": [{"key": "open", "operator": "DoesNotExist"}]},
    }});
    let mut policy = validations(&[NEVER]);
    super::merge(&mut policy, constraints);
    validate(&http, "p", policy, json!({})).await;
    let namespace = json!({"metadata": {"name": "open", "labels": {"open": ""}}});
    assert_eq!(http.post("/api/v1/namespaces", namespace).await.0, 201);
    let labelled = |name: &str| json!({"metadata": {"name": name, "labels": {"checked": "yes"}}});
    assert!(refused(&http, CONFIG_MAPS, labelled("a")).await);
    assert!(!refused(&http, CONFIG_MAPS, labelled("free")).await);
    assert!(!refused(&http, CONFIG_MAPS, map("b", json!({}))).await);
    assert!(!refused(&http, "/api/v1/namespaces/open/configmaps", labelled("a")).await);
    // The label that is taken off was there.
    let (status, _) = http
        .patch(
            &format!("{CONFIG_MAPS}/b"),
            MERGE,
            json!({"metadata": {"labels": {"checked": "yes"}}}),
        )
        .await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn conditions_decide_before_validations() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut policy = validations(&[NEVER]);
    policy["matchConditions"] = json!([
        {"name": "one", "expression": "object.data.v == '1'"},
        {"name": "two", "expression": "object.data.w == '1'"},
    ]);
    validate(&http, "p", policy, json!({})).await;
    // One that is false decides, though another fails.
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({"v": "2"}))).await.0, 201);
    let (_, answer) = http.post(CONFIG_MAPS, map("b", json!({"v": "1"}))).await;
    let end = "denied request: expression 'object.data.w == '1'' resulted in error: no such key: w";
    assert!(message(&answer).ends_with(end), "{answer}");
    let both = json!({"v": "1", "w": "1"});
    let (_, answer) = http.post(CONFIG_MAPS, map("b", both)).await;
    assert!(message(&answer).ends_with("failed expression: false"), "{answer}");
}

#[tokio::test]
async fn conditions_do_not_see_the_namespace() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut policy = validations(&["namespaceObject.metadata.name != 'default'"]);
    policy["matchConditions"] = json!([{"name": "c", "expression": "namespaceObject == null"}]);
    validate(&http, "p", policy, json!({})).await;
    assert!(refused(&http, CONFIG_MAPS, map("a", json!({}))).await);
}

#[tokio::test]
async fn a_binding_narrows_its_policy() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    create(
        &http,
        "validatingadmissionpolicies",
        "p",
        spec(validations(&[NEVER])),
    )
    .await;
    // A policy without bindings is about nothing.
    assert!(!refused(&http, CONFIG_MAPS, map("a", json!({}))).await);
    let mut rule = config_maps();
    rule["resourceNames"] = json!(["b"]);
    bind(
        &http,
        "names",
        "p",
        json!({"matchResources": {"resourceRules": [rule]}}),
    )
    .await;
    let selector = json!({"objectSelector": {"matchLabels": {"x": "y"}}});
    bind(&http, "labels", "p", json!({"matchResources": selector})).await;
    assert!(!refused(&http, CONFIG_MAPS, map("c", json!({}))).await);
    let (_, answer) = http.post(CONFIG_MAPS, map("b", json!({}))).await;
    assert!(message(&answer).contains("with binding 'names'"), "{answer}");
    let labelled = json!({"metadata": {"name": "d", "labels": {"x": "y"}}});
    let (_, answer) = http.post(CONFIG_MAPS, labelled).await;
    assert!(message(&answer).contains("with binding 'labels'"), "{answer}");
}

#[tokio::test]
async fn subresources_and_equivalent_resources_match() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let scale = json!({"matchConstraints": {"resourceRules": [
        {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments/scale"], "operations": ["UPDATE"]},
    ]}});
    let mut policy = json!({"validations": [
        {"expression": "object.spec.replicas < 3", "messageExpression": "object.kind + ' ' + request.subResource"},
    ]});
    super::merge(&mut policy, scale);
    validate(&http, "scales", policy, json!({})).await;
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let labels = json!({"a": "b"});
    let deployment = json!({"metadata": {"name": "d"}, "spec": {
        "replicas": 5, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    }});
    assert_eq!(http.post(deployments, deployment).await.0, 201);
    let path = format!("{deployments}/d/scale");
    let (_, answer) = http.patch(&path, MERGE, json!({"spec": {"replicas": 4}})).await;
    assert!(
        message(&answer).ends_with("denied request: Scale scale"),
        "{answer}"
    );
    assert_eq!(
        http.patch(&path, MERGE, json!({"spec": {"replicas": 2}})).await.0,
        200
    );

    let events = json!({"resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["events"], "operations": ["CREATE"]},
    ]});
    let seen =
        "object.apiVersion + ' for ' + request.requestResource.group + ' as ' + request.resource.group";
    let own = json!([{"name": "own", "expression": "request.resource.group == 'events.k8s.io'"}]);
    let policy = json!({
        "matchConditions": own,
        "matchConstraints": events, "validations": [{"expression": "false", "messageExpression": seen}],
    });
    validate(&http, "events", policy, json!({})).await;
    let event = json!({
        "metadata": {"name": "e"}, "eventTime": "2024-01-01T00:00:00.000000Z", "reportingController": "a.b/c",
        "reportingInstance": "i", "action": "a", "reason": "r", "type": "Normal", "regarding": {"namespace": "default"},
    });
    let (_, answer) = http
        .post("/apis/events.k8s.io/v1/namespaces/default/events", event)
        .await;
    assert!(
        message(&answer).ends_with("denied request: v1 for events.k8s.io as"),
        "{answer}"
    );
}

#[tokio::test]
async fn policies_never_lock_themselves_in() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let everything =
        json!({"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]});
    let mut policy = validations(&[NEVER]);
    policy["matchConstraints"] = json!({"resourceRules": [everything]});
    validate(&http, "all", policy, json!({})).await;
    assert!(refused(&http, CONFIG_MAPS, map("a", json!({}))).await);
    let review = json!({"spec": {"nonResourceAttributes": {"path": "/x", "verb": "get"}}});
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(http.post(reviews, review).await.0, 201);
    let path = format!("{GROUP}/validatingadmissionpolicies/all");
    assert_eq!(http.delete(&path).await.0, 200);
    assert!(!refused(&http, CONFIG_MAPS, map("a", json!({}))).await);
}

#[tokio::test]
async fn the_conditions_of_a_webhook_hold_up_nobody_else() {
    // One thread serves all of it.
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let condition = "lists.range(200).all(a, lists.range(200).all(b, a + b < 0 || true)) && false";
    let hook = json!({
        "name": "slow.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}],
        "matchConditions": [{"name": "slow", "expression": condition}],
    });
    let configurations = format!("{GROUP}/validatingwebhookconfigurations");
    let (status, answer) = http
        .post(
            &configurations,
            json!({"metadata": {"name": "slow"}, "webhooks": [hook]}),
        )
        .await;
    assert_eq!(status, 201, "{answer}");
    let write = http.post(CONFIG_MAPS, map("a", json!({})));
    let mut write = std::pin::pin!(write);
    let mut reads = 0;
    let (status, answer) = loop {
        tokio::select! {
            biased;
            answer = &mut write => break answer,
            (status, _) = http.get(CONFIG_MAPS) => {
                assert_eq!(status, 200);
                reads += 1;
            }
        }
    };
    assert_eq!(status, 201, "{answer}");
    assert!(reads > 20, "{reads}");
}
