//! What expressions in CEL can say, in the rules of definitions.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CRDS, Http, crd};

const THINGS: &str = "/apis/example.com/v1/namespaces/default/things";

/// A schema with a rule.
fn ruled(mut schema: Value, rule: &str) -> Value {
    schema["x-kubernetes-validations"] = json!([{"rule": rule, "message": "not so"}]);
    schema
}

fn schema() -> Value {
    let text = json!({"type": "string", "maxLength": 20});
    json!({"type": "object", "properties": {
        "host": text,
        "labels": {"type": "object", "maxProperties": 5, "additionalProperties": text},
        "ports": {"type": "array", "maxItems": 5, "items": {"type": "integer"}},
        "from": {"type": "string", "format": "date-time"},
    }})
}

/// Whether things with these specs are taken under a rule.
async fn taken(rule: &str, specs: &[Value]) -> Vec<bool> {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let (status, answer) = http.post(CRDS, crd("Thing", ruled(schema(), rule))).await;
    assert_eq!(status, 201, "{rule}: {answer}");
    let mut taken = Vec::new();
    for (at, spec) in specs.iter().enumerate() {
        let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": format!("t{at}")}, "spec": spec});
        let (status, answer) = http.post(THINGS, thing).await;
        assert!(
            status == 201
                || answer["message"]
                    .as_str()
                    .is_some_and(|message| message.ends_with("not so")),
            "{rule}: {answer}"
        );
        taken.push(status == 201);
    }
    taken
}

#[tokio::test]
async fn loops_name_keys_and_values() {
    let labels = [
        json!({"labels": {"a": "b"}}),
        json!({"labels": {"a": "b", "c": "c"}}),
    ];
    assert_eq!(
        taken("self.labels.all(k, v, k != v)", &labels).await,
        [true, false]
    );
    let ports = [json!({"ports": [1, 2]}), json!({"ports": [1, 1]})];
    assert_eq!(
        taken("self.ports.all(i, port, port > i)", &ports).await,
        [true, false]
    );
    let rule = "self.ports.transformMap(i, port, port - i).all(i, gap, gap == 1)";
    assert_eq!(taken(rule, &ports).await, [true, false]);
    let rule = "self.labels.transformList(k, v, k == v, k).size() == 0";
    assert_eq!(taken(rule, &labels).await, [true, false]);
}

#[tokio::test]
async fn what_is_optional_is_mapped() {
    let specs = [json!({}), json!({"host": "a"}), json!({"host": "A_"})];
    let rule = "self.?host.optMap(host, !format.dns1123Label().validate(host).hasValue()).orValue(true)";
    assert_eq!(taken(rule, &specs).await, [true, true, false]);
    let rule = "format.named('dns1123Label').optFlatMap(f, self.?host.optMap(h, f.validate(h).hasValue())).orValue(false)";
    assert_eq!(taken(rule, &specs).await, [false, false, true]);
}

#[tokio::test]
async fn an_error_in_a_quantifier_is_forgotten_once_it_is_decided() {
    let specs = [
        json!({"ports": [0, 1]}),
        json!({"ports": [1, 0]}),
        json!({"ports": [2]}),
    ];
    assert_eq!(
        taken("self.ports.exists(port, 1 / port == 1)", &specs).await,
        [true, true, false]
    );
}

#[tokio::test]
async fn times_have_zones() {
    let specs = [
        json!({"from": "2020-01-01T23:30:00Z"}),
        json!({"from": "2020-01-01T10:00:00Z"}),
    ];
    let rule = "self.from.getHours('+01:00') == 0 && self.from.getDate('+01:00') == 2";
    assert_eq!(taken(rule, &specs).await, [true, false]);
}

#[tokio::test]
async fn types_are_checked_when_a_definition_is_written() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    for (rule, complaint) in [
        ("self.host", "cel expression must evaluate to a bool"),
        (
            "self.labels.all(k, v, v > 1)",
            "found no matching overload for '_>_' applied to '(string, int)'",
        ),
        (
            "self.ports.map(p, string(p)).sum() > 1",
            "found no matching overload for 'sum' applied to 'list(string).()'",
        ),
        (
            "self.host.nope == 1",
            "type 'string' does not support field selection",
        ),
        ("['a', 1].size() == 2", "expected type 'string' but found 'int'"),
        (
            "self.host == string(int('x'))",
            "program instantiation failed: type conversion error from 'string' to 'int'",
        ),
        (
            "'%z'.format([self.host]) == ''",
            "could not parse formatting clause: unrecognized formatting clause \"z\"",
        ),
        (
            "authorizer.path('/x').check('get').allowed()",
            "undeclared reference to 'authorizer'",
        ),
        (
            "self.ports.existsOne(p, p == 1)",
            "undeclared reference to 'existsOne'",
        ),
    ] {
        let (status, answer) = http.post(CRDS, crd("Thing", ruled(schema(), rule))).await;
        let said = answer["message"].as_str().unwrap_or("");
        assert!(status == 422 && said.contains(complaint), "{rule}: {answer}");
    }
}
