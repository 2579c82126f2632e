//! One value, converted by its type.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericArgument, Path, PathArguments, Type};

use crate::crates::Crates;

/// A field of the newer type that has one in the older type.
pub(super) struct Value<'a> {
    pub(super) name: &'a str,
    pub(super) type_: &'a Type,
    pub(super) with: Option<&'a Path>,
}

/// Which way.
#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

impl Value<'_> {
    /// What the older value becomes.
    pub(super) fn upgrade(&self, older: &Ident, crates: &Crates) -> TokenStream {
        self.convert(older, Way::Up, crates)
    }

    /// What the newer value was.
    pub(super) fn downgrade(&self, newer: &Ident, crates: &Crates) -> TokenStream {
        self.convert(newer, Way::Down, crates)
    }

    fn convert(&self, value: &Ident, way: Way, crates: &Crates) -> TokenStream {
        let core = &crates.core;
        let name = self.name;
        let converted = match (self.with, way) {
            (Some(with), Way::Up) => quote_spanned!(with.span()=> #with::upgrade(#value)),
            (Some(with), Way::Down) => quote_spanned!(with.span()=> #with::downgrade(#value)),
            (None, way) => converted(&quote!(#value), self.type_, way, crates),
        };
        quote!(#converted.map_err(|error| #core::conversion::in_field(#name, error))?)
    }
}

/// A result of the value; what a list, map, box or option holds is converted one by one.
fn converted(value: &TokenStream, type_: &Type, way: Way, crates: &Crates) -> TokenStream {
    let Crates { core, std, .. } = crates;
    let error = quote!(#core::conversion::BoxError);
    let (name, arguments) = if is_plain(type_) {
        (String::new(), Vec::new())
    } else {
        container(type_).unwrap_or_default()
    };
    let inner = quote!(inner);
    match (name.as_str(), arguments.as_slice()) {
        ("Option", [some]) => {
            let some = converted(&inner, some, way, crates);
            quote! {
                match #value {
                    #std::option::Option::Some(inner) => #some.map(#std::option::Option::Some),
                    #std::option::Option::None => #std::result::Result::<_, #error>::Ok(#std::option::Option::None),
                }
            }
        }
        ("Box", [boxed]) => {
            let boxed = converted(&quote!((*#value)), boxed, way, crates);
            quote!(#boxed.map(#std::boxed::Box::new))
        }
        ("Vec" | "VecDeque" | "BTreeSet" | "HashSet", [item]) => {
            let item = converted(&inner, item, way, crates);
            quote! {
                #std::iter::IntoIterator::into_iter(#value)
                    .map(|inner| #item)
                    .collect::<#std::result::Result<_, #error>>()
            }
        }
        ("BTreeMap" | "HashMap" | "IndexMap", [key, item]) => {
            let key = converted(&quote!(key), key, way, crates);
            let item = converted(&inner, item, way, crates);
            quote! {
                #std::iter::IntoIterator::into_iter(#value)
                    .map(|(key, inner)| #std::result::Result::Ok((#key?, #item?)))
                    .collect::<#std::result::Result<_, #error>>()
            }
        }
        _ => {
            let span = type_.span();
            let function = match way {
                Way::Up => quote!(upgraded),
                Way::Down => quote!(downgraded),
            };
            quote_spanned!(span=> #core::conversion::#function::<_, #type_>(#value))
        }
    }
}

/// A generic type's name, and the types that it is of.
fn container(type_: &Type) -> Option<(String, Vec<&Type>)> {
    let Type::Path(path) = type_ else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(type_) => Some(type_),
        _ => None,
    });
    Some((last.ident.to_string(), types.collect()))
}

/// Whether a type is one of the language, or holds nothing but these: the same in every version.
fn is_plain(type_: &Type) -> bool {
    const PLAIN: [&str; 15] = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "isize", "u8", "u16", "u32", "u64", "usize",
        "String",
    ];
    if let Some((_, arguments)) = container(type_) {
        return arguments.into_iter().all(is_plain);
    }
    match type_ {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .is_some_and(|last| PLAIN.iter().any(|plain| last.ident == plain)),
        _ => false,
    }
}
