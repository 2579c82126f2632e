//! A Kubernetes API server inside the process, for tests and development.
//!
//! It answers as kube-apiserver v1.36 does, over real HTTP, and is there in a few
//! milliseconds: no etcd, no binaries, nothing to install.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), kubist_apiserver::Error> {
//! use kubist_apiserver::Server;
//!
//! let server = Server::start().await?;
//! println!("{}", server.url()); // http://127.0.0.1:39121
//! # #[cfg(feature = "client")]
//! let client = server.client(); // kubist's own
//! let kubeconfig = server.kubeconfig(); // for everybody else's
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! What it does, and what it answers with 501, is told in `docs/apiserver.md`.

mod access;
mod admission;
mod cel;
mod controllers;
mod crd;
mod discovery;
mod endpoints;
mod faults;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod identity;
mod kinds;
mod object;
mod router;
mod server;
mod state;
mod store;
mod webhook;

pub use access::users::User;
pub use faults::{Aim, Effect, Fault, Faults, Injected, ParseFaultError};
pub use http::body::Body;
pub use server::audit::Record;
pub use server::builder::Builder;
pub use server::load::LoadError;
pub use server::service::Service;
pub use server::tls::ClientCertificate;
pub use server::{Error, Server};
pub use store::Snapshot;
pub use webhook::ServiceReference;
