use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_core::discovery::ApiResource;
use kubist_core::gvk::GroupVersionKind;
use kubist_core::object::{HasSpec, HasStatus};
use kubist_core::{ClusterResourceScope, CustomResourceExt, NamespaceResourceScope, Resource, ResourceExt};
use kubist_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Everything that an attribute can say.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(group = "docs.example.com", version = "v1", kind = "Document", namespaced)]
#[kube(status = "DocumentStatus", derive = "PartialEq", derive = "Default")]
#[kube(
    shortname = "doc",
    shortname = "d",
    category = "all",
    plural = "documents",
    singular = "document"
)]
#[kube(printcolumn(
    name = "Title",
    type_ = "string",
    json_path = ".spec.title",
    description = "The headline"
))]
#[kube(printcolumn = r#"{"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1}"#)]
#[kube(scale(
    spec_replicas_path = ".spec.size",
    status_replicas_path = ".status.copies",
    label_selector_path = ".status.selector"
))]
#[kube(
    selectable = ".spec.title",
    label("tier", "docs"),
    annotation("note", "made by a macro")
)]
#[kube(deprecated = "use v2", validation = "self.spec.size >= 0")]
#[kube(validation = ("self.metadata.name != 'x'", "x is taken"))]
#[kube(doc = "A text to be published.")]
#[serde(rename_all = "camelCase")]
pub(crate) struct DocumentSpec {
    /// The headline.
    title: String,
    #[serde(default)]
    pub(crate) size: i32,
    written_by: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DocumentStatus {
    copies: i32,
}

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "docs.example.com",
    version = "v1alpha1",
    kind = "Library",
    root = "Shelf"
)]
#[kube(served = false, storage = false, schema = "disabled")]
pub(crate) struct LibrarySpec {}

fn version(crd: &CustomResourceDefinition) -> Value {
    serde_json::to_value(&crd.spec.versions[0]).unwrap()
}

#[test]
fn the_crd_says_what_the_attributes_say() {
    let crd = Document::crd();
    assert_eq!(crd.name_any(), "documents.docs.example.com");
    assert_eq!(Document::crd_name(), "documents.docs.example.com");
    assert_eq!(crd.labels()["tier"], "docs");
    assert_eq!(crd.annotations()["note"], "made by a macro");
    assert_eq!(
        serde_json::to_value(&crd.spec.names).unwrap(),
        json!({
            "kind": "Document", "plural": "documents", "singular": "document",
            "shortNames": ["doc", "d"], "categories": ["all"],
        })
    );
    assert_eq!(crd.spec.scope, "Namespaced");

    let mut version = version(&crd);
    let schema = version["schema"]["openAPIV3Schema"].take();
    assert_eq!(
        version,
        json!({
            "name": "v1", "served": true, "storage": true,
            "deprecated": true, "deprecationWarning": "use v2",
            "schema": {"openAPIV3Schema": null},
            "selectableFields": [{"jsonPath": ".spec.title"}],
            "additionalPrinterColumns": [
                {"name": "Title", "type": "string", "jsonPath": ".spec.title", "description": "The headline"},
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1},
            ],
            "subresources": {
                "status": {},
                "scale": {
                    "specReplicasPath": ".spec.size",
                    "statusReplicasPath": ".status.copies",
                    "labelSelectorPath": ".status.selector",
                },
            },
        })
    );
    assert_eq!(
        schema,
        json!({
            "type": "object",
            "title": "Document",
            "description": "A text to be published.",
            "required": ["spec"],
            "properties": {
                "spec": {
                    "type": "object",
                    "description": "Everything that an attribute can say.",
                    "required": ["title"],
                    "properties": {
                        "title": {"type": "string", "description": "The headline."},
                        "size": {"type": "integer", "format": "int32", "default": 0},
                        "writtenBy": {"type": "string", "nullable": true},
                    },
                },
                "status": {
                    "type": "object",
                    "nullable": true,
                    "required": ["copies"],
                    "properties": {"copies": {"type": "integer", "format": "int32"}},
                },
            },
            "x-kubernetes-validations": [
                {"rule": "self.spec.size >= 0"},
                {"rule": "self.metadata.name != 'x'", "message": "x is taken"},
            ],
        })
    );
}

#[test]
fn a_disabled_schema_keeps_everything() {
    let crd = Shelf::crd();
    assert_eq!(crd.spec.scope, "Cluster");
    assert_eq!(
        version(&crd),
        json!({
            "name": "v1alpha1", "served": false, "storage": false,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        })
    );
}

/// As tests and documentation of others have them, where no server sees the CRD.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(deprecated)]
#[kube(group = "test", version = "v1", kind = "Note", plural = "Notes")]
#[kube(selectable = "spec.text")]
struct NoteSpec {
    text: String,
}

#[test]
fn what_servers_refuse_compiles() {
    assert_eq!(Note::crd_name(), "Notes.test");
    assert_eq!(
        version(&Note::crd())["selectableFields"],
        json!([{"jsonPath": "spec.text"}])
    );
}

#[test]
fn the_root_is_a_resource() {
    fn scopes<N: Resource<Scope = NamespaceResourceScope>, C: Resource<Scope = ClusterResourceScope>>() {}
    scopes::<Document, Shelf>();

    assert_eq!(
        Document::url_path(&(), Some("a")),
        "/apis/docs.example.com/v1/namespaces/a/documents"
    );
    assert_eq!(
        Shelf::url_path(&(), None),
        "/apis/docs.example.com/v1alpha1/libraries"
    );
    assert_eq!(Shelf::kind(&()), "Library");
    assert_eq!(Document::shortnames(), ["doc", "d"]);
    assert_eq!(Document::api_resource(), ApiResource::erase::<Document>(&()));
}

#[test]
fn a_dynamic_client_guesses_the_same_plural() {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("docs.example.com", "v1alpha1", "Library"));
    assert_eq!(resource, Shelf::api_resource());
}

#[test]
fn objects_round_trip_with_their_type() {
    let mut document = Document::new(
        "one",
        DocumentSpec {
            title: "One".into(),
            ..DocumentSpec::default()
        },
    );
    let without_status = json!({
        "apiVersion": "docs.example.com/v1", "kind": "Document",
        "metadata": {
            "name": "one", "labels": {"tier": "docs"}, "annotations": {"note": "made by a macro"},
        },
        "spec": {"title": "One", "size": 0, "writtenBy": null},
    });
    assert_eq!(serde_json::to_value(&document).unwrap(), without_status);

    *document.status_mut() = Some(DocumentStatus { copies: 2 });
    document.spec_mut().size = 2;
    document
        .labels_mut()
        .extend(BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    let value = serde_json::to_value(&document).unwrap();
    assert_eq!(value["status"], json!({"copies": 2}));
    let back: Document = serde_json::from_value(value).unwrap();
    assert_eq!(back, document);
    assert_eq!((back.spec(), back.status()), (document.spec(), document.status()));
    assert_eq!(Document::default().spec, DocumentSpec::default());
}
