//! What a policy that mutates makes of objects.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use super::{map, message, mutate};
use crate::client::{CONFIG_MAPS, CRDS, Http, MERGE, crd};
use crate::hooks::{Hooks, patched};

fn patch(expression: &str) -> Value {
    json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}})
}

fn apply(expression: &str) -> Value {
    json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}})
}

/// A policy that counts in `data` how often it was asked.
fn counting(key: &str) -> Value {
    patch(&format!(
        "[JSONPatch{{op: 'add', path: '/data/{key}', value: string(int(object.data.?{key}.orValue('0')) + 1)}}]"
    ))
}

#[tokio::test]
async fn patches_are_made_in_their_order() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let policy = json!({
        "variables": [{"name": "greeting", "expression": "'hello ' + object.metadata.name"}],
        "mutations": [
            patch("[JSONPatch{op: 'add', path: '/data/b', value: variables.greeting}]"),
            patch("[JSONPatch{op: 'copy', from: '/data/b', path: '/data/c'}, JSONPatch{op: 'remove', path: '/data/a'}]"),
            patch("has(object.data.c) ? [JSONPatch{op: 'add', path: '/data/d', value: object.data.c + '!'}] : []"),
        ],
    });
    mutate(&http, "p", policy).await;
    let (status, created) = http.post(CONFIG_MAPS, map("x", json!({"a": "1"}))).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(
        created["data"],
        json!({"b": "hello x", "c": "hello x", "d": "hello x!"})
    );
    // Nothing is stored of a dry run, though it shows what would be.
    let (_, shown) = http
        .post(&format!("{CONFIG_MAPS}?dryRun=All"), map("y", json!({"a": "1"})))
        .await;
    assert_eq!(shown["data"]["d"], "hello y!");
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/y")).await.0, 404);
}

#[tokio::test]
async fn a_test_that_fails_changes_nothing() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let expression = "[JSONPatch{op: 'add', path: '/data/b', value: '2'}, JSONPatch{op: 'test', path: '/data/a', value: '1'}]";
    mutate(&http, "p", json!({"mutations": [patch(expression)]})).await;
    let (_, created) = http.post(CONFIG_MAPS, map("x", json!({"a": "1"}))).await;
    assert_eq!(created["data"], json!({"a": "1", "b": "2"}));
    let (_, created) = http.post(CONFIG_MAPS, map("y", json!({"a": "2"}))).await;
    assert_eq!(created["data"], json!({"a": "2"}));
}

#[tokio::test]
async fn keys_are_escaped_for_paths() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let expression = "[JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}, JSONPatch{op: 'add', \
                      path: '/metadata/annotations/' + jsonpatch.escapeKey('example.com/x'), value: 'y'}]";
    mutate(&http, "p", json!({"mutations": [patch(expression)]})).await;
    let (status, created) = http.post(CONFIG_MAPS, map("x", json!({"a": "1"}))).await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(created["metadata"]["annotations"], json!({"example.com/x": "y"}));
}

