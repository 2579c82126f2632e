//! Three versions of a kind, each of which knows something that the others don't.

use std::collections::BTreeMap;

use kubist_core::conversion::{Chain, ConversionReview, ConvertError};
use kubist_core::{CustomResourceExt, crd::merge_crds};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod v1alpha1 {
    use super::{Deserialize, Serialize};
    use kubist_derive::{CustomResource, KubeSchema};

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(
        group = "chain.example.com",
        version = "v1alpha1",
        kind = "Backup",
        namespaced,
        storage = false
    )]
    pub(super) struct BackupSpec {
        pub(super) target: String,
        /// Only this version has it.
        pub(super) legacy: Option<String>,
        /// As text; later a number.
        #[schemars(regex(pattern = "^0{0,3}[1-9][0-9]{0,8}$"))]
        pub(super) keep: String,
    }
}

mod v1beta1 {
    use super::{BTreeMap, Deserialize, Serialize, v1alpha1};
    use kubist_derive::{CustomResource, KubeSchema, Upgrade};

    #[derive(CustomResource, KubeSchema, Upgrade, Clone, Debug, Serialize, Deserialize)]
    #[kube(
        group = "chain.example.com",
        version = "v1beta1",
        kind = "Backup",
        namespaced,
        storage = false
    )]
    #[upgrade(from = v1alpha1::Backup, dropped(legacy), test)]
    pub(super) struct BackupSpec {
        pub(super) target: String,
        #[upgrade(with = number)]
        pub(super) keep: u32,
        #[serde(default)]
        #[upgrade(added)]
        pub(super) labels: BTreeMap<String, String>,
    }

    mod number {
        use std::{convert::Infallible, num::ParseIntError};

        pub(super) fn upgrade(text: String) -> Result<u32, ParseIntError> {
            text.parse()
        }

        pub(super) fn downgrade(number: u32) -> Result<String, Infallible> {
            Ok(number.to_string())
        }
    }
}

mod v1 {
    use super::{BTreeMap, Deserialize, Serialize, v1beta1};
    use kubist_derive::{CustomResource, KubeSchema, Upgrade};

    #[derive(CustomResource, KubeSchema, Upgrade, Clone, Debug, Serialize, Deserialize)]
    #[kube(
        group = "chain.example.com",
        version = "v1",
        kind = "Backup",
        namespaced,
        status = "BackupStatus"
    )]
    #[upgrade(from = v1beta1::Backup, status = added, test)]
    pub(super) struct BackupSpec {
        #[upgrade(from = target, with = first)]
        pub(super) targets: Vec<Target>,
        #[upgrade(from = keep)]
        pub(super) retention: Retention,
        #[serde(default)]
        pub(super) labels: BTreeMap<String, String>,
    }

    #[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
    pub(super) struct Target {
        pub(super) name: String,
        pub(super) weight: Option<i32>,
    }

    #[derive(KubeSchema, Upgrade, Clone, Debug, Serialize, Deserialize)]
    #[upgrade(from = u32, with = retention)]
    pub(super) struct Retention {
        pub(super) count: u32,
        pub(super) days: Option<u32>,
    }

    #[derive(KubeSchema, Clone, Debug, Serialize, Deserialize)]
    pub(super) struct BackupStatus {
        pub(super) done: bool,
    }

    mod first {
        use super::Target;
        use std::convert::Infallible;

        pub(super) fn upgrade(name: String) -> Result<Vec<Target>, Infallible> {
            Ok(vec![Target { name, weight: None }])
        }

        pub(super) fn downgrade(targets: Vec<Target>) -> Result<String, Infallible> {
            let first = targets.into_iter().next();
            Ok(first.map(|target| target.name).unwrap_or_default())
        }
    }

    mod retention {
        use super::Retention;
        use std::convert::Infallible;

        pub(super) fn upgrade(count: u32) -> Result<Retention, Infallible> {
            Ok(Retention { count, days: None })
        }

        pub(super) fn downgrade(retention: Retention) -> Result<u32, Infallible> {
            Ok(retention.count)
        }
    }
}

