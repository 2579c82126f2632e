//! Parameters of policies.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use super::{map, message, validate};
use crate::client::{CONFIG_MAPS, CRDS, Http, crd, with_alice};

fn limited() -> Value {
    json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConditions": [{"name": "checked", "expression": "has(object.data) && has(object.data.n)"}],
        "validations": [{
            "expression": "int(object.data.n) <= int(params.data.max)",
            "messageExpression": "'more than ' + params.data.max",
        }],
    })
}

async fn with_limits() -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    for (name, max) in [("low", "3"), ("high", "5")] {
        let limit = json!({"metadata": {"name": name, "labels": {"is": "limit"}}, "data": {"max": max}});
        assert_eq!(http.post(CONFIG_MAPS, limit).await.0, 201);
    }
    (server, http)
}

#[tokio::test]
async fn a_parameter_is_found_by_its_name_as_it_is_now() {
    let (_server, http) = with_limits().await;
    let reference = json!({"paramRef": {"name": "low", "parameterNotFoundAction": "Deny"}});
    validate(&http, "p", limited(), reference).await;
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({"n": "3"}))).await.0, 201);
    let (_, answer) = http.post(CONFIG_MAPS, map("b", json!({"n": "4"}))).await;
    assert!(message(&answer).ends_with("more than 3"), "{answer}");
    let patch = json!({"data": {"max": "4"}});
    let path = format!("{CONFIG_MAPS}/low");
    assert_eq!(http.patch(&path, crate::client::MERGE, patch).await.0, 200);
    assert_eq!(http.post(CONFIG_MAPS, map("b", json!({"n": "4"}))).await.0, 201);
}

#[tokio::test]
async fn all_parameters_that_are_selected_must_agree() {
    let (_server, http) = with_limits().await;
    let selector = json!({"matchLabels": {"is": "limit"}});
    let reference = json!({"paramRef": {"selector": selector, "parameterNotFoundAction": "Deny"}});
    validate(&http, "p", limited(), reference).await;
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({"n": "3"}))).await.0, 201);
    let (_, answer) = http.post(CONFIG_MAPS, map("b", json!({"n": "4"}))).await;
    assert!(message(&answer).ends_with("more than 3"), "{answer}");
    let (_, answer) = http.post(CONFIG_MAPS, map("b", json!({"n": "6"}))).await;
    assert!(message(&answer).ends_with("more than 5"), "{answer}");
}

#[tokio::test]
async fn what_is_not_found_denies_or_allows() {
    let (_server, http) = with_limits().await;
    let reference = |action: &str| json!({"paramRef": {"name": "nope", "parameterNotFoundAction": action}});
    validate(&http, "allows", limited(), reference("Allow")).await;
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({"n": "9"}))).await.0, 201);
    validate(&http, "denies", limited(), reference("Deny")).await;
    let (_, answer) = http.post(CONFIG_MAPS, map("b", json!({"n": "1"}))).await;
    assert!(
        message(&answer).ends_with(
            "ValidatingAdmissionPolicy 'denies' with binding 'denies' denied request: failed to configure binding: no \
             params found for policy binding with `Deny` parameterNotFoundAction"
        ),
        "{answer}"
    );
}

#[tokio::test]
async fn a_kind_that_is_not_served_breaks_its_policy() {
    let (_server, http) = with_limits().await;
    let mut policy = limited();
    policy["paramKind"] = json!({"apiVersion": "example.com/v1", "kind": "Limit"});
    policy["validations"][0]["expression"] = json!("int(object.data.n) <= params.spec.max");
    policy["validations"][0]["messageExpression"] = json!("params.kind + ' says ' + string(params.spec.max)");
    let reference = json!({"paramRef": {"name": "one", "parameterNotFoundAction": "Deny"}});
    validate(&http, "p", policy, reference).await;
    let (_, answer) = http.post(CONFIG_MAPS, map("a", json!({"n": "1"}))).await;
    assert!(
        message(&answer).ends_with(
            "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource \
             referenced by paramKind: 'example.com/v1, Kind=Limit'"
        ),
        "{answer}"
    );
    // Once it is served, the policy works.
    let properties = json!({"spec": {"type": "object", "properties": {"max": {"type": "integer"}}}});
    let mut definition = crd("Limit", json!({"type": "object"}));
    definition["spec"]["scope"] = json!("Cluster");
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
        json!({"type": "object", "properties": properties});
    let (status, answer) = http.post(CRDS, definition).await;
    assert_eq!(status, 201, "{answer}");
    let limit = json!({"apiVersion": "example.com/v1", "kind": "Limit", "metadata": {"name": "one"}, "spec": {"max": 2}});
    let (status, answer) = http.post("/apis/example.com/v1/limits", limit).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({"n": "2"}))).await.0, 201);
    let (_, answer) = http.post(CONFIG_MAPS, map("b", json!({"n": "3"}))).await;
    assert!(message(&answer).ends_with("Limit says 2"), "{answer}");
}

#[tokio::test]
async fn who_refers_to_parameters_must_be_able_to_read_them() {
    let (_server, admin, alice) = with_alice().await;
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({"metadata": {"name": "policies"}, "rules": [
        {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    ]});
    assert_eq!(admin.post(&format!("{rbac}/clusterroles"), role).await.0, 201);
    let binding = json!({
        "metadata": {"name": "policies"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "policies"},
        "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}],
    });
    assert_eq!(
        admin
            .post(&format!("{rbac}/clusterrolebindings"), binding)
            .await
            .0,
        201
    );
    let policies = format!("{}/validatingadmissionpolicies", super::GROUP);
    let bindings = format!("{}/validatingadmissionpolicybindings", super::GROUP);
    let policy = |name: &str, kind: &str| {
        let mut spec = super::spec(super::validations(&["true"]));
        spec["paramKind"] = json!({"apiVersion": "v1", "kind": kind});
        json!({"metadata": {"name": name}, "spec": spec})
    };
    let (status, answer) = alice.post(&policies, policy("maps", "ConfigMap")).await;
    let cause = &answer["details"]["causes"][0];
    assert_eq!(
        (status, &cause["field"]),
        (422, &json!("spec.paramKind")),
        "{answer}"
    );
    assert_eq!(alice.post(&policies, policy("secrets", "Secret")).await.0, 201);
    assert_eq!(admin.post(&policies, policy("maps", "ConfigMap")).await.0, 201);
    let binding = |name: &str| {
        json!({"metadata": {"name": name}, "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "paramRef": {"name": "x", "parameterNotFoundAction": "Allow"},
        }})
    };
    let (status, answer) = alice.post(&bindings, binding("maps")).await;
    let cause = &answer["details"]["causes"][0];
    assert_eq!(
        (status, &cause["field"]),
        (422, &json!("spec.paramRef")),
        "{answer}"
    );
    assert_eq!(alice.post(&bindings, binding("secrets")).await.0, 201);
    // What somebody else was allowed can be kept.
    assert_eq!(admin.post(&bindings, binding("maps")).await.0, 201);
    let labels = json!({"metadata": {"labels": {"a": "b"}}});
    let path = format!("{bindings}/maps");
    assert_eq!(alice.patch(&path, crate::client::MERGE, labels).await.0, 200);
}
