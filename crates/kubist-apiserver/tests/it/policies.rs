//! Admission policies: rules in CEL that the server holds requests to.

mod authorizer;
mod hostile;
mod matching;
mod mutating;
mod params;
mod types;
mod validating;
mod writing;

use serde_json::{Value, json};

use crate::client::Http;

const GROUP: &str = "/apis/admissionregistration.k8s.io/v1";

/// What a policy in these tests is about, unless it says otherwise.
fn config_maps() -> Value {
    json!({"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]})
}

/// A spec with these parts over a spec that matches ConfigMaps.
fn spec(extra: Value) -> Value {
    let mut spec = json!({"matchConstraints": {"resourceRules": [config_maps()]}});
    merge(&mut spec, extra);
    spec
}

fn merge(target: &mut Value, extra: Value) {
    let Value::Object(extra) = extra else {
        panic!("an object")
    };
    for (key, value) in extra {
        target[key] = value;
    }
}

fn validations(expressions: &[&str]) -> Value {
    let validations = expressions
        .iter()
        .map(|expression| json!({"expression": expression}));
    json!({"validations": validations.collect::<Vec<Value>>()})
}

async fn create(http: &Http, plural: &str, name: &str, spec: Value) {
    let object = json!({"metadata": {"name": name}, "spec": spec});
    let (status, answer) = http.post(&format!("{GROUP}/{plural}"), object).await;
    assert_eq!(status, 201, "{answer}");
}

/// A policy that validates, and its binding.
async fn validate(http: &Http, name: &str, policy: Value, binding: Value) {
    create(http, "validatingadmissionpolicies", name, spec(policy)).await;
    bind(http, name, name, binding).await;
}

async fn bind(http: &Http, name: &str, policy: &str, extra: Value) {
    let mut spec = json!({"policyName": policy, "validationActions": ["Deny"]});
    merge(&mut spec, extra);
    create(http, "validatingadmissionpolicybindings", name, spec).await;
}

/// A policy that mutates, and its binding.
async fn mutate(http: &Http, name: &str, policy: Value) {
    let mut whole = spec(json!({"reinvocationPolicy": "Never"}));
    whole["matchConstraints"]["resourceRules"][0]["operations"] = json!(["CREATE", "UPDATE"]);
    merge(&mut whole, policy);
    create(http, "mutatingadmissionpolicies", name, whole).await;
    create(
        http,
        "mutatingadmissionpolicybindings",
        name,
        json!({"policyName": name}),
    )
    .await;
}

fn map(name: &str, data: Value) -> Value {
    json!({"metadata": {"name": name}, "data": data})
}

fn message(answer: &Value) -> &str {
    answer["message"].as_str().unwrap_or("")
}
