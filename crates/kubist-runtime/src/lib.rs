//! Watchers, caches and controllers for Kubernetes resources.
//!
//! From the bottom up:
//!
//! - [`watcher()`] turns the list and watch of an API into a stream that heals itself.
//! - [`reflector()`] keeps a [`Store`](reflector::Store), a cache, in step with such a stream.
//! - [`Controller`] watches, caches, and calls a reconciler for each object that changed: in order of
//!   priority, never twice at once for one object, with a backoff of its own for each that fails.
//! - [`finalizer()`] makes sure that an object is cleaned up before it is gone, [`events`] tells its users
//!   what happened, and [`wait`] waits until it is as expected.
//!
//! # The way of an event
//!
//! Each watch is one task: it decodes an event, puts the object into the store, and its key into the
//! queue. The runner takes keys from the queue, finds the object in the store, and starts a reconcile as
//! a task of its own. Keys are allocated once per object; everything after the decoding passes around
//! reference counts.

#[cfg(test)]
extern crate self as kubist_runtime;

pub mod controller;
pub mod events;
pub mod finalizer;
mod key;
mod queue;
pub mod reflector;
pub mod scheduler;
pub mod utils;
pub mod wait;
pub mod watcher;

pub use controller::{Config, Controller, applier};
pub use finalizer::finalizer;
pub use reflector::reflector;
pub use utils::{Predicate, PredicateConfig, WatchStreamExt, predicates};
pub use wait::conditions;
pub use watcher::{metadata_watcher, watcher};
