//! `#[derive(Upgrade)]`.

mod attributes;
mod body;
mod kind;
mod value;

use darling::{FromAttributes, FromDeriveInput};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Fields, Ident};

use crate::crates::Crates;
use attributes::{Addition, Dropped, TypeAttributes, VariantAttributes};
use body::Body;
use kind::Kind;

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    expand(input).unwrap_or_else(|error| error.into_compile_error())
}

fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    if let Some(parameter) = input.generics.params.first() {
        return Err(syn::Error::new_spanned(
            parameter,
            "Upgrade cannot be derived for a generic type: implement `UpgradeFrom` by hand",
        ));
    }
    let mut attributes = match TypeAttributes::from_derive_input(&input) {
        Ok(attributes) => attributes,
        Err(error) => return Ok(error.write_errors()),
    };
    let crates = std::mem::take(&mut attributes.crates).resolve();
    let kind = Kind::of(&input)?;
    attributes.check(&input, kind.as_ref())?;

    let from = &attributes.from;
    let alias = alias(attributes.from.span());
    let Crates { core, std, .. } = &crates;
    // Of a kind, the root is named: with it come the spec and the status.
    let older = match &kind {
        Some(_) => quote!(<#from as #core::object::HasSpec>::Spec),
        None => quote!(#from),
    };
    let (upgrade, downgrade) = match bodies(&input, &attributes, &crates) {
        Ok(bodies) => bodies,
        Err(error) => return Ok(error.write_errors()),
    };
    let ident = &input.ident;
    let kind = kind.map(|kind| kind.expand(&attributes, &crates));
    Ok(quote! {
        #[allow(deprecated)]
        impl #core::conversion::UpgradeFrom<#older> for #ident {
            fn upgrade_from(older: #older) -> #std::result::Result<Self, #core::conversion::BoxError> {
                #[allow(dead_code)]
                type #alias = #older;
                #upgrade
            }

            fn downgrade_into(self) -> #std::result::Result<#older, #core::conversion::BoxError> {
                #[allow(dead_code)]
                type #alias = #older;
                #downgrade
            }
        }

        #kind
    })
}

/// The older type, within the functions; what is amiss with it is said where it is named.
fn alias(named_at: Span) -> Ident {
    Ident::new("Older", named_at.resolved_at(Span::mixed_site()))
}

/// What the two functions do.
fn bodies(
    input: &DeriveInput,
    attributes: &TypeAttributes,
    crates: &Crates,
) -> darling::Result<(TokenStream, TokenStream)> {
    let std = &crates.std;
    let alias = alias(attributes.from.span());
    if let Some(with) = &attributes.with {
        let into = quote!(#std::convert::Into::into);
        return Ok((
            quote!(#with::upgrade(older).map_err(#into)),
            quote!(#with::downgrade(self).map_err(#into)),
        ));
    }
    match &input.data {
        Data::Struct(data) => {
            let Body {
                older_pattern,
                newer_value,
                newer_pattern,
                older_value,
            } = Body::of(&data.fields, &attributes.dropped, crates)?;
            Ok((
                quote! {
                    let #alias { #older_pattern } = older;
                    #std::result::Result::Ok(Self { #newer_value })
                },
                quote! {
                    let Self { #newer_pattern } = self;
                    #std::result::Result::Ok(#alias { #older_value })
                },
            ))
        }
        Data::Enum(data) => variants(data, &alias, &attributes.dropped, crates),
        Data::Union(_) => Err(
            darling::Error::custom("Upgrade can be derived for a struct or an enum").with_span(&input.ident),
        ),
    }
}

fn variants(
    data: &DataEnum,
    alias: &Ident,
    dropped: &Dropped,
    crates: &Crates,
) -> darling::Result<(TokenStream, TokenStream)> {
    let std = &crates.std;
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        let attributes = VariantAttributes::from_attributes(&variant.attrs)?;
        let ident = &variant.ident;
        match attributes.added {
            Some(Addition::Value(value)) => down.push(quote!(Self::#ident { .. } => #value)),
            Some(Addition::Default) => {
                return Err(darling::Error::custom(
                    "the older type has no such variant, so say what it sees: `added = Older::Variant`",
                )
                .with_span(ident));
            }
            None => {
                let older = match attributes.from {
                    Some(from) => from.into_token_stream(),
                    None => quote!(#ident),
                };
                let Body {
                    older_pattern,
                    newer_value,
                    newer_pattern,
                    older_value,
                } = Body::of(&variant.fields, &attributes.dropped, crates)?;
                up.push(quote!(#alias::#older { #older_pattern } => Self::#ident { #newer_value }));
                down.push(quote!(Self::#ident { #newer_pattern } => #alias::#older { #older_value }));
            }
        }
    }
    for (name, value) in dropped.iter() {
        let Some(value) = value else {
            return Err(darling::Error::custom(
                "this type has no such variant, so say what it becomes: `dropped(Variant = Self::Other)`",
            )
            .with_span(&name.span()));
        };
        up.push(quote!(#alias::#name { .. } => #value));
    }
    Ok((
        quote!(#std::result::Result::Ok(match older { #(#up,)* })),
        quote!(#std::result::Result::Ok(match self { #(#down,)* })),
    ))
}

impl TypeAttributes {
    /// What cannot be said together.
    fn check(&self, input: &DeriveInput, kind: Option<&Kind>) -> syn::Result<()> {
        let names_a_spec = self
            .from
            .segments
            .last()
            .is_some_and(|last| last.ident == input.ident);
        if kind.is_some() && names_a_spec {
            return Err(syn::Error::new_spanned(
                &self.from,
                "`from` names the older kind here, not its spec: the type with the metadata in it",
            ));
        }
        if kind.is_none() && (self.test || self.status.is_some()) {
            return Err(syn::Error::new_spanned(
                &input.ident,
                "`test` and `status` are for the spec of a kind, which has `#[kube(kind = \"...\")]`",
            ));
        }
        if self.with.is_none() {
            return Ok(());
        }
        let of_fields = |fields: &Fields| {
            fields
                .iter()
                .flat_map(|field| &field.attrs)
                .find(|attribute| attribute.path().is_ident("upgrade"))
                .cloned()
        };
        let beside = match &input.data {
            Data::Struct(data) => of_fields(&data.fields),
            Data::Enum(data) => data
                .variants
                .iter()
                .find_map(|variant| of_fields(&variant.fields)),
            Data::Union(_) => None,
        };
        match beside {
            Some(attribute) => Err(syn::Error::new_spanned(
                attribute,
                "the type is converted by the functions of `with`, which know of the fields by themselves",
            )),
            None => Ok(()),
        }
    }
}
