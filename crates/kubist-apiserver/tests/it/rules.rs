//! Validation rules in CEL, and what an update lets pass.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CRDS, Http, MERGE, crd};

const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

async fn serving(spec: Value) -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let (status, answer) = http.post(CRDS, crd("Widget", spec)).await;
    assert_eq!(status, 201, "{answer}");
    (server, http)
}

fn rule(rule: &str) -> Value {
    json!([{"rule": rule}])
}

#[tokio::test]
async fn rules_hold_at_every_level() {
    let (_server, http) = serving(json!({
        "type": "object",
        "x-kubernetes-validations": [
            {"rule": "self.least <= self.most", "messageExpression": "self.least == 3 ? 'least is 3' : 'least is not'"},
            {"rule": "!has(self.name) || self.name != 'root'", "reason": "FieldValueForbidden", "fieldPath": ".name",
             "message": "not root"},
        ],
        "properties": {
            "least": {"type": "integer"}, "most": {"type": "integer"},
            "name": {"type": "string", "x-kubernetes-validations": rule("self.size() < 6")},
            "items": {"type": "array", "items": {
                "type": "object", "x-kubernetes-validations": rule("self.port > 0"),
                "properties": {"port": {"type": "integer"}},
            }},
            "labels": {"type": "object", "additionalProperties": {
                "type": "string", "x-kubernetes-validations": rule("self.startsWith('a')"),
            }},
            "x-dash": {"type": "boolean", "x-kubernetes-validations": rule("self")},
            "at": {"type": "string", "format": "date-time",
                   "x-kubernetes-validations": rule("self > timestamp('2020-01-01T00:00:00Z')")},
        },
    }))
    .await;
    let fine = json!({
        "least": 1, "most": 2, "name": "short", "items": [{"port": 1}], "labels": {"k": "a1"}, "x-dash": true,
        "at": "2024-01-01T00:00:00Z",
    });
    let (status, answer) = http.post(WIDGETS, widget("fine", fine)).await;
    assert_eq!(status, 201, "{answer}");
    let of = "Widget.example.com \"x\" is invalid: spec";
    for (spec, message) in [
        (
            json!({"least": 3, "most": 2}),
            format!("{of}: Invalid value: least is 3"),
        ),
        (
            json!({"least": 1, "most": 2, "name": "root"}),
            format!("{of}.name: Forbidden: not root"),
        ),
        (
            json!({"least": 1, "most": 2, "name": "too long"}),
            format!("{of}.name: Invalid value: \"too long\": failed rule: self.size() < 6"),
        ),
        (
            json!({"least": 1, "most": 2, "items": [{"port": 1}, {"port": 0}]}),
            format!("{of}.items[1]: Invalid value: failed rule: self.port > 0"),
        ),
        (
            json!({"least": 1, "most": 2, "labels": {"k": "b"}}),
            format!("{of}.labels[k]: Invalid value: \"b\": failed rule: self.startsWith('a')"),
        ),
        (
            json!({"least": 1, "most": 2, "at": "2019-01-01T00:00:00Z"}),
            format!(
                "{of}.at: Invalid value: \"2019-01-01T00:00:00Z\": failed rule: self > \
                 timestamp('2020-01-01T00:00:00Z')"
            ),
        ),
        (
            json!({"least": 1}),
            format!(
                "{of}: Invalid value: \"object\": no such key: most evaluating rule: self.least <= self.most"
            ),
        ),
    ] {
        let (status, failure) = http.post(WIDGETS, widget("x", spec)).await;
        assert_eq!(
            (status, failure["message"].as_str()),
            (422, Some(message.as_str()))
        );
    }
}

