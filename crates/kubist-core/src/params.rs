//! What one can ask of the verbs: the options of requests.

mod delete;
mod list;
mod patch;
mod watch;

pub use delete::{DeleteParams, Preconditions, PropagationPolicy};
pub use list::{GetParams, ListParams, VersionMatch};
pub use patch::{Patch, PatchParams, PostParams, ValidationDirective};
pub use watch::WatchParams;

/// Query parameters as they are put together.
pub(crate) type Query = form_urlencoded::Serializer<'static, String>;
