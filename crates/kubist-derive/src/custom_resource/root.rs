//! The type that is generated: what each part of the expansion needs to know of it.

use proc_macro2::{Span, TokenStream};
use syn::{DeriveInput, Ident};

use super::apply::ApplyRoot;
use super::attributes::KubeAttributes;
use super::name::{PascalCase, Rule};
use crate::crates::Crates;
use crate::plural::pluralize;

/// The root struct, with the names that every part of the expansion needs.
pub(super) struct Root<'a> {
    pub(super) attributes: &'a KubeAttributes,
    pub(super) input: &'a DeriveInput,
    pub(super) ident: Ident,
    pub(super) singular: String,
    pub(super) plural: String,
    pub(super) api_version: String,
}

impl<'a> Root<'a> {
    pub(super) fn new(input: &'a DeriveInput, attributes: &'a KubeAttributes) -> syn::Result<Self> {
        let (name, span) = match &attributes.root {
            Some(root) => (root.as_str(), root.span()),
            None => (attributes.kind.as_str(), attributes.kind.span()),
        };
        let ident = syn::parse_str::<Ident>(name).map_err(|_| {
            let message = PascalCase::check(name)
                .err()
                .unwrap_or_else(|| format!("`{name}` cannot be the name of a struct"));
            syn::Error::new(span, message)
        })?;
        let ident = Ident::new(&ident.to_string(), Span::call_site());
        if ident == input.ident {
            return Err(syn::Error::new_spanned(
                &input.ident,
                format!(
                    "the spec has the name of its kind: call it `{name}Spec`, or name the root with `#[kube(root = \"...\")]`"
                ),
            ));
        }
        Ok(Root {
            singular: attributes
                .singular
                .as_ref()
                .map_or_else(|| attributes.kind.to_lowercase(), ToString::to_string),
            plural: attributes
                .plural
                .as_ref()
                .map_or_else(|| pluralize(&attributes.kind), ToString::to_string),
            api_version: format!("{}/{}", attributes.group, attributes.version),
            ident,
            input,
            attributes,
        })
    }

    /// What a manager applies.
    pub(super) fn apply(&self, crates: &Crates) -> syn::Result<Option<TokenStream>> {
        let Root {
            attributes,
            input,
            ident,
            api_version,
            ..
        } = self;
        let root = ApplyRoot {
            ident,
            spec: input,
            status: attributes.status.as_ref(),
            kind: &attributes.kind,
            api_version,
            namespaced: attributes.namespaced,
        };
        attributes.apply.then(|| root.expand(crates)).transpose()
    }
}
