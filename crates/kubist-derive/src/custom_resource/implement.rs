//! The traits of an object: `Serialize`, `Resource`, `HasSpec` and `HasStatus`.

use proc_macro2::TokenStream;
use quote::quote;

use super::attributes::KubeAttributes;
use super::root::Root;
use crate::crates::Crates;

impl Root<'_> {
    /// `Serialize`, which adds `apiVersion` and `kind`.
    pub(super) fn serialize(&self, crates: &Crates) -> TokenStream {
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
    pub(super) fn resource(&self, crates: &Crates) -> TokenStream {
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
    pub(super) fn parts(&self, crates: &Crates) -> TokenStream {
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
}
