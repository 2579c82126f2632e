//! Bodies that are almost right, sent in every way to every kind.

use http::Method;
use kubist_apiserver::Server;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{TYPES, answered};
use crate::client::{CONFIG_MAPS, Http};
use crate::samples::{Sample, samples};

/// What kube-apiserver answers with 500, too, though the request is to blame.
const UPSTREAMS: [&str; 8] = [
    "does not contain declared merge key",
    "cannot merge lists without merge key",
    "unknown patch type: ",
    "strconv.ParseUint: parsing",
    "resourceVersion should not be set on objects to be created",
    "failed to create typed patch object",
    "target.name: Required value",
    "target.kind: Unsupported value",
];

/// A change of a document, at a place that the numbers lead to.
#[derive(Clone, Debug)]
struct Change {
    way: Vec<u8>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Put(Value),
    Remove,
    Wrap,
    Twice,
    Rename(&'static str),
}

fn odd_value() -> impl Strategy<Value = Value> {
    let directive = json!({"$patch": "replace", "$retainKeys": ["a"], "$setElementOrder/x": [{"name": 1}]});
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(""),
        json!("a"),
        json!("A_b"),
        json!("\u{0}"),
        json!("é\u{202e}"),
        json!("1e99999Gi"),
        json!("0001-01-01T00:00:00Z"),
        json!("x".repeat(300)),
        json!([]),
        json!({}),
        json!([null]),
        json!([[]]),
        json!({"": null}),
        json!({"name": "a", "b": [{"c": {"d": null}}]}),
        directive,
        json!({"$patch": "delete"}),
    ])
}

fn change() -> impl Strategy<Value = Change> {
    let what = prop_oneof![
        4 => odd_value().prop_map(What::Put),
        2 => Just(What::Remove),
        1 => Just(What::Wrap),
        1 => Just(What::Twice),
        1 => prop::sample::select(vec!["", "name", "$patch", "f:a", "a/b~1", "finalizers"]).prop_map(What::Rename),
    ];
    (prop::collection::vec(any::<u8>(), 0..7), what).prop_map(|(way, what)| Change { way, what })
}

impl Change {
    fn happen(&self, document: &mut Value) {
        let mut place = document;
        let (mut way, last) = match self.way.split_last() {
            Some((last, way)) => (way.iter(), *last),
            None => ([].iter(), 0),
        };
        loop {
            let inner = match place {
                Value::Object(map) => map.len(),
                Value::Array(items) => items.len(),
                _ => 0,
            };
            let Some(step) = way.next().filter(|_| inner > 0) else {
                break;
            };
            let at = usize::from(*step) % inner;
            place = match place {
                Value::Object(map) => map.values_mut().nth(at).expect("a member"),
                Value::Array(items) => &mut items[at],
                _ => return,
            };
        }
        let inside = |length: usize| usize::from(last) % length.max(1);
        match (&self.what, &mut *place) {
            (What::Put(value), _) => *place = value.clone(),
            (What::Wrap, _) => *place = json!([place.take()]),
            (_, Value::Object(map)) => {
                let Some(key) = map.keys().nth(inside(map.len())).cloned() else {
                    return;
                };
                let value = map.get(&key).cloned().unwrap_or_default();
                match self.what {
                    What::Remove => drop(map.remove(&key)),
                    What::Rename(name) => {
                        map.remove(&key);
                        map.insert(name.to_owned(), value);
                    }
                    _ => drop(map.insert(format!("{key}x"), value)),
                }
            }
            (_, Value::Array(items)) if !items.is_empty() => {
                let at = inside(items.len());
                match self.what {
                    What::Remove => drop(items.remove(at)),
                    _ => items.push(items[at].clone()),
                }
            }
            _ => {}
        }
    }
}

