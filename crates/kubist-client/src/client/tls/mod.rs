//! TLS: whom to trust, and with which certificate to go there.

#[cfg(feature = "openssl-tls")]
pub(super) mod openssl;
#[cfg(feature = "rustls-tls")]
mod reloaded;
#[cfg(feature = "rustls-tls")]
pub(super) mod rustls;

#[cfg(feature = "rustls-tls")]
use reloaded::Reloaded;
