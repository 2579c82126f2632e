//! What `#[derive(CustomResource)]` writes.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{DeriveInput, Ident, Path};

use super::apply::ApplyRoot;
use super::attributes::{KubeAttributes, Pair, PrintColumn, Scale, SchemaMode};
use crate::crates::{Crates, path_string};
use crate::plural::pluralize;

pub(crate) fn expand(input: &DeriveInput, mut attributes: KubeAttributes) -> syn::Result<TokenStream> {
    let crates = std::mem::take(&mut attributes.crates).resolve();
    let root = Root::new(input, &attributes)?;

    let definition = root.definition(&crates)?;
    let serialize = root.serialize(&crates);
    let resource = root.resource(&crates);
    let parts = root.parts(&crates);
    let crd = root.custom_resource_ext(&crates);
    let validate_cel = root.validate_cel(&crates)?;
    let apply = root.apply(&crates)?;
    Ok(quote! { #definition #serialize #resource #parts #crd #validate_cel #apply })
}

/// The root struct, with the names that every part of the expansion needs.
struct Root<'a> {
    attributes: &'a KubeAttributes,
    input: &'a DeriveInput,
    ident: Ident,
    singular: String,
    plural: String,
    api_version: String,
}

impl<'a> Root<'a> {
    fn new(input: &'a DeriveInput, attributes: &'a KubeAttributes) -> syn::Result<Self> {
        let name = attributes.root.as_deref().unwrap_or(&attributes.kind);
        let ident = syn::parse_str::<Ident>(name).map_err(|_| {
            syn::Error::new_spanned(&input.ident, format!("`{name}` cannot be the name of a struct"))
        })?;
        let ident = Ident::new(&ident.to_string(), Span::call_site());
        if ident == input.ident {
            return Err(syn::Error::new_spanned(
                &input.ident,
                format!(
                    "the spec has the name of its kind: call it `{name}Spec`, or name the root with `#[kube(root = \"...\")]`"
                ),
            ));
        }
        if attributes.group.is_empty() {
            return Err(syn::Error::new_spanned(
                &input.ident,
                "`group` is empty: a CRD cannot define a kind of the core group",
            ));
        }
        Ok(Root {
            singular: attributes
                .singular
                .clone()
                .unwrap_or_else(|| attributes.kind.to_lowercase()),
            plural: attributes
                .plural
                .clone()
                .unwrap_or_else(|| pluralize(&attributes.kind)),
            api_version: format!("{}/{}", attributes.group, attributes.version),
            ident,
            input,
            attributes,
        })
    }

    /// The struct itself.
    fn definition(&self, crates: &Crates) -> syn::Result<TokenStream> {
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
        for derive in &attributes.derives {
            let path: Path = syn::parse_str(derive).map_err(|error| {
                syn::Error::new_spanned(spec, format!("`derive = \"{derive}\"` is not a path: {error}"))
            })?;
            let known = |known: &Path| {
                known.segments.last().map(|last| &last.ident) == path.segments.last().map(|last| &last.ident)
            };
            if !derives.iter().any(known) {
                derives.push(path);
            }
        }
        let extra_attributes = attributes
            .extra_attributes
            .iter()
            .map(|attribute| {
                attribute
                    .parse::<TokenStream>()
                    .map(|tokens| quote!(#[#tokens]))
                    .map_err(|error| {
                        syn::Error::new_spanned(
                            spec,
                            format!("`attr = \"{attribute}\"` does not parse: {error}"),
                        )
                    })
            })
            .collect::<syn::Result<Vec<_>>>()?;

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

        Ok(quote! {
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
        })
    }

    /// `Serialize`, which adds `apiVersion` and `kind`.
    fn serialize(&self, crates: &Crates) -> TokenStream {
        let Crates { serde, std, .. } = crates;
        let Root {
            ident,
            api_version,
            attributes,
            ..
        } = self;
        let kind = &attributes.kind;
        let (has_status, status) = match &attributes.status {
            Some(_) => (
                quote!(usize::from(self.status.is_some())),
                quote! {
                    if let #std::option::Option::Some(status) = &self.status {
                        #serde::ser::SerializeStruct::serialize_field(&mut object, "status", status)?;
                    }
                },
            ),
            None => (quote!(0), TokenStream::new()),
        };
        quote! {
            impl #serde::Serialize for #ident {
                fn serialize<S: #serde::Serializer>(&self, serializer: S) -> #std::result::Result<S::Ok, S::Error> {
                    let mut object = serializer.serialize_struct(#kind, 4 + #has_status)?;
                    #serde::ser::SerializeStruct::serialize_field(&mut object, "apiVersion", #api_version)?;
                    #serde::ser::SerializeStruct::serialize_field(&mut object, "kind", #kind)?;
                    #serde::ser::SerializeStruct::serialize_field(&mut object, "metadata", &self.metadata)?;
                    #serde::ser::SerializeStruct::serialize_field(&mut object, "spec", &self.spec)?;
                    #status
                    #serde::ser::SerializeStruct::end(object)
                }
            }
        }
    }

    /// `Resource`.
    fn resource(&self, crates: &Crates) -> TokenStream {
        let Crates {
            core,
            k8s_openapi,
            std,
            ..
        } = crates;
        let Root {
            ident,
            api_version,
            plural,
            attributes,
            ..
        } = self;
        let KubeAttributes {
            group, version, kind, ..
        } = attributes;
        let scope = if attributes.namespaced {
            quote!(#core::NamespaceResourceScope)
        } else {
            quote!(#core::ClusterResourceScope)
        };
        quote! {
            impl #core::Resource for #ident {
                type DynamicType = ();
                type Scope = #scope;

                fn kind(_: &()) -> #std::borrow::Cow<'_, str> {
                    #std::borrow::Cow::Borrowed(#kind)
                }
                fn group(_: &()) -> #std::borrow::Cow<'_, str> {
                    #std::borrow::Cow::Borrowed(#group)
                }
                fn version(_: &()) -> #std::borrow::Cow<'_, str> {
                    #std::borrow::Cow::Borrowed(#version)
                }
                fn api_version(_: &()) -> #std::borrow::Cow<'_, str> {
                    #std::borrow::Cow::Borrowed(#api_version)
                }
                fn plural(_: &()) -> #std::borrow::Cow<'_, str> {
                    #std::borrow::Cow::Borrowed(#plural)
                }
                fn meta(&self) -> &#k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                    &self.metadata
                }
                fn meta_mut(&mut self) -> &mut #k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                    &mut self.metadata
                }
            }
        }
    }

    /// `HasSpec` and `HasStatus`.
    fn parts(&self, crates: &Crates) -> TokenStream {
        let Crates { core, std, .. } = crates;
        let Root {
            ident,
            input,
            attributes,
            ..
        } = self;
        let spec = &input.ident;
        let has_status = attributes.status.as_ref().map(|status| {
            quote! {
                impl #core::object::HasStatus for #ident {
                    type Status = #status;

                    fn status(&self) -> #std::option::Option<&#status> {
                        self.status.as_ref()
                    }
                    fn status_mut(&mut self) -> &mut #std::option::Option<#status> {
                        &mut self.status
                    }
                }
            }
        });
        quote! {
            impl #core::object::HasSpec for #ident {
                type Spec = #spec;

                fn spec(&self) -> &#spec {
                    &self.spec
                }
                fn spec_mut(&mut self) -> &mut #spec {
                    &mut self.spec
                }
            }
            #has_status
        }
    }

    /// `CustomResourceExt`: the CRD, put together by the vocabulary crate from what is known here.
    fn custom_resource_ext(&self, crates: &Crates) -> TokenStream {
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

impl Root<'_> {
    /// What a manager applies.
    fn apply(&self, crates: &Crates) -> syn::Result<Option<TokenStream>> {
        let Root {
            attributes,
            input,
            ident,
            api_version,
            ..
        } = self;
        let root = ApplyRoot {
            ident,
            spec: input,
            status: attributes.status.as_ref(),
            kind: &attributes.kind,
            api_version,
            namespaced: attributes.namespaced,
        };
        attributes.apply.then(|| root.expand(crates)).transpose()
    }

    /// Methods that check an object against its rules without a server.
    fn validate_cel(&self, crates: &Crates) -> syn::Result<Option<TokenStream>> {
        if !self.attributes.cel {
            return Ok(None);
        }
        if self.attributes.schema != SchemaMode::Derived {
            return Err(syn::Error::new_spanned(
                &self.input.ident,
                "`cel` needs the derived schema: the rules of another one are not known",
            ));
        }
        let Crates { core, std, .. } = crates;
        let ident = &self.ident;
        Ok(Some(quote! {
            impl #ident {
                /// Checks the object against the validation rules of its CRD, without an API server.
                ///
                /// # Errors
                ///
                /// The rules that are not met.
                pub fn validate_cel(&self) -> #std::result::Result<(), #core::cel::ValidationErrors> {
                    #core::cel::validate_cel(self)
                }

                /// Checks an update of `old` to this object against the validation rules of its CRD,
                /// transition rules included, without an API server.
                ///
                /// # Errors
                ///
                /// The rules that are not met.
                pub fn validate_cel_update(
                    &self,
                    old: &Self,
                ) -> #std::result::Result<(), #core::cel::ValidationErrors> {
                    #core::cel::validate_cel_update(self, old)
                }
            }
        }))
    }
}

