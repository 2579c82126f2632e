//! Validation rules: what the server says of an object, and what the type says without one.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kubist_client::api::PostParams;
use kubist_client::{Api, Error};
use kubist_core::cel::ValidationErrors;
use kubist_core::{CustomResourceExt, ResourceExt};
use kubist_derive::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{cluster, install};

#[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[kube(group = "cel.example.com", version = "v1", kind = "Rental", namespaced, cel)]
#[kube(validation = ("self.metadata.name.size() < 20", "the name is too long"))]
#[kube(validation = Rule::new("self.spec.seats >= oldSelf.spec.seats").message("seats are not taken away").field_path(".spec.seats"))]
#[x_kube(validation = Rule::new("self.from <= self.until").message(Message::Expression("self.until < 0 ? 'ends before it can' : 'ends before ' + self.owner".into())))]
#[x_kube(validation = ("!has(self.discount) || self.discount <= self.from", "the discount is too high"))]
#[serde(rename_all = "camelCase")]
pub(crate) struct RentalSpec {
    #[x_kube(validation = Rule::new("self == oldSelf").message("the owner stays"))]
    #[schemars(length(max = 20))]
    owner: String,
    #[x_kube(validation = ("self >= 1", "one seat at least"))]
    seats: u8,
    from: i32,
    until: i32,
    discount: Option<i32>,
    #[x_kube(validation = Rule::new("self.size() < 5").reason(Reason::FieldValueForbidden).message("a short note"))]
    #[schemars(length(max = 100))]
    note: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 10))]
    tags: Vec<Tag>,
    #[serde(default)]
    #[schemars(extend("maxProperties" = 4))]
    #[x_kube(validation = ("self.all(season, self[season] > 0)", "nothing is for free"))]
    prices: BTreeMap<String, i32>,
    #[x_kube(validation = ("self != 80 && self != 'http'", "not a port of the system"))]
    port: Option<IntOrString>,
    #[x_kube(validation = ("quantity(string(self)).isLessThan(quantity('1Gi'))", "less than 1Gi"))]
    limit: Option<Quantity>,
    #[x_kube(validation = ("self > timestamp('2020-01-01T00:00:00Z')", "too long ago"))]
    at: Option<Time>,
    #[serde(default)]
    #[x_kube(validation = Rule::new("oldSelf.hasValue() || self != 'closed'").optional_old_self(true).message("not closed from the beginning"))]
    state: State,
    class: Option<Class>,
}

#[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[x_kube(validation = ("self.key != self.value", "a tag says something"))]
struct Tag {
    #[x_kube(validation = ("self.matches('^[a-z]+$')", "a key is of letters"))]
    #[schemars(length(max = 20))]
    key: String,
    #[schemars(length(max = 20))]
    value: String,
}

#[derive(KubeSchema, Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum State {
    #[default]
    Open,
    Closed,
}

#[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Class {
    Boat {
        #[x_kube(validation = ("self < 30", "no ships"))]
        length: i32,
    },
    Bike {},
}

/// A rental that every rule takes, but for what is changed.
fn rental(changes: Value) -> Rental {
    let mut spec = json!({
        "owner": "ada", "seats": 2, "from": 3, "until": 5, "discount": 1, "note": "nice",
        "tags": [{"key": "colour", "value": "red"}], "prices": {"summer": 10}, "port": 8080, "limit": "100Mi",
        "at": "2026-01-02T03:04:05Z", "state": "open", "class": {"boat": {"length": 7}},
    });
    let Value::Object(changes) = changes else {
        unreachable!()
    };
    for (field, value) in changes {
        spec[field] = value;
    }
    Rental::new("one", serde_json::from_value(spec).unwrap())
}

/// What a rule has against an object: its message and, as the server has it, the field.
type Verdict = Option<(&'static str, &'static str)>;

