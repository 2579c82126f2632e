//! `#[derive(CustomResource)]`.

mod apply;
mod attributes;
mod cel;
mod column;
mod crd;
mod definition;
mod implement;
mod name;
mod root;
mod scale;

use darling::FromDeriveInput;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput};

use attributes::KubeAttributes;
use root::Root;

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
        Ok(attributes) => expand(&input, attributes).unwrap_or_else(|error| error.into_compile_error()),
        Err(error) => error.write_errors(),
    }
}

fn expand(input: &DeriveInput, mut attributes: KubeAttributes) -> syn::Result<TokenStream> {
    let crates = std::mem::take(&mut attributes.crates).resolve();
    let root = Root::new(input, &attributes)?;

    let definition = root.definition(&crates);
    let serialize = root.serialize(&crates);
    let resource = root.resource(&crates);
    let parts = root.parts(&crates);
    let crd = root.custom_resource_ext(&crates);
    let validate_cel = root.validate_cel(&crates)?;
    let apply = root.apply(&crates)?;
    let warnings = attributes.doubts().map(|doubt| doubt.warning(input));
    Ok(quote! { #definition #serialize #resource #parts #crd #validate_cel #apply #(#warnings)* })
}
