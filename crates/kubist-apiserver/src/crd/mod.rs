//! Custom resources: what a CustomResourceDefinition makes the server serve.

use std::sync::{Arc, OnceLock};

use kubist_core::Version;
use serde_json::{Value, json};

use crate::cel;
use crate::http::fields::{FieldError, go_quote};
use crate::http::warnings::Warnings;
use crate::kinds::kind::{Column, Kind, Schema, Subresource, table};
use crate::object::meta;
use crate::state::Api;
use expressions::Node;

pub(crate) mod cache;
pub(crate) mod convert;
mod costs;
pub(crate) mod definition;
mod evaluate;
pub(crate) mod expressions;
pub(crate) mod formats;
pub(crate) mod lifecycle;
mod ratchet;
mod rule_checks;
pub(crate) mod structure;
pub(crate) mod validate;

/// The finalizer that keeps a definition until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// What a version of a custom resource adds to a [`Kind`].
#[derive(Debug)]
pub(crate) struct Custom {
    /// The name of the definition.
    pub(crate) crd: String,
    /// The OpenAPI schema of the version.
    pub(crate) schema: Value,
    /// Whether the schema has rules, and what they compile to once they are needed.
    pub(crate) has_rules: bool,
    rules: OnceLock<Option<Node>>,
    pub(crate) storage_version: String,
    /// The OpenAPI schema of the version that objects are stored in.
    pub(crate) storage_schema: Value,
    /// `spec.conversion.webhook`, where a webhook converts between versions.
    pub(crate) conversion: Option<Value>,
    pub(crate) scale: Option<Scale>,
    /// What the definition says about a deprecated version.
    pub(crate) deprecation: Option<String>,
}

/// Adds what the rules of a schema (`x-kubernetes-validations`) say about an object.
///
/// They are not asked about what is too far from its schema.
pub(crate) async fn check_rules(
    kind: &Kind,
    new: &Value,
    old: Option<&Value>,
    mut errors: Vec<FieldError>,
    warnings: &Warnings,
) -> Vec<FieldError> {
    let Some(custom) = kind.custom().filter(|custom| custom.has_rules) else {
        return errors;
    };
    if errors.iter().any(FieldError::is_blocking) {
        let detail = "some validation rules were not checked because the object was invalid; correct the existing \
                      errors to complete validation";
        errors.push(FieldError::invalid("<nil>", &Value::Null, detail));
        return errors;
    }
    let (custom, new, old) = (Arc::clone(custom), new.clone(), old.cloned());
    let outcome = cel::deeply(move |deep| {
        let node = custom.rules.get_or_init(|| Node::compile(deep, &custom.schema));
        node.as_ref()
            .map(|node| evaluate::evaluate(deep, node, "", &new, old.as_ref()))
    });
    match outcome.await {
        Some(Some(outcome)) => {
            errors.extend(outcome.errors);
            outcome
                .warnings
                .into_iter()
                .for_each(|warning| warnings.add(warning));
        }
        Some(None) => {}
        None => errors.push(FieldError::invalid(
            "<nil>",
            &Value::Null,
            "the validation rules could not be checked",
        )),
    }
    errors
}

/// Whether a schema has rules anywhere.
fn has_rules(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.contains_key(expressions::EXTENSION) || map.values().any(has_rules),
        Value::Array(items) => items.iter().any(has_rules),
        _ => false,
    }
}

/// Where the numbers of the `scale` subresource are.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    pub(crate) spec_replicas: String,
    pub(crate) status_replicas: String,
    pub(crate) selector: Option<String>,
}

const VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];
const SUB_VERBS: [&str; 3] = ["get", "patch", "update"];

/// The kinds that a definition serves, none before its names are accepted.
pub(crate) fn kinds(crd: &Value) -> Vec<Kind> {
    if !has_condition(crd, "Established") {
        return Vec::new();
    }
    let Some(spec) = crd.get("spec") else {
        return Vec::new();
    };
    let versions = spec.get("versions").and_then(Value::as_array);
    let storage = versions
        .into_iter()
        .flatten()
        .find(|version| version["storage"] == true);
    versions
        .into_iter()
        .flatten()
        .filter(|version| version["served"] == true)
        .map(|version| kind(crd, spec, version, storage.unwrap_or(version)))
        .collect()
}

fn kind(crd: &Value, spec: &Value, version: &Value, storage: &Value) -> Kind {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let names = &crd["status"]["acceptedNames"];
    let (group, plural, kind) = (text(spec, "group"), text(names, "plural"), text(names, "kind"));
    let subs = version.get("subresources");
    let scale = subs.and_then(|subs| subs.get("scale")).map(|scale| Scale {
        spec_replicas: text(scale, "specReplicasPath"),
        status_replicas: text(scale, "statusReplicasPath"),
        selector: scale
            .get("labelSelectorPath")
            .and_then(Value::as_str)
            .map(str::to_owned),
    });
    let mut subresources = Vec::new();
    let sub = |name: &str, group: &str, version: &str, kind: &str| Subresource {
        name: name.into(),
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        verbs: owned(SUB_VERBS.to_vec()),
    };
    if subs.and_then(|subs| subs.get("status")).is_some() {
        subresources.push(sub("status", "", "", &kind));
    }
    if scale.is_some() {
        subresources.push(sub("scale", "autoscaling", "v1", "Scale"));
    }
    let mut selectors = vec!["metadata.name".to_owned(), "metadata.namespace".to_owned()];
    for field in version
        .get("selectableFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        selectors.push(text(field, "jsonPath").trim_start_matches('.').to_owned());
    }
    let name = text(version, "name");
    let deprecation = (version.get("deprecated") == Some(&Value::Bool(true))).then(|| {
        match version.get("deprecationWarning").and_then(Value::as_str) {
            Some(warning) => warning.to_owned(),
            None => deprecated(spec, &group, &name, &kind),
        }
    });
    Kind {
        version: name,
        singular: text(names, "singular"),
        list_kind: text(names, "listKind"),
        namespaced: text(spec, "scope") == "Namespaced",
        verbs: owned(VERBS.to_vec()),
        short_names: owned(meta::strings(names.get("shortNames"))),
        categories: owned(meta::strings(names.get("categories"))),
        selectors,
        subresources,
        columns: columns(version),
        table: table(&group, &plural),
        schema: Schema::Custom(Arc::new(Custom {
            crd: meta::name(crd).to_owned(),
            has_rules: has_rules(&version["schema"]["openAPIV3Schema"]),
            rules: OnceLock::new(),
            schema: version["schema"]["openAPIV3Schema"].clone(),
            storage_version: text(storage, "name"),
            storage_schema: storage["schema"]["openAPIV3Schema"].clone(),
            conversion: meta::at(spec, "conversion.strategy")
                .filter(|strategy| **strategy == "Webhook")
                .and_then(|_| meta::at(spec, "conversion.webhook").cloned()),
            scale,
            deprecation,
        })),
        group,
        plural,
        kind,
    }
}

