//! What is said of policies and bindings when they are written.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use super::{GROUP, config_maps, merge, spec, validations};
use crate::client::Http;

/// The fields and messages of what is wrong with an object.
async fn complaints(http: &Http, plural: &str, spec: Value) -> Vec<(String, String)> {
    let object = json!({"metadata": {"name": "p"}, "spec": spec});
    let (status, answer) = http.post(&format!("{GROUP}/{plural}?dryRun=All"), object).await;
    let causes = answer["details"]["causes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    assert_eq!(status == 201, causes.is_empty(), "{answer}");
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or("").to_owned();
    causes
        .iter()
        .map(|cause| (text(cause, "field"), text(cause, "message")))
        .collect()
}

async fn of_policy(http: &Http, extra: Value) -> Vec<(String, String)> {
    let mut whole = spec(validations(&["true"]));
    merge(&mut whole, extra);
    complaints(http, "validatingadmissionpolicies", whole).await
}

#[tokio::test]
async fn expressions_are_checked_with_their_types() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    for (expression, complaint) in [
        ("object.x == 1", None),
        ("object.x", Some("must evaluate to bool but got dyn")),
        ("'a'", Some("must evaluate to bool but got string")),
        (
            "nope == 1",
            Some(
                "compilation failed: ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope == 1\n | ^",
            ),
        ),
        (
            "object.x == 1 && request.nope == 1",
            Some(
                "compilation failed: ERROR: <input>:1:25: undefined field 'nope'\n | object.x == 1 && request.nope == 1\n | \
                 ........................^",
            ),
        ),
        (
            "true && request.operation == 1",
            Some(
                "compilation failed: ERROR: <input>:1:27: found no matching overload for '_==_' applied to '(string, int)'\n \
                 | true && request.operation == 1\n | ..........................^",
            ),
        ),
        (
            "[1].all(x, x.startsWith('a'))",
            Some(
                "compilation failed: ERROR: <input>:1:24: found no matching overload for 'startsWith' applied to \
                 'int.(string)'\n | [1].all(x, x.startsWith('a'))\n | .......................^",
            ),
        ),
        (
            "params.x == 1",
            Some(
                "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.x == \
                 1\n | ^",
            ),
        ),
        (
            "authorizer.group('').resource('pods').check('get').allowed()",
            None,
        ),
        (
            "authorizer.group('').check('get').allowed()",
            Some(
                "compilation failed: ERROR: <input>:1:27: found no matching overload for 'check' applied to \
                 'kubernetes.authorization.GroupCheck.(string)'\n | authorizer.group('').check('get').allowed()\n | \
                 ..........................^",
            ),
        ),
        (
            "[1, 'a'].size() == 2",
            Some(
                "compilation failed: ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a'].size() == 2\n | \
                 ....^",
            ),
        ),
        ("namespaceObject.metadata.labels.all(k, v, k != v)", None),
        ("object.?spec.?replicas.optMap(r, r > 1).orValue(true)", None),
    ] {
        let found = of_policy(&http, validations(&[expression])).await;
        let said: Vec<&str> = found.iter().map(|(_, message)| message.as_str()).collect();
        match complaint {
            None => assert!(found.is_empty(), "{expression}: {found:?}"),
            Some(complaint) => {
                assert_eq!(found[0].0, "spec.validations[0].expression");
                assert!(
                    said.len() == 1 && said[0].ends_with(&format!(": {complaint}")),
                    "{expression}: {said:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn variables_have_the_types_of_their_expressions() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let with = |variables: &[(&str, &str)], expression: &str| {
        let variables = variables
            .iter()
            .map(|(name, expression)| json!({"name": name, "expression": expression}));
        let mut policy = validations(&[expression]);
        policy["variables"] = variables.collect();
        policy
    };
    for (policy, fields) in [
        (
            with(&[("a", "1"), ("b", "variables.a + 1")], "variables.b == 2"),
            vec![],
        ),
        (with(&[("a", "true")], "variables.a"), vec![]),
        (
            with(&[("a", "1")], "variables.a == 'x'"),
            vec!["spec.validations[0].expression"],
        ),
        (
            with(&[("a", "1")], "variables.b == 1"),
            vec!["spec.validations[0].expression"],
        ),
        (
            with(&[("a", "variables.b"), ("b", "1")], "true"),
            vec!["spec.variables[0].expression"],
        ),
        (
            with(&[("in", "1"), ("", "2")], "true"),
            vec!["spec.variables[0].name", "spec.variables[1].name"],
        ),
    ] {
        let found = of_policy(&http, policy.clone()).await;
        let found: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(found, fields, "{policy}");
    }
}

#[tokio::test]
async fn the_parts_of_a_policy_have_rules() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    for (extra, field) in [
        (json!({"failurePolicy": "Maybe"}), "spec.failurePolicy"),
        (
            json!({"matchConstraints": {}}),
            "spec.matchConstraints.resourceRules",
        ),
        (
            json!({"paramKind": {"apiVersion": "a/b/c", "kind": "K"}}),
            "spec.paramKind.apiVersion",
        ),
        (json!({"paramKind": {"apiVersion": "v1"}}), "spec.paramKind.kind"),
        (
            json!({"validations": [{"expression": " "}]}),
            "spec.validations[0].expression",
        ),
        (
            json!({"validations": [{"expression": "true", "message": " "}]}),
            "spec.validations[0].message",
        ),
        (
            json!({"validations": [{"expression": "true", "messageExpression": "object.x"}]}),
            "spec.validations[0].messageExpression",
        ),
        (
            json!({"validations": [{"expression": "true", "reason": "NotFound"}]}),
            "spec.validations[0].reason",
        ),
        (
            json!({"auditAnnotations": [{"key": "k", "valueExpression": "1"}]}),
            "spec.auditAnnotations[0].valueExpression",
        ),
        (
            json!({"matchConditions": [{"name": "c", "expression": "variables.x == 1"}]}),
            "spec.matchConditions[0].expression",
        ),
    ] {
        let found = of_policy(&http, extra.clone()).await;
        assert_eq!(found.len(), 1, "{extra}: {found:?}");
        assert_eq!(found[0].0, field);
    }
    let found = of_policy(&http, json!({"validations": []})).await;
    assert_eq!(found.len(), 2, "{found:?}");
}

#[tokio::test]
async fn mutations_give_objects_or_patches() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let jp = |expression: &str| json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}});
    let ac = |expression: &str| json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}});
    for (mutation, complaint) in [
        (jp("[JSONPatch{op: 'add', path: '/a', value: 1}]"), None),
        (
            jp("[]"),
            Some("must evaluate to list(JSONPatch) but got list(dyn)"),
        ),
        (
            jp("[JSONPatch{op: 1}]"),
            Some("expected type of field 'op' is 'string' but provided type is 'int'"),
        ),
        (ac("Object{spec: Object.spec{a: 1}}"), None),
        (
            ac("{'spec': {}}"),
            Some("must evaluate to Object but got map(string, map(dyn, dyn))"),
        ),
        (ac("Foo{}"), Some("undeclared reference to 'Foo'")),
        (
            json!({"patchType": "JSONPatch"}),
            Some("must be specified when patchType is JSONPatch"),
        ),
        (
            json!({"patchType": "Merge"}),
            Some("supported values: \"ApplyConfiguration\", \"JSONPatch\""),
        ),
    ] {
        let mut rule = config_maps();
        rule["operations"] = json!(["CREATE"]);
        let spec = json!({
            "matchConstraints": {"resourceRules": [rule]}, "reinvocationPolicy": "Never", "mutations": [mutation],
        });
        let found = complaints(&http, "mutatingadmissionpolicies", spec).await;
        match complaint {
            None => assert!(found.is_empty(), "{mutation}: {found:?}"),
            Some(complaint) => assert!(
                found.len() == 1 && found[0].1.contains(complaint),
                "{mutation}: {found:?}"
            ),
        }
    }
    // Objects are for patches only.
    let found = of_policy(&http, validations(&["Object{} == object"])).await;
    assert!(
        found[0].1.contains("undeclared reference to 'Object'"),
        "{found:?}"
    );
}