/// New objects.
fn creations() -> Vec<(Rental, Verdict)> {
    let mut long = rental(json!({}));
    long.metadata.name = Some("a-name-of-more-than-twenty".into());
    vec![
        (rental(json!({})), None),
        // What is null is as good as not there.
        (
            rental(
                json!({"discount": null, "note": null, "port": null, "limit": null, "at": null, "class": null}),
            ),
            None,
        ),
        (
            rental(json!({"port": "https", "class": {"bike": {}}, "tags": [], "prices": {}})),
            None,
        ),
        (long, Some(("the name is too long", "<nil>"))),
        (
            rental(json!({"seats": 0})),
            Some(("one seat at least", "spec.seats")),
        ),
        (rental(json!({"from": 6})), Some(("ends before ada", "spec"))),
        (
            rental(json!({"discount": 4})),
            Some(("the discount is too high", "spec")),
        ),
        (
            rental(json!({"note": "rather long"})),
            Some(("a short note", "spec.note")),
        ),
        (
            rental(json!({"tags": [{"key": "a", "value": "b"}, {"key": "7", "value": "b"}]})),
            Some(("a key is of letters", "spec.tags[1].key")),
        ),
        (
            rental(json!({"tags": [{"key": "a", "value": "a"}]})),
            Some(("a tag says something", "spec.tags[0]")),
        ),
        (
            rental(json!({"prices": {"winter": 0}})),
            Some(("nothing is for free", "spec.prices")),
        ),
        (
            rental(json!({"port": 80})),
            Some(("not a port of the system", "spec.port")),
        ),
        (
            rental(json!({"limit": "2Gi"})),
            Some(("less than 1Gi", "spec.limit")),
        ),
        (
            rental(json!({"at": "2019-01-01T00:00:00Z"})),
            Some(("too long ago", "spec.at")),
        ),
        (
            rental(json!({"state": "closed"})),
            Some(("not closed from the beginning", "spec.state")),
        ),
        (
            rental(json!({"class": {"boat": {"length": 31}}})),
            Some(("no ships", "spec.class.boat.length")),
        ),
    ]
}

/// Changes of the rental that nothing is against.
fn updates() -> Vec<(Rental, Verdict)> {
    vec![
        (rental(json!({"seats": 3, "note": null})), None),
        (rental(json!({"state": "closed"})), None),
        (
            rental(json!({"owner": "eve"})),
            Some(("the owner stays", "spec.owner")),
        ),
        (
            rental(json!({"seats": 1})),
            Some(("seats are not taken away", "spec.seats")),
        ),
        (rental(json!({"until": 2})), Some(("ends before ada", "spec"))),
        (
            rental(json!({"limit": "1025Mi"})),
            Some(("less than 1Gi", "spec.limit")),
        ),
    ]
}

#[tokio::test]
async fn the_type_judges_as_the_server_does() {
    let (_server, client) = cluster().await;
    install(&client, &Rental::crd()).await;
    let api: Api<Rental> = Api::default_namespaced(client);
    for (object, verdict) in creations() {
        let served = api.create(&PostParams::default(), &object).await;
        assert_verdict(&object, &served, object.validate_cel(), verdict);
        if served.is_ok() {
            api.delete(&object.name_any(), &Default::default()).await.unwrap();
        }
    }
    let original = api
        .create(&PostParams::default(), &rental(json!({})))
        .await
        .unwrap();
    for (mut object, verdict) in updates() {
        object.metadata.resource_version = original.resource_version();
        let served = api
            .replace(
                "one",
                &PostParams {
                    dry_run: true,
                    ..PostParams::default()
                },
                &object,
            )
            .await;
        assert_verdict(&object, &served, object.validate_cel_update(&original), verdict);
    }
}

#[track_caller]
fn assert_verdict(
    object: &Rental,
    served: &Result<Rental, Error>,
    here: Result<(), ValidationErrors>,
    verdict: Verdict,
) {
    let spec = json!(object.spec);
    match (verdict, served) {
        (None, Ok(_)) => {}
        (Some((message, field)), Err(Error::Api(status))) if status.code == 422 => {
            assert!(
                status.message.contains(message) && status.message.contains(&format!("{field}: ")),
                "{spec}: the server says {}",
                status.message
            );
        }
        (_, served) => panic!("{spec}: the server says {served:?}"),
    }
    let found: Vec<String> = match here {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.message).collect(),
    };
    let expected: Vec<&str> = verdict.iter().map(|(message, _)| *message).collect();
    assert_eq!(found, expected, "{spec}: the type says otherwise");
}
