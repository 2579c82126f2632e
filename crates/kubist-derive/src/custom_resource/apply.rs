//! The apply configuration of a root.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{DeriveInput, Path};

use crate::apply;
use crate::crates::{Crates, path_string};

/// A root that has an apply configuration.
pub(super) struct ApplyRoot<'a> {
    pub(super) ident: &'a Ident,
    pub(super) spec: &'a DeriveInput,
    pub(super) status: Option<&'a Path>,
    pub(super) kind: &'a str,
    pub(super) api_version: &'a str,
    pub(super) namespaced: bool,
}

impl ApplyRoot<'_> {
    /// The configurations of the spec and of the root.
    pub(super) fn expand(&self, crates: &Crates) -> syn::Result<TokenStream> {
        let spec = apply::configuration(self.spec, crates)?;
        let definition = self.definition(crates);
        let methods = self.methods(crates);
        let extract = self.extract(crates);
        let serialize = self.serialize(crates);
        let (name, ident, core) = (apply::name_of(self.ident), self.ident, &crates.core);
        Ok(quote! {
            #spec
            #definition
            impl #name {
                #methods
                #extract
            }
            #serialize
            impl #core::apply::HasApply for #ident {
                type Apply = #name;
            }
        })
    }

    fn definition(&self, crates: &Crates) -> TokenStream {
        let Crates {
            core,
            k8s_openapi,
            serde,
            std,
            ..
        } = crates;
        let (vis, spec) = (&self.spec.vis, &self.spec.ident);
        let name = apply::name_of(self.ident);
        let serde_crate = path_string(serde);
        let doc = format!(
            "What a manager applies of a [`{}`]: what is set, and nothing else.",
            self.ident
        );
        let status = self.status.map(|status| {
            quote! {
                /// What is applied of the status; sent with `Api::apply_status`.
                #[serde(default)]
                pub status: #std::option::Option<<#status as #core::apply::HasApply>::Apply>,
            }
        });
        quote! {
            #[doc = #doc]
            #[derive(#std::clone::Clone, #std::fmt::Debug, #std::default::Default, #serde::Deserialize)]
            #[serde(crate = #serde_crate)]
            #vis struct #name {
                /// What is applied of the metadata; a configuration needs its name.
                #[serde(default)]
                pub metadata: #k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
                /// What is applied of the spec.
                #[serde(default)]
                pub spec: #std::option::Option<<#spec as #core::apply::HasApply>::Apply>,
                #status
            }
        }
    }

    fn methods(&self, crates: &Crates) -> TokenStream {
        let Crates { core, std, .. } = crates;
        let spec = &self.spec.ident;
        let doc = format!(
            "A configuration of the `{}` of this name, with nothing set.",
            self.kind
        );
        let namespace = self.namespaced.then(|| {
            quote! {
                /// The object's namespace.
                #[must_use]
                pub fn namespace(mut self, namespace: impl #std::convert::Into<#std::string::String>) -> Self {
                    self.metadata.namespace = #std::option::Option::Some(namespace.into());
                    self
                }
            }
        });
        let status = self.status.map(|status| {
            quote! {
                /// Sets what is applied of the status.
                #[must_use]
                pub fn status(
                    mut self,
                    status: impl #std::convert::Into<<#status as #core::apply::HasApply>::Apply>,
                ) -> Self {
                    self.status = #std::option::Option::Some(status.into());
                    self
                }
            }
        });
        quote! {
            #[doc = #doc]
            #[must_use]
            pub fn new(name: &str) -> Self {
                let mut configuration: Self = #std::default::Default::default();
                configuration.metadata.name = #std::option::Option::Some(name.to_string());
                configuration
            }

            #namespace

            /// Adds a label.
            #[must_use]
            pub fn label(
                mut self,
                key: impl #std::convert::Into<#std::string::String>,
                value: impl #std::convert::Into<#std::string::String>,
            ) -> Self {
                self.metadata.labels.get_or_insert_default().insert(key.into(), value.into());
                self
            }

            /// Adds an annotation.
            #[must_use]
            pub fn annotation(
                mut self,
                key: impl #std::convert::Into<#std::string::String>,
                value: impl #std::convert::Into<#std::string::String>,
            ) -> Self {
                self.metadata.annotations.get_or_insert_default().insert(key.into(), value.into());
                self
            }

            /// Sets what is applied of the spec.
            #[must_use]
            pub fn spec(
                mut self,
                spec: impl #std::convert::Into<<#spec as #core::apply::HasApply>::Apply>,
            ) -> Self {
                self.spec = #std::option::Option::Some(spec.into());
                self
            }

            #status
        }
    }

    fn extract(&self, crates: &Crates) -> TokenStream {
        let Crates { core, std, .. } = crates;
        let ident = self.ident;
        quote! {
            /// What `manager` owns of an object, to be changed and applied again.
            ///
            /// # Errors
            ///
            /// An object without `managedFields`, as caches keep it, and what does not fit the
            /// configuration's type.
            pub fn extract(object: &#ident, manager: &str) -> #std::result::Result<Self, #core::apply::Error> {
                #core::apply::extract(object, manager, #std::option::Option::None)
            }

            /// What `manager` owns of an object through a subresource such as `status`.
            ///
            /// # Errors
            ///
            /// Those of `extract`.
            pub fn extract_subresource(
                object: &#ident,
                manager: &str,
                subresource: &str,
            ) -> #std::result::Result<Self, #core::apply::Error> {
                #core::apply::extract(object, manager, #std::option::Option::Some(subresource))
            }
        }
    }

    /// `Serialize`, which adds `apiVersion` and `kind`.
    fn serialize(&self, crates: &Crates) -> TokenStream {
        let Crates { serde, std, .. } = crates;
        let (name, kind, api_version) = (apply::name_of(self.ident), self.kind, self.api_version);
        let status = self.status.map(|_| quote!(status));
        let parts: Vec<TokenStream> = [quote!(spec)].into_iter().chain(status).collect();
        let keys = parts.iter().map(ToString::to_string);
        quote! {
            impl #serde::Serialize for #name {
                fn serialize<S: #serde::Serializer>(&self, serializer: S) -> #std::result::Result<S::Ok, S::Error> {
                    let parts = 3usize #(+ #std::primitive::usize::from(self.#parts.is_some()))*;
                    let mut object = serializer.serialize_struct(#kind, parts)?;
                    #serde::ser::SerializeStruct::serialize_field(&mut object, "apiVersion", #api_version)?;
                    #serde::ser::SerializeStruct::serialize_field(&mut object, "kind", #kind)?;
                    #serde::ser::SerializeStruct::serialize_field(&mut object, "metadata", &self.metadata)?;
                    #(
                        if let #std::option::Option::Some(part) = &self.#parts {
                            #serde::ser::SerializeStruct::serialize_field(&mut object, #keys, part)?;
                        }
                    )*
                    #serde::ser::SerializeStruct::end(object)
                }
            }
        }
    }
}
