//! Policies that nobody should write: they are refused, or end, and the server lives on.

use kubist_apiserver::Server;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{GROUP, config_maps, map, message, mutate, validate, validations};
use crate::client::{CONFIG_MAPS, Http};

/// A loop within loops, of which each has ten steps.
fn nested(depth: usize, inner: &str) -> String {
    let loops = (0..depth).map(|at| format!("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].all(v{at}, "));
    format!("{}{inner}{}", loops.collect::<String>(), ")".repeat(depth))
}

#[tokio::test]
async fn endless_expressions_end() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    validate(
        &http,
        "loops",
        validations(&[&nested(9, "v0 + v8 > 0")]),
        json!({}),
    )
    .await;
    let (status, answer) = http.post(CONFIG_MAPS, map("a", json!({}))).await;
    let end = "resulted in error: operation cancelled: actual cost limit exceeded";
    assert!(status == 422 && message(&answer).ends_with(end), "{answer}");
    assert_eq!(
        http.delete(&format!("{GROUP}/validatingadmissionpolicybindings/loops"))
            .await
            .0,
        200
    );
    // Many that are expensive share a budget.
    let expensive = nested(5, "v0 + v4 > 0");
    let many: Vec<&str> = std::iter::repeat_n(expensive.as_str(), 13).collect();
    validate(&http, "many", validations(&many), json!({})).await;
    let (status, answer) = http.post(CONFIG_MAPS, map("a", json!({}))).await;
    let end = "validation failed due to running out of cost budget, no further validation rules will be run";
    assert!(status == 422 && message(&answer).ends_with(end), "{answer}");
}

#[tokio::test]
async fn variables_cannot_hide_what_they_cost() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let policy = json!({
        "variables": [{"name": "v", "expression": nested(9, "v0 + v8 > 0")}],
        "validations": [{"expression": "variables.v"}, {"expression": "variables.v || true"}],
    });
    validate(&http, "p", policy, json!({})).await;
    let (status, answer) = http.post(CONFIG_MAPS, map("a", json!({}))).await;
    assert!(
        status == 422 && message(&answer).contains("cost limit exceeded"),
        "{answer}"
    );
    let patch = format!(
        "{} ? [JSONPatch{{op: 'add', path: '/a'}}] : []",
        nested(9, "v0 + v8 > 0")
    );
    let mutation = json!({"patchType": "JSONPatch", "jsonPatch": {"expression": patch}});
    mutate(&http, "m", json!({"mutations": [mutation]})).await;
    let (status, answer) = http.post(CONFIG_MAPS, map("a", json!({"k": "v"}))).await;
    assert!(
        status == 403 && message(&answer).contains("cost limit exceeded"),
        "{answer}"
    );
}

#[tokio::test]
async fn chains_do_not_multiply() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let chain = format!("object.?data{}.hasValue()", ".optMap(x, x)".repeat(40));
    validate(&http, "p", validations(&[&chain]), json!({})).await;
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({"k": "v"}))).await.0, 201);
}

#[tokio::test]
async fn values_cannot_outgrow_the_server() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let doubling = |start: &str, times: usize| {
        let steps = (0..times).map(|at| match at {
            0 => json!({"name": "v0", "expression": start}),
            at => json!({"name": format!("v{at}"), "expression": format!("variables.v{0} + variables.v{0}", at - 1)}),
        });
        let last = times - 1;
        json!({
            "variables": steps.collect::<Vec<Value>>(),
            "validations": [{"expression": format!("size(variables.v{last}) > 0")}],
        })
    };
    let chain = format!("[object.metadata.name]{}.size() > 0", ".map(x, x + x)".repeat(50));
    let optional = format!("optional.of('x'){}.hasValue()", ".optMap(x, x + x)".repeat(50));
    for (at, policy) in [
        doubling("object.metadata.name", 60),
        doubling("[1, 2, 3]", 60),
        validations(&[&chain]),
        validations(&[&optional]),
        validations(&["lists.range(9223372036854775807).size() > 0"]),
        validations(&["lists.range(1000).map(x, 'xxxxxxxxxxxxxxxxxxxx').join(lists.range(10000).map(x, 'y').join('')).size() > 0"]),
        validations(&["lists.range(20000).map(x, 'xxx').join('').replace('', lists.range(20000).map(x, 'y').join('')).size() > 0"]),
        validations(&["object.metadata.name.format([]).size() + ('%.' + '999999999f').format([1.0]).size() > 0"]),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("p{at}");
        let mut policy = policy;
        policy["matchConditions"] =
            json!([{"name": "mine", "expression": format!("object.metadata.name == '{name}'")}]);
        validate(&http, &name, policy, json!({})).await;
        let (status, answer) = http.post(CONFIG_MAPS, map(&name, json!({}))).await;
        assert_eq!(status, 422, "{at}: {answer}");
        let why = ["cost limit exceeded", "precision is too large"];
        assert!(why.iter().any(|why| message(&answer).ends_with(why)), "{at}: {answer}");
    }
}

