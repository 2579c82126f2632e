//! The client over real connections.

mod api;
mod auth;
mod connection;
mod embedded;
mod logs;
mod mapper;
#[cfg(all(feature = "oauth", feature = "openssl-tls"))]
mod oauth;
#[cfg(feature = "oidc")]
mod oidc;
#[cfg(all(feature = "http-proxy", feature = "socks5"))]
mod proxy;
mod rotation;
mod server;
mod timeouts;
mod tls;
mod watch;
#[cfg(feature = "ws")]
mod ws;