const VERSIONS: [&str; 3] = [
    "chain.example.com/v1alpha1",
    "chain.example.com/v1beta1",
    "chain.example.com/v1",
];

fn chain() -> Chain {
    Chain::of::<v1alpha1::Backup>().then_newer().build()
}

fn object(api_version: &str, metadata: Value, spec: Value) -> Value {
    json!({"apiVersion": api_version, "kind": "Backup", "metadata": metadata, "spec": spec})
}

fn newest() -> Value {
    let targets = json!([{"name": "a", "weight": 3}, {"name": "b", "weight": null}]);
    let mut newest = object(
        VERSIONS[2],
        json!({"name": "one", "uid": "u", "labels": {"a": "b"}, "annotations": {"mine": "kept"}}),
        json!({"targets": targets, "retention": {"count": 5, "days": 7}, "labels": {"x": "y"}}),
    );
    newest["status"] = json!({"done": true});
    newest
}

fn metadata() -> impl Strategy<Value = Value> {
    proptest::option::of("[a-z]{1,5}").prop_map(|annotation| match annotation {
        Some(annotation) => json!({"name": "one", "generation": 3, "annotations": {"mine": annotation}}),
        None => json!({"name": "one", "generation": 3}),
    })
}

/// An object of any of the versions.
fn objects() -> impl Strategy<Value = Value> {
    let labels = || proptest::collection::btree_map("[a-z]{1,3}", "[a-z]{0,3}", 0..3);
    let days = proptest::option::of(any::<u32>());
    let alpha = (".{0,8}", proptest::option::of(".{0,8}"), any::<u32>()).prop_map(
        |(target, legacy, keep)| json!({"target": target, "legacy": legacy, "keep": format!("{keep:05}")}),
    );
    let beta = (".{0,8}", any::<u32>(), labels())
        .prop_map(|(target, keep, labels)| json!({"target": target, "keep": keep, "labels": labels}));
    let target = (".{0,8}", proptest::option::of(any::<i32>()))
        .prop_map(|(name, weight)| json!({"name": name, "weight": weight}));
    let newest = (proptest::collection::vec(target, 0..4), any::<u32>(), days, labels()).prop_map(
        |(targets, count, days, labels)| {
            json!({"targets": targets, "retention": {"count": count, "days": days}, "labels": labels})
        },
    );
    let specs = [alpha.boxed(), beta.boxed(), newest.boxed()];
    (0..3_usize, metadata()).prop_flat_map(move |(version, metadata)| {
        specs[version]
            .clone()
            .prop_map(move |spec| object(VERSIONS[version], metadata.clone(), spec))
    })
}

proptest! {
    /// Any object, by any way through the versions, comes home as it was.
    #[test]
    fn every_way_home_is_without_loss(original in objects(), way in proptest::collection::vec(0..3_usize, 1..6)) {
        let chain = chain();
        let home = original["apiVersion"].as_str().unwrap().to_owned();
        let mut travelled = original.clone();
        for version in way {
            travelled = chain.convert(travelled, VERSIONS[version]).unwrap();
            prop_assert_eq!(&travelled["apiVersion"], VERSIONS[version]);
        }
        let travelled = chain.convert(travelled, &home).unwrap();
        prop_assert_eq!(without_nothing(travelled), without_nothing(original));
    }
}

/// Without what is null, which is the same as what is not there.
fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nothing(value)))
            .collect(),
        Value::Array(list) => list.into_iter().map(without_nothing).collect(),
        value => value,
    }
}