#[tokio::test]
async fn bindings_have_rules() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let whole = json!({"policyName": "p", "validationActions": ["Deny"]});
    for (extra, fields) in [
        (json!({}), vec![]),
        (json!({"policyName": "A_"}), vec!["spec.policyName"]),
        (json!({"validationActions": []}), vec!["spec.validationActions"]),
        (
            json!({"validationActions": ["Deny", "Warn"]}),
            vec!["spec.validationActions"],
        ),
        (
            json!({"validationActions": ["Explode"]}),
            vec!["spec.validationActions[0]"],
        ),
        (
            json!({"paramRef": {}}),
            vec!["spec.paramRef", "spec.paramRef.parameterNotFoundAction"],
        ),
        (
            json!({"paramRef": {"name": "a", "selector": {}, "parameterNotFoundAction": "Allow"}}),
            vec!["spec.paramRef.name", "spec.paramRef.selector"],
        ),
        (
            json!({"matchResources": {"matchPolicy": "Loosely"}}),
            vec!["spec.matchResources.matchPolicy"],
        ),
    ] {
        let mut spec = whole.clone();
        merge(&mut spec, extra.clone());
        let found = complaints(&http, "validatingadmissionpolicybindings", spec).await;
        let found: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(found, fields, "{extra}");
    }
}
