//! Each generated definition goes into a server, and objects through it.

use kubist_apiserver::Server;
use kubist_client::api::PostParams;
use kubist_client::{Api, Client, Error};
use kubist_core::{CustomResourceExt, DynamicObject, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::shapes::{Choice, Condensed, Shape};
use crate::support::{cluster, install};

struct Trial {
    // Ends when it is dropped.
    _server: Server,
    api: Api<DynamicObject>,
    kind: Value,
}

impl Trial {
    /// A server with the kind of a type.
    async fn of<K>() -> Self
    where
        K: CustomResourceExt + Resource<DynamicType = ()>,
    {
        let (server, client): (_, Client) = cluster().await;
        install(&client, &K::crd()).await;
        let resource = K::api_resource();
        let api = if K::crd().spec.scope == "Namespaced" {
            Api::namespaced_with(client, "default", &resource)
        } else {
            Api::all_with(client, &resource)
        };
        Trial {
            _server: server,
            api,
            kind: json!({"apiVersion": resource.api_version, "kind": resource.kind}),
        }
    }

    async fn create(&self, body: &Value) -> Result<DynamicObject, Error> {
        let mut object = self.kind.clone();
        object["metadata"] = json!({"generateName": "trial-"});
        for (key, value) in body.as_object().unwrap() {
            object[key] = value.clone();
        }
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        self.api.create(&PostParams::default(), &object).await
    }

    /// The object as the server has it, in its type.
    async fn takes<K: DeserializeOwned>(&self, body: Value) -> K {
        let created = match self.create(&body).await {
            Ok(created) => created,
            Err(error) => panic!("{body} is refused: {error}"),
        };
        serde_json::from_value(serde_json::to_value(created).unwrap()).unwrap()
    }

    /// The server refuses it, and names the field.
    async fn refuses(&self, body: Value, field: &str) {
        match self.create(&body).await {
            Err(Error::Api(status)) if status.code == 422 => {
                assert!(
                    status.message.contains(field),
                    "{field} is not in {}",
                    status.message
                );
            }
            Err(error) => panic!("{body} is refused otherwise: {error}"),
            Ok(_) => panic!("{body} is taken"),
        }
    }
}

/// A spec with one field changed.
fn with(spec: &Value, field: &str, value: Value) -> Value {
    let mut spec = spec.clone();
    spec[field] = value;
    json!({ "spec": spec })
}

#[tokio::test]
async fn documents() {
    use crate::custom_resource::{Document, Shelf};
    let trial = Trial::of::<Document>().await;
    let document: Document = trial.takes(json!({"spec": {"title": "One"}})).await;
    assert_eq!(document.spec.size, 0);
    trial.refuses(json!({"spec": {"size": 1}}), "spec.title").await;
    trial.refuses(json!({"spec": {"title": 1}}), "spec.title").await;
    trial
        .refuses(json!({"spec": {"title": "x", "size": 1.5}}), "spec.size")
        .await;
    trial.refuses(json!({}), "spec").await;

    // It is not served, and yet a definition.
    let (_server, client) = cluster().await;
    let crd = Shelf::crd();
    let mut stored = crd.clone();
    stored.spec.versions[0].storage = true;
    install(&client, &stored).await;
}

#[tokio::test]
async fn ranges() {
    use crate::kube_schema::Range;
    let spec = json!({
        "minimum": 1, "max": 2, "namedSteps": [{"name": "a"}], "labels": {}, "nested": {"text": "t"},
    });
    let trial = Trial::of::<Range>().await;
    trial.takes::<Range>(json!({ "spec": spec })).await;
    trial
        .refuses(
            with(&spec, "namedSteps", json!([{"name": "a"}, {"name": "a"}])),
            "namedSteps[1]",
        )
        .await;
    trial
        .refuses(with(&spec, "minimum", json!(3)), "minimum is above max")
        .await;
    trial
        .refuses(with(&spec, "minimum", json!(-1)), "minimum is negative")
        .await;
    trial
        .refuses(with(&spec, "nested", json!({"text": ""})), "spec.nested.text")
        .await;
}

#[tokio::test]
async fn sites_and_probes() {
    let trial = Trial::of::<crate::apply::Site>().await;
    trial
        .takes::<crate::apply::Site>(json!({"spec": {"pauseSeconds": 3, "public": true}}))
        .await;
    trial
        .refuses(json!({"spec": {"pauseSeconds": "3"}}), "spec.pauseSeconds")
        .await;
    trial
        .refuses(
            json!({"spec": {"routes": [{"weight": 1}]}}),
            "spec.routes[0].name",
        )
        .await;
    trial
        .refuses(json!({"spec": {"backend": "Tape"}}), "spec.backend")
        .await;
    let trial = Trial::of::<crate::status::Probe>().await;
    trial
        .takes::<crate::status::Probe>(json!({"spec": {"target": "a"}}))
        .await;
    trial.refuses(json!({"spec": {}}), "spec.target").await;
}

#[tokio::test]
async fn enums() {
    let spec = json!({
        "level": "low", "external": {"git": {"url": "u", "depth": 3}}, "maybeExternal": null,
        "internal": {"type": "scaled", "min": 1, "max": 2}, "adjacent": {"kind": "left", "value": {"a": true}},
        "untagged": {"two": 2}, "numberOrText": "three", "each": [{"inline": "x"}, {"empty": {}}],
        "byName": {"name": "n"},
    });
    let trial = Trial::of::<Choice>().await;
    let choice: Choice = trial.takes(json!({ "spec": spec })).await;
    let direct: crate::shapes::ChoiceSpec = serde_json::from_value(spec.clone()).unwrap();
    assert_eq!(choice.spec, direct);

    trial
        .takes::<Choice>(with(&spec, "maybeLevel", json!("high")))
        .await;
    trial
        .takes::<Choice>(with(&spec, "internal", json!({"type": "off"})))
        .await;
    trial
        .refuses(with(&spec, "level", json!("middle")), "spec.level")
        .await;
    trial
        .refuses(with(&spec, "level", json!(null)), "spec.level")
        .await;
    trial
        .refuses(with(&spec, "maybeLevel", json!("middle")), "spec.maybeLevel")
        .await;
    let both = json!({"inline": "x", "git": {"url": "u"}});
    trial
        .refuses(with(&spec, "external", both), "spec.external")
        .await;
    trial
        .refuses(with(&spec, "external", json!({})), "spec.external")
        .await;
    trial
        .refuses(
            with(&spec, "external", json!({"git": {}})),
            "spec.external.git.url",
        )
        .await;
    trial
        .refuses(
            with(&spec, "external", json!({"git": {"url": "u", "depth": 300}})),
            "spec.external.git.depth",
        )
        .await;
    trial
        .refuses(
            with(&spec, "internal", json!({"type": "scaled", "min": 1})),
            "spec.internal",
        )
        .await;
    trial
        .refuses(with(&spec, "internal", json!({"type": "other"})), "spec.internal")
        .await;
    trial
        .refuses(with(&spec, "untagged", json!({"two": "2"})), "spec.untagged")
        .await;
    trial
        .refuses(with(&spec, "numberOrText", json!(true)), "spec.numberOrText")
        .await;
    trial
        .refuses(with(&spec, "each", json!([{"inline": 1}])), "spec.each[0].inline")
        .await;
    trial
        .refuses(with(&spec, "byLabel", json!({"a": "b"})), "spec")
        .await;
}

#[tokio::test]
async fn shapes() {
    let spec = json!({
        "nested": {"name": "a"}, "list": [{"name": "a"}], "set": ["a"], "map": {"k": {"name": "b"}},
        "lists": {"k": [1, null]}, "byLevel": {"low": 1}, "port": "http", "limit": "100Mi", "raw": {"any": [1]},
        "any": [1, "two", {"three": 3}], "at": "2026-01-02T03:04:05Z", "selector": {"matchLabels": {"a": "b"}},
        "containers": [{"name": "c", "ports": [{"containerPort": 80}]}],
        "resources": {"limits": {"cpu": "1"}}, "wrapped": 7, "pair": [1, "two"], "small": 255, "big": 1,
        "float": 0.5, "letter": "x", "boxed": {"name": "c"}, "trees": [{"children": [{"children": []}]}],
        "unknown": {"is": "kept"},
    });
    let trial = Trial::of::<Shape>().await;
    let shape: Shape = trial.takes(json!({ "spec": spec })).await;
    assert_eq!(shape.spec.rest["unknown"], json!({"is": "kept"}));
    assert_eq!((shape.spec.with_default, shape.spec.inner_default.on), (10, true));
    assert_eq!(shape.spec.trees[0].children.len(), 1);
    assert_eq!(shape.spec.raw.unwrap().0, json!({"any": [1]}));
    let empty: Shape = trial.takes(json!({"spec": {}})).await;
    assert_eq!(empty.spec.with_default, 10);

    trial.takes::<Shape>(with(&spec, "port", json!(80))).await;
    trial.takes::<Shape>(with(&spec, "limit", json!(3))).await;
    trial
        .refuses(with(&spec, "nested", json!({})), "spec.nested.name")
        .await;
    trial
        .refuses(
            with(&spec, "list", json!([{"name": "longer than ten"}])),
            "spec.list[0].name",
        )
        .await;
    trial
        .refuses(with(&spec, "list", json!([{"name": ""}])), "a name is not empty")
        .await;
    trial.refuses(with(&spec, "set", json!([1])), "spec.set[0]").await;
    trial
        .refuses(with(&spec, "map", json!({"k": 1})), "spec.map")
        .await;
    trial
        .refuses(with(&spec, "lists", json!({"k": ["one"]})), "spec.lists")
        .await;
    trial.refuses(with(&spec, "port", json!(true)), "spec.port").await;
    trial
        .refuses(
            with(&spec, "containers", json!([{"image": "x"}])),
            "spec.containers[0].name",
        )
        .await;
    trial
        .refuses(with(&spec, "small", json!(256)), "spec.small")
        .await;
    trial.refuses(with(&spec, "big", json!(-1)), "spec.big").await;
    trial
        .refuses(with(&spec, "float", json!("half")), "spec.float")
        .await;
    trial
        .refuses(with(&spec, "letter", json!("xy")), "spec.letter")
        .await;
}

#[tokio::test]
async fn condensed() {
    let trial = Trial::of::<Condensed>().await;
    trial
        .takes::<Condensed>(json!({"spec": {"inner": [{"name": "a"}]}}))
        .await;
    trial
        .refuses(
            json!({"spec": {"inner": [{"name": "a"}, {"name": "a"}]}}),
            "spec.inner[1]",
        )
        .await;
    trial
        .refuses(json!({"spec": {"inner": [{"name": 1}]}}), "spec.inner[0].name")
        .await;
}
