//! The client over real connections.

mod api;
mod auth;
mod connection;
mod embedded;
mod logs;
mod mapper;
mod server;
mod tls;
mod watch;
#[cfg(feature = "ws")]
mod ws;