#[tokio::test]
async fn configurations_merge_as_they_are_applied() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let rule = json!({"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["CREATE"]});
    let expression = "Object{spec: Object.spec{replicas: 3, template: Object.spec.template{spec: \
        Object.spec.template.spec{containers: object.spec.template.spec.containers.map(c, \
        Object.spec.template.spec.containers{name: c.name, env: [Object.spec.template.spec.containers.env{name: 'N', value: 'v'}]}) \
        + [Object.spec.template.spec.containers{name: 'side', image: 's'}]}}}}";
    let policy = json!({
        "matchConstraints": {"resourceRules": [rule]}, "mutations": [apply(expression)],
    });
    mutate(&http, "p", policy).await;
    let labels = json!({"a": "b"});
    let container = json!({"name": "c", "image": "i", "env": [{"name": "E", "value": "1"}]});
    let deployment = json!({"metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }});
    let (status, created) = http
        .post("/apis/apps/v1/namespaces/default/deployments", deployment)
        .await;
    assert_eq!(status, 201, "{created}");
    assert_eq!(created["spec"]["replicas"], 3);
    let containers = &created["spec"]["template"]["spec"]["containers"];
    assert_eq!(
        containers[0]["env"],
        json!([{"name": "E", "value": "1"}, {"name": "N", "value": "v"}])
    );
    assert_eq!(
        (&containers[1]["name"], &containers[1]["imagePullPolicy"]),
        (&json!("side"), &json!("Always"))
    );
}

#[tokio::test]
async fn what_cannot_be_applied_is_refused() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    for (at, (expression, why)) in [
        (
            "Object{nope: 1}",
            "error applying patch: failed to convert patch object to typed object: .nope: field not declared in schema",
        ),
        (
            "Object{metadata: Object.metadata{labels: Object.spec{l: 'v'}}}",
            "type mismatch: unexpected type name \"Object.spec\", expected \"Object.metadata.labels\", which matches \
             field name path from root Object type",
        ),
        (
            "Object{data: {'x': object.data.nope}}",
            "expression 'Object{data: {'x': object.data.nope}}' resulted in error: no such key: nope",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("p{at}");
        let mine = json!([{"name": "mine", "expression": format!("object.metadata.name == '{name}'")}]);
        mutate(&http, &name, json!({"matchConditions": mine, "mutations": [apply(expression)]})).await;
        let (status, answer) = http.post(CONFIG_MAPS, map(&name, json!({"a": "1"}))).await;
        let said = format!("policy '{name}' with binding '{name}' denied request: {why}");
        assert_eq!((status, message(&answer)), (403, said.as_str()));
        assert_eq!(answer["reason"], "Invalid");
    }
    let rule = json!({"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["things"], "operations": ["CREATE"]});
    let list = json!({"type": "array", "items": {"type": "string"}});
    let schema = json!({"type": "object", "properties": {"list": list}});
    assert_eq!(http.post(CRDS, crd("Thing", schema)).await.0, 201);
    let policy = json!({
        "matchConstraints": {"resourceRules": [rule]}, "mutations": [apply("Object{spec: Object.spec{list: ['x']}}")],
    });
    mutate(&http, "atomic", policy).await;
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}});
    let (_, answer) = http
        .post("/apis/example.com/v1/namespaces/default/things", thing)
        .await;
    let end = "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.list";
    assert!(message(&answer).ends_with(end), "{answer}");
}

#[tokio::test]
async fn failures_can_be_ignored() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let broken = "[JSONPatch{op: 'remove', path: '/data/nope'}]";
    mutate(
        &http,
        "p",
        json!({"failurePolicy": "Ignore", "mutations": [patch(broken)]}),
    )
    .await;
    assert_eq!(http.post(CONFIG_MAPS, map("x", json!({"a": "1"}))).await.0, 201);
    mutate(&http, "q", json!({"mutations": [patch(broken)]})).await;
    let (status, answer) = http.post(CONFIG_MAPS, map("y", json!({"a": "1"}))).await;
    assert_eq!(status, 403);
    assert!(
        message(&answer).starts_with("policy 'q' with binding 'q' denied request: JSON Patch: "),
        "{answer}"
    );
}

#[tokio::test]
async fn policies_are_asked_again_where_they_want_to() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    mutate(
        &http,
        "a",
        json!({"reinvocationPolicy": "IfNeeded", "mutations": [counting("a")]}),
    )
    .await;
    mutate(&http, "b", json!({"mutations": [counting("b")]})).await;
    let (_, created) = http.post(CONFIG_MAPS, map("x", json!({"k": "v"}))).await;
    assert_eq!(created["data"], json!({"a": "2", "b": "1", "k": "v"}));
}

#[tokio::test]
async fn policies_come_before_webhooks_and_see_their_changes_if_they_want_to() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let seen = patch(
        "[JSONPatch{op: 'add', path: '/data/seen', value: has(object.data.hook) ? object.data.hook : 'no'}]",
    );
    mutate(
        &http,
        "p",
        json!({"reinvocationPolicy": "IfNeeded", "mutations": [seen]}),
    )
    .await;
    let hooks = Hooks::start(|_, request| {
        let value = request["object"]["data"]["seen"].clone();
        patched(json!([{"op": "add", "path": "/data/hook", "value": format!("after {}", value.as_str().unwrap_or("?"))}]))
    })
    .await;
    let hook = json!({
        "name": "w.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": hooks.at("/w"), "rules": [super::config_maps()],
    });
    let configuration = json!({"metadata": {"name": "w"}, "webhooks": [hook]});
    let path = format!("{}/mutatingwebhookconfigurations", super::GROUP);
    assert_eq!(http.post(&path, configuration).await.0, 201);
    let (_, created) = http.post(CONFIG_MAPS, map("x", json!({"k": "v"}))).await;
    assert_eq!(
        created["data"],
        json!({"k": "v", "hook": "after no", "seen": "after no"})
    );
}

#[tokio::test]
async fn what_policies_make_is_validated_like_anything() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let bad = patch("[JSONPatch{op: 'add', path: '/data/bad key', value: 'x'}]");
    let mine =
        |name: &str| json!([{"name": "mine", "expression": format!("object.metadata.name == '{name}'")}]);
    mutate(
        &http,
        "key",
        json!({"matchConditions": mine("key"), "mutations": [bad]}),
    )
    .await;
    let (status, answer) = http.post(CONFIG_MAPS, map("key", json!({"a": "1"}))).await;
    assert_eq!(
        (status, &answer["details"]["causes"][0]["field"]),
        (422, &json!("data[bad key]"))
    );
    let unknown = patch("[JSONPatch{op: 'add', path: '/nope', value: 1}]");
    mutate(
        &http,
        "field",
        json!({"matchConditions": mine("field"), "mutations": [unknown]}),
    )
    .await;
    let (_, answer) = http.post(CONFIG_MAPS, map("field", json!({"a": "1"}))).await;
    let said = "Internal error occurred: strict decoding error: unknown field \"nope\"";
    assert_eq!(message(&answer), said);
    // A deletion leaves nothing to change.
    assert_eq!(http.post(CONFIG_MAPS, map("x", json!({"a": "1"}))).await.0, 201);
    mutate(&http, "all", json!({"mutations": [counting("n")]})).await;
    let path = format!("{CONFIG_MAPS}/x");
    let (_, changed) = http.patch(&path, MERGE, json!({"data": {"b": "2"}})).await;
    assert_eq!(changed["data"], json!({"a": "1", "b": "2", "n": "1"}));
    assert_eq!(http.delete(&path).await.0, 200);
}
