//! `printcolumn(...)`.

use darling::FromMeta;
use darling::ast::NestedMeta;
use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use syn::{Lit, Path};

use super::attributes::parse_json;
use super::crd::option;
use super::name::{Doubt, FieldPath, Name, Rule};

/// The types that a column can have
/// ([reference](https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#type)).
const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];

/// The formats that a column can have.
const FORMATS: [&str; 8] = [
    "byte",
    "date",
    "date-time",
    "double",
    "float",
    "int32",
    "int64",
    "password",
];

/// A column of `kubectl get`, as `printcolumn(...)` or as the JSON that a CRD holds.
pub(crate) struct PrintColumn {
    name: String,
    type_: Name<ColumnType>,
    json_path: Name<FieldPath>,
    description: Option<String>,
    format: Option<Name<ColumnFormat>>,
    priority: Option<i32>,
}

impl FromMeta for PrintColumn {
    fn from_value(literal: &Lit) -> darling::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Json {
            name: String,
            #[serde(rename = "type")]
            type_: String,
            json_path: String,
            description: Option<String>,
            format: Option<String>,
            priority: Option<i32>,
        }
        let (json, span): (Json, _) = parse_json("printcolumn", literal)?;
        Ok(PrintColumn {
            name: json.name,
            type_: Name::new(json.type_, span),
            json_path: Name::new(json.json_path, span),
            description: json.description,
            format: json.format.map(|format| Name::new(format, span)),
            priority: json.priority,
        })
    }

    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        #[derive(FromMeta)]
        struct Fields {
            name: String,
            type_: Name<ColumnType>,
            json_path: Name<FieldPath>,
            #[darling(default)]
            description: Option<String>,
            #[darling(default)]
            format: Option<Name<ColumnFormat>>,
            #[darling(default)]
            priority: Option<i32>,
        }
        let fields = Fields::from_list(items)?;
        Ok(PrintColumn {
            name: fields.name,
            type_: fields.type_,
            json_path: fields.json_path,
            description: fields.description,
            format: fields.format,
            priority: fields.priority,
        })
    }
}

pub(crate) struct ColumnType;

impl Rule for ColumnType {
    fn check(name: &str) -> Result<(), String> {
        one_of(&TYPES, name, "type")
    }
}

pub(crate) struct ColumnFormat;

impl Rule for ColumnFormat {
    fn check(name: &str) -> Result<(), String> {
        one_of(&FORMATS, name, "format")
    }
}

fn one_of(known: &[&str], name: &str, what: &str) -> Result<(), String> {
    if known.contains(&name) {
        return Ok(());
    }
    Err(format!(
        "`{name}` is no {what} of a column: there are {}",
        known.join(", ")
    ))
}

impl PrintColumn {
    /// What servers refuse of it.
    pub(super) fn doubts(&self) -> impl Iterator<Item = Doubt> {
        let format = self.format.as_ref().and_then(Name::doubt);
        [self.type_.doubt(), format, self.json_path.doubt()]
            .into_iter()
            .flatten()
    }

    pub(super) fn tokens(&self, core: &Path) -> TokenStream {
        let PrintColumn {
            name,
            type_,
            json_path,
            ..
        } = self;
        let description = option(self.description.as_ref().map(|text| quote!(#text)));
        let format = option(self.format.as_ref().map(|text| quote!(#text)));
        let priority = option(self.priority.map(|priority| quote!(#priority)));
        quote! {
            #core::__derive::Column {
                name: #name,
                type_: #type_,
                json_path: #json_path,
                description: #description,
                format: #format,
                priority: #priority,
            }
        }
    }
}
