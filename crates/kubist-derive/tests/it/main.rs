//! The macros, through what they generate.
#![allow(clippy::unwrap_used)]

mod apply;
mod cel;
mod conversion;
mod custom_resource;
mod forms;
mod install;
mod kube_schema;
mod resource;
mod shapes;
mod status;
mod support;
mod ui;
mod upgrade;
