//! Facts about Kubernetes' built-in kinds as static tables.
//!
//! What a client of a typed language knows by its structs, a program that handles *any*
//! kind needs as data: how each field is called in JSON and numbered in protobuf, which
//! lists are maps in disguise and by which keys, what a strategic merge patch does with
//! them, and how the server names, scopes and prints each resource.
//!
//! The tables describe Kubernetes v1.36. They are text, read line by line at first use:
//! a message costs its parsing once, and lookups after that allocate nothing.
//!
//! ```
//! let pods = kubist_schema::resource("", "v1", "pods").expect("pods are built in");
//! assert!(pods.namespaced);
//!
//! let pod = kubist_schema::kind("", "v1", "Pod").expect("Pod is built in");
//! let spec = pod.field("spec").and_then(|field| field.message()).expect("a pod has a spec");
//! let containers = spec.field("containers").expect("a spec has containers");
//! assert_eq!(containers.merge_key, Some("name"));
//! ```

mod field;
mod kind;
mod message;
mod resource;

pub use field::{Field, ListType, Type, Wire};
pub use kind::{Kind, kind, kinds};
pub use message::{Message, Special, message, messages};
pub use resource::{Column, Resource, Subresource, resource, resources};

/// The version of Kubernetes that the tables describe.
pub const KUBERNETES_VERSION: &str = "v1.36";
