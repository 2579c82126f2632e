//! What is between the parentheses of attributes such as `#[serde(...)]`.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Token};

/// Everything that the attributes of these names say.
pub(crate) fn metas(attributes: &[Attribute], names: &[&str]) -> syn::Result<Vec<Meta>> {
    let mut metas = Vec::new();
    for attribute in attributes {
        if names.iter().any(|name| attribute.path().is_ident(name)) {
            metas.extend(attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?);
        }
    }
    Ok(metas)
}

/// The string in `name = "string"`.
pub(crate) fn text(meta: &Meta) -> Option<&LitStr> {
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text), ..
            }) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
