//! What a patch does to a Kubernetes object.
//!
//! | patch | function |
//! |---|---|
//! | JSON merge patch (RFC 7386) | [`json_merge`] |
//! | JSON patch (RFC 6902) | [`json_patch()`] |
//! | strategic merge patch | [`strategic_merge`], by the merge keys of [`kubist_schema`] |
//! | server-side apply | [`managed::Managers::apply`], by a [`Shape`] |
//!
//! Server-side apply rests on sets of fields: a [`FieldSet`] says which fields somebody
//! owns, [`compare`] says which fields an update touched, and [`managed`] keeps the
//! `metadata.managedFields` of an object true.

mod compare;
mod error;
mod fieldset;
mod gofmt;
mod json;
pub mod managed;
mod merge;
mod path;
mod remove;
mod shape;
mod strategic;
mod walk;

pub use compare::{Comparison, compare};
pub use error::{PatchError, TypeError};
pub use fieldset::FieldSet;
pub use gofmt::go_value;
pub use json::{json_merge, json_patch};
pub use merge::merge;
pub use path::{Path, PathElement};
pub use remove::remove_items;
pub use shape::{Atom, ListKind, ScalarKind, Shape};
pub use strategic::strategic_merge;
pub use walk::field_set;
