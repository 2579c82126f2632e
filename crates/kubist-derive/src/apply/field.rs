//! One field of an apply configuration.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Field, GenericArgument, Ident, PathArguments, Type, Visibility};

use super::serde_attributes::OfField;
use crate::crates::Crates;

/// A field that may be left out.
pub(super) struct ApplyField<'a> {
    ident: &'a Ident,
    vis: &'a Visibility,
    /// Its documentation, and what it is compiled under.
    attributes: Vec<&'a Attribute>,
    /// The type of what is set.
    type_: TokenStream,
    /// Whether a caller may give anything that becomes the type.
    converts: bool,
    serde: OfField,
    /// Names of functions that write and read an option of what the field's own functions do.
    with: Option<(Ident, Ident)>,
    /// The configuration that the field is of.
    owner: &'a Ident,
}

impl<'a> ApplyField<'a> {
    /// The field; `None` where it is never written.
    pub(super) fn new(field: &'a Field, owner: &'a Ident, crates: &Crates) -> syn::Result<Option<Self>> {
        let Some(ident) = &field.ident else {
            return Ok(None);
        };
        let serde = OfField::parse(&field.attrs)?;
        if serde.skipped {
            return Ok(None);
        }
        let nested = is_nested(&field.attrs)?;
        let has_functions = serde.serialize_with.is_some() || serde.deserialize_with.is_some();
        if nested && has_functions {
            return Err(syn::Error::new_spanned(
                ident,
                "a field cannot be `nested` and have functions of its own that write it: take `#[kube(nested)]` off",
            ));
        }
        if serde.flatten && !nested && last_segment(&field.ty).is_none_or(|name| !is_map(&name)) {
            return Err(syn::Error::new_spanned(
                ident,
                "of a flattened type, a manager may own any part: put `#[kube(nested)]` on the field and `#[derive(ApplyConfiguration)]` on its type, or, if it is an enum, do not flatten it",
            ));
        }
        // What writes an option is given one.
        let inner = argument_of_option(&field.ty).unwrap_or(&field.ty);
        let set = if has_functions { &field.ty } else { inner };
        let core = &crates.core;
        let type_ = if nested {
            quote_spanned!(set.span()=> <#set as #core::apply::HasApply>::Apply)
        } else {
            quote!(#set)
        };
        let plain = format!("{}", quote!(#ident)).replace("r#", "");
        Ok(Some(ApplyField {
            ident,
            vis: &field.vis,
            attributes: field
                .attrs
                .iter()
                .filter(|attribute| {
                    ["doc", "cfg", "deprecated"]
                        .iter()
                        .any(|name| attribute.path().is_ident(name))
                })
                .collect(),
            type_,
            converts: last_segment(set).is_none_or(|name| !is_primitive(&name)),
            with: has_functions.then(|| {
                (
                    format_ident!("__serialize_{plain}"),
                    format_ident!("__deserialize_{plain}"),
                )
            }),
            serde,
            owner,
        }))
    }

    pub(super) fn definition(&self, crates: &Crates) -> TokenStream {
        let ApplyField {
            ident,
            vis,
            attributes,
            type_,
            serde,
            owner,
            ..
        } = self;
        let std = &crates.std;
        let is_none = format!("{}::option::Option::is_none", crate::crates::path_string(std));
        let kept = &serde.kept;
        let flatten = serde.flatten.then(|| quote!(#[serde(flatten)]));
        let with = self.with.as_ref().map(|(serialize, deserialize)| {
            let (serialize, deserialize) =
                (format!("{owner}::{serialize}"), format!("{owner}::{deserialize}"));
            let serialize = serde
                .serialize_with
                .is_some()
                .then(|| quote!(#[serde(serialize_with = #serialize)]));
            let deserialize = serde
                .deserialize_with
                .is_some()
                .then(|| quote!(#[serde(deserialize_with = #deserialize)]));
            quote!(#serialize #deserialize)
        });
        quote! {
            #(#attributes)*
            #(#kept)*
            #flatten
            #with
            #[serde(default, skip_serializing_if = #is_none)]
            #[allow(missing_docs)]
            #vis #ident: #std::option::Option<#type_>,
        }
    }

    pub(super) fn methods(&self, crates: &Crates) -> TokenStream {
        let ApplyField {
            ident,
            vis,
            attributes,
            type_,
            ..
        } = self;
        let std = &crates.std;
        let (argument, value) = if self.converts {
            (quote!(impl #std::convert::Into<#type_>), quote!(value.into()))
        } else {
            (quote!(#type_), quote!(value))
        };
        let with = self.with_functions(crates);
        quote! {
            #(#attributes)*
            #[allow(missing_docs, dead_code)]
            #[must_use]
            #vis fn #ident(mut self, value: #argument) -> Self {
                self.#ident = #std::option::Option::Some(#value);
                self
            }
            #with
        }
    }

    /// What writes and reads an option, by the functions that write and read what is in it.
    fn with_functions(&self, crates: &Crates) -> Option<TokenStream> {
        let (serialize, deserialize) = self.with.as_ref()?;
        let type_ = &self.type_;
        let Crates { serde, std, .. } = crates;
        let serialize = self.serde.serialize_with.as_ref().map(|function| {
            quote! {
                fn #serialize<S: #serde::Serializer>(
                    value: &#std::option::Option<#type_>,
                    serializer: S,
                ) -> #std::result::Result<S::Ok, S::Error> {
                    match value {
                        #std::option::Option::Some(value) => #function(value, serializer),
                        #std::option::Option::None => serializer.serialize_none(),
                    }
                }
            }
        });
        let deserialize = self.serde.deserialize_with.as_ref().map(|function| {
            quote! {
                fn #deserialize<'de, D: #serde::Deserializer<'de>>(
                    deserializer: D,
                ) -> #std::result::Result<#std::option::Option<#type_>, D::Error> {
                    #function(deserializer).map(#std::option::Option::Some)
                }
            }
        });
        Some(quote!(#serialize #deserialize))
    }
}

/// Whether a field says `#[kube(nested)]`.
fn is_nested(attributes: &[Attribute]) -> syn::Result<bool> {
    let mut nested = false;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("kube"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("nested") {
                nested = true;
                return Ok(());
            }
            Err(meta.error("unknown attribute of a field: `nested` is the one there is"))
        })?;
    }
    Ok(nested)
}

/// `T`, where a type is written as `Option<T>`.
fn argument_of_option(type_: &Type) -> Option<&Type> {
    let Type::Path(path) = type_ else { return None };
    let last = path.path.segments.last()?;
    if last.ident != "Option" {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    }
}

fn last_segment(type_: &Type) -> Option<String> {
    match type_ {
        Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

fn is_map(name: &str) -> bool {
    ["BTreeMap", "HashMap", "IndexMap", "Map"].contains(&name)
}

/// Types that a literal must not leave undecided.
fn is_primitive(name: &str) -> bool {
    [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
        "u128", "usize",
    ]
    .contains(&name)
}
