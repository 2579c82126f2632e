//! What a request on a resource does, one verb or subresource a file.

pub(crate) mod apply;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod labels;
mod last_applied;
pub(crate) mod patch;
pub(crate) mod read;
pub(crate) mod replace;
pub(crate) mod select;
pub(crate) mod subresource;
pub(crate) mod update;
pub(crate) mod watch;
