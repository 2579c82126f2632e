//! The client over real connections.

mod auth;
mod connection;
mod embedded;
mod logs;
#[cfg(all(feature = "http-proxy", feature = "socks5"))]
mod proxy;
mod server;
mod tls;
mod watch;
#[cfg(feature = "ws")]
mod ws;
