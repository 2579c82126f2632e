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
//! std::fs::write("/dev/null", server.kubeconfig()).ok();
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! What it does, and what it answers with 501, is told in `docs/apiserver.md`.

mod access;
mod address;
mod answer;
mod api;
mod apply;
mod audit;
mod auth;
mod body;
mod builder;
mod controllers;
mod crd;
mod decode;
mod defaults;
mod delete;
mod discovery;
mod event;
mod fields;
mod gojson;
mod hash;
mod identity;
mod json;
mod kind;
mod kubeconfig;
mod meta;
mod metavalidate;
mod negotiate;
mod openapi;
mod options;
mod pod;
mod protobuf;
mod read;
mod request;
mod review;
mod rules;
mod select;
mod server;
mod service;
mod status;
mod storage;
mod strategy;
mod subresource;
mod table;
mod tls;
mod view;
mod watch;
mod write;

pub use audit::Record;
pub use auth::User;
pub use body::Body;
pub use builder::Builder;
pub use server::{Error, Server};
pub use service::Service;
pub use storage::Snapshot;
