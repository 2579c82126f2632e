//! The macros, through what they generate.
#![allow(clippy::unwrap_used)]

mod custom_resource;
mod kube_schema;
mod resource;
mod ui;