/// Variables of which each names the one before, between a start and an end.
fn chain(steps: usize, first: &str, start: &str, end: &str) -> Value {
    let step = |at: usize| match at {
        0 => json!({"name": "v0", "expression": format!("{start}{first}{end}")}),
        at => json!({"name": format!("v{at}"), "expression": format!("{start}variables.v{}{end}", at - 1)}),
    };
    json!({
        "variables": (0..steps).map(step).collect::<Vec<Value>>(),
        "validations": [{"expression": format!("size(variables.v{}) > 0", steps - 1)}],
    })
}

#[tokio::test]
async fn variables_cannot_be_nested_without_end() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let path = format!("{GROUP}/validatingadmissionpolicybindings/p");
    let try_out = async |policy: Value| {
        http.delete(&format!("{GROUP}/validatingadmissionpolicies/p"))
            .await;
        http.delete(&path).await;
        validate(&http, "p", policy, json!({})).await;
        http.post(CONFIG_MAPS, json!({"metadata": {"generateName": "a-"}}))
            .await
    };
    let (status, answer) = try_out(chain(300, "'a'", "", " + 'a'")).await;
    assert_eq!(status, 201, "{answer}");
    // What is near the bound has a stack, whatever it is made of.
    for (first, start, end) in [
        ("'a'", "", " + ''".repeat(1_600)),
        ("'a'", "", ".trim()".repeat(600)),
        ("'a'", "", ".split('').map(c, [c])[0].join('')".repeat(130)),
        (
            "'a'",
            "optional.of(",
            format!("){}.value()", ".optMap(c, c)".repeat(300)),
        ),
    ] {
        let mut steps = 1;
        loop {
            let (status, answer) = try_out(chain(steps, first, start, &end)).await;
            if status != 201 {
                let why = "variables are nested too deep";
                assert!(status == 422 && message(&answer).contains(why), "{answer}");
                assert!(steps > 2, "{end}");
                break;
            }
            steps += 1;
        }
    }
}

#[tokio::test]
async fn many_variables_are_added_one_by_one() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let variable = |at: usize| json!({"name": format!("v{at}"), "expression": "[]"});
    let named = (0..8_000).map(|at| json!({"expression": format!("variables.v{at} == []")}));
    let policy = json!({
        "variables": (0..8_000).map(variable).collect::<Vec<Value>>(),
        "validations": named.collect::<Vec<Value>>(),
    });
    validate(&http, "many", policy, json!({})).await;
    let (status, answer) = http.post(CONFIG_MAPS, map("a", json!({}))).await;
    assert_eq!(status, 201, "{answer}");
}

#[tokio::test]
async fn variables_pay_for_what_they_keep() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let variable = |at: usize| json!({"name": format!("v{at}"), "expression": "object"});
    let named = (0..2_000).map(|at| json!({"expression": format!("variables.v{at} != null")}));
    let policy = json!({
        "variables": (0..2_000).map(variable).collect::<Vec<Value>>(),
        "validations": named.collect::<Vec<Value>>(),
    });
    validate(&http, "kept", policy, json!({})).await;
    let (status, answer) = http
        .post(CONFIG_MAPS, map("a", json!({"k": "x".repeat(500_000)})))
        .await;
    let end = "running out of cost budget, no further validation rules will be run";
    assert!(status == 422 && message(&answer).ends_with(end), "{answer}");
    let (status, answer) = http.post(CONFIG_MAPS, map("a", json!({}))).await;
    assert_eq!(status, 201, "{answer}");
}

#[tokio::test]
async fn hundreds_of_policies_are_all_asked() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    for at in 0..300 {
        let expression = format!("object.metadata.name != 'a{at}'");
        validate(&http, &format!("p{at}"), validations(&[&expression]), json!({})).await;
    }
    for at in [0, 150, 299] {
        let (status, answer) = http.post(CONFIG_MAPS, map(&format!("a{at}"), json!({}))).await;
        let policy = format!("ValidatingAdmissionPolicy 'p{at}' with");
        assert!(status == 422 && message(&answer).contains(&policy), "{answer}");
    }
    assert_eq!(http.post(CONFIG_MAPS, map("a", json!({}))).await.0, 201);
}