/// What is said about a version that is deprecated without a word.
fn deprecated(spec: &Value, group: &str, version: &str, kind: &str) -> String {
    let versions = spec.get("versions").and_then(Value::as_array);
    let newer = versions
        .into_iter()
        .flatten()
        .filter(|version| version["served"] == true && version["deprecated"] != true)
        .filter_map(|version| version["name"].as_str())
        .max_by_key(|version| Version::parse(version).priority())
        .filter(|newer| Version::parse(newer).priority() > Version::parse(version).priority());
    let deprecated = format!("{group}/{version} {kind} is deprecated");
    match newer {
        Some(newer) => format!("{deprecated}; use {group}/{newer} {kind}"),
        None => deprecated,
    }
}

fn columns(version: &Value) -> Vec<Column> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let mut columns = vec![Column {
        name: "Name".into(),
        ty: "string".into(),
        format: "name".into(),
        description: String::new(),
        priority: 0,
        path: Some(".metadata.name".into()),
    }];
    match version.get("additionalPrinterColumns").and_then(Value::as_array) {
        Some(extra) if !extra.is_empty() => columns.extend(extra.iter().map(|column| {
            Column {
                name: text(column, "name"),
                ty: text(column, "type"),
                format: text(column, "format"),
                description: text(column, "description"),
                priority: column
                    .get("priority")
                    .and_then(Value::as_i64)
                    .and_then(|p| i32::try_from(p).ok())
                    .unwrap_or(0),
                path: Some(text(column, "jsonPath")),
            }
        })),
        _ => columns.push(Column {
            name: "Age".into(),
            ty: "date".into(),
            format: String::new(),
            description: String::new(),
            priority: 0,
            path: Some(".metadata.creationTimestamp".into()),
        }),
    }
    columns
}

pub(crate) fn has_condition(crd: &Value, name: &str) -> bool {
    let conditions = meta::at(crd, "status.conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == name && condition["status"] == "True")
}

/// What a write of a definition is warned about.
pub(crate) fn warnings(crd: &Value) -> Vec<String> {
    let versions = crd["spec"]["versions"].as_array();
    let mut found = Vec::new();
    for version in versions.into_iter().flatten() {
        formats::unknown(&version["schema"]["openAPIV3Schema"], &mut found);
    }
    let warning = |format: &str| format!("unrecognized format {}", go_quote(format));
    found.into_iter().map(warning).collect()
}

/// Sets what a new definition gets from the server.
pub(crate) fn prepare_create(crd: &mut Value) {
    let versions = meta::at(crd, "spec.versions").and_then(Value::as_array);
    let stored: Vec<String> = versions
        .into_iter()
        .flatten()
        .filter(|version| version["storage"] == true)
        .filter_map(|version| version["name"].as_str().map(str::to_owned))
        .collect();
    crd["status"] =
        json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored});
    drop_preserve(crd);
}

/// Sets what a changed definition gets from the server.
pub(crate) fn prepare_update(crd: &mut Value) {
    let versions = meta::at(crd, "spec.versions")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut stored: Vec<String> = meta::strings(meta::at(crd, "status.storedVersions"))
        .into_iter()
        .map(str::to_owned)
        .collect();
    for version in versions.iter().filter(|version| version["storage"] == true) {
        if let Some(name) = version["name"].as_str()
            && !stored.iter().any(|known| known == name)
        {
            stored.push(name.to_owned());
        }
    }
    meta::child(crd, "status").insert("storedVersions".into(), stored.into());
    drop_preserve(crd);
}

fn drop_preserve(crd: &mut Value) {
    let spec = meta::child(crd, "spec");
    if spec.get("preserveUnknownFields") == Some(&Value::Bool(false)) {
        spec.remove("preserveUnknownFields");
    }
}

/// Marks a definition for deletion; tells whether something holds it still.
pub(crate) fn mark(api: &Api, crd: &mut Value) -> bool {
    if meta::is_deleting(crd) {
        return !meta::finalizers(crd).is_empty();
    }
    let now = api.identity.timestamp();
    meta::set(crd, "deletionTimestamp", now.as_str());
    let mut finalizers: Vec<String> = meta::finalizers(crd).into_iter().map(str::to_owned).collect();
    if !finalizers.iter().any(|finalizer| finalizer == CLEANUP) {
        finalizers.push(CLEANUP.into());
    }
    meta::set_finalizers(crd, finalizers);
    lifecycle::set_condition(
        crd,
        &now,
        "Terminating",
        true,
        "InstanceDeletionPending",
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    );
    true
}
