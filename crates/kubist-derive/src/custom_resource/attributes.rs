//! The `#[kube(...)]` attributes, parsed.

use darling::ast::NestedMeta;
use darling::{Error, FromDeriveInput, FromMeta};
use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use syn::{Lit, Path};

use crate::crates::CratesAttribute;
use crate::rule::Rule;

/// Everything that `#[kube(...)]` may say on a spec struct.
#[derive(FromDeriveInput)]
#[darling(attributes(kube))]
pub(crate) struct KubeAttributes {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    #[darling(default)]
    pub(crate) doc: Option<String>,
    #[darling(default, rename = "root")]
    pub(crate) root: Option<String>,
    #[darling(default)]
    pub(crate) singular: Option<String>,
    #[darling(default)]
    pub(crate) plural: Option<String>,
    #[darling(default)]
    pub(crate) namespaced: bool,
    #[darling(default)]
    pub(crate) status: Option<Path>,
    #[darling(multiple, rename = "derive")]
    pub(crate) derives: Vec<String>,
    #[darling(multiple, rename = "attr")]
    pub(crate) extra_attributes: Vec<String>,
    #[darling(default)]
    pub(crate) schema: SchemaMode,
    #[darling(default)]
    pub(crate) scale: Option<Scale>,
    #[darling(multiple, rename = "printcolumn")]
    pub(crate) printcolumns: Vec<PrintColumn>,
    #[darling(multiple, rename = "shortname")]
    pub(crate) shortnames: Vec<String>,
    #[darling(multiple, rename = "category")]
    pub(crate) categories: Vec<String>,
    #[darling(multiple, rename = "selectable")]
    pub(crate) selectable: Vec<String>,
    #[darling(multiple, rename = "annotation")]
    pub(crate) annotations: Vec<Pair>,
    #[darling(multiple, rename = "label")]
    pub(crate) labels: Vec<Pair>,
    #[darling(default = "yes")]
    pub(crate) storage: bool,
    #[darling(default = "yes")]
    pub(crate) served: bool,
    #[darling(default)]
    pub(crate) deprecated: Option<Deprecation>,
    #[darling(multiple, rename = "validation")]
    pub(crate) validations: Vec<Rule>,
    #[darling(default)]
    pub(crate) cel: bool,
    #[darling(default)]
    pub(crate) apply: bool,
    #[darling(default)]
    pub(crate) crates: CratesAttribute,
}

fn yes() -> bool {
    true
}

/// Where the schema of the root comes from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, FromMeta)]
pub(crate) enum SchemaMode {
    /// Derived with `JsonSchema`.
    #[default]
    Derived,
    /// `JsonSchema` is implemented by hand.
    Manual,
    /// No schema: unknown fields are preserved.
    Disabled,
}

/// A pair of string literals, as in `label("key", "value")`.
#[derive(Debug)]
pub(crate) struct Pair(String, String);

impl Pair {
    pub(crate) fn tokens(&self) -> TokenStream {
        let Pair(key, value) = self;
        quote!((#key, #value))
    }

    /// The pair as `(String, String)`.
    pub(crate) fn owned_tokens(&self) -> TokenStream {
        let Pair(key, value) = self;
        quote!((#key.to_string(), #value.to_string()))
    }
}

impl FromMeta for Pair {
    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        match items {
            [NestedMeta::Lit(Lit::Str(key)), NestedMeta::Lit(Lit::Str(value))] => {
                Ok(Pair(key.value(), value.value()))
            }
            _ => Err(Error::custom(
                "expected two string literals: (\"key\", \"value\")",
            )),
        }
    }
}

/// `deprecated` or `deprecated = "message"`.
#[derive(Debug)]
pub(crate) struct Deprecation(pub(crate) Option<String>);

impl FromMeta for Deprecation {
    fn from_word() -> darling::Result<Self> {
        Ok(Deprecation(None))
    }

    fn from_string(message: &str) -> darling::Result<Self> {
        Ok(Deprecation(Some(message.to_owned())))
    }
}

/// A column of `kubectl get`, as `printcolumn(...)` or as the JSON that a CRD holds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PrintColumn {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) type_: String,
    pub(crate) json_path: String,
    pub(crate) description: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) priority: Option<i32>,
}

impl FromMeta for PrintColumn {
    fn from_string(json: &str) -> darling::Result<Self> {
        parse_json("printcolumn", json)
    }

    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        #[derive(FromMeta)]
        struct Fields {
            name: String,
            type_: String,
            json_path: String,
            #[darling(default)]
            description: Option<String>,
            #[darling(default)]
            format: Option<String>,
            #[darling(default)]
            priority: Option<i32>,
        }
        let Fields {
            name,
            type_,
            json_path,
            description,
            format,
            priority,
        } = Fields::from_list(items)?;
        Ok(PrintColumn {
            name,
            type_,
            json_path,
            description,
            format,
            priority,
        })
    }
}

/// The scale subresource, as `scale(...)` or as the JSON that a CRD holds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Scale {
    pub(crate) spec_replicas_path: String,
    pub(crate) status_replicas_path: String,
    pub(crate) label_selector_path: Option<String>,
}

impl FromMeta for Scale {
    fn from_string(json: &str) -> darling::Result<Self> {
        parse_json("scale", json)
    }

    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        #[derive(FromMeta)]
        struct Fields {
            spec_replicas_path: String,
            status_replicas_path: String,
            #[darling(default)]
            label_selector_path: Option<String>,
        }
        let Fields {
            spec_replicas_path,
            status_replicas_path,
            label_selector_path,
        } = Fields::from_list(items)?;
        Ok(Scale {
            spec_replicas_path,
            status_replicas_path,
            label_selector_path,
        })
    }
}

fn parse_json<T: for<'de> Deserialize<'de>>(attribute: &str, json: &str) -> darling::Result<T> {
    serde_json::from_str(json)
        .map_err(|error| Error::custom(format!("`{attribute}` is not the JSON of a CRD: {error}")))
}