impl PrintColumn {
    fn tokens(&self, core: &Path) -> TokenStream {
        let PrintColumn {
            name,
            type_,
            json_path,
            ..
        } = self;
        let description = option(self.description.as_ref().map(|text| quote!(#text)));
        let format = option(self.format.as_ref().map(|text| quote!(#text)));
        let priority = option(self.priority.map(|priority| quote!(#priority)));
        quote! {
            #core::__derive::Column {
                name: #name,
                type_: #type_,
                json_path: #json_path,
                description: #description,
                format: #format,
                priority: #priority,
            }
        }
    }
}

impl Scale {
    fn tokens(&self, core: &Path) -> TokenStream {
        let Scale {
            spec_replicas_path,
            status_replicas_path,
            ..
        } = self;
        let label_selector_path = option(self.label_selector_path.as_ref().map(|path| quote!(#path)));
        quote! {
            #core::__derive::ScalePaths {
                spec_replicas: #spec_replicas_path,
                status_replicas: #status_replicas_path,
                label_selector: #label_selector_path,
            }
        }
    }
}

fn option(tokens: Option<TokenStream>) -> TokenStream {
    match tokens {
        Some(tokens) => quote!(::std::option::Option::Some(#tokens)),
        None => quote!(::std::option::Option::None),
    }
}
