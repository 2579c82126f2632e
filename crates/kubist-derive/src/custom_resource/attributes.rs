//! The `#[kube(...)]` attributes, parsed.

use darling::ast::NestedMeta;
use darling::{Error, FromDeriveInput, FromMeta};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use serde::Deserialize;
use syn::{Expr, Lit, LitStr, Path};

use super::column::PrintColumn;
use super::name::{Doubt, FieldPath, Group, KindName, Label, Name, PascalCase, Struct};
use super::scale::Scale;
use crate::crates::CratesAttribute;
use crate::rule::Rule;

/// Everything that `#[kube(...)]` may say on a spec struct.
#[derive(FromDeriveInput)]
#[darling(attributes(kube))]
pub(crate) struct KubeAttributes {
    pub(crate) group: Name<Group>,
    pub(crate) version: Name<Label>,
    pub(crate) kind: Name<KindName>,
    #[darling(default)]
    pub(crate) doc: Option<String>,
    #[darling(default, rename = "root")]
    pub(crate) root: Option<Name<Struct>>,
    #[darling(default)]
    pub(crate) singular: Option<Name<Label>>,
    #[darling(default)]
    pub(crate) plural: Option<Name<Label>>,
    #[darling(default)]
    pub(crate) namespaced: bool,
    #[darling(default)]
    pub(crate) status: Option<Path>,
    #[darling(multiple, rename = "derive")]
    pub(crate) derives: Vec<Derive>,
    #[darling(multiple, rename = "attr")]
    pub(crate) extra_attributes: Vec<ExtraAttribute>,
    #[darling(default)]
    pub(crate) schema: SchemaMode,
    #[darling(default)]
    pub(crate) scale: Option<Scale>,
    #[darling(multiple, rename = "printcolumn")]
    pub(crate) printcolumns: Vec<PrintColumn>,
    #[darling(multiple, rename = "shortname")]
    pub(crate) shortnames: Vec<Name<Label>>,
    #[darling(multiple, rename = "category")]
    pub(crate) categories: Vec<Name<Label>>,
    #[darling(multiple, rename = "selectable")]
    pub(crate) selectable: Vec<Name<FieldPath>>,
    #[darling(multiple, rename = "annotation")]
    pub(crate) annotations: Vec<Pair>,
    #[darling(multiple, rename = "label")]
    pub(crate) labels: Vec<Pair>,
    #[darling(default = "yes")]
    pub(crate) storage: bool,
    #[darling(default = "yes")]
    pub(crate) served: bool,
    #[darling(default)]
    pub(crate) deprecated: Option<Deprecation>,
    #[darling(multiple, rename = "validation")]
    pub(crate) validations: Vec<Rule>,
    #[darling(default)]
    pub(crate) cel: bool,
    #[darling(default)]
    pub(crate) apply: bool,
    #[darling(default)]
    pub(crate) crates: CratesAttribute,
}

impl KubeAttributes {
    /// What servers refuse of the CRD.
    pub(super) fn doubts(&self) -> impl Iterator<Item = Doubt> {
        let kind = self.kind.doubt().or_else(|| {
            let kind = Doubt::of::<PascalCase>(&self.kind, self.kind.span());
            kind.filter(|_| self.root.is_none())
        });
        let labels = self.singular.iter().chain(&self.plural);
        let labels = labels.chain(&self.shortnames).chain(&self.categories);
        [self.group.doubt(), self.version.doubt(), kind]
            .into_iter()
            .chain(labels.map(Name::doubt))
            .chain(self.selectable.iter().map(Name::doubt))
            .flatten()
            .chain(self.printcolumns.iter().flat_map(PrintColumn::doubts))
            .chain(self.scale.iter().flat_map(Scale::doubts))
    }
}

fn yes() -> bool {
    true
}

/// Where the schema of the root comes from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, FromMeta)]
pub(crate) enum SchemaMode {
    /// Derived with `JsonSchema`.
    #[default]
    Derived,
    /// `JsonSchema` is implemented by hand.
    Manual,
    /// No schema: unknown fields are preserved.
    Disabled,
}

/// `derive = "path"`.
pub(crate) struct Derive(pub(super) Path);

impl FromMeta for Derive {
    fn from_value(literal: &Lit) -> darling::Result<Self> {
        let text = string(literal)?;
        text.parse().map(Derive).map_err(|_| {
            Error::custom("expected the path of a derive: `derive = \"PartialEq\"`").with_span(text)
        })
    }
}

/// `attr = "attribute"`.
pub(crate) struct ExtraAttribute(pub(super) TokenStream);

impl FromMeta for ExtraAttribute {
    fn from_value(literal: &Lit) -> darling::Result<Self> {
        let text = string(literal)?;
        let meta: syn::Meta = text.parse().map_err(|_| {
            Error::custom("expected an attribute: `attr = \"allow(deprecated)\"`").with_span(text)
        })?;
        let refuse = |why: &str| Err(Error::custom(why).with_span(text));
        if meta.path().is_ident("derive") {
            return refuse("a derive has an attribute of its own: `derive = \"PartialEq\"`");
        }
        if meta.path().is_ident("serde") || meta.path().is_ident("schemars") {
            return refuse("how the root is written is given by the API: take the attribute off");
        }
        Ok(ExtraAttribute(quote!(#meta)))
    }
}

fn string(literal: &Lit) -> darling::Result<&LitStr> {
    match literal {
        Lit::Str(text) => Ok(text),
        _ => Err(Error::custom("expected a string").with_span(literal)),
    }
}

/// A pair of string literals, as in `label("key", "value")`.
#[derive(Debug)]
pub(crate) struct Pair(String, String);

impl Pair {
    fn expected() -> Error {
        Error::custom("expected two string literals: (\"key\", \"value\")")
    }

    pub(crate) fn tokens(&self) -> TokenStream {
        let Pair(key, value) = self;
        quote!((#key, #value))
    }

    /// The pair as `(String, String)`.
    pub(crate) fn owned_tokens(&self) -> TokenStream {
        let Pair(key, value) = self;
        quote!((#key.to_string(), #value.to_string()))
    }
}

impl FromMeta for Pair {
    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        match items {
            [NestedMeta::Lit(Lit::Str(key)), NestedMeta::Lit(Lit::Str(value))] => {
                Ok(Pair(key.value(), value.value()))
            }
            _ => Err(Self::expected()),
        }
    }

    fn from_expr(expression: &Expr) -> darling::Result<Self> {
        Err(Self::expected().with_span(expression))
    }
}

/// `deprecated` or `deprecated = "message"`.
#[derive(Debug)]
pub(crate) struct Deprecation(pub(crate) Option<String>);

impl FromMeta for Deprecation {
    fn from_word() -> darling::Result<Self> {
        Ok(Deprecation(None))
    }

    fn from_value(literal: &Lit) -> darling::Result<Self> {
        match literal {
            Lit::Str(message) => Ok(Deprecation(Some(message.value()))),
            _ => Err(
                Error::custom("expected `deprecated` or `deprecated = \"what to use instead\"`")
                    .with_span(literal),
            ),
        }
    }
}

/// What an attribute says in the JSON that a CRD holds, and where.
pub(super) fn parse_json<T: for<'de> Deserialize<'de>>(
    attribute: &str,
    literal: &Lit,
) -> darling::Result<(T, Span)> {
    let json = string(literal)?;
    let value = serde_json::from_str(&json.value()).map_err(|error| {
        let message = format!("`{attribute}` is not the JSON of a CRD: {error}");
        Error::custom(message).with_span(literal)
    })?;
    Ok((value, json.span()))
}
