//! What the code that `kubist-derive` writes calls. Not for use by hand: it changes with the macros.

pub use {k8s_openapi, schemars, serde, serde_json};

use crate::cel::{MergeStrategy, Rule, validate};
use crate::schema::NotStructural;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, CustomResourceDefinitionNames,
    CustomResourceDefinitionSpec, CustomResourceDefinitionVersion, CustomResourceSubresourceScale,
    CustomResourceSubresourceStatus, CustomResourceSubresources, CustomResourceValidation, JSONSchemaProps,
    SelectableField,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// What the attributes say about a CRD.
pub struct CrdParts {
    /// `group`
    pub group: &'static str,
    /// `version`
    pub version: &'static str,
    /// `kind`
    pub kind: &'static str,
    /// `singular`
    pub singular: &'static str,
    /// `plural`
    pub plural: &'static str,
    /// `namespaced`
    pub namespaced: bool,
    /// Whether there is a `status`.
    pub status: bool,
    /// `scale`
    pub scale: Option<ScalePaths>,
    /// `printcolumn`
    pub columns: &'static [Column],
    /// `shortname`
    pub shortnames: &'static [&'static str],
    /// `category`
    pub categories: &'static [&'static str],
    /// `selectable`
    pub selectable: &'static [&'static str],
    /// `annotation`
    pub annotations: &'static [(&'static str, &'static str)],
    /// `label`
    pub labels: &'static [(&'static str, &'static str)],
    /// `storage`
    pub storage: bool,
    /// `served`
    pub served: bool,
    /// `deprecated`
    pub deprecated: Option<Deprecated>,
}

/// `deprecated`
pub struct Deprecated {
    /// The warning that users get; without one, the server's own.
    pub warning: Option<&'static str>,
}

/// `scale`
pub struct ScalePaths {
    /// `spec_replicas_path`
    pub spec_replicas: &'static str,
    /// `status_replicas_path`
    pub status_replicas: &'static str,
    /// `label_selector_path`
    pub label_selector: Option<&'static str>,
}

/// `printcolumn`
pub struct Column {
    /// `name`
    pub name: &'static str,
    /// `type_`
    pub type_: &'static str,
    /// `json_path`
    pub json_path: &'static str,
    /// `description`
    pub description: Option<&'static str>,
    /// `format`
    pub format: Option<&'static str>,
    /// `priority`
    pub priority: Option<i32>,
}

/// The CRD of one version.
#[must_use]
pub fn crd(parts: CrdParts, schema: JSONSchemaProps) -> CustomResourceDefinition {
    let CrdParts {
        group,
        version,
        kind,
        singular,
        plural,
        ..
    } = parts;
    let subresources = (parts.status || parts.scale.is_some()).then(|| CustomResourceSubresources {
        status: parts
            .status
            .then(|| CustomResourceSubresourceStatus(serde_json::json!({}))),
        scale: parts.scale.map(|scale| CustomResourceSubresourceScale {
            spec_replicas_path: scale.spec_replicas.to_owned(),
            status_replicas_path: scale.status_replicas.to_owned(),
            label_selector_path: scale.label_selector.map(str::to_owned),
        }),
    });
    let selectable = parts.selectable.iter().map(|path| SelectableField {
        json_path: (*path).to_owned(),
    });
    let version = CustomResourceDefinitionVersion {
        name: version.to_owned(),
        served: parts.served,
        storage: parts.storage,
        deprecated: parts.deprecated.is_some().then_some(true),
        deprecation_warning: parts
            .deprecated
            .and_then(|deprecated| deprecated.warning)
            .map(str::to_owned),
        schema: Some(CustomResourceValidation {
            open_api_v3_schema: Some(schema),
        }),
        additional_printer_columns: some(parts.columns.iter().map(column).collect()),
        selectable_fields: some(selectable.collect()),
        subresources,
    };
    let pairs = |pairs: &[(&str, &str)]| {
        (!pairs.is_empty()).then(|| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        })
    };
    CustomResourceDefinition {
        metadata: ObjectMeta {
            name: Some(format!("{plural}.{group}")),
            annotations: pairs(parts.annotations),
            labels: pairs(parts.labels),
            ..ObjectMeta::default()
        },
        spec: CustomResourceDefinitionSpec {
            group: group.to_owned(),
            names: CustomResourceDefinitionNames {
                categories: some(strings(parts.categories)),
                kind: kind.to_owned(),
                list_kind: None,
                plural: plural.to_owned(),
                short_names: some(strings(parts.shortnames)),
                singular: Some(singular.to_owned()),
            },
            scope: if parts.namespaced { "Namespaced" } else { "Cluster" }.to_owned(),
            versions: vec![version],
            conversion: None,
            preserve_unknown_fields: None,
        },
        status: None,
    }
}

