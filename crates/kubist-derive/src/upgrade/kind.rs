//! The kind that a spec is of.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{DeriveInput, Expr, ExprLit, Ident, Lit, Meta, Token};

use super::attributes::{StatusIs, TypeAttributes};
use crate::crates::Crates;

/// What `#[kube(...)]` says of the kind, as far as it is converted.
pub(super) struct Kind {
    root: Ident,
    has_status: bool,
}

impl Kind {
    /// The kind; `None` for a type inside of one.
    ///
    /// What is wrong with the attributes is said by the derive that they are for.
    pub(super) fn of(input: &DeriveInput) -> syn::Result<Option<Self>> {
        let (mut kind, mut root, mut has_status) = (None, None, false);
        for attribute in &input.attrs {
            if !attribute.path().is_ident("kube") {
                continue;
            }
            let Ok(metas) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
                continue;
            };
            for meta in &metas {
                let path = meta.path();
                has_status |= path.is_ident("status");
                if path.is_ident("kind") {
                    kind = text(meta);
                } else if path.is_ident("root") {
                    root = text(meta);
                }
            }
        }
        let Some(name) = kind.map(|kind| root.unwrap_or(kind)) else {
            return Ok(None);
        };
        let root = syn::parse_str(&name).map_err(|_| {
            syn::Error::new_spanned(&input.ident, format!("`{name}` cannot be the name of a struct"))
        })?;
        Ok(Some(Kind { root, has_status }))
    }

    /// `Upgrade` of the older kind, and its test.
    pub(super) fn expand(&self, attributes: &TypeAttributes, crates: &Crates) -> TokenStream {
        let Crates { core, std, .. } = crates;
        let Kind { root, has_status } = self;
        let from = &attributes.from;
        let none = quote!(#std::option::Option::None);
        let in_field = |field: &str| quote!(.map_err(|error| #core::conversion::in_field(#field, error))?);
        let (in_spec, in_status) = (in_field("spec"), in_field("status"));
        let both = *has_status && attributes.status.is_none();
        let older_has = both || attributes.status == Some(StatusIs::Dropped);

        let pattern = if both {
            quote!(, status)
        } else {
            TokenStream::new()
        };
        let value = |has: bool, function: TokenStream| match (has, both) {
            (true, true) => quote! {
                , status: match status {
                    #std::option::Option::Some(status) => {
                        #std::option::Option::Some(#core::conversion::UpgradeFrom::#function(status)#in_status)
                    }
                    #std::option::Option::None => #none,
                }
            },
            (true, false) => quote!(, status: #none),
            (false, _) => TokenStream::new(),
        };
        let newer_value = value(*has_status, quote!(upgrade_from));
        let older_value = value(older_has, quote!(downgrade_into));
        let test = attributes.test.then(|| self.test(attributes, crates));
        quote_spanned! {from.span()=>
            impl #core::conversion::Upgrade for #from {
                type Newer = #root;

                fn upgrade(self) -> #std::result::Result<#root, #core::conversion::BoxError> {
                    // What is forgotten is missing where the object is put together.
                    let #from { metadata, spec #pattern, .. } = self;
                    #std::result::Result::Ok(#root {
                        metadata,
                        spec: #core::conversion::UpgradeFrom::upgrade_from(spec)#in_spec
                        #newer_value
                    })
                }

                fn downgrade(newer: #root) -> #std::result::Result<Self, #core::conversion::BoxError> {
                    let #root { metadata, spec #pattern, .. } = newer;
                    #std::result::Result::Ok(#from {
                        metadata,
                        spec: #core::conversion::UpgradeFrom::downgrade_into(spec)#in_spec
                        #older_value
                    })
                }
            }

            #test
        }
    }

    fn test(&self, attributes: &TypeAttributes, crates: &Crates) -> TokenStream {
        let core = &crates.core;
        let from = &attributes.from;
        let name = format_ident!("{}_round_trips", snake_case(&self.root.to_string()));
        quote! {
            #[cfg(test)]
            #[test]
            fn #name() {
                #core::conversion::assert_round_trips::<#from>();
            }
        }
    }
}

fn text(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}
