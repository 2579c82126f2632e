//! What a policy that validates says, and to whom.

use http::Method;
use kubist_apiserver::Server;
use serde_json::json;

use super::{map, message, validate, validations};
use crate::client::{CONFIG_MAPS, Http, JSON, MERGE};

#[tokio::test]
async fn a_refusal_names_policy_binding_and_reason() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let policy = json!({"validations": [{"expression": "object.data.n == '1'"}]});
    validate(&http, "ones", policy, json!({})).await;
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({"n": "1"}))).await.0, 201);
    let (status, answer) = http.post(CONFIG_MAPS, map("b", json!({"n": "2"}))).await;
    let why = "ValidatingAdmissionPolicy 'ones' with binding 'ones' denied request: failed expression: object.data.n == '1'";
    let said = format!("configmaps \"b\" is forbidden: {why}");
    assert_eq!((status, message(&answer)), (422, said.as_str()));
    assert_eq!(answer["reason"], "Invalid");
    assert_eq!(
        answer["details"],
        json!({"name": "b", "kind": "configmaps", "causes": [{"message": why}]})
    );
    // What there is already is asked about when it changes, by whatever way.
    let (status, _) = http
        .patch(&format!("{CONFIG_MAPS}/a"), MERGE, json!({"data": {"n": "3"}}))
        .await;
    assert_eq!(status, 422);
    let path = format!("{CONFIG_MAPS}?dryRun=All");
    assert_eq!(http.post(&path, map("c", json!({"n": "2"}))).await.0, 422);
}

#[tokio::test]
async fn the_first_message_that_says_something_is_told() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let name = "'no ' + object.metadata.name";
    for (at, (validation, told)) in [
        (json!({"messageExpression": name, "message": "m"}), "no a"),
        (json!({"messageExpression": "'  '", "message": " m "}), "m"),
        (json!({"messageExpression": "'a\\nb'", "message": "m"}), "m"),
        (
            json!({"messageExpression": "'x' + object.data.nope"}),
            "failed expression: false",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut validation = validation;
        validation["expression"] = json!(" false ");
        let policy = format!("p{at}");
        validate(&http, &policy, json!({"validations": [validation]}), json!({})).await;
        let (_, answer) = http.post(CONFIG_MAPS, map("a", json!({}))).await;
        assert!(
            message(&answer).ends_with(&format!("denied request: {told}")),
            "{answer}"
        );
        let path = format!("{}/validatingadmissionpolicybindings/{policy}", super::GROUP);
        assert_eq!(http.delete(&path).await.0, 200);
    }
    // What is gone has no say.
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({}))).await.0, 201);
}

#[tokio::test]
async fn reasons_have_codes() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    for (reason, code) in [
        ("Forbidden", 403),
        ("Invalid", 422),
        ("RequestEntityTooLarge", 413),
    ] {
        let name = reason.to_lowercase();
        let mut policy = json!({"validations": [{"expression": "false", "reason": reason}]});
        policy["matchConditions"] =
            json!([{"name": "mine", "expression": format!("object.metadata.name == '{name}'")}]);
        validate(&http, &name, policy, json!({})).await;
        let (status, answer) = http.post(CONFIG_MAPS, map(&name, json!({}))).await;
        assert_eq!((status, &answer["reason"]), (code, &json!(reason)));
    }
}

#[tokio::test]
async fn a_binding_can_warn_instead() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let policy = json!({"validations": [{"expression": "false", "message": "careful"}]});
    validate(
        &http,
        "p",
        policy,
        json!({"validationActions": ["Warn", "Audit"]}),
    )
    .await;
    let body = serde_json::to_vec(&map("a", json!({}))).expect("JSON");
    let answer = http
        .send(Method::POST, CONFIG_MAPS, &[("content-type", JSON)], body)
        .await;
    assert_eq!(answer.status(), 201);
    let warning = answer.headers().get("warning").expect("a warning");
    assert_eq!(
        warning.to_str().expect("text"),
        "299 - \"Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p': careful\""
    );
}