/// Pieces that expressions are made of, and some that they are not.
const PIECES: [&str; 44] = [
    "object",
    "oldObject",
    "request",
    "params",
    "variables",
    "authorizer",
    "namespaceObject",
    ".",
    ".?",
    "[?",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    "&&",
    "||",
    "!",
    "==",
    "+",
    "-",
    "in",
    "data",
    "metadata",
    "name",
    "x",
    "has",
    "all",
    "exists",
    "transformMap",
    "optMap",
    "check",
    "group",
    "'a'",
    "1",
    "1.5",
    "null",
    "Object",
    "JSONPatch",
    "op",
];

#[test]
fn any_policy_is_answered_and_so_are_requests_under_it() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::start()).expect("a server");
    let http = Http::new(&server);
    let expression = prop_oneof![
        prop::collection::vec(prop::sample::select(PIECES.to_vec()), 1..14)
            .prop_map(|pieces| pieces.join(" ")),
        prop::collection::vec(prop::sample::select(PIECES.to_vec()), 1..10)
            .prop_map(|pieces| pieces.concat()),
        "\\PC{0,24}",
        whole(),
    ];
    let config = ProptestConfig {
        cases: 250,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(first in expression.clone(), second in expression)| {
        runtime.block_on(async {
            let validating = json!({"metadata": {"name": "p"}, "spec": {
                "matchConstraints": {"resourceRules": [config_maps()]},
                "variables": [{"name": "x", "expression": first}],
                "validations": [{"expression": format!("({second}) == variables.x"), "messageExpression": second}],
                "matchConditions": [{"name": "c", "expression": format!("({first}) != 1")}],
            }});
            let mutation = json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression":
                format!("Object{{data: {first}}}")}});
            let patch = json!({"patchType": "JSONPatch", "jsonPatch": {"expression":
                format!("[JSONPatch{{op: 'add', path: '/data/x', value: {second}}}]")}});
            let mut rule = config_maps();
            rule["operations"] = json!(["CREATE"]);
            let mutating = json!({"metadata": {"name": "p"}, "spec": {
                "matchConstraints": {"resourceRules": [rule]}, "reinvocationPolicy": "IfNeeded",
                "mutations": [mutation, patch],
            }});
            for (sort, policy) in [("validating", validating), ("mutating", mutating)] {
                try_out(&http, sort, policy).await;
            }
        });
    });
}

/// Expressions that compile more often than not.
fn whole() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "object.data",
        "object.?data.?x",
        "request.name",
        "1",
        "'a'",
        "true",
        "null",
        "[1, 2]",
        "{'a': 1}",
        "params",
        "authorizer.path('/x').check('get').allowed()",
        "object.metadata.name",
        "-1.5",
        "dyn(1)",
        "b'x'",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (
                inner.clone(),
                inner.clone(),
                prop::sample::select(vec!["==", "+", "&&", "||", "in", "/", "<"])
            )
                .prop_map(|(a, b, sign)| format!("({a} {sign} {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("dyn({a}).all(i, v, {b} == i)")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("dyn({a}).map(x, dyn({b}) + x)")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("optional.of({a}).optMap(x, [x, {b}])")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("dyn({a}).transformMapEntry(k, v, {{v: {b}}})")),
            inner.clone().prop_map(|a| format!("string(dyn({a}))")),
            inner.clone().prop_map(|a| format!("dyn({a}).sortBy(x, x)")),
            inner.clone().prop_map(|a| format!("size(dyn({a}))")),
            inner.prop_map(|a| format!("dyn({a}).x[0]")),
        ]
    })
}

async fn try_out(http: &Http, sort: &str, policy: Value) {
    let policies = format!("{GROUP}/{sort}admissionpolicies");
    let bindings = format!("{GROUP}/{sort}admissionpolicybindings");
    let (status, answer) = http.post(&policies, policy.clone()).await;
    assert!(matches!(status, 201 | 422), "{policy}: {answer}");
    assert!(
        !answer.to_string().contains("internal error"),
        "{policy}: {answer}"
    );
    if status != 201 {
        return;
    }
    let mut spec = json!({"policyName": "p"});
    if sort == "validating" {
        spec["validationActions"] = json!(["Deny"]);
    }
    let (status, _) = http
        .post(&bindings, json!({"metadata": {"name": "p"}, "spec": spec}))
        .await;
    assert_eq!(status, 201);
    let (status, answer) = http
        .post(&format!("{CONFIG_MAPS}?dryRun=All"), map("a", json!({"x": "1"})))
        .await;
    assert!(matches!(status, 201 | 403 | 422 | 500), "{policy}: {answer}");
    assert!(
        !message(&answer).contains("internal error: "),
        "{policy}: {answer}"
    );
    for path in [bindings, policies] {
        assert_eq!(http.delete(&format!("{path}/p")).await.0, 200);
    }
}