#[test]
fn what_is_changed_on_the_way_stays_changed() {
    let chain = chain();
    let mut old = chain.convert(newest(), VERSIONS[0]).unwrap();
    assert_eq!(old["spec"], json!({"target": "a", "legacy": null, "keep": "5"}));
    old["spec"]["target"] = json!("c");
    old["spec"]["keep"] = json!("6");
    let new = chain.convert(old, VERSIONS[2]).unwrap();
    // The list has changed, so its items are those that the old version said; the rest came back.
    assert_eq!(new["spec"]["targets"], json!([{"name": "c", "weight": null}]));
    assert_eq!(new["spec"]["retention"], json!({"count": 6, "days": 7}));
    assert_eq!(new["spec"]["labels"], json!({"x": "y"}));
    assert_eq!(new["status"], json!({"done": true}));
    assert_eq!(new["metadata"], newest()["metadata"]);
}

#[test]
fn an_annotation_that_somebody_spoilt_hides_nothing() {
    let chain = chain();
    let mut old = chain.convert(newest(), VERSIONS[1]).unwrap();
    let annotations = old["metadata"]["annotations"].as_object_mut().unwrap();
    let kept = annotations.keys().find(|key| *key != "mine").unwrap().clone();
    annotations.insert(kept, json!("[{"));
    let new = chain.convert(old, VERSIONS[2]).unwrap();
    assert_eq!(new["spec"]["retention"]["count"], 5);
    assert_eq!(new["metadata"]["annotations"], json!({"mine": "kept"}));
}

#[test]
fn a_review_is_answered() {
    let review = |objects: Value| -> ConversionReview {
        serde_json::from_value(json!({
            "kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1",
            "request": {"uid": "u", "desiredAPIVersion": VERSIONS[1], "objects": objects},
        }))
        .unwrap()
    };
    let response = chain()
        .answer(review(json!([newest(), newest()])))
        .response
        .unwrap();
    assert!(response.result.is_success());
    assert_eq!(response.uid, "u");
    assert_eq!(response.converted_objects.len(), 2);
    assert_eq!(response.converted_objects[0]["spec"]["keep"], 5);

    let mut wrong = newest();
    wrong["spec"]["retention"]["count"] = json!("secret");
    let response = chain().answer(review(json!([newest(), wrong]))).response.unwrap();
    assert!(response.result.is_failure());
    assert!(response.converted_objects.is_empty());
    let message = &response.result.message;
    assert!(
        message.starts_with("objects[1] (Backup one): ") && message.contains("spec.retention.count"),
        "{message}"
    );
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn what_cannot_be_converted_says_why() {
    let chain = chain();
    let convert = |object: Value, to: &str| chain.convert(object, to).unwrap_err();
    assert!(matches!(convert(json!([]), VERSIONS[0]), ConvertError::NoObject));
    assert!(matches!(
        convert(newest(), "chain.example.com/v2"),
        ConvertError::UnknownVersion { .. }
    ));
    let mut other = newest();
    other["kind"] = json!("Restore");
    assert!(matches!(
        convert(other, VERSIONS[0]),
        ConvertError::OtherKind { .. }
    ));
    let words = object(
        VERSIONS[0],
        json!({"name": "one"}),
        json!({"target": "a", "keep": "many"}),
    );
    let error = convert(words, VERSIONS[2]);
    assert!(
        matches!(&error, ConvertError::Convert { name, to, .. } if name == "one" && to == VERSIONS[1]),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .ends_with("spec.keep: invalid digit found in string"),
        "{error}"
    );
}

#[test]
fn the_chain_and_the_definition_have_the_same_versions() {
    let crds = vec![v1alpha1::Backup::crd(), v1beta1::Backup::crd(), v1::Backup::crd()];
    let merged = merge_crds(crds, "v1").unwrap();
    let chain = chain();
    let mut served: Vec<_> = merged
        .spec
        .versions
        .iter()
        .map(|version| format!("chain.example.com/{}", version.name))
        .collect();
    served.sort();
    let mut converted: Vec<_> = chain.api_versions().map(str::to_owned).collect();
    converted.sort();
    assert_eq!(served, converted);
}
