use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_client::Api;
use kubist_core::ResourceExt;
use kubist_core::params::{Patch, PatchParams};
use kubist_operator::crd::{Error, install};
use serde_json::json;

use crate::support::cluster;

fn crd(versions: &[(&str, bool)], short_name: &str) -> CustomResourceDefinition {
    let versions: Vec<_> = versions
        .iter()
        .map(|(name, storage)| {
            json!({
                "name": name, "served": true, "storage": storage,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            })
        })
        .collect();
    serde_json::from_value(json!({
        "metadata": {"name": "widgets.test.example.com"},
        "spec": {
            "group": "test.example.com", "scope": "Namespaced", "versions": versions,
            "names": {"kind": "Widget", "plural": "widgets", "shortNames": [short_name]},
        },
    }))
    .unwrap()
}

#[tokio::test]
async fn installs_and_updates() {
    let (_server, client) = cluster().await;
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    install(client.clone(), crd(&[("v1", true)], "w")).await.unwrap();
    let label = Patch::Merge(json!({"metadata": {"labels": {"theirs": "kept"}}}));
    crds.patch("widgets.test.example.com", &PatchParams::default(), &label)
        .await
        .unwrap();

    install(client.clone(), crd(&[("v1", true)], "wd")).await.unwrap();
    let installed = crds.get("widgets.test.example.com").await.unwrap();
    assert_eq!(
        installed.spec.names.short_names.as_deref(),
        Some(&["wd".to_owned()][..])
    );
    assert_eq!(installed.labels()["theirs"], "kept");
}

#[tokio::test]
async fn a_stored_version_is_never_dropped() {
    let (_server, client) = cluster().await;
    install(client.clone(), crd(&[("v1alpha1", true)], "w"))
        .await
        .unwrap();
    let error = install(client, crd(&[("v1", true)], "w")).await.unwrap_err();
    assert!(
        matches!(&error, Error::DropsStoredVersion { version, .. } if version == "v1alpha1"),
        "{error}"
    );
}
