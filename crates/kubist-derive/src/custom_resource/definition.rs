//! The root struct itself.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Ident, Path};

use super::attributes::{Derive, ExtraAttribute, Pair, SchemaMode};
use super::root::Root;
use crate::crates::{Crates, path_string};

impl Root<'_> {
    /// The struct itself.
    pub(super) fn definition(&self, crates: &Crates) -> TokenStream {
        let Crates {
            k8s_openapi,
            schemars,
            serde,
            std,
            ..
        } = crates;
        let Root {
            ident,
            input,
            attributes,
            ..
        } = self;
        let (vis, spec) = (&input.vis, &input.ident);

        let mut derives: Vec<Path> = vec![
            syn::parse_quote!(#std::clone::Clone),
            syn::parse_quote!(#std::fmt::Debug),
            syn::parse_quote!(#serde::Deserialize),
        ];
        let derived_schema = attributes.schema == SchemaMode::Derived;
        if derived_schema {
            derives.push(syn::parse_quote!(#schemars::JsonSchema));
        }
        for Derive(path) in &attributes.derives {
            let known = |known: &Path| {
                known.segments.last().map(|last| &last.ident) == path.segments.last().map(|last| &last.ident)
            };
            if !derives.iter().any(known) {
                derives.push(path.clone());
            }
        }
        let extra_attributes = attributes
            .extra_attributes
            .iter()
            .map(|ExtraAttribute(attribute)| quote!(#[#attribute]));

        let doc = attributes
            .doc
            .clone()
            .unwrap_or_else(|| format!("Auto-generated derived type for {spec} via `CustomResource`"));
        let serde_crate = path_string(serde);
        let schemars_crate = path_string(schemars);
        let schema_attribute = derived_schema.then(|| quote!(#[schemars(crate = #schemars_crate)]));
        let skip_in_schema = derived_schema.then(|| quote!(#[schemars(skip)]));
        let status = attributes.status.as_ref().map(|status| {
            quote! {
                // A doc comment would become the field's description, in place of its type's.
                #[allow(missing_docs)]
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub status: #std::option::Option<#status>,
            }
        });
        let new_status = attributes
            .status
            .as_ref()
            .map(|_| quote!(status: #std::option::Option::None,));
        let pairs = |field: &str, pairs: &[Pair]| {
            let field = Ident::new(field, Span::call_site());
            let pairs = pairs.iter().map(Pair::owned_tokens);
            quote! {
                #field: #std::option::Option::Some(#std::collections::BTreeMap::from([#(#pairs),*])),
            }
        };
        let annotations =
            (!attributes.annotations.is_empty()).then(|| pairs("annotations", &attributes.annotations));
        let labels = (!attributes.labels.is_empty()).then(|| pairs("labels", &attributes.labels));
        let constructor_doc = format!(
            "A `{}` of this name, with the labels and annotations that its kind declares.",
            attributes.kind
        );

        quote! {
            #[doc = #doc]
            #[derive(#(#derives),*)]
            #[serde(rename_all = "camelCase")]
            #[serde(crate = #serde_crate)]
            #schema_attribute
            #(#extra_attributes)*
            #vis struct #ident {
                /// The object's metadata.
                #skip_in_schema
                #[serde(default)]
                pub metadata: #k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
                #[allow(missing_docs)]
                pub spec: #spec,
                #status
            }

            impl #ident {
                #[doc = #constructor_doc]
                pub fn new(name: &str, spec: #spec) -> Self {
                    Self {
                        metadata: #k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                            name: #std::option::Option::Some(name.to_string()),
                            #annotations
                            #labels
                            ..#std::default::Default::default()
                        },
                        spec,
                        #new_status
                    }
                }
            }
        }
    }
}
