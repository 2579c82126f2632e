//! The Kubernetes toolkit for Rust.
//!
//! | with | comes |
//! |---|---|
//! | `client` (default) | [`Client`], [`Api`], [`Config`] and discovery |
//! | `runtime` | [`runtime`]: watchers, caches and controllers |
//! | `derive` | `#[derive(CustomResource)]`: custom resources from a struct |
//! | `operator` | [`operator`]: the process around controllers |
//!
//! # From kube
//!
//! An application written for [kube](https://docs.rs/kube) 4 depends on this crate under that name, and
//! stays as it is:
//!
//! ```toml
//! [dependencies]
//! kube = { package = "kubist", version = "0.1", features = ["runtime", "derive"] }
//! ```
//!
//! # Example
//!
//! ```no_run
//! # #[cfg(feature = "client")]
//! # async fn example() -> Result<(), kubist::Error> {
//! use k8s_openapi::api::core::v1::Pod;
//! use kubist::{Api, Client, ResourceExt, api::ListParams};
//!
//! let pods: Api<Pod> = Api::default_namespaced(Client::try_default().await?);
//! for pod in pods.list(&ListParams::default().labels("app=web")).await? {
//!     println!("{}", pod.name_any());
//! }
//! # Ok(())
//! # }
//! ```

// The derives write `::kubist`, also in this crate's own tests and examples.
extern crate self as kubist;

pub use kubist_core as core;

#[doc(inline)]
pub use kubist_core::{CustomResourceExt, Resource, ResourceExt, conversion};

#[cfg(feature = "config")]
#[doc(inline)]
pub use kubist_client::config::{self, Config};

#[cfg(feature = "client")]
#[doc(inline)]
pub use kubist_client::{Api, Client, Discovery, Error, api, client, discovery, error};

#[cfg(feature = "derive")]
#[doc(inline)]
pub use kubist_derive::{ApplyConfiguration, CustomResource, KubeSchema, Resource, Status, Upgrade};

#[cfg(feature = "runtime")]
#[doc(inline)]
pub use kubist_runtime as runtime;

#[cfg(feature = "operator")]
#[doc(inline)]
pub use kubist_operator as operator;

/// A result whose error is [`Error`], unless another is named.
#[cfg(feature = "client")]
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The traits that one usually wants in scope.
///
/// ```
/// use kubist::prelude::*;
/// ```
pub mod prelude {
    #[cfg(feature = "client")]
    pub use kubist_client::client::ConfigExt as _;
    pub use kubist_core::{CustomResourceExt as _, PartialObjectMetaExt as _, SelectorExt as _};
    pub use kubist_core::{Resource as _, ResourceExt as _};
    #[cfg(feature = "runtime")]
    pub use kubist_runtime::utils::WatchStreamExt as _;
}

/// The README's example compiles.
#[cfg(all(doctest, feature = "derive", feature = "operator"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The chapters of the book about derives compile.
#[cfg(all(doctest, feature = "derive"))]
mod book {
    #[doc = include_str!("../../../docs/derives.md")]
    struct Derives;
    #[doc = include_str!("../../../docs/conversion.md")]
    struct Conversion;
}