#[tokio::test]
async fn transitions_compare_with_what_was() {
    let (_server, http) = serving(json!({
        "type": "object",
        "properties": {
            "fixed": {"type": "string", "x-kubernetes-validations": rule("self == oldSelf")},
            "first": {"type": "string", "x-kubernetes-validations": [
                {"rule": "oldSelf.hasValue() || self == 'new'", "optionalOldSelf": true, "message": "starts new"},
            ]},
            "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {
                "type": "object", "required": ["name"],
                "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
                "x-kubernetes-validations": rule("self.port >= oldSelf.port"),
            }},
        },
    }))
    .await;
    let (status, failure) = http.post(WIDGETS, widget("a", json!({"first": "old"}))).await;
    assert_eq!(
        (status, failure["details"]["causes"][0]["field"].as_str()),
        (422, Some("spec.first"))
    );
    let spec =
        json!({"fixed": "a", "first": "new", "ports": [{"name": "x", "port": 2}, {"name": "y", "port": 3}]});
    assert_eq!(http.post(WIDGETS, widget("a", spec)).await.0, 201);
    let path = format!("{WIDGETS}/a");
    for (spec, field) in [
        (json!({"fixed": "b"}), "spec.fixed"),
        // Items are told apart by their names, wherever they are.
        (
            json!({"ports": [{"name": "y", "port": 3}, {"name": "x", "port": 1}]}),
            "spec.ports[1]",
        ),
    ] {
        let (status, failure) = http.patch(&path, MERGE, json!({"spec": spec})).await;
        assert_eq!(
            (status, failure["details"]["causes"][0]["field"].as_str()),
            (422, Some(field))
        );
    }
    let spec = json!({"first": "other", "ports": [{"name": "y", "port": 4}, {"name": "z", "port": 1}]});
    assert_eq!(http.patch(&path, MERGE, json!({"spec": spec})).await.0, 200);
}

#[tokio::test]
async fn what_was_wrong_before_may_stay_but_not_change() {
    let properties = json!({
        "name": {"type": "string"}, "size": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "rule": {"type": "integer"},
    });
    let (_server, http) = serving(json!({"type": "object", "properties": properties})).await;
    let spec = json!({"name": "way too long", "size": 7, "tags": ["a", "a"], "rule": 1});
    assert_eq!(http.post(WIDGETS, widget("a", spec)).await.0, 201);
    let (_, mut definition) = http.get(&format!("{CRDS}/widgets.example.com")).await;
    let spec = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    spec["name"]["maxLength"] = 5.into();
    spec["size"]["maximum"] = 5.into();
    spec["tags"]["x-kubernetes-list-type"] = "set".into();
    spec["rule"]["x-kubernetes-validations"] = rule("self > 1");
    let (status, answer) = http.put(&format!("{CRDS}/widgets.example.com"), definition).await;
    assert_eq!(status, 200, "{answer}");

    let path = format!("{WIDGETS}/a");
    let body = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"size": 5}}).to_string();
    let response = http
        .send(
            http::Method::PATCH,
            &path,
            &[("content-type", MERGE)],
            body.into_bytes(),
        )
        .await;
    assert_eq!(response.status(), 200);
    let warnings: Vec<&str> = response
        .headers()
        .get_all("warning")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    assert_eq!(
        warnings,
        ["299 - \"spec.rule: Invalid value: 1: failed rule: self > 1\""]
    );
    for (spec, field) in [
        (json!({"name": "still too long"}), "spec.name"),
        (json!({"size": 6}), "spec.size"),
        (json!({"rule": 0}), "spec.rule"),
    ] {
        let (status, failure) = http.patch(&path, MERGE, json!({"spec": spec})).await;
        assert_eq!(
            (status, failure["details"]["causes"][0]["field"].as_str()),
            (422, Some(field))
        );
    }
    assert_eq!(
        http.patch(&path, MERGE, json!({"spec": {"tags": ["b", "b"]}}))
            .await
            .0,
        200
    );
    let (status, _) = http
        .post(WIDGETS, widget("b", json!({"tags": ["b", "b"], "rule": 2})))
        .await;
    assert_eq!(status, 422, "a new object keeps all rules");
}

