//! Expressions in attributes.

use darling::{Error, FromMeta};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, Meta};

/// Any expression, a string literal included, as it was written.
pub(crate) struct Expression(TokenStream);

/// A validation rule: any expression that is `Into<Rule>`, such as a string or a pair of strings.
pub(crate) type Rule = Expression;

impl Expression {
    pub(crate) fn expression(&self) -> &TokenStream {
        &self.0
    }
}

impl FromMeta for Expression {
    fn from_meta(item: &Meta) -> darling::Result<Self> {
        match item {
            Meta::NameValue(pair) => Self::from_expr(&pair.value),
            _ => Err(Error::custom("expected an expression: `name = <expression>`").with_span(item)),
        }
    }

    fn from_expr(expression: &Expr) -> darling::Result<Self> {
        Ok(Expression(quote!(#expression)))
    }
}
