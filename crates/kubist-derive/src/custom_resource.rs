//! `#[derive(CustomResource)]`.

mod apply;
mod attributes;
mod expand;

use darling::FromDeriveInput;
use proc_macro2::TokenStream;
use syn::{Data, DeriveInput};

use attributes::KubeAttributes;

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    if matches!(input.data, Data::Union(_)) {
        return syn::Error::new_spanned(
            &input.ident,
            "CustomResource can be derived for a struct or an enum: a union has no schema",
        )
        .into_compile_error();
    }
    if let Some(parameter) = input.generics.params.first() {
        return syn::Error::new_spanned(
            parameter,
            "CustomResource cannot be derived for a generic type: a CRD has one schema",
        )
        .into_compile_error();
    }
    match KubeAttributes::from_derive_input(&input) {
        Ok(attributes) => {
            expand::expand(&input, attributes).unwrap_or_else(|error| error.into_compile_error())
        }
        Err(error) => error.write_errors(),
    }
}
