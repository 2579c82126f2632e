use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kubist_client::Api;
use kubist_client::api::{PatchParams, PostParams};
use kubist_core::CustomResourceExt;
use kubist_core::status::{
    ConditionStatus, HasConditions, HasObservedGeneration, ObservedGenerationExt, condition,
};
use kubist_derive::{CustomResource, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::{cluster, install};

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "status.example.com", version = "v1", kind = "Probe", namespaced)]
#[kube(status = "ProbeStatus")]
pub(crate) struct ProbeSpec {
    target: String,
}

#[derive(Status, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProbeStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
    observed_generation: Option<i64>,
}

/// One of the two is enough.
#[derive(Status)]
struct Observed {
    observed_generation: Option<i64>,
}

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn ready(status: ConditionStatus, second: i64) -> Condition {
    condition("Ready", status, "Checked").since(at(second)).build()
}

#[test]
fn the_transition_time_is_that_of_the_last_transition() {
    let mut status = ProbeStatus::default();
    assert!(status.set_condition(ready(ConditionStatus::True, 1)));
    assert!(!status.set_condition(ready(ConditionStatus::True, 2)));
    assert_eq!(status.condition("Ready").unwrap().last_transition_time, at(1));

    // Another reason is a change, and no transition.
    let other = condition("Ready", true, "CheckedAgain").since(at(3)).build();
    assert!(status.set_condition(other));
    assert_eq!(status.condition("Ready").unwrap().last_transition_time, at(1));
    assert_eq!(status.condition("Ready").unwrap().reason, "CheckedAgain");

    assert!(status.set_condition(ready(ConditionStatus::Unknown, 4)));
    assert_eq!(status.condition("Ready").unwrap().last_transition_time, at(4));
    assert!(!status.is_condition_true("Ready"));

    assert!(status.set_condition(condition("Reachable", false, "Refused").build()));
    let types: Vec<_> = status
        .conditions()
        .iter()
        .map(|condition| condition.type_.as_str())
        .collect();
    assert_eq!(types, ["Ready", "Reachable"]);
    assert!(status.remove_condition("Ready"));
    assert!(!status.remove_condition("Ready"));
    assert_eq!(status.conditions.len(), 1);
}

#[test]
fn what_is_known_of_a_newer_spec_is_not_replaced() {
    let mut probe = Probe::new("one", ProbeSpec { target: "x".into() });
    let mut status = ProbeStatus::default();
    probe.metadata.generation = Some(2);
    status.set_condition(condition("Ready", true, "New").observed(&probe).build());
    probe.metadata.generation = Some(1);
    assert!(!status.set_condition(condition("Ready", false, "Old").observed(&probe).build()));
    assert_eq!(status.condition("Ready").unwrap().reason, "New");
}

#[test]
fn a_generation_alone_can_be_observed() {
    let mut probe = Probe::new("one", ProbeSpec { target: "x".into() });
    let mut status = Observed {
        observed_generation: None,
    };
    assert!(!status.observe(&probe));
    probe.metadata.generation = Some(3);
    assert!(status.observe(&probe));
    assert!(!status.observe(&probe));
    assert_eq!(status.observed_generation(), Some(3));
}

#[tokio::test]
async fn an_object_is_observed_until_its_spec_changes() {
    let (_server, client) = cluster().await;
    install(&client, &Probe::crd()).await;
    let probes: Api<Probe> = Api::namespaced(client, "default");
    let probe = Probe::new("one", ProbeSpec { target: "a".into() });
    let probe = probes.create(&PostParams::default(), &probe).await.unwrap();
    assert!(!probe.is_observed());

    let mut status = ProbeStatus::default();
    status.set_condition(condition("Ready", true, "Checked").observed(&probe).build());
    status.observe(&probe);
    let patch = kubist_client::api::Patch::Merge(json!({ "status": status }));
    let probe = probes
        .patch_status("one", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert!(probe.is_observed());
    assert!(probe.status.as_ref().unwrap().is_condition_true("Ready"));
    assert_eq!(
        probe.status.as_ref().unwrap().conditions[0].observed_generation,
        Some(1)
    );

    let patch = kubist_client::api::Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
    assert!(
        probes
            .patch("one", &PatchParams::default(), &patch)
            .await
            .unwrap()
            .is_observed()
    );
    let patch = kubist_client::api::Patch::Merge(json!({"spec": {"target": "b"}}));
    assert!(
        !probes
            .patch("one", &PatchParams::default(), &patch)
            .await
            .unwrap()
            .is_observed()
    );
}
