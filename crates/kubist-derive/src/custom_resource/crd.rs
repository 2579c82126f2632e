//! The CustomResourceDefinition.

use proc_macro2::TokenStream;
use quote::quote;

use super::attributes::{KubeAttributes, SchemaMode};
use super::root::Root;
use crate::crates::Crates;

impl Root<'_> {
    /// `CustomResourceExt`: the CRD, put together by the vocabulary crate from what is known here.
    pub(super) fn custom_resource_ext(&self, crates: &Crates) -> TokenStream {
        let Crates {
            core,
            k8s_openapi,
            std,
            ..
        } = crates;
        let definition = quote! {
            #k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition
        };
        let Root {
            ident,
            singular,
            plural,
            attributes,
            ..
        } = self;
        let KubeAttributes {
            group,
            version,
            kind,
            namespaced,
            storage,
            served,
            ..
        } = attributes;
        let crd_name = format!("{plural}.{group}");
        let has_status = attributes.status.is_some();

        let columns = attributes.printcolumns.iter().map(|column| column.tokens(core));
        let scale = option(attributes.scale.as_ref().map(|scale| scale.tokens(core)));
        let deprecated = option(attributes.deprecated.as_ref().map(|deprecation| {
            let message = option(deprecation.0.as_ref().map(|message| quote!(#message)));
            quote!(#core::__derive::Deprecated { warning: #message })
        }));
        let KubeAttributes {
            shortnames,
            categories,
            selectable,
            ..
        } = attributes;
        let annotations = attributes.annotations.iter().map(|pair| pair.tokens());
        let labels = attributes.labels.iter().map(|pair| pair.tokens());
        let rules = attributes.validations.iter().map(|rule| rule.expression());
        let schema = match attributes.schema {
            SchemaMode::Disabled => quote!(#core::__derive::open_schema()),
            SchemaMode::Derived | SchemaMode::Manual => {
                quote!(#core::__derive::structural_schema::<#ident>(::std::vec![#(#rules.into()),*])?)
            }
        };

        quote! {
            impl #core::crd::v1::CustomResourceExt for #ident {
                fn crd() -> #definition {
                    #std::result::Result::unwrap_or_else(
                        <Self as #core::crd::v1::CustomResourceExt>::try_crd(),
                        |error| #std::panic!("{error}"),
                    )
                }

                fn try_crd() -> #std::result::Result<#definition, #core::schema::NotStructural> {
                    // The names that rules are written with.
                    #[allow(unused_imports)]
                    use #core::{Message, Reason, Rule};
                    #std::result::Result::Ok(#core::__derive::crd(
                        #core::__derive::CrdParts {
                            group: #group,
                            version: #version,
                            kind: #kind,
                            singular: #singular,
                            plural: #plural,
                            namespaced: #namespaced,
                            status: #has_status,
                            scale: #scale,
                            columns: &[#(#columns),*],
                            shortnames: &[#(#shortnames),*],
                            categories: &[#(#categories),*],
                            selectable: &[#(#selectable),*],
                            annotations: &[#(#annotations),*],
                            labels: &[#(#labels),*],
                            storage: #storage,
                            served: #served,
                            deprecated: #deprecated,
                        },
                        #schema,
                    ))
                }

                fn crd_name() -> &'static str {
                    #crd_name
                }

                fn api_resource() -> #core::discovery::ApiResource {
                    #core::discovery::ApiResource::erase::<Self>(&())
                }

                fn shortnames() -> &'static [&'static str] {
                    &[#(#shortnames),*]
                }
            }
        }
    }
}

pub(super) fn option(tokens: Option<TokenStream>) -> TokenStream {
    match tokens {
        Some(tokens) => quote!(::std::option::Option::Some(#tokens)),
        None => quote!(::std::option::Option::None),
    }
}
