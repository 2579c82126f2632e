//! A Kubernetes client.
//!
//! [`Client`] sends requests; [`Api`] makes them for one kind of object; [`Config`] says where to
//! and as whom, from a kubeconfig or from within a cluster; [`Discovery`] asks a server what it has.
//!
//! ```no_run
//! use k8s_openapi::api::core::v1::Pod;
//! use kubist_client::{Api, Client, api::ListParams};
//!
//! # async fn run() -> Result<(), kubist_client::Error> {
//! let client = Client::try_default().await?;
//! let pods: Api<Pod> = Api::default_namespaced(client);
//! for pod in pods.list(&ListParams::default().labels("app=web")).await? {
//!     println!("{:?}", pod.metadata.name);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `config` | | [`Config`] and [`config::Kubeconfig`], without a client |
//! | `client` | yes | [`Client`], [`Api`], [`Discovery`] |
//! | `rustls-tls` | yes | HTTPS, by rustls |
//! | `ring`, `aws-lc-rs` | `ring` | rustls' cryptography |
//! | `openssl-tls` | | HTTPS by OpenSSL, where `rustls-tls` is off; needs OpenSSL 1.1 or newer, and its headers to build |
//! | `webpki-roots` | | Mozilla's root certificates instead of the platform's |
//! | `http-proxy` | | proxies by `CONNECT`, with TLS or without: `proxy-url`, `HTTPS_PROXY` and the like |
//! | `socks5` | | proxies by SOCKS 5 |
//! | `oidc` | | the auth provider `oidc` |
//! | `oauth` | | the auth provider `gcp` with Google's application default credentials |
//! | `hyper-util-tracing` | | what hyper-util traces: how connections are opened |
//! | `gzip` | | compressed responses |
//! | `ws` | | exec, attach and port-forward: `Api::exec` and others, `Client::connect` |
//! | `copy` | | `Api::upload` and `Api::download` |
//! | `kubelet-debug` | | requests to a kubelet's own endpoints |
//! | `jsonpatch`, `admission` | | those of `kubist-core` |
#![cfg_attr(docsrs, feature(doc_cfg))]
// The errors of this API are what they are; most carry their causes whole.
#![allow(clippy::result_large_err)]

#[cfg(feature = "client")]
pub mod api;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "client")]
pub mod discovery;
#[cfg(feature = "config")]
pub mod error;
#[cfg(all(feature = "client", any(fuzzing, test)))]
#[doc(hidden)]
pub mod fuzzing;

#[cfg(feature = "client")]
pub use api::Api;
#[cfg(feature = "client")]
pub use client::Client;
#[cfg(feature = "config")]
pub use config::Config;
#[cfg(feature = "client")]
pub use discovery::Discovery;
#[cfg(feature = "config")]
pub use error::Error;
pub use kubist_core as core;
pub use kubist_core::{CustomResourceExt, Resource, ResourceExt};

/// A result with this crate's [`Error`].
///
/// ```no_run
/// use kubist_client::{Client, Result};
///
/// async fn version(client: &Client) -> Result<String> {
///     Ok(client.apiserver_version().await?.git_version)
/// }
/// ```
#[cfg(feature = "config")]
pub type Result<T, E = Error> = std::result::Result<T, E>;
