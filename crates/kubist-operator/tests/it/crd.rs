use clap::Parser;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_client::Api;
use kubist_core::crd::merge_crds;
use kubist_core::params::{Patch, PatchParams, PostParams};
use kubist_core::{CustomResourceExt, ResourceExt};
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

/// Two versions of a kind, of which objects are stored in one.
mod versions {
    use kubist_derive::{CustomResource, KubeSchema};
    use serde::{Deserialize, Serialize};

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(group = "test.example.com", version = "v1beta1", kind = "Gadget", namespaced)]
    pub(super) struct GadgetSpec {}

    #[derive(CustomResource, KubeSchema, Clone, Debug, Serialize, Deserialize)]
    #[kube(
        group = "test.example.com",
        version = "v1",
        kind = "Gadget",
        root = "GadgetV1",
        namespaced
    )]
    pub(super) struct GadgetV1Spec {}
}

fn gadgets(stored: &str) -> CustomResourceDefinition {
    let both = vec![
        versions::Gadget::try_crd().unwrap(),
        versions::GadgetV1::try_crd().unwrap(),
    ];
    merge_crds(both, stored).unwrap()
}

#[tokio::test]
async fn every_version_is_served_once_it_is_established() {
    let (_server, client) = cluster().await;
    install(client.clone(), gadgets("v1beta1")).await.unwrap();
    let old: Api<versions::Gadget> = Api::default_namespaced(client.clone());
    let new: Api<versions::GadgetV1> = Api::default_namespaced(client.clone());
    let gadget = versions::Gadget::new("a", versions::GadgetSpec {});
    old.create(&PostParams::default(), &gadget).await.unwrap();
    new.get("a").await.unwrap();

    // The storage version moves on, the old one stays until nothing is stored in it.
    install(client.clone(), gadgets("v1")).await.unwrap();
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let installed = crds.get("gadgets.test.example.com").await.unwrap();
    let stored = installed.status.unwrap_or_default().stored_versions;
    assert_eq!(stored.unwrap_or_default(), ["v1beta1", "v1"]);
    let error = install(client.clone(), versions::GadgetV1::crd())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "refusing to install the CRD gadgets.test.example.com: objects may be stored as v1beta1, which it no longer has"
    );
    assert!(old.get("a").await.is_ok(), "nothing has changed");
}

#[tokio::test]
async fn names_of_another_kind_are_told_at_once() {
    let (_server, client) = cluster().await;
    install(client.clone(), crd(&[("v1", true)], "w")).await.unwrap();
    let mut rival = crd(&[("v1", true)], "w");
    rival.metadata.name = Some("rivals.test.example.com".into());
    rival.spec.names.plural = "rivals".into();
    let error = install(client, rival).await.unwrap_err();
    assert!(
        matches!(&error, Error::NamesTaken { name, message } if name == "rivals.test.example.com" && message.contains("in use")),
        "{error}"
    );
}

#[tokio::test]
async fn none_is_applied_where_one_would_drop_what_is_stored() {
    let (server, client) = cluster().await;
    install(client.clone(), gadgets("v1beta1")).await.unwrap();
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), server.kubeconfig()).unwrap();
    let path = kubeconfig.path().to_str().unwrap();
    let Binary::Crd(command) = Binary::parse_from(["widgets", "crd", "apply", "--kubeconfig", path]);
    let definitions = [crd(&[("v1", true)], "w"), versions::GadgetV1::crd()];
    let mut said = Vec::new();
    let error = command.run(&definitions, &mut said).await.unwrap_err();
    assert!(error.to_string().contains("stored as v1beta1"), "{error}");
    assert_eq!(String::from_utf8(said).unwrap(), "");
    let crds: Api<CustomResourceDefinition> = Api::all(client);
    assert!(crds.get_opt("widgets.test.example.com").await.unwrap().is_none());
}
