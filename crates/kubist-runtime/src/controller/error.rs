//! What can go wrong in a controller.

use kubist_core::dynamic::DynamicObject;
use thiserror::Error;

use crate::reflector::ObjectRef;
use crate::reflector::store::WriterDropped;

/// An error of a controller, after which it goes on.
#[derive(Debug, Error)]
pub enum Error<ReconcilerErr: 'static, QueueErr: 'static> {
    /// An object was to be reconciled that is not in the cache; for example the owner of a deleted
    /// object that is itself gone.
    #[error("tried to reconcile object {0} that was not found in local store")]
    ObjectNotFound(Box<ObjectRef<DynamicObject>>),
    /// The reconciler returned an error.
    #[error("reconciler for object {1} failed: {0}")]
    ReconcilerFailed(#[source] ReconcilerErr, Box<ObjectRef<DynamicObject>>),
    /// A watch or another source of requests failed.
    #[error("event queue error: {0}")]
    QueueError(#[source] QueueErr),
    /// The controller itself could not do its work.
    #[error("runner error: {0}")]
    RunnerError(#[source] RunnerError),
}

/// An error of the controller itself.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// The cache will never be ready, so nothing can be reconciled: its stream ended too early.
    #[error("readiness gate failed to become ready: {0}")]
    Readiness(#[source] WriterDropped),
    /// The reconciler panicked; the object is tried again after its backoff.
    #[error("reconciler for object {0} panicked: {1}")]
    Panicked(Box<ObjectRef<DynamicObject>>, String),
}
