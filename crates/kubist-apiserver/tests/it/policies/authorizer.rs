//! `authorizer`: expressions that ask who may do what.

use kubist_apiserver::Server;
use serde_json::json;

use super::{map, message, mutate, validate, validations};
use crate::client::{CONFIG_MAPS, Http, with_alice};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

/// A server on which alice may write ConfigMaps and scale, and the account `bot` read one.
async fn with_roles() -> (Server, Http, Http) {
    let (server, admin, alice) = with_alice().await;
    for (name, rules, subject) in [
        (
            "alice",
            json!([
                {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "update"]},
                {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["update"]},
            ]),
            json!({"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}),
        ),
        (
            "bot",
            json!([{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"], "verbs": ["get"]}]),
            json!({"kind": "ServiceAccount", "name": "bot", "namespace": "default"}),
        ),
    ] {
        let role = json!({"metadata": {"name": name}, "rules": rules});
        assert_eq!(admin.post(&format!("{RBAC}/roles"), role).await.0, 201);
        let binding = json!({
            "metadata": {"name": name}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        });
        assert_eq!(admin.post(&format!("{RBAC}/rolebindings"), binding).await.0, 201);
    }
    (server, admin, alice)
}

#[tokio::test]
async fn checks_are_answered_by_the_servers_own_rules() {
    let (_server, admin, alice) = with_roles().await;
    let resource = |group: &str, resource: &str| {
        format!("authorizer.group('{group}').resource('{resource}').namespace('default')")
    };
    let cases = [
        (format!("{}.check('create').allowed()", resource("", "configmaps")), true),
        (format!("{}.check('delete').allowed()", resource("", "configmaps")), false),
        (format!("{}.check('create').allowed()", resource("", "secrets")), false),
        (
            format!("{}.subresource('scale').check('update').allowed()", resource("apps", "deployments")),
            true,
        ),
        (format!("{}.check('update').allowed()", resource("apps", "deployments")), false),
        ("authorizer.requestResource.check('create').allowed()".into(), true),
        ("authorizer.requestResource.check('delete').allowed()".into(), false),
        ("authorizer.path('/healthz').check('get').allowed()".into(), true),
        ("authorizer.path('/metrics').check('get').allowed()".into(), false),
        (
            "authorizer.serviceAccount('default', 'bot').group('').resource('configmaps').namespace('default')\
             .name('a').check('get').allowed()"
                .into(),
            true,
        ),
        (
            "authorizer.serviceAccount('default', 'bot').group('').resource('configmaps').namespace('default')\
             .name('b').check('get').allowed()"
                .into(),
            false,
        ),
        (format!("!{}.check('get').errored()", resource("", "pods")), true),
        (
            format!(
                "{}.check('create').reason() == 'RBAC: allowed by RoleBinding \"alice/default\" of Role \"alice\" to \
                 User \"alice\"'",
                resource("", "configmaps")
            ),
            true,
        ),
    ];
    for (at, (expression, holds)) in cases.into_iter().enumerate() {
        let name = format!("p{at}");
        let mut policy = validations(&[expression.as_str()]);
        policy["matchConditions"] =
            json!([{"name": "mine", "expression": format!("object.metadata.name == '{name}'")}]);
        validate(&admin, &name, policy, json!({})).await;
        let (status, answer) = alice.post(CONFIG_MAPS, map(&name, json!({}))).await;
        assert_eq!(status == 201, holds, "{expression}: {answer}");
    }
}

#[tokio::test]
async fn those_who_may_do_everything_may() {
    let (_server, admin, _) = with_roles().await;
    let expression = "authorizer.group('x.y').resource('z').check('w').allowed()";
    validate(&admin, "p", validations(&[expression]), json!({})).await;
    assert_eq!(admin.post(CONFIG_MAPS, map("a", json!({}))).await.0, 201);
}

#[tokio::test]
async fn wrong_questions_are_errors() {
    let (_server, admin, alice) = with_roles().await;
    for (at, (expression, why)) in [
        (
            "authorizer.path(' ').check('get').allowed()",
            "path must not be empty",
        ),
        (
            "authorizer.group('').resource('').check('get').allowed()",
            "resource must not be empty",
        ),
        (
            "authorizer.serviceAccount('a/b', 'c').path('/x').check('get').allowed()",
            "Invalid service account namespace",
        ),
        (
            "[1, 2, 3].all(x, authorizer.path('/x').check('get').allowed() || true)",
            "operation cancelled: actual cost limit exceeded",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("p{at}");
        let mut policy = validations(&[expression]);
        policy["matchConditions"] =
            json!([{"name": "mine", "expression": format!("object.metadata.name == '{name}'")}]);
        validate(&admin, &name, policy, json!({})).await;
        let (_, answer) = alice.post(CONFIG_MAPS, map(&name, json!({}))).await;
        let end = format!("resulted in error: {why}");
        assert!(message(&answer).ends_with(&end), "{expression}: {answer}");
    }
}

#[tokio::test]
async fn conditions_of_webhooks_and_mutations_can_ask_too() {
    let (_server, admin, alice) = with_roles().await;
    let condition =
        json!([{"name": "c", "expression": "!authorizer.requestResource.check('delete').allowed()"}]);
    let patch = "[JSONPatch{op: 'add', path: '/data/by', value: request.userInfo.username}]";
    let policy = json!({
        "matchConditions": condition,
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
    });
    mutate(&admin, "p", policy).await;
    let (_, created) = alice.post(CONFIG_MAPS, map("a", json!({"x": "y"}))).await;
    assert_eq!(created["data"]["by"], "alice");
    let (_, created) = admin.post(CONFIG_MAPS, map("b", json!({"x": "y"}))).await;
    assert_eq!(created["data"], json!({"x": "y"}));
    let webhooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let hook = json!({
        "name": "w.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": {"url": "https://127.0.0.1:1/"}, "matchConditions": condition,
        "rules": [super::config_maps()],
    });
    let configuration = json!({"metadata": {"name": "w"}, "webhooks": [hook]});
    assert_eq!(admin.post(webhooks, configuration).await.0, 201);
    assert_eq!(admin.post(CONFIG_MAPS, map("c", json!({}))).await.0, 201);
    assert_eq!(alice.post(CONFIG_MAPS, map("d", json!({"x": "y"}))).await.0, 500);
}
