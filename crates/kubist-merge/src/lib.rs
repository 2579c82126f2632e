//! What a patch does to a Kubernetes object.
//!
//! | patch | function |
//! |---|---|
//! | JSON merge patch (RFC 7386) | [`json_merge`] |
//! | JSON patch (RFC 6902) | [`json_patch`] |
//! | strategic merge patch | [`strategic_merge`], by the merge keys of [`kubist_schema`] |

mod error;
mod gofmt;
mod json;
mod shape;
mod strategic;

pub use error::PatchError;
pub use gofmt::go_value;
pub use json::{json_merge, json_patch};
pub use shape::{Atom, ListKind, ScalarKind, Shape};
pub use strategic::strategic_merge;
