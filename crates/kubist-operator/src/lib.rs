//! The process around Kubernetes controllers.
//!
//! [`Runtime`] is what `main` holds: it reads the command line, sets up logs, finds the cluster, serves
//! probes and metrics, runs controllers, and stops all of it in the right order when the process is told
//! to stop.
//!
//! ```no_run
//! use std::{convert::Infallible, sync::Arc};
//! use clap::Parser;
//! use k8s_openapi::api::core::v1::ConfigMap;
//! use kubist_operator::{Args, Runtime};
//! use kubist_runtime::{Controller, controller::Action, watcher};
//!
//! #[derive(Parser)]
//! struct Command {
//!     #[command(flatten)]
//!     operator: Args,
//! }
//!
//! async fn reconcile(_map: Arc<ConfigMap>, _context: Arc<()>) -> Result<Action, Infallible> {
//!     Ok(Action::await_change())
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), kubist_operator::Error> {
//!     let command = Command::parse();
//!     let mut runtime = Runtime::builder("config", command.operator).build().await?;
//!     let maps = Controller::new(runtime.all::<ConfigMap>(), watcher::Config::default());
//!     runtime.controller(maps, reconcile, Arc::new(()));
//!     runtime.run().await
//! }
//! ```
//!
//! The parts can be used alone: [`Args`] is made of one struct per concern, [`Shutdown`] and [`Readiness`]
//! are handles that any task can hold, [`crd::Command`] prints and installs CustomResourceDefinitions,
//! [`conversion::Converter`] converts custom resources between their versions for the API server.

mod admin;
mod args;
mod controllers;
pub mod conversion;
pub mod crd;
mod error;
mod logs;
mod metrics;
mod readiness;
mod runtime;
mod shutdown;

pub use admin::Admin;
pub use args::{AdminArgs, Args, ClientArgs, ClientError, LogArgs, LogFormat};
pub use error::{Error, report};
pub use readiness::{Gate, Readiness};
pub use runtime::{Builder, Runtime};
pub use shutdown::Shutdown;

/// The registry of metrics, and the types of metrics that it takes.
pub use prometheus_client;
