//! The vocabulary of a Kubernetes client, without I/O.
//!
//! Everything here is a value: what a resource is ([`Resource`]), what one asks of it
//! ([`params`]), the HTTP request that asks it ([`Request`]), and what a server answers
//! ([`response`], [`watch`], [`discovery`]). Nothing here opens a socket, so all of it can be
//! tested without a server.
//!
//! ```
//! use k8s_openapi::api::core::v1::Pod;
//! use kubist_core::{Request, Resource, params::ListParams};
//!
//! let pods = Request::new(Pod::url_path(&(), Some("default")));
//! let request = pods.list(&ListParams::default().labels("app=web").limit(50))?;
//! assert_eq!(
//!     request.uri(),
//!     "/api/v1/namespaces/default/pods?&labelSelector=app%3Dweb&limit=50"
//! );
//! # Ok::<(), kubist_core::request::Error>(())
//! ```
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `admission` | the messages of admission webhooks |
//! | `cel` | evaluation of CEL validation rules in the process |
//! | `jsonpatch` | `Patch::Json` |
//! | `kubelet-debug` | requests to a kubelet's debug endpoints |
//! | `schema` | transforms from schemars' schemas to structural ones |
//! | `ws` | requests for exec, attach and port-forward |
#![cfg_attr(docsrs, feature(doc_cfg))]

// The derives write `::kubist_core`, also in this crate's own tests.
extern crate self as kubist_core;

#[cfg(feature = "schema")]
#[doc(hidden)]
#[path = "derive.rs"]
pub mod __derive;
#[cfg(feature = "admission")]
pub mod admission;
pub mod apply;
pub mod cel;
pub mod conversion;
pub mod crd;
pub mod discovery;
pub mod duration;
pub mod dynamic;
pub mod error_boundary;
pub mod fields;
pub mod gvk;
pub mod int_or_string;
#[cfg(feature = "kubelet-debug")]
pub mod kubelet_debug;
pub mod labels;
pub mod metadata;
pub mod object;
pub mod params;
pub mod quantity;
pub mod redact;
pub mod request;
mod resource;
pub mod response;
#[cfg(feature = "schema")]
pub mod schema;
pub mod status;
pub mod subresource;
pub mod util;
mod version;
pub mod watch;

pub use cel::{ListMerge, MapMerge, Message, Reason, Rule, StructMerge};
#[cfg(feature = "schema")]
pub use cel::{merge_properties, merge_strategy, merge_strategy_property, validate, validate_property};
pub use crd::CustomResourceExt;
pub use duration::Duration;
pub use dynamic::{ApiResource, DynamicObject};
pub use error_boundary::DeserializeGuard;
pub use fields::FieldSelector;
pub use gvk::{GroupVersion, GroupVersionKind, GroupVersionResource};
pub use labels::{Expression, ParseExpressionError, Selector, SelectorExt};
pub use metadata::{ListMeta, ObjectMeta, PartialObjectMeta, PartialObjectMetaExt, TypeMeta};
pub use object::{NotUsed, Object, ObjectList};
pub use request::Request;
pub use resource::{
    ClusterResourceScope, DynamicResourceScope, NamespaceResourceScope, Resource, ResourceExt, ResourceScope,
    SubResourceScope, api_version_from_group_version,
};
pub use response::Status;
pub use version::Version;
pub use watch::WatchEvent;

/// The old name of [`Status`].
///
/// ```
/// # #![allow(deprecated)]
/// use kubist_core::{ErrorResponse, Status};
///
/// let refused: ErrorResponse = Status::failure("no such pod", "NotFound").with_code(404);
/// assert!(refused.is_not_found());
/// ```
#[deprecated(note = "use `Status`")]
pub type ErrorResponse = Status;
