//! Rules without a server.

use proc_macro2::TokenStream;
use quote::quote;

use super::attributes::SchemaMode;
use super::root::Root;
use crate::crates::Crates;

impl Root<'_> {
    /// Methods that check an object against its rules without a server.
    pub(super) fn validate_cel(&self, crates: &Crates) -> syn::Result<Option<TokenStream>> {
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
