//! The `#[upgrade(...)]` attributes, parsed.

use darling::ast::NestedMeta;
use darling::{Error, FromAttributes, FromDeriveInput, FromMeta};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, ExprLit, Index, Lit, Member, Meta, Path};

use crate::crates::CratesAttribute;

/// What `#[upgrade(...)]` may say on a type.
#[derive(FromDeriveInput)]
#[darling(attributes(upgrade))]
pub(super) struct TypeAttributes {
    pub(super) from: Path,
    #[darling(default)]
    pub(super) dropped: Dropped,
    #[darling(default)]
    pub(super) with: Option<Path>,
    #[darling(default)]
    pub(super) status: Option<StatusIs>,
    #[darling(default)]
    pub(super) test: bool,
    #[darling(default)]
    pub(super) crates: CratesAttribute,
}

/// What `#[upgrade(...)]` may say on a variant.
#[derive(FromAttributes)]
#[darling(attributes(upgrade))]
pub(super) struct VariantAttributes {
    #[darling(default)]
    pub(super) from: Option<Name>,
    #[darling(default)]
    pub(super) added: Option<Addition>,
    #[darling(default)]
    pub(super) dropped: Dropped,
}

/// What `#[upgrade(...)]` may say on a field.
#[derive(FromAttributes)]
#[darling(attributes(upgrade))]
pub(super) struct FieldAttributes {
    #[darling(default)]
    pub(super) from: Option<Name>,
    #[darling(default)]
    pub(super) added: Option<Addition>,
    #[darling(default)]
    pub(super) with: Option<Path>,
}

/// Where only one of two versions has a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusIs {
    Added,
    Dropped,
}

impl FromMeta for StatusIs {
    fn from_expr(expression: &Expr) -> darling::Result<Self> {
        let word = match expression {
            Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
            Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) => Some(text.value()),
            _ => None,
        };
        match word.as_deref() {
            Some("added") => Ok(StatusIs::Added),
            Some("dropped") => Ok(StatusIs::Dropped),
            _ => Err(Error::custom("expected `status = added` or `status = dropped`").with_span(expression)),
        }
    }
}

/// The name of a field or variant of the older type.
#[derive(Clone, Debug)]
pub(super) struct Name(pub(super) Member);

impl Name {
    pub(super) fn into_token_stream(self) -> TokenStream {
        let name = self.0;
        quote!(#name)
    }
}

impl FromMeta for Name {
    fn from_expr(expression: &Expr) -> darling::Result<Self> {
        let expected =
            || Error::custom("expected the name of the older one: `from = name`").with_span(expression);
        match expression {
            Expr::Path(path) => path
                .path
                .get_ident()
                .map(|ident| Name(Member::Named(ident.clone())))
                .ok_or_else(expected),
            Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) => text
                .parse()
                .map(|ident| Name(Member::Named(ident)))
                .map_err(|_| expected()),
            Expr::Lit(ExprLit {
                lit: Lit::Int(index), ..
            }) => index
                .base10_parse()
                .map(|index: u32| Name(Member::Unnamed(Index::from(index as usize))))
                .map_err(|_| expected()),
            _ => Err(expected()),
        }
    }
}

/// `added` or `added = expression`.
#[derive(Clone, Debug)]
pub(super) enum Addition {
    Default,
    Value(TokenStream),
}

impl FromMeta for Addition {
    fn from_word() -> darling::Result<Self> {
        Ok(Addition::Default)
    }

    fn from_expr(expression: &Expr) -> darling::Result<Self> {
        Ok(Addition::Value(quote!(#expression)))
    }
}

/// `dropped(one, another = expression)`: what only the older type has.
#[derive(Debug, Default)]
pub(super) struct Dropped(Vec<(Member, Option<TokenStream>)>);

impl Dropped {
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Member, Option<TokenStream>)> {
        self.0.iter()
    }
}

impl FromMeta for Dropped {
    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        let mut dropped = Vec::with_capacity(items.len());
        for item in items {
            dropped.push(match item {
                NestedMeta::Meta(Meta::Path(path)) => (named(path)?, None),
                NestedMeta::Meta(Meta::NameValue(pair)) => {
                    let value = &pair.value;
                    (named(&pair.path)?, Some(quote!(#value)))
                }
                NestedMeta::Lit(Lit::Int(index)) => {
                    let index: u32 = index.base10_parse()?;
                    (Member::Unnamed(Index::from(index as usize)), None)
                }
                other => {
                    return Err(Error::custom(
                        "expected names of the older type, each with what it is set to going back unless that is \
                         its default: `dropped(one, another = value)`",
                    )
                    .with_span(other));
                }
            });
        }
        Ok(Dropped(dropped))
    }
}

fn named(path: &Path) -> darling::Result<Member> {
    path.get_ident()
        .map(|ident| Member::Named(ident.clone()))
        .ok_or_else(|| Error::custom("expected a name of the older type").with_span(path))
}
