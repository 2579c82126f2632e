//! `#[serde(default)]` on a struct.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Ident, Index, Member, Meta};

use crate::crates::Crates;
use crate::metas::metas;

/// The default of the copy that schemars sees, where it asks for one.
pub(super) fn of_container(
    copy: &DeriveInput,
    original: &Ident,
    crates: &Crates,
) -> syn::Result<Option<TokenStream>> {
    let Data::Struct(data) = &copy.data else {
        return Ok(None);
    };
    if !has_default(copy)? {
        return Ok(None);
    }
    let std = &crates.std;
    let ident = &copy.ident;
    let members: Vec<Member> = data
        .fields
        .iter()
        .enumerate()
        .map(|(index, field)| match &field.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(Index::from(index)),
        })
        .collect();
    Ok(Some(quote! {
        #[allow(deprecated)]
        impl #std::default::Default for #ident {
            fn default() -> Self {
                let original = <#original as #std::default::Default>::default();
                Self { #(#members: original.#members),* }
            }
        }
    }))
}

fn has_default(input: &DeriveInput) -> syn::Result<bool> {
    let metas = metas(&input.attrs, &["serde", "schemars"])?;
    Ok(metas
        .iter()
        .any(|meta| matches!(meta, Meta::Path(path) if path.is_ident("default"))))
}
