//! Lists that are sets or maps, in the rules of definitions.

use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{CRDS, Http, MERGE, crd};

const THINGS: &str = "/apis/example.com/v1/namespaces/default/things";

fn list(kind: &str, items: Value) -> Value {
    json!({"type": "array", "maxItems": 5, "x-kubernetes-list-type": kind, "items": items})
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

fn set() -> Value {
    list("set", json!({"type": "string", "maxLength": 10}))
}

fn keyed() -> Value {
    let mut item =
        object(json!({"my-key": {"type": "string", "maxLength": 10}, "v": {"type": "integer"}, "s": set()}));
    item["required"] = json!(["my-key"]);
    let mut list = list("map", item);
    list["x-kubernetes-list-map-keys"] = json!(["my-key"]);
    list
}

fn schema() -> Value {
    object(json!({
        "s": set(), "t": set(), "plain": list("atomic", json!({"type": "string", "maxLength": 10})),
        "keyed": list("atomic", keyed()),
        "objects": list("atomic", object(json!({"s": set(), "deep": object(json!({"keyed": keyed()}))}))),
        "sets": list("atomic", set()),
        "labels": {"type": "object", "maxProperties": 3, "additionalProperties": set()},
        "numbers": list("set", json!({"type": "number"})),
        "pairs": list("set", json!({"type": "object", "x-kubernetes-map-type": "atomic",
                                    "properties": {"x": {"type": "integer"}}})),
    }))
}

fn item(key: &str, v: u64, s: &[&str]) -> Value {
    json!({"my-key": key, "v": v, "s": s})
}

fn spec() -> Value {
    let objects = [["a", "b"], ["b", "a"]]
        .map(|s| json!({"s": s, "deep": {"keyed": if s == ["a", "b"] { [item("a", 1, &[]), item("b", 2, &[])] } else { [item("b", 2, &[]), item("a", 1, &[])] }}}));
    json!({
        "s": ["a", "b"], "t": ["b", "c"], "plain": ["b", "a"],
        "keyed": [
            [item("a", 1, &["x", "y"]), item("b", 2, &[])],
            [item("b", 2, &[]), item("a", 1, &["y", "x"])],
            [item("b", 9, &[]), item("c", 3, &[])],
        ],
        "objects": objects, "sets": [["a", "b"], ["b", "a"], ["c"]],
        "labels": {"x": ["a", "b"], "y": ["b", "a"]}, "numbers": [1, 1.5], "pairs": [{"x": 1}],
    })
}

/// A server with things that have these rules, each of which says of itself that it does not hold.
async fn ruled(rules: &[&str], schema: Value) -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut schema = schema;
    let rules = rules.iter().map(|rule| json!({"rule": rule, "message": rule}));
    schema["x-kubernetes-validations"] = rules.collect();
    let (status, answer) = http.post(CRDS, crd("Thing", schema)).await;
    assert_eq!(status, 201, "{answer}");
    (server, http)
}

fn thing(spec: &Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec})
}

/// Which rules do not hold.
fn broken(answer: &Value) -> Vec<String> {
    let causes = answer["details"]["causes"].as_array().into_iter().flatten();
    let said = causes.filter_map(|cause| cause["message"].as_str());
    said.map(|said| said.trim_start_matches("Invalid value: ").to_owned())
        .collect()
}

#[tokio::test]
async fn equality_and_sums_are_those_of_their_type() {
    let holding = [
        // Sets.
        "self.s == ['b', 'a'] && !(self.s != ['b', 'a'])",
        "self.s == self.plain && self.s != self.t",
        "self.s + self.t == ['c', 'b', 'a']",
        "(self.s + self.t).map(x, x) == ['a', 'b', 'c']",
        "(self.t + self.s).map(x, x) == ['b', 'c', 'a']",
        "(self.s + ['z', 'z', 'y']).map(x, x) == ['a', 'b', 'z', 'y']",
        "(self.s + self.t + ['c', 'd']).size() == 4",
        "self.numbers == [1.5, 1.0]",
        // What an expression makes of them is still one.
        "dyn(self.s) == self.plain && self.?s.orValue([]) == self.plain",
        "(has(self.s) ? self.s : []) == self.plain",
        "self.?s.optMap(s, s == self.plain).orValue(false)",
        "[[self.s][0]] == [['b', 'a']] && {'k': self.s} == {'k': ['b', 'a']}",
        "self.sets[0] == self.sets[1] && self.sets[0] != self.sets[2]",
        "self.sets.filter(s, s == ['b', 'a']).size() == 2",
        "self.sets.all(i, s, i == 2 || s == self.s)",
        "self.labels['x'] == self.labels['y'] && self.labels.all(k, v, v == self.s)",
        // Functions that compare items.
        "['b', 'a'] in self.sets && !(['a'] in self.sets)",
        "self.sets.indexOf(['b', 'a']) == 0 && self.sets.lastIndexOf(['a', 'b']) == 1 && self.sets.indexOf(['x']) == -1",
        "sets.contains(self.sets, [['b', 'a']]) && sets.equivalent([self.s], [['b', 'a']])",
        "sets.intersects(self.sets, [['x'], ['b', 'a']]) && !sets.intersects(self.sets, [['x']])",
        "self.sets.distinct().size() == 2",
        // Maps.
        "self.keyed[0] == self.keyed[1] && self.keyed[0] != self.keyed[2]",
        "(self.keyed[0] + self.keyed[2]).map(x, x.my__dash__key) == ['a', 'b', 'c']",
        "(self.keyed[0] + self.keyed[2]).map(x, x.v) == [1, 9, 3]",
        "self.keyed[0] + self.keyed[1] == self.keyed[1]",
        "self.keyed[0] + self.keyed[2] != self.keyed[2] + self.keyed[0]",
        "self.keyed[1][1] in self.keyed[0]",
        // Objects.
        "self.objects[0] == self.objects[1] && self.objects[0].deep == self.objects[1].deep",
        "self.objects.exists_one(o, o == self.objects[0]) == false",
    ];
    let plain = [
        "['b', 'a'] == self.s",
        "self.plain == self.s",
        "self.s.filter(s, true) == self.plain",
        "self.s.map(s, s) == self.plain",
        "self.s == ['a', 'a']",
        "(self.plain + self.s).size() == 2",
    ];
    let (_server, http) = ruled(&[&holding[..], &plain[..]].concat(), schema()).await;
    let (_, answer) = http.post(THINGS, thing(&spec())).await;
    let broken = broken(&answer);
    assert_eq!(broken, plain, "{answer}");
}

