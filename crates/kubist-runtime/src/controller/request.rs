//! Requests to reconcile, and why.

use std::fmt::{self, Debug, Display};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kubist_core::Resource;
use kubist_core::dynamic::DynamicObject;

use crate::key::Key;
use crate::reflector::ObjectRef;

/// A request to reconcile one object.
pub struct ReconcileRequest<K: Resource> {
    /// Which object.
    pub obj_ref: ObjectRef<K>,
    /// Why.
    pub reason: ReconcileReason,
}

/// Why an object is reconciled; for logs, not for decisions: requests merge, and one reason remains.
#[derive(Debug, Clone)]
pub enum ReconcileReason {
    /// Nothing is known.
    Unknown,
    /// The object changed.
    ObjectUpdated,
    /// Another object changed that has to do with it.
    RelatedObjectUpdated {
        /// The other object.
        obj_ref: Box<ObjectRef<DynamicObject>>,
    },
    /// The last reconcile asked for it.
    ReconcilerRequestedRetry,
    /// The last reconcile failed.
    ErrorPolicyRequestedRetry,
    /// All objects are reconciled.
    BulkReconcile,
    /// Something else.
    Custom {
        /// What.
        reason: String,
    },
}

impl Display for ReconcileReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReconcileReason::Unknown => f.write_str("unknown"),
            ReconcileReason::ObjectUpdated => f.write_str("object updated"),
            ReconcileReason::RelatedObjectUpdated { obj_ref } => {
                write!(f, "related object updated: {obj_ref}")
            }
            ReconcileReason::ReconcilerRequestedRetry => f.write_str("reconciler requested retry"),
            ReconcileReason::ErrorPolicyRequestedRetry => f.write_str("error policy requested retry"),
            ReconcileReason::BulkReconcile => f.write_str("bulk reconcile requested"),
            ReconcileReason::Custom { reason } => f.write_str(reason),
        }
    }
}

impl<K: Resource> From<ObjectRef<K>> for ReconcileRequest<K> {
    fn from(obj_ref: ObjectRef<K>) -> Self {
        ReconcileRequest {
            obj_ref,
            reason: ReconcileReason::Unknown,
        }
    }
}

impl<K: Resource> Clone for ReconcileRequest<K>
where
    K::DynamicType: Clone,
{
    fn clone(&self) -> Self {
        ReconcileRequest {
            obj_ref: self.obj_ref.clone(),
            reason: self.reason.clone(),
        }
    }
}

impl<K: Resource> Debug for ReconcileRequest<K>
where
    K::DynamicType: Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconcileRequest")
            .field("obj_ref", &self.obj_ref)
            .field("reason", &self.reason)
            .finish()
    }
}

/// Requests are equal when they are for the same object, whatever the reason.
impl<K: Resource> PartialEq for ReconcileRequest<K>
where
    K::DynamicType: PartialEq,
{
    fn eq(&self, other: &Self) -> bool {
        self.obj_ref == other.obj_ref
    }
}

impl<K: Resource> Eq for ReconcileRequest<K> where K::DynamicType: Eq {}

impl<K: Resource> Hash for ReconcileRequest<K>
where
    K::DynamicType: Hash,
{
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.obj_ref.hash(state);
    }
}

/// A reason as the queue holds it: without an allocation of its own.
#[derive(Debug, Clone)]
pub(super) enum Reason {
    ObjectUpdated,
    Related { kind: Arc<str>, key: Key },
    Requeued,
    Retried,
    Bulk,
    Given(Arc<ReconcileReason>),
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::ObjectUpdated => Display::fmt(&ReconcileReason::ObjectUpdated, f),
            Reason::Related { kind, key } => write!(f, "related object updated: {kind} {key}"),
            Reason::Requeued => Display::fmt(&ReconcileReason::ReconcilerRequestedRetry, f),
            Reason::Retried => Display::fmt(&ReconcileReason::ErrorPolicyRequestedRetry, f),
            Reason::Bulk => Display::fmt(&ReconcileReason::BulkReconcile, f),
            Reason::Given(reason) => Display::fmt(reason, f),
        }
    }
}
