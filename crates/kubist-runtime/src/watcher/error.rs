//! What can go wrong with a watch.

use kubist_core::response::Status;
use thiserror::Error;

/// An error of a watch, after which the watch goes on.
#[derive(Debug, Error)]
pub enum Error {
    /// The list that comes first failed.
    #[error("failed to perform initial object list: {0}")]
    InitialListFailed(#[source] kubist_client::Error),
    /// The request for a watch failed.
    #[error("failed to start watching object: {0}")]
    WatchStartFailed(#[source] kubist_client::Error),
    /// The server ended the watch with an error; 410 means that it has to begin again with a list.
    #[error("error returned by apiserver during watch: {0}")]
    WatchError(#[source] Box<Status>),
    /// The stream of events broke, or held something that is not an event of this type.
    #[error("watch stream failed: {0}")]
    WatchFailed(#[source] kubist_client::Error),
    /// An object or a list came without a resourceVersion, so the watch cannot be resumed after it.
    #[error("no metadata.resourceVersion in watch result (does resource support watch?)")]
    NoResourceVersion,
}

/// The result of one step of a watch.
pub type Result<T, E = Error> = std::result::Result<T, E>;
