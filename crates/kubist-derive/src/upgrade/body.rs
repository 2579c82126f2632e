//! The fields of a struct or a variant, in both directions.

use darling::FromAttributes;
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Fields, Ident, Index, Member};

use super::attributes::{Addition, Dropped, FieldAttributes};
use super::value::Value;
use crate::crates::Crates;

/// What stands between braces: each side taken apart, and put together from the other.
pub(super) struct Body {
    pub(super) older_pattern: TokenStream,
    pub(super) newer_value: TokenStream,
    pub(super) newer_pattern: TokenStream,
    pub(super) older_value: TokenStream,
}

impl Body {
    pub(super) fn of(fields: &Fields, dropped: &Dropped, crates: &Crates) -> darling::Result<Self> {
        let std = &crates.std;
        let default = quote!(#std::default::Default::default());
        let (mut older_pattern, mut newer_value) = (Vec::new(), Vec::new());
        let (mut newer_pattern, mut older_value) = (Vec::new(), Vec::new());
        let mut errors = darling::Error::accumulator();
        for (index, field) in fields.iter().enumerate() {
            let newer = match &field.ident {
                Some(ident) => Member::Named(ident.clone()),
                None => Member::Unnamed(Index::from(index)),
            };
            let Some(FieldAttributes { from, added, with }) =
                errors.handle(FieldAttributes::from_attributes(&field.attrs))
            else {
                continue;
            };
            if let Some(added) = added {
                if from.is_some() || with.is_some() {
                    errors.push(
                        darling::Error::custom(
                            "an added field has nothing to come from: take `from` and `with` off, or `added`",
                        )
                        .with_span(&newer),
                    );
                }
                let value = match added {
                    Addition::Default => default.clone(),
                    Addition::Value(value) => value,
                };
                newer_pattern.push(quote!(#newer: _));
                newer_value.push(quote!(#newer: #value));
                continue;
            }
            let older = from.map_or_else(|| newer.clone(), |from| from.0);
            let binding = binding(index, field.ty.span());
            let value = Value {
                name: &name(&newer),
                type_: &field.ty,
                with: with.as_ref(),
            };
            let (up, down) = (value.upgrade(&binding, crates), value.downgrade(&binding, crates));
            older_pattern.push(quote!(#older: #binding));
            newer_value.push(quote!(#newer: #up));
            newer_pattern.push(quote!(#newer: #binding));
            older_value.push(quote!(#older: #down));
        }
        for (older, value) in dropped.iter() {
            let value = value.as_ref().unwrap_or(&default);
            older_value.push(quote!(#older: #value));
        }
        errors.finish()?;
        Ok(Body {
            // What is forgotten of the older type is missing where it is put together.
            older_pattern: quote!(#(#older_pattern,)* ..),
            newer_value: quote!(#(#newer_value),*),
            newer_pattern: quote!(#(#newer_pattern),*),
            older_value: quote!(#(#older_value),*),
        })
    }
}

/// A name that no field has; what is amiss with the value is said of the type.
fn binding(index: usize, type_: Span) -> Ident {
    format_ident!("__field_{index}", span = type_.resolved_at(Span::mixed_site()))
}

/// A field as a message has it.
fn name(member: &Member) -> String {
    match member {
        Member::Named(ident) => ident.to_string().trim_start_matches("r#").to_owned(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}
