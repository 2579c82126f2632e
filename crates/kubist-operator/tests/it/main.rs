//! The process around controllers, against the embedded API server.
#![allow(clippy::unwrap_used)]

mod conversion;
mod crd;
mod https;
mod runtime;
#[cfg(unix)]
mod signals;
mod support;
