//! `scale(...)`.

use darling::FromMeta;
use darling::ast::NestedMeta;
use proc_macro2::TokenStream;
use quote::quote;
use serde::Deserialize;
use syn::{Lit, Path};

use super::attributes::parse_json;
use super::crd::option;
use super::name::{Doubt, Name, Rule};

/// The scale subresource, as `scale(...)` or as the JSON that a CRD holds.
pub(crate) struct Scale {
    spec_replicas_path: Name<BelowSpec>,
    status_replicas_path: Name<BelowStatus>,
    label_selector_path: Option<Name<BelowEither>>,
}

impl FromMeta for Scale {
    fn from_value(literal: &Lit) -> darling::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Json {
            spec_replicas_path: String,
            status_replicas_path: String,
            label_selector_path: Option<String>,
        }
        let (json, span): (Json, _) = parse_json("scale", literal)?;
        Ok(Scale {
            spec_replicas_path: Name::new(json.spec_replicas_path, span),
            status_replicas_path: Name::new(json.status_replicas_path, span),
            label_selector_path: json.label_selector_path.map(|path| Name::new(path, span)),
        })
    }

    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        #[derive(FromMeta)]
        struct Fields {
            spec_replicas_path: Name<BelowSpec>,
            status_replicas_path: Name<BelowStatus>,
            #[darling(default)]
            label_selector_path: Option<Name<BelowEither>>,
        }
        let fields = Fields::from_list(items)?;
        Ok(Scale {
            spec_replicas_path: fields.spec_replicas_path,
            status_replicas_path: fields.status_replicas_path,
            label_selector_path: fields.label_selector_path,
        })
    }
}

pub(crate) struct BelowSpec;

impl Rule for BelowSpec {
    fn check(path: &str) -> Result<(), String> {
        below(&[".spec."], path, "replicas")
    }
}

pub(crate) struct BelowStatus;

impl Rule for BelowStatus {
    fn check(path: &str) -> Result<(), String> {
        below(&[".status."], path, "replicas")
    }
}

pub(crate) struct BelowEither;

impl Rule for BelowEither {
    fn check(path: &str) -> Result<(), String> {
        below(&[".status.", ".spec."], path, "selector")
    }
}

/// Whether a path leads to a field below one of these, without lists on the way.
fn below(starts: &[&str], path: &str, example: &str) -> Result<(), String> {
    let is_below = |start: &&str| {
        path.strip_prefix(*start)
            .is_some_and(|rest| rest.split('.').all(is_field))
    };
    if starts.iter().any(is_below) {
        return Ok(());
    }
    let examples: Vec<String> = starts.iter().map(|start| format!("`{start}{example}`")).collect();
    Err(format!(
        "`{path}` is no path that a scale can have: it leads to a field, without lists on the way, as {} does",
        examples.join(" or ")
    ))
}

fn is_field(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl Scale {
    /// What servers refuse of it.
    pub(super) fn doubts(&self) -> impl Iterator<Item = Doubt> {
        let selector = self.label_selector_path.as_ref().and_then(Name::doubt);
        [
            self.spec_replicas_path.doubt(),
            self.status_replicas_path.doubt(),
            selector,
        ]
        .into_iter()
        .flatten()
    }

    pub(super) fn tokens(&self, core: &Path) -> TokenStream {
        let Scale {
            spec_replicas_path,
            status_replicas_path,
            ..
        } = self;
        let label_selector_path = option(self.label_selector_path.as_ref().map(|path| quote!(#path)));
        quote! {
            #core::__derive::ScalePaths {
                spec_replicas: #spec_replicas_path,
                status_replicas: #status_replicas_path,
                label_selector: #label_selector_path,
            }
        }
    }
}
