//! The process around controllers, against the embedded API server.
#![allow(clippy::unwrap_used)]

mod crd;
mod runtime;
#[cfg(unix)]
mod signals;
mod support;