#[tokio::test]
async fn rules_are_compiled_with_their_definition() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let base = "spec.validation.openAPIV3Schema.properties[spec]";
    for (spec, field, message) in [
        (
            json!({"x-kubernetes-validations": rule("self.x >")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "compilation failed: ERROR: <input>:1:9: Syntax error",
        ),
        (
            json!({"x-kubernetes-validations": rule("self.nope > 1")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "compilation failed: ERROR: <input>:1:5: undefined field 'nope'\n | self.nope > 1\n | ....^",
        ),
        (
            json!({"x-kubernetes-validations": rule("other > 1")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'other' (in container '')\n | other > 1\n | ^",
        ),
        (
            json!({"x-kubernetes-validations": rule("self.x > 'a'")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "compilation failed: ERROR: <input>:1:8: found no matching overload for '_>_' applied to '(int, string)'\n | \
             self.x > 'a'\n | .......^",
        ),
        (
            json!({"x-kubernetes-validations": rule("self.x == null")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "1:8: found no matching overload for '_==_' applied to '(int, null)'",
        ),
        (
            json!({"x-kubernetes-validations": rule("!self.x")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "1:1: found no matching overload for '!_' applied to '(int)'",
        ),
        (
            json!({"x-kubernetes-validations": rule("'a'.matches('(')")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "1:13: invalid matches argument",
        ),
        (
            json!({"x-kubernetes-validations": rule("timestamp('x') < timestamp('2020-01-01T00:00:00Z')")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "1:11: invalid timestamp argument",
        ),
        (
            json!({"x-kubernetes-validations": rule("math.greatest(1, 2) == 2")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "undeclared reference to 'math'",
        ),
        (
            json!({"x-kubernetes-validations": rule("self.x + 1")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "cel expression must evaluate to a bool",
        ),
        (
            json!({"x-kubernetes-validations": [{"rule": "true", "messageExpression": "self.x"}]}),
            format!("{base}.x-kubernetes-validations[0].messageExpression"),
            "messageExpression must evaluate to a string",
        ),
        (
            json!({"x-kubernetes-validations": rule(" ")}),
            format!("{base}.x-kubernetes-validations[0].rule"),
            "Required value: rule is not specified",
        ),
        (
            json!({"x-kubernetes-validations": [{"rule": "true", "reason": "Nope"}]}),
            format!("{base}.x-kubernetes-validations[0].reason"),
            "Unsupported value: \"Nope\": supported values: \"FieldValueDuplicate\", \"FieldValueForbidden\", \
             \"FieldValueInvalid\", \"FieldValueRequired\"",
        ),
        (
            json!({"x-kubernetes-validations": [{"rule": "true", "fieldPath": ".nope"}]}),
            format!("{base}.x-kubernetes-validations[0].fieldPath"),
            "Invalid value: \".nope\": must be a valid path",
        ),
        (
            json!({"x-kubernetes-validations": [{"rule": "true", "optionalOldSelf": true}]}),
            format!("{base}.x-kubernetes-validations[0].optionalOldSelf"),
            "Invalid value: true: may not be set if oldSelf is not used in rule",
        ),
        (
            json!({"properties": {"list": {"type": "array", "items": {
                "type": "string", "maxLength": 5, "x-kubernetes-validations": rule("self == oldSelf"),
            }}}}),
            format!("{base}.properties[list].items.x-kubernetes-validations[0].rule"),
            "oldSelf cannot be used on the uncorrelatable portion of the schema within \
             spec.validation.openAPIV3Schema.properties[spec].properties[list]",
        ),
    ] {
        let mut schema = json!({"type": "object", "properties": {"x": {"type": "integer"}}});
        for (key, value) in spec.as_object().expect("there") {
            schema[key] = value.clone();
        }
        let (status, failure) = http.post(CRDS, crd("Widget", schema)).await;
        let cause = &failure["details"]["causes"][0];
        let found = cause["message"].as_str().unwrap_or("");
        assert_eq!(
            (status, cause["field"].as_str()),
            (422, Some(field.as_str())),
            "{failure}"
        );
        assert!(found.contains(message), "{found}\nlacks\n{message}");
    }
}

/// What is wrong with a definition with this schema.
async fn complaints(spec: Value) -> Vec<(String, String)> {
    let server = Server::start().await.expect("a server");
    let (_, answer) = Http::new(&server).post(CRDS, crd("Widget", spec)).await;
    let causes = answer["details"]["causes"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    causes
        .iter()
        .map(|cause| (text(&cause["field"]), text(&cause["message"])))
        .collect()
}

#[tokio::test]
async fn rules_that_may_cost_too_much_are_refused() {
    let texts = |bounds: Value| {
        let mut list = json!({
            "type": "array",
            "items": {"type": "string"},
            "x-kubernetes-validations": rule("self.all(x, self.exists(y, x == y))"),
        });
        for (key, bound) in bounds.as_object().expect("there") {
            let place = if key == "maxLength" {
                &mut list["items"]
            } else {
                &mut list
            };
            place[key] = bound.clone();
        }
        json!({"type": "object", "properties": {"list": list}})
    };
    let base = "spec.validation.openAPIV3Schema";
    let place = format!("{base}.properties[spec].properties[list].x-kubernetes-validations[0].rule");
    let hint = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and \
                strings are declared)";
    assert_eq!(
        complaints(texts(json!({}))).await,
        [
            (
                place.clone(),
                format!("Forbidden: estimated rule cost exceeds budget by factor of more than 100x {hint}")
            ),
            (
                place.clone(),
                "Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
                    .to_owned()
            ),
            (
                base.to_owned(),
                format!(
                    "Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds \
                     budget by factor of more than 100x {hint}"
                )
            ),
        ]
    );
    // Each of 1,500 times 1,500 comparisons takes 10 steps.
    let some = texts(json!({"maxItems": 1_500, "maxLength": 8}));
    assert_eq!(
        complaints(some).await,
        [(
            place,
            format!("Forbidden: estimated rule cost exceeds budget by factor of 2.3x {hint}")
        )]
    );
    assert_eq!(
        complaints(texts(json!({"maxItems": 500, "maxLength": 8}))).await,
        []
    );
}

#[tokio::test]
async fn a_message_may_cost_too_much() {
    let spec = |message: &str| {
        json!({"type": "object", "properties": {"x": {
            "type": "integer",
            "x-kubernetes-validations": [{"rule": "self > 1", "messageExpression": message}],
        }}})
    };
    // Nobody knows how long a number is.
    let found = complaints(spec("'got ' + string(self)")).await;
    assert!(found[0].0.ends_with(".messageExpression"), "{found:?}");
    assert!(
        found[0]
            .1
            .contains("estimated messageExpression cost exceeds budget"),
        "{found:?}"
    );
    assert_eq!(complaints(spec("'got ' + 'too little'")).await, []);
}

#[tokio::test]
async fn a_schema_that_changes_is_estimated_anew() {
    let cheap = json!({"type": "object", "properties": {"text": {
        "type": "string", "maxLength": 10, "x-kubernetes-validations": rule("self.contains(self)"),
    }}});
    let (_server, http) = serving(cheap).await;
    let path = format!("{CRDS}/widgets.example.com");
    let (_, mut definition) = http.get(&path).await;
    let text = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/text";
    definition
        .pointer_mut(text)
        .and_then(Value::as_object_mut)
        .expect("a schema")
        .remove("maxLength");
    let (status, answer) = http.put(&path, definition).await;
    assert_eq!(status, 422, "{answer}");
}

#[tokio::test]
async fn a_runaway_rule_ends() {
    // It may cost 8 million steps by its estimate, and one million when it runs.
    let nested = "self.all(a, self.all(b, a + b >= 0))";
    let (_server, http) = serving(json!({
        "type": "object",
        "properties": {"list": {
            "type": "array", "maxItems": 1_000, "items": {"type": "integer"}, "x-kubernetes-validations": rule(nested),
        }},
    }))
    .await;
    let list: Vec<u32> = (0..1_000).collect();
    let slow = http.post(WIDGETS, widget("x", json!({"list": list})));
    // Meanwhile the server answers others.
    let (slow, (status, _)) = tokio::join!(slow, http.get(WIDGETS));
    assert_eq!(status, 200);
    let message = slow.1["message"].as_str().unwrap_or("");
    assert_eq!(slow.0, 422);
    assert!(message.contains("call cost exceeds limit for rule"), "{message}");
}

#[tokio::test]
async fn what_is_null_is_not_there() {
    let (_server, http) = serving(json!({
        "type": "object",
        "x-kubernetes-validations": rule("!has(self.limit) || self.limit > 3"),
        "properties": {"limit": {"type": "integer", "nullable": true}},
    }))
    .await;
    for (name, limit, code) in [
        ("a", json!(null), 201),
        ("b", json!(4), 201),
        ("c", json!(3), 422),
    ] {
        let (status, answer) = http.post(WIDGETS, widget(name, json!({"limit": limit}))).await;
        assert_eq!(status, code, "{answer}");
    }
}
