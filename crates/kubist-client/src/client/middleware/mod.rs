//! The layers that make a service a client: where to, as whom, with which headers.
//!
//! [`ConfigExt`](super::ConfigExt) makes them of a configuration.

mod auth;
mod base_uri;
mod extra_headers;

pub use auth::{Auth, AuthLayer};
pub use base_uri::{BaseUri, BaseUriLayer};
pub use extra_headers::{ExtraHeaders, ExtraHeadersLayer};
