//! What is found in a policy's expressions once the types of its objects are known.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use super::{GROUP, create, merge, validations};
use crate::client::{CRDS, Http, MERGE, crd};

const POLICIES: &str = "validatingadmissionpolicies";

/// The status of a policy when its types were checked.
async fn checked(http: &Http, name: &str, generation: u64) -> Value {
    let path = format!("{GROUP}/{POLICIES}?watch=1&fieldSelector=metadata.name%3D{name}");
    let mut events = http.watch(&path).await;
    loop {
        let event = events.next().await.expect("an event");
        let status = &event["object"]["status"];
        if status["observedGeneration"] == generation {
            return status.clone();
        }
    }
}

fn about(group: &str, resources: &[&str], extra: Value) -> Value {
    let rule =
        json!({"apiGroups": [group], "apiVersions": ["v1"], "resources": resources, "operations": ["*"]});
    let mut spec = json!({"matchConstraints": {"resourceRules": [rule]}});
    merge(&mut spec, extra);
    spec
}

fn warnings(status: &Value) -> Vec<(&str, &str)> {
    let warnings = status["typeChecking"]["expressionWarnings"].as_array();
    let told = warnings.into_iter().flatten();
    told.map(|warning| (warning["fieldRef"].as_str(), warning["warning"].as_str()))
        .map(|(field, warning)| (field.expect("a field"), warning.expect("a warning")))
        .collect()
}

#[tokio::test]
async fn fields_that_are_not_there_are_warned_about() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let policy = about(
        "apps",
        &["deployments"],
        validations(&["object.spec.replicas > 1"]),
    );
    create(&http, POLICIES, "p", policy).await;
    assert_eq!(
        checked(&http, "p", 1).await,
        json!({"observedGeneration": 1, "typeChecking": {}})
    );
    let changed = json!({"spec": {"validations": [
        {"expression": "object.spec.nope > 1 && object.spec.replicas > '1'", "messageExpression": "'a' + object.spec.no"},
        {"expression": "object.spec.template.spec.containers.all(c, c.ports.all(p, p.containerPort > 1024))"},
        {"expression": "object.spec.strategy.rollingUpdate.maxSurge == 1"},
    ]}});
    http.patch(&format!("{GROUP}/{POLICIES}/p"), MERGE, changed).await;
    assert_eq!(
        warnings(&checked(&http, "p", 2).await),
        [
            (
                "spec.validations[0].expression",
                "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'nope'\n \
                 | object.spec.nope > 1 && object.spec.replicas > '1'\n | ...........^\n\
                 ERROR: <input>:1:46: found no matching overload for '_>_' applied to '(int, string)'\n \
                 | object.spec.nope > 1 && object.spec.replicas > '1'\n | .............................................^\n"
            ),
            (
                "spec.validations[0].messageExpression",
                "apps/v1, Kind=Deployment: ERROR: <input>:1:18: undefined field 'no'\n | 'a' + object.spec.no\n \
                 | .................^\n"
            ),
        ]
    );
}

#[tokio::test]
async fn each_kind_is_checked_by_its_own_schema() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let definition = crd("Gear", json!({"type": "object"}));
    let (status, created) = http.post(CRDS, definition).await;
    assert_eq!(status, 201, "{created}");
    let group = created["spec"]["group"].as_str().expect("a group").to_owned();
    let plural = created["spec"]["names"]["plural"]
        .as_str()
        .expect("a name")
        .to_owned();
    let own = about(
        &group,
        &[&plural],
        validations(&["object.metadata.labels.a == 1", "object.nope == 1"]),
    );
    create(&http, POLICIES, "own", own).await;
    let status = checked(&http, "own", 1).await;
    let told = warnings(&status);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].1.contains("applied to '(string, int)'"), "{told:?}");
    assert!(told[1].1.contains("undefined field 'nope'"), "{told:?}");
    let two = about(
        "",
        &["configmaps", "secrets"],
        validations(&["object.data.a == 'b'"]),
    );
    create(&http, POLICIES, "two", two).await;
    assert_eq!(
        warnings(&checked(&http, "two", 1).await),
        [(
            "spec.validations[0].expression",
            "/v1, Kind=Secret: ERROR: <input>:1:15: found no matching overload for '_==_' applied to '(bytes, \
             string)'\n | object.data.a == 'b'\n | ..............^\n"
        )]
    );
    // Nobody can tell what a wildcard leads to.
    let any = about("*", &["pods"], validations(&["object.nope == 1"]));
    create(&http, POLICIES, "any", any).await;
    assert_eq!(warnings(&checked(&http, "any", 1).await), []);
}

#[tokio::test]
async fn variables_and_parameters_have_types_too() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut policy = about(
        "apps",
        &["deployments"],
        validations(&["variables.n == 'x'", "params.data.a == 1"]),
    );
    policy["variables"] = json!([{"name": "n", "expression": "object.spec.replicas"}]);
    policy["paramKind"] = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    create(&http, POLICIES, "p", policy).await;
    let status = checked(&http, "p", 1).await;
    let told = warnings(&status);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].1.contains("applied to '(int, string)'"), "{told:?}");
    assert!(told[1].1.contains("applied to '(string, int)'"), "{told:?}");
}
