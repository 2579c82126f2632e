//! What serde's attributes say about how a type is written.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, LitStr, Meta};

use crate::metas::{metas, text};

/// What serde's attributes on a field say, as far as an apply configuration must do the same.
#[derive(Default)]
pub(super) struct OfField {
    /// Attributes to repeat.
    pub(super) kept: Vec<TokenStream>,
    /// The field is never written.
    pub(super) skipped: bool,
    /// The field's own fields are written in its place.
    pub(super) flatten: bool,
    /// The functions that write and read the field.
    pub(super) serialize_with: Option<TokenStream>,
    pub(super) deserialize_with: Option<TokenStream>,
}

impl OfField {
    pub(super) fn parse(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut found = OfField::default();
        for meta in metas(attributes, &["serde"])? {
            match name(&meta).as_str() {
                "rename" | "alias" | "skip_deserializing" => found.kept.push(quote!(#[serde(#meta)])),
                "skip" | "skip_serializing" => found.skipped = true,
                "flatten" => found.flatten = true,
                "with" => {
                    let module = path(&meta)?;
                    found.serialize_with = Some(quote!(#module::serialize));
                    found.deserialize_with = Some(quote!(#module::deserialize));
                }
                "serialize_with" => found.serialize_with = Some(path(&meta)?),
                "deserialize_with" => found.deserialize_with = Some(path(&meta)?),
                // What is missing is not set, whatever its default.
                _ => {}
            }
        }
        Ok(found)
    }
}

/// The attributes that an apply configuration has to repeat on itself.
pub(super) fn of_container(attributes: &[Attribute]) -> syn::Result<Vec<TokenStream>> {
    let mut kept = Vec::new();
    for meta in metas(attributes, &["serde"])? {
        let name = name(&meta);
        match name.as_str() {
            "rename_all" => kept.push(quote!(#[serde(#meta)])),
            "transparent" | "from" | "into" | "try_from" | "tag" => {
                return Err(syn::Error::new_spanned(
                    &meta,
                    format!(
                        "`{name}` makes what is written another than the fields: such a type is applied as a whole and has no apply configuration"
                    ),
                ));
            }
            _ => {}
        }
    }
    Ok(kept)
}

/// The path in `name = "path"`.
fn path(meta: &Meta) -> syn::Result<TokenStream> {
    match text(meta) {
        Some(literal) => literal_path(literal),
        None => Err(syn::Error::new_spanned(meta, "expected a path in a string")),
    }
}

fn literal_path(literal: &LitStr) -> syn::Result<TokenStream> {
    let path: syn::ExprPath = literal.parse()?;
    Ok(quote!(#path))
}

fn name(meta: &Meta) -> String {
    meta.path()
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default()
}
