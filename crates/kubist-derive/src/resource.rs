//! `#[derive(Resource)]`.

use darling::FromDeriveInput;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Path};

use crate::crates::CratesAttribute;

#[derive(FromDeriveInput)]
#[darling(attributes(resource))]
struct ResourceAttributes {
    inherit: Path,
    #[darling(default)]
    crates: CratesAttribute,
}

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    expand(input).unwrap_or_else(|error| error.into_compile_error())
}

fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let ident = &input.ident;
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(
            ident,
            "Resource can be derived for a struct only",
        ));
    };
    let has_metadata = data
        .fields
        .iter()
        .any(|field| field.ident.as_ref().is_some_and(|name| name == "metadata"));
    if !has_metadata {
        return Err(syn::Error::new_spanned(
            ident,
            "Resource needs a field `metadata` of type `ObjectMeta`",
        ));
    }
    let attributes = match ResourceAttributes::from_derive_input(&input) {
        Ok(attributes) => attributes,
        Err(error) => return Ok(error.write_errors()),
    };
    let inherit = attributes.inherit;
    let crates = attributes.crates.resolve();
    let (core, k8s_openapi, std) = (&crates.core, &crates.k8s_openapi, &crates.std);
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();

    Ok(quote! {
        impl #impl_generics #core::Resource for #ident #type_generics #where_clause {
            type DynamicType = <#inherit as #core::Resource>::DynamicType;
            type Scope = <#inherit as #core::Resource>::Scope;

            fn kind(dt: &Self::DynamicType) -> #std::borrow::Cow<'_, str> {
                <#inherit as #core::Resource>::kind(dt)
            }
            fn group(dt: &Self::DynamicType) -> #std::borrow::Cow<'_, str> {
                <#inherit as #core::Resource>::group(dt)
            }
            fn version(dt: &Self::DynamicType) -> #std::borrow::Cow<'_, str> {
                <#inherit as #core::Resource>::version(dt)
            }
            fn api_version(dt: &Self::DynamicType) -> #std::borrow::Cow<'_, str> {
                <#inherit as #core::Resource>::api_version(dt)
            }
            fn plural(dt: &Self::DynamicType) -> #std::borrow::Cow<'_, str> {
                <#inherit as #core::Resource>::plural(dt)
            }
            fn meta(&self) -> &#k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut #k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    })
}