#[tokio::test]
async fn failures_are_as_the_failure_policy_says() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    validate(
        &http,
        "ignoring",
        json!({"failurePolicy": "Ignore", "validations": [{"expression": "object.data.nope == 'x'"}]}),
        json!({}),
    )
    .await;
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({}))).await.0, 201);
    validate(
        &http,
        "failing",
        validations(&["1 / int(object.data.n) > 0"]),
        json!({}),
    )
    .await;
    for (n, why) in [
        ("0", "division by zero"),
        ("x", "type conversion error from 'string' to 'int'"),
    ] {
        let (status, answer) = http.post(CONFIG_MAPS, map("b", json!({"n": n}))).await;
        let end = format!("expression '1 / int(object.data.n) > 0' resulted in error: {why}");
        assert!(status == 422 && message(&answer).ends_with(&end), "{answer}");
    }
}

#[tokio::test]
async fn variables_are_evaluated_when_they_are_named() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let policy = json!({
        "variables": [
            {"name": "n", "expression": "int(object.data.n)"},
            {"name": "twice", "expression": "variables.n * 2"},
            {"name": "broken", "expression": "object.data.nope.nope"},
        ],
        "validations": [
            {"expression": "variables.twice < 10", "messageExpression": "'twice is ' + string(variables.twice)"},
            {"expression": "variables.n != 3 || variables.broken == 1"},
            {"expression": "[1].all(x, variables.n + x > 0)"},
        ],
    });
    validate(&http, "p", policy, json!({})).await;
    for (n, told) in [
        ("1", None),
        ("7", Some("twice is 14")),
        (
            "3",
            Some("composited variable \"broken\" fails to evaluate: no such key: nope"),
        ),
        (
            "x",
            Some(
                "composited variable \"twice\" fails to evaluate: composited variable \"n\" fails to evaluate: type \
                 conversion error from 'string' to 'int'",
            ),
        ),
    ] {
        let (status, answer) = http
            .post(CONFIG_MAPS, map(&format!("n{n}"), json!({"n": n})))
            .await;
        match told {
            None => assert_eq!(status, 201, "{answer}"),
            Some(told) => assert!(message(&answer).ends_with(told), "{answer}"),
        }
    }
}

#[tokio::test]
async fn expressions_see_the_request_its_objects_and_the_namespace() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let seen = "[request.operation, request.name, request.namespace, request.kind.kind, request.resource.resource, \
                request.userInfo.username, string(request.dryRun), string(oldObject == null), string(object == null), \
                namespaceObject.metadata.name, namespaceObject.status.phase, string(has(request.subResource))].join(' ')";
    let policy = json!({"validations": [{"expression": "object != null && has(object.data)", "messageExpression": seen}]});
    let created = map("a", json!({"x": "y"}));
    assert_eq!(http.post(CONFIG_MAPS, created).await.0, 201);
    validate(&http, "p", policy, json!({})).await;
    let (_, answer) = http.post(CONFIG_MAPS, json!({"metadata": {"name": "b"}})).await;
    let told = "CREATE b default ConfigMap configmaps kubist:admin false true false default Active false";
    assert!(message(&answer).ends_with(told), "{answer}");
    let (_, answer) = http.delete(&format!("{CONFIG_MAPS}/a")).await;
    let told = "DELETE a default ConfigMap configmaps kubist:admin false false true default Active false";
    assert!(message(&answer).ends_with(told), "{answer}");
}

#[tokio::test]
async fn annotations_are_made_or_refuse() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let policy = json!({"auditAnnotations": [
        {"key": "n", "valueExpression": "string(object.data.n)"}, {"key": "none", "valueExpression": "null"},
    ]});
    validate(&http, "p", policy, json!({})).await;
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({"n": "1"}))).await.0, 201);
    let (status, answer) = http.post(CONFIG_MAPS, map("b", json!({"m": "1"}))).await;
    let end = "expression 'string(object.data.n)' resulted in error: no such key: n";
    assert!(status == 422 && message(&answer).ends_with(end), "{answer}");
}