#[tokio::test]
async fn items_of_sets_must_be_scalars_to_be_compared() {
    let (_server, http) = ruled(&["self.pairs == self.pairs"], schema()).await;
    let (status, answer) = http.post(THINGS, thing(&spec())).await;
    let said = answer["message"].as_str().unwrap_or("");
    assert!(
        status == 422 && said.contains("unhashable type map[string]interface {}"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_was_is_compared_so_as_well() {
    let mut schema = schema();
    schema["properties"]["raw"] = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let (_server, http) = ruled(&["self == oldSelf"], schema).await;
    let mut spec = spec();
    spec["pairs"] = json!([]);
    spec["raw"] = json!({"x": 1});
    let (status, answer) = http.post(THINGS, thing(&spec)).await;
    assert_eq!(status, 201, "{answer}");
    for (patch, wanted) in [
        (json!({"s": ["b", "a"]}), 200),
        (json!({"sets": [["b", "a"], ["a", "b"], ["c"]]}), 200),
        (json!({"sets": [["c"], ["b", "a"], ["a", "b"]]}), 422),
        (json!({"plain": ["a", "b"]}), 422),
        (json!({"s": ["a", "b", "c"]}), 422),
        (json!({"labels": {"x": ["b", "a"]}}), 200),
        // Fields that the schema does not name are compared as they are.
        (json!({"raw": {"x": 1}}), 200),
        (json!({"raw": {"x": 2}}), 422),
        (json!({"raw": {"y": 2}}), 422),
    ] {
        let path = format!("{THINGS}/a");
        let (status, answer) = http.patch(&path, MERGE, json!({"spec": patch})).await;
        assert_eq!(status, wanted, "{patch}: {answer}");
    }
}

#[tokio::test]
async fn objects_of_different_places_are_not_compared() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let part = object(json!({"x": {"type": "integer"}}));
    let mut schema = object(json!({"a": part, "b": part}));
    schema["x-kubernetes-validations"] = json!([{"rule": "self.a == self.b"}]);
    let (status, answer) = http.post(CRDS, crd("Thing", schema)).await;
    let said = answer["message"].as_str().unwrap_or("");
    let complaint = "found no matching overload for '_==_' applied to '(selfType.a, selfType.b)'";
    assert!(status == 422 && said.contains(complaint), "{answer}");
}

#[tokio::test]
async fn an_order_that_does_not_count_changes_nothing() {
    let tightened = |rule: &str| {
        let mut keyed = keyed();
        keyed["x-kubernetes-validations"] = json!([{"rule": rule}]);
        let mut raw = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        raw["x-kubernetes-validations"] = json!([{"rule": rule}]);
        crd("Thing", object(json!({"keyed": keyed, "raw": raw})))
    };
    for (spec, patch, wanted) in [
        (
            json!({"keyed": [item("a", 1, &[]), item("b", 2, &[])]}),
            json!({"keyed": [item("b", 2, &[]), item("a", 1, &[])]}),
            200,
        ),
        (
            json!({"keyed": [item("a", 1, &[]), item("b", 2, &[])]}),
            json!({"keyed": [item("b", 3, &[]), item("a", 1, &[])]}),
            422,
        ),
        (json!({"raw": {"x": 1}}), json!({"keyed": null}), 422),
    ] {
        let server = Server::start().await.expect("a server");
        let http = Http::new(&server);
        let (status, answer) = http.post(CRDS, tightened("true")).await;
        assert_eq!(status, 201, "{answer}");
        let (status, answer) = http.post(THINGS, thing(&spec)).await;
        assert_eq!(status, 201, "{answer}");
        let definition = format!("{CRDS}/things.example.com");
        let (status, answer) = http
            .patch(&definition, MERGE, json!({"spec": tightened("1 == 2")["spec"]}))
            .await;
        assert_eq!(status, 200, "{answer}");
        let path = format!("{THINGS}/a");
        let (status, answer) = http.patch(&path, MERGE, json!({"spec": patch})).await;
        assert_eq!(status, wanted, "{patch}: {answer}");
    }
}