/// Something that is asked of a kind.
#[derive(Clone, Debug)]
struct Asked {
    sample: usize,
    how: How,
    changes: Vec<Change>,
    query: Vec<&'static str>,
    below: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum How {
    Create,
    Replace,
    Patch(&'static str),
    Delete,
    DeleteAll,
    Get,
    List,
}

const QUERIES: [&str; 28] = [
    "dryRun=All",
    "dryRun=All",
    "dryRun=x",
    "fieldValidation=Strict",
    "fieldValidation=Warn",
    "fieldValidation=no",
    "fieldManager=m",
    "fieldManager=m",
    "fieldManager=%00",
    "force=true",
    "force=2",
    "propagationPolicy=Orphan",
    "propagationPolicy=x",
    "gracePeriodSeconds=-1",
    "gracePeriodSeconds=x",
    "labelSelector=a%3Db,!c,d%20in%20(",
    "labelSelector=%FF",
    "fieldSelector=metadata.name%3Da",
    "fieldSelector=%3D%3D,,",
    "limit=1",
    "limit=-1",
    "continue=e30",
    "resourceVersion=1",
    "resourceVersion=x",
    "resourceVersionMatch=Exact",
    "pretty=maybe",
    "=&&==%",
    "orphanDependents=true",
];

fn asked() -> impl Strategy<Value = Asked> {
    let patches = TYPES.iter().filter(|ty| ty.contains("patch")).copied();
    let patch = prop::sample::select(patches.collect::<Vec<_>>()).prop_map(How::Patch);
    let how = prop_oneof![
        4 => Just(How::Create),
        4 => Just(How::Replace),
        8 => patch,
        1 => Just(How::Delete),
        1 => Just(How::DeleteAll),
        1 => Just(How::Get),
        1 => Just(How::List),
    ];
    let changes = prop::collection::vec(change(), 1..5);
    let query = prop::collection::vec(prop::sample::select(QUERIES.to_vec()), 0..4);
    let noise = vec![
        "/status",
        "/scale",
        "/binding",
        "/eviction",
        "/token",
        "/resize",
        "/finalize",
        "/approval",
        "//",
        "/%2e%2e",
        "/x/y",
        "/%00",
    ];
    let below = prop_oneof![9 => Just(""), 1 => prop::sample::select(noise)];
    (0..samples().len(), how, changes, query, below).prop_map(|(sample, how, changes, query, below)| Asked {
        sample,
        how,
        changes,
        query,
        below,
    })
}

impl Asked {
    async fn ask(&self, http: &Http, sample: &Sample) {
        let mut body = sample.named("a");
        let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let one = format!("{}/{name}{}", sample.path, self.below);
        // What is there already, as far as it still is.
        let there = http.get(&format!("{}/{name}", sample.path)).await;
        let json = "application/json";
        let (method, path, content_type) = match self.how {
            How::Create => (Method::POST, format!("{}{}", sample.path, self.below), json),
            How::Replace => {
                if there.0 == 200 {
                    body = there.1;
                }
                (Method::PUT, one, json)
            }
            How::Patch(ty) => {
                match ty {
                    "application/json-patch+json" => body = operations(&body),
                    "application/apply-patch+yaml" if there.0 == 200 => {
                        for field in ["apiVersion", "kind"] {
                            body[field] = there.1[field].clone();
                        }
                    }
                    _ => {}
                }
                (Method::PATCH, one, ty)
            }
            How::Delete | How::DeleteAll => {
                body = json!({
                    "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "dryRun": [],
                    "propagationPolicy": "Background", "preconditions": {"uid": "x", "resourceVersion": "1"},
                });
                let all = matches!(self.how, How::DeleteAll);
                (
                    Method::DELETE,
                    if all { sample.path.to_owned() } else { one },
                    json,
                )
            }
            How::Get => (Method::GET, one, json),
            How::List => (Method::GET, sample.path.to_owned(), json),
        };
        for change in &self.changes {
            change.happen(&mut body);
        }
        let path = format!("{path}?{}", self.query.join("&"));
        let (code, status) = answered(http, method, &path, content_type, body.to_string().into_bytes()).await;
        let message = status["message"].as_str().unwrap_or_default();
        let expected = match code {
            500 => UPSTREAMS.iter().any(|words| message.contains(words)),
            501 | 503 => true,
            code => code < 500,
        };
        assert!(expected, "{self:?}: {path}: {body}: {code} {status}");
    }
}

/// A JSON patch that writes what an object holds already.
fn operations(object: &Value) -> Value {
    let mut operations =
        vec![json!({"op": "test", "path": "/metadata/name", "value": object["metadata"]["name"]})];
    let members = object.as_object().map(Map::iter).into_iter().flatten();
    for (key, value) in members.filter(|(key, _)| *key != "metadata") {
        let inner = value.as_object().map(Map::iter).into_iter().flatten();
        operations.extend(inner.map(
            |(field, value)| json!({"op": "replace", "path": format!("/{key}/{field}"), "value": value}),
        ));
        operations.push(json!({"op": "copy", "from": format!("/{key}"), "path": format!("/{key}")}));
        operations.push(json!({"op": "add", "path": format!("/{key}"), "value": value}));
    }
    operations.push(json!({"op": "move", "from": "/metadata/labels", "path": "/metadata/annotations"}));
    operations.push(json!({"op": "remove", "path": "/metadata/labels/a"}));
    Value::Array(operations)
}

#[test]
fn almost_right_is_answered() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (_server, http) = runtime.block_on(async {
        let server = Server::builder().controllers(false).start().await;
        let server = server.expect("a server");
        let http = Http::new(&server);
        (server, http)
    });
    // Nobody else is asked for anything.
    let mut samples = samples();
    for sample in &mut samples {
        if sample.path.ends_with("webhookconfigurations") {
            sample.object["webhooks"] = json!([]);
        }
    }
    let config = ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    };
    proptest!(config, |(asked in prop::collection::vec(asked(), 1..4))| {
        runtime.block_on(async {
            for asked in &asked {
                let sample = &samples[asked.sample];
                // So that there mostly is one to change.
                http.post(sample.path, sample.named("a")).await;
                asked.ask(&http, sample).await;
            }
        });
    });
    assert_eq!(runtime.block_on(http.get(CONFIG_MAPS)).0, 200);
}
