//! `#[derive(Status)]`.

use darling::FromDeriveInput;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Field, PathArguments, Type};

use crate::crates::{Crates, CratesAttribute};

/// What `#[kube(...)]` may say on a status.
#[derive(FromDeriveInput)]
#[darling(attributes(kube))]
struct StatusAttributes {
    #[darling(default)]
    crates: CratesAttribute,
}

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    expand(input).unwrap_or_else(|error| error.into_compile_error())
}

fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let attributes = match StatusAttributes::from_derive_input(&input) {
        Ok(attributes) => attributes,
        Err(error) => return Ok(error.write_errors()),
    };
    let ident = &input.ident;
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(
            ident,
            "Status can be derived for a struct only",
        ));
    };
    let named = |name: &str| {
        data.fields
            .iter()
            .find(|field| field.ident.as_ref().is_some_and(|ident| ident == name))
    };
    let (conditions, observed) = (named("conditions"), named("observed_generation"));
    if conditions.is_none() && observed.is_none() {
        return Err(syn::Error::new_spanned(
            ident,
            "Status needs a field `conditions: Vec<Condition>`, a field `observed_generation: Option<i64>`, or both",
        ));
    }
    let crates = attributes.crates.resolve();
    let conditions = conditions
        .map(|field| has_conditions(&input, field, &crates))
        .transpose()?;
    let observed = observed
        .map(|field| has_observed_generation(&input, field, &crates))
        .transpose()?;
    Ok(quote!(#conditions #observed))
}

fn has_conditions(input: &DeriveInput, field: &Field, crates: &Crates) -> syn::Result<TokenStream> {
    if outer_type(&field.ty).is_none_or(|outer| outer != "Vec") {
        return Err(syn::Error::new_spanned(
            &field.ty,
            "`conditions` must be a `Vec<Condition>`: put `#[serde(default)]` on it instead of an `Option` around it",
        ));
    }
    let Crates {
        core,
        k8s_openapi,
        std,
        ..
    } = crates;
    let condition = quote!(#k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition);
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics #core::status::HasConditions for #ident #type_generics #where_clause {
            fn conditions(&self) -> &[#condition] {
                &self.conditions
            }
            fn conditions_mut(&mut self) -> &mut #std::vec::Vec<#condition> {
                &mut self.conditions
            }
        }
    })
}

fn has_observed_generation(input: &DeriveInput, field: &Field, crates: &Crates) -> syn::Result<TokenStream> {
    if outer_type(&field.ty).is_none_or(|outer| outer != "Option") {
        return Err(syn::Error::new_spanned(
            &field.ty,
            "`observed_generation` must be an `Option<i64>`: a new object has not been observed",
        ));
    }
    let Crates { core, std, .. } = crates;
    let ident = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics #core::status::HasObservedGeneration for #ident #type_generics #where_clause {
            fn observed_generation(&self) -> #std::option::Option<i64> {
                self.observed_generation
            }
            fn set_observed_generation(&mut self, generation: #std::option::Option<i64>) {
                self.observed_generation = generation;
            }
        }
    })
}

/// The name of a generic type, such as `Vec` of `Vec<T>`.
fn outer_type(type_: &Type) -> Option<String> {
    let Type::Path(path) = type_ else { return None };
    let last = path.path.segments.last()?;
    matches!(last.arguments, PathArguments::AngleBracketed(_)).then(|| last.ident.to_string())
}