/// The structural schema of a root type, with validation rules on the root.
pub fn structural_schema<T: schemars::JsonSchema>(
    rules: Vec<Rule>,
) -> Result<JSONSchemaProps, NotStructural> {
    crate::schema::structural_with::<T>(|schema| {
        rules
            .into_iter()
            .try_for_each(|rule| validate(schema, rule))
            .map_err(|error| error.to_string())
    })
}

/// A transform that puts a validation rule into a schema.
pub fn rule(rule: impl Into<Rule>) -> impl FnMut(&mut schemars::Schema) {
    let rule = rule.into();
    move |schema| {
        let name = rule.rule.clone();
        validate(schema, rule.clone())
            .unwrap_or_else(|error| panic!("the validation rule {name:?} does not fit its schema: {error}"));
    }
}

/// A transform that puts a merge strategy into a schema.
pub fn merge_strategy(strategy: impl Into<MergeStrategy>) -> impl FnMut(&mut schemars::Schema) {
    let strategy = strategy.into();
    move |schema| {
        schema.ensure_object();
        let mut value = std::mem::take(schema).to_value();
        crate::cel::merge_strategy(&mut value, strategy.clone())
            .ok()
            .and_then(|()| schemars::Schema::try_from(value).ok())
            .map(|merged| *schema = merged)
            .unwrap_or_else(|| panic!("the merge strategy {strategy:?} does not fit its schema"));
    }
}

/// A transform that keeps whatever is in objects of which nothing is said.
pub fn keep_raw(schema: &mut schemars::Schema) {
    if let Some(schema) = schema.as_object_mut() {
        keep_raw_in(schema);
    }
}

fn keep_raw_in(schema: &mut serde_json::Map<String, serde_json::Value>) {
    let is_object = schema.get("type").is_some_and(|kind| {
        kind == "object"
            || kind
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
    });
    if is_object && !schema.contains_key("properties") && !schema.contains_key("additionalProperties") {
        schema.insert(crate::schema::PRESERVE.to_owned(), true.into());
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = schema.get_mut(key).and_then(serde_json::Value::as_object_mut) {
            keep_raw_in(below);
        }
    }
    for variant in schema
        .get_mut("anyOf")
        .and_then(serde_json::Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(variant) = variant.as_object_mut() {
            keep_raw_in(variant);
        }
    }
}

/// The schema of a root type that says nothing: unknown fields are preserved.
#[must_use]
pub fn open_schema() -> JSONSchemaProps {
    JSONSchemaProps {
        type_: Some("object".to_owned()),
        x_kubernetes_preserve_unknown_fields: Some(true),
        ..JSONSchemaProps::default()
    }
}

fn column(column: &Column) -> CustomResourceColumnDefinition {
    CustomResourceColumnDefinition {
        name: column.name.to_owned(),
        type_: column.type_.to_owned(),
        json_path: column.json_path.to_owned(),
        description: column.description.map(str::to_owned),
        format: column.format.map(str::to_owned),
        priority: column.priority,
    }
}

fn strings(strings: &[&str]) -> Vec<String> {
    strings.iter().map(|string| (*string).to_owned()).collect()
}

/// A list, left out where it is empty.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
