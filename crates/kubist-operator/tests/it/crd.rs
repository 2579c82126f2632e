use clap::Parser;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_client::Api;
use kubist_core::ResourceExt;
use kubist_core::params::{Patch, PatchParams};
use kubist_operator::crd::{Command, Error, check, install, to_yaml};
use serde_json::json;

use crate::support::cluster;

/// An operator's binary.
#[derive(Parser)]
enum Binary {
    #[command(subcommand)]
    Crd(Command),
}

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

#[tokio::test]
async fn the_stored_versions_can_be_shrunk_by_who_says_so() {
    let (_server, client) = cluster().await;
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = "widgets.test.example.com";
    install(client.clone(), crd(&[("v1alpha1", true)], "w"))
        .await
        .unwrap();
    let both = crd(&[("v1alpha1", false), ("v1", true)], "w");
    install(client.clone(), both).await.unwrap();
    let stored =
        |crd: CustomResourceDefinition| crd.status.unwrap_or_default().stored_versions.unwrap_or_default();
    assert_eq!(stored(crds.get(name).await.unwrap()), ["v1alpha1", "v1"]);

    let only = crd(&[("v1", true)], "w");
    let error = check(client.clone(), only.clone()).await.unwrap_err();
    assert!(matches!(error, Error::DropsStoredVersion { .. }), "{error}");
    let migrated = Patch::Merge(json!({"status": {"storedVersions": ["v1"]}}));
    crds.patch_status(name, &PatchParams::default(), &migrated)
        .await
        .unwrap();
    install(client, only).await.unwrap();
    assert_eq!(stored(crds.get(name).await.unwrap()), ["v1"]);
}

#[tokio::test]
async fn a_definition_that_is_there_is_not_written_again() {
    let (_server, client) = cluster().await;
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    install(client.clone(), crd(&[("v1", true)], "w")).await.unwrap();
    let before = crds.get("widgets.test.example.com").await.unwrap();
    install(client, crd(&[("v1", true)], "w")).await.unwrap();
    let after = crds.get("widgets.test.example.com").await.unwrap();
    assert_eq!(before.resource_version(), after.resource_version());
}

#[tokio::test]
async fn an_operators_binary_prints_and_applies() {
    let mut definition = crd(&[("v1", true)], "w");
    // Words that older YAML takes for something else.
    definition.spec.names.categories = Some(["on", "y", "1e3", "null", "0x1f"].map(str::to_owned).to_vec());
    let Binary::Crd(print) = Binary::parse_from(["widgets", "crd", "print"]);
    let mut printed = Vec::new();
    print
        .run(&[definition.clone(), crd(&[("v2", true)], "x")], &mut printed)
        .await
        .unwrap();
    let printed = String::from_utf8(printed).unwrap();
    let documents: Vec<CustomResourceDefinition> = printed
        .split("---\n")
        .skip(1)
        .map(|document| serde_saphyr::from_str(document).unwrap())
        .collect();
    assert_eq!(documents[0], definition);
    assert_eq!(documents[1].spec.versions[0].name, "v2");
    for word in ["on", "y", "1e3", "null", "0x1f"] {
        assert!(!printed.contains(&format!("- {word}\n")), "{word} is not quoted");
    }
    assert_eq!(to_yaml(&[]).unwrap(), "");

    let (server, client) = cluster().await;
    let crds: Api<CustomResourceDefinition> = Api::all(client);
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), server.kubeconfig()).unwrap();
    let apply = |more: &[&str]| {
        let path = kubeconfig.path().to_str().unwrap();
        let all = ["widgets", "crd", "apply", "--kubeconfig", path];
        let Binary::Crd(command) = Binary::parse_from(all.iter().chain(more));
        command
    };
    let definition = crd(&[("v1", true)], "w");
    let mut said = Vec::new();
    apply(&["--dry-run"])
        .run(std::slice::from_ref(&definition), &mut said)
        .await
        .unwrap();
    assert!(crds.get_opt("widgets.test.example.com").await.unwrap().is_none());
    apply(&[])
        .run(std::slice::from_ref(&definition), &mut said)
        .await
        .unwrap();
    assert!(crds.get_opt("widgets.test.example.com").await.unwrap().is_some());
    assert_eq!(
        String::from_utf8(said).unwrap(),
        "widgets.test.example.com: would be applied\nwidgets.test.example.com: established\n"
    );
}
