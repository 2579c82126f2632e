//! `#[derive(KubeSchema)]`.

mod default;
mod recursion;
mod shape;

use darling::{FromAttributes, FromDeriveInput};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Field, Fields, GenericArgument, Generics, PathArguments, Type};

use crate::crates::{Crates, CratesAttribute, path_string};
use crate::rule::{Expression, Rule};

/// What `#[x_kube(...)]` may say on a type.
#[derive(FromDeriveInput)]
#[darling(attributes(x_kube))]
struct TypeAttributes {
    #[darling(multiple, rename = "validation")]
    validations: Vec<Rule>,
    #[darling(default)]
    merge_strategy: Option<Expression>,
    #[darling(default)]
    cel: bool,
    #[darling(default)]
    crates: CratesAttribute,
}

/// What `#[x_kube(...)]` may say on a field.
#[derive(FromAttributes)]
#[darling(attributes(x_kube))]
struct FieldAttributes {
    #[darling(multiple, rename = "validation")]
    validations: Vec<Rule>,
    #[darling(default)]
    merge_strategy: Option<Expression>,
}

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    expand(input).unwrap_or_else(|error| error.into_compile_error())
}

fn expand(input: TokenStream) -> syn::Result<TokenStream> {
    let mut input: DeriveInput = syn::parse2(input)?;
    let TypeAttributes {
        validations,
        merge_strategy,
        cel,
        crates,
    } = match TypeAttributes::from_derive_input(&input) {
        Ok(attributes) => attributes,
        Err(error) => return Ok(error.write_errors()),
    };
    let crates = crates.resolve();
    shape::refuse(&input)?;
    let ident = input.ident.clone();
    let name = ident.to_string();

    // schemars derives the schema of a copy, which differs in its attributes only: what `x_kube` says
    // becomes a transform of the same place in the schema.
    input.ident = format_ident!("__{ident}Schema");
    let transforms = transforms(&crates, &validations, merge_strategy.as_ref());
    let schemars_crate = path_string(&crates.schemars);
    input.attrs.retain(speaks_of_the_schema);
    input
        .attrs
        .push(syn::parse_quote!(#[schemars(crate = #schemars_crate)]));
    input.attrs.extend(transforms);
    if let Data::Enum(data) = &mut input.data {
        for variant in &mut data.variants {
            if let Some(attribute) = variant
                .attrs
                .iter()
                .find(|attribute| attribute.path().is_ident("x_kube"))
            {
                return Err(syn::Error::new_spanned(
                    attribute,
                    "`x_kube` is for types and fields: a variant has no schema of its own",
                ));
            }
            variant.attrs.retain(speaks_of_the_schema);
        }
    }
    for field in fields_mut(&mut input.data) {
        recursion::refuse(field, &ident)?;
    }
    let mut errors = darling::Error::accumulator();
    for field in fields_mut(&mut input.data) {
        errors.handle(translate(field, &crates));
    }
    if let Err(error) = errors.finish() {
        return Ok(error.write_errors());
    }

    let Crates {
        core, schemars, std, ..
    } = &crates;
    let copy = &input.ident;
    let default = default::of_container(&input, &ident, &crates)?;
    let Generics { params, .. } = &input.generics;
    if let Some(parameter) = params.first() {
        return Err(syn::Error::new_spanned(
            parameter,
            "KubeSchema cannot be derived for a generic type: derive JsonSchema, and put the rules on a type that uses it",
        ));
    }
    let validate_cel = cel.then(|| validate_cel(&ident, &crates));
    Ok(quote! {
        impl #schemars::JsonSchema for #ident {
            fn schema_name() -> #std::borrow::Cow<'static, str> {
                #std::borrow::Cow::Borrowed(#name)
            }

            // Types of one name are not one type, and a type within itself is found by this.
            fn schema_id() -> #std::borrow::Cow<'static, str> {
                #std::borrow::Cow::Borrowed(#std::concat!(#std::module_path!(), "::", #name))
            }

            fn json_schema(generator: &mut #schemars::generate::SchemaGenerator) -> #schemars::Schema {
                // The names that rules are written with.
                #[allow(unused_imports)]
                use #core::{ListMerge, MapMerge, Message, Reason, Rule, StructMerge};

                #[derive(#schemars::JsonSchema)]
                #[allow(dead_code, missing_docs, non_camel_case_types)]
                #input

                #default

                <#copy as #schemars::JsonSchema>::json_schema(generator)
            }
        }

        #validate_cel
    })
}

/// Turns what `x_kube` says on a field into attributes that schemars understands.
fn translate(field: &mut Field, crates: &Crates) -> darling::Result<()> {
    let FieldAttributes {
        validations,
        merge_strategy,
    } = FieldAttributes::from_attributes(&field.attrs)?;
    field.attrs.retain(speaks_of_the_schema);
    if mentions_raw_extension(&field.ty) {
        let core = &crates.core;
        field
            .attrs
            .push(syn::parse_quote!(#[schemars(transform = #core::__derive::keep_raw)]));
    }
    field
        .attrs
        .extend(transforms(crates, &validations, merge_strategy.as_ref()));
    Ok(())
}

fn transforms(crates: &Crates, rules: &[Rule], strategy: Option<&Expression>) -> Vec<Attribute> {
    let core = &crates.core;
    let rules = rules.iter().map(|rule| {
        let rule = rule.expression();
        syn::parse_quote!(#[schemars(transform = #core::__derive::rule(#rule))])
    });
    let strategy = strategy.map(|strategy| {
        let strategy = strategy.expression();
        syn::parse_quote!(#[schemars(transform = #core::__derive::merge_strategy(#strategy))])
    });
    rules.chain(strategy).collect()
}

/// Whether a type is or holds a `RawExtension`, whose own schema lets a server drop all that is in it.
fn mentions_raw_extension(type_: &Type) -> bool {
    let Type::Path(path) = type_ else { return false };
    path.path.segments.last().is_some_and(|last| {
        last.ident == "RawExtension"
            || matches!(&last.arguments, PathArguments::AngleBracketed(arguments) if arguments.args.iter().any(
                |argument| matches!(argument, GenericArgument::Type(argument) if mentions_raw_extension(argument)),
            ))
    })
}

/// The attributes that schemars reads.
fn speaks_of_the_schema(attribute: &Attribute) -> bool {
    ["doc", "garde", "schemars", "serde", "validate"]
        .iter()
        .any(|name| attribute.path().is_ident(name))
}

fn fields_mut(data: &mut Data) -> Vec<&mut Field> {
    fn of(fields: &mut Fields) -> impl Iterator<Item = &mut Field> {
        fields.iter_mut()
    }
    match data {
        Data::Struct(data) => of(&mut data.fields).collect(),
        Data::Enum(data) => data
            .variants
            .iter_mut()
            .flat_map(|variant| of(&mut variant.fields))
            .collect(),
        Data::Union(_) => Vec::new(),
    }
}

fn validate_cel(ident: &syn::Ident, crates: &Crates) -> TokenStream {
    let Crates {
        core,
        serde_json,
        std,
        ..
    } = crates;
    quote! {
        impl #ident {
            /// Checks a value of this type against its validation rules, without an API server.
            ///
            /// `old` is the value before, for transition rules; `None` for a new one.
            ///
            /// # Errors
            ///
            /// The rules that are not met.
            pub fn validate_cel(
                value: &#serde_json::Value,
                old: #std::option::Option<&#serde_json::Value>,
            ) -> #std::result::Result<(), #core::cel::ValidationErrors> {
                #core::cel::validate_cel_schema::<Self>(value, old)
            }
        }
    }
}
