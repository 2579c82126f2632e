//! The process around controllers, against the embedded API server.
#![allow(clippy::unwrap_used)]

mod crd;
mod runtime;
mod support;
