//! Cleaning up before an object is gone.

use std::fmt::Debug;
use std::sync::Arc;

use futures::{TryFuture, TryFutureExt};
use json_patch::{AddOperation, Patch as JsonPatch, PatchOperation, RemoveOperation, TestOperation, jsonptr};
use kubist_client::Api;
use kubist_core::params::{Patch, PatchParams};
use kubist_core::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::controller::Action;

/// An error of [`finalizer`].
#[derive(Debug, Error)]
pub enum Error<ReconcileErr>
where
    ReconcileErr: std::error::Error + 'static,
{
    /// The reconciler failed on [`Event::Apply`].
    #[error("failed to apply object: {0}")]
    ApplyFailed(#[source] ReconcileErr),
    /// The reconciler failed on [`Event::Cleanup`]; the finalizer stays.
    #[error("failed to clean up object: {0}")]
    CleanupFailed(#[source] ReconcileErr),
    /// The finalizer could not be added; nothing was applied.
    #[error("failed to add finalizer: {0}")]
    AddFinalizer(#[source] kubist_client::Error),
    /// The clean-up is done, but the finalizer could not be removed: the clean-up will run again.
    #[error("failed to remove finalizer: {0}")]
    RemoveFinalizer(#[source] kubist_client::Error),
    /// The object has no name.
    #[error("object has no name")]
    UnnamedObject,
    /// The name of the finalizer cannot be part of a JSON pointer.
    #[error("invalid finalizer")]
    InvalidFinalizer,
}

/// What is to be done with an object that has a finalizer.
#[derive(Debug, Clone)]
pub enum Event<K> {
    /// Make the world as the object wants it.
    ///
    /// The object carries the finalizer, so that whatever is made here will be cleaned up.
    Apply(Arc<K>),
    /// The object is being deleted: undo what was made.
    ///
    /// When this succeeds the finalizer is removed, and the object goes once its other finalizers are
    /// gone. It may run more than once, and for an object that was never applied.
    Cleanup(Arc<K>),
}

/// Reconciles an object so that it is cleaned up before it is gone.
///
/// An object without the finalizer gets it, and is not reconciled yet: the change that this makes leads
/// to the next run. From then on `reconcile` is called with [`Event::Apply`], and with
/// [`Event::Cleanup`] once the object is being deleted; when that succeeds, the finalizer is removed.
///
/// `finalizer_name` has to be unique to the controller and qualified, for example
/// `docs.example.com/cleanup`.
///
/// The changes are JSON patches that test what they change, so a stale cache leads to an error and
/// another run rather than to a lost finalizer. That the object is already gone is no error.
///
/// See [Finalizers](https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/).
///
/// # Errors
///
/// See [`enum@Error`].
///
/// # Example
///
/// ```no_run
/// use std::{convert::Infallible, sync::Arc};
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use kubist_client::Api;
/// use kubist_runtime::{controller::Action, finalizer::{self, Event, finalizer}};
///
/// async fn reconcile(
///     map: Arc<ConfigMap>,
///     api: &Api<ConfigMap>,
/// ) -> Result<Action, finalizer::Error<Infallible>> {
///     finalizer(api, "docs.example.com/cleanup", map, |event| async {
///         match event {
///             Event::Apply(_map) => { /* make */ }
///             Event::Cleanup(_map) => { /* undo */ }
///         }
///         Ok(Action::await_change())
///     })
///     .await
/// }
/// ```
pub async fn finalizer<K, ReconcileFut>(
    api: &Api<K>,
    finalizer_name: &str,
    obj: Arc<K>,
    reconcile: impl FnOnce(Event<K>) -> ReconcileFut,
) -> Result<Action, Error<ReconcileFut::Error>>
where
    K: Resource + Clone + DeserializeOwned + Serialize + Debug,
    ReconcileFut: TryFuture<Ok = Action>,
    ReconcileFut::Error: std::error::Error + 'static,
{
    let index = obj
        .finalizers()
        .iter()
        .position(|finalizer| finalizer == finalizer_name);
    let deleting = obj.meta().deletion_timestamp.is_some();
    match (index, deleting) {
        (Some(_), false) => TryFutureExt::into_future(reconcile(Event::Apply(obj)))
            .await
            .map_err(Error::ApplyFailed),
        (Some(index), true) => {
            let name = obj.meta().name.clone().ok_or(Error::UnnamedObject)?;
            let cleanup = TryFutureExt::into_future(reconcile(Event::Cleanup(obj)));
            let action = cleanup.await.map_err(Error::CleanupFailed)?;
            match api
                .patch::<K>(&name, &PatchParams::default(), &removal(finalizer_name, index))
                .await
            {
                Ok(_) => Ok(action),
                // Someone else has removed it, and nothing held the object any longer.
                Err(error) if is_not_found(&error) => Ok(action),
                Err(error) => Err(Error::RemoveFinalizer(error)),
            }
        }
        (None, false) => {
            let name = obj.meta().name.as_deref().ok_or(Error::UnnamedObject)?;
            let patch = addition(finalizer_name, obj.finalizers());
            match api.patch::<K>(name, &PatchParams::default(), &patch).await {
                Ok(_) => {}
                Err(error) if is_not_found(&error) => {}
                Err(error) => return Err(Error::AddFinalizer(error)),
            }
            // The patch changed the object, which leads to the next run.
            Ok(Action::await_change())
        }
        // Nothing of ours holds it, and a finalizer cannot be added any more.
        (None, true) => Ok(Action::await_change()),
    }
}

fn addition<K: Serialize>(finalizer: &str, present: &[String]) -> Patch<K> {
    let finalizers = jsonptr::PointerBuf::from_tokens(["metadata", "finalizers"]);
    let operations = if present.is_empty() {
        vec![
            // An API server takes a missing member for null, as evanphx/json-patch does.
            PatchOperation::Test(TestOperation {
                path: finalizers.clone(),
                value: Value::Null,
            }),
            PatchOperation::Add(AddOperation {
                path: finalizers,
                value: vec![finalizer].into(),
            }),
        ]
    } else {
        vec![
            PatchOperation::Test(TestOperation {
                path: finalizers,
                value: present.into(),
            }),
            PatchOperation::Add(AddOperation {
                path: jsonptr::PointerBuf::from_tokens(["metadata", "finalizers", "-"]),
                value: finalizer.into(),
            }),
        ]
    };
    Patch::Json(JsonPatch(operations))
}

fn removal<K: Serialize>(finalizer: &str, index: usize) -> Patch<K> {
    let path = jsonptr::PointerBuf::from_tokens(["metadata", "finalizers", &index.to_string()]);
    Patch::Json(JsonPatch(vec![
        // Another finalizer may have been removed since, and ours have moved.
        PatchOperation::Test(TestOperation {
            path: path.clone(),
            value: finalizer.into(),
        }),
        PatchOperation::Remove(RemoveOperation { path }),
    ]))
}

fn is_not_found(error: &kubist_client::Error) -> bool {
    matches!(error, kubist_client::Error::Api(status) if status.code == 404)
}
