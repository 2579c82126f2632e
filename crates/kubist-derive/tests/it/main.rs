//! The macros, through what they generate.
#![allow(clippy::unwrap_used)]

mod custom_resource;
mod resource;
mod ui;
