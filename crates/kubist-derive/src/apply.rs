//! Apply configurations: `#[derive(ApplyConfiguration)]`, and `#[kube(apply)]` of `CustomResource`.

mod field;
mod serde_attributes;

use darling::FromDeriveInput;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields};

use crate::crates::{Crates, CratesAttribute, path_string};
use field::ApplyField;

/// What `#[kube(...)]` may say on a type that only has an apply configuration.
#[derive(FromDeriveInput)]
#[darling(attributes(kube))]
struct TypeAttributes {
    #[darling(default)]
    crates: CratesAttribute,
}

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let expanded =
        syn::parse2::<DeriveInput>(input).and_then(|input| match TypeAttributes::from_derive_input(&input) {
            Ok(attributes) => configuration(&input, &attributes.crates.resolve()),
            Err(error) => Ok(error.write_errors()),
        });
    expanded.unwrap_or_else(|error| error.into_compile_error())
}

/// The name of a type's apply configuration.
pub(crate) fn name_of(ident: &Ident) -> Ident {
    format_ident!("{ident}Apply")
}

/// The apply configuration of a struct: its fields, each of which may be left out.
pub(crate) fn configuration(input: &DeriveInput, crates: &Crates) -> syn::Result<TokenStream> {
    let (ident, vis) = (&input.ident, &input.vis);
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(
            ident,
            "an enum has no apply configuration, since one of its variants is applied as a whole: take `#[kube(nested)]` off the fields of this type",
        ));
    };
    let fields = match &data.fields {
        Fields::Named(fields) => &fields.named,
        Fields::Unnamed(_) | Fields::Unit => {
            return Err(syn::Error::new_spanned(
                ident,
                "an apply configuration needs named fields: without, the type is applied as a whole, so take `#[kube(nested)]` off the fields of this type",
            ));
        }
    };
    if let Some(parameter) = input.generics.params.first() {
        return Err(syn::Error::new_spanned(
            parameter,
            "a generic type has no apply configuration: make it one type per use",
        ));
    }
    let name = name_of(ident);
    let Crates { core, serde, std, .. } = crates;
    let serde_crate = path_string(serde);
    let container = serde_attributes::of_container(&input.attrs)?;
    let fields = fields
        .iter()
        .filter_map(|field| ApplyField::new(field, &name, crates).transpose())
        .collect::<syn::Result<Vec<_>>>()?;
    let definitions = fields.iter().map(|field| field.definition(crates));
    let methods = fields.iter().map(|field| field.methods(crates));
    let doc = format!("What a manager applies of a [`{ident}`]: what is set, and nothing else.");

    Ok(quote! {
        #[doc = #doc]
        #[derive(
            #std::clone::Clone,
            #std::fmt::Debug,
            #std::default::Default,
            #serde::Serialize,
            #serde::Deserialize,
        )]
        #[serde(crate = #serde_crate)]
        #(#container)*
        #vis struct #name {
            #(#definitions)*
        }

        // A field that is deprecated has a method that is.
        #[allow(deprecated)]
        impl #name {
            #(#methods)*
        }

        impl #core::apply::HasApply for #ident {
            type Apply = #name;
        }
    })
}
