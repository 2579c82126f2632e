//! TLS: whom to trust, and with which certificate to go there.

#[cfg(feature = "rustls-tls")]
pub(super) mod rustls;
