//! `printcolumn(...)`.

use darling::ast::NestedMeta;
use darling::{Error, FromMeta};
use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use syn::Path;

use super::attributes::parse_json;
use super::crd::option;
use super::name::{FieldPath, Name, Rule};

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
        parse_json::<Self>("printcolumn", json)?.checked()
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
            type_: fields.type_.into_string(),
            json_path: fields.json_path.into_string(),
            description: fields.description,
            format: fields.format.map(Name::into_string),
            priority: fields.priority,
        })
    }
}

struct ColumnType;

impl Rule for ColumnType {
    fn check(name: &str) -> Result<(), String> {
        one_of(&TYPES, name, "type")
    }
}

struct ColumnFormat;

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
    /// Refuses what a server would.
    fn checked(self) -> darling::Result<Self> {
        ColumnType::check(&self.type_)
            .and_then(|()| self.format.as_deref().map_or(Ok(()), ColumnFormat::check))
            .and_then(|()| FieldPath::check(&self.json_path))
            .map_err(Error::custom)?;
        Ok(self)
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
