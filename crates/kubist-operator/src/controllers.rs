//! Running controllers as parts of the process.

use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use futures::StreamExt;
use kubist_core::Resource;
use kubist_runtime::Controller;
use kubist_runtime::controller::{Action, Error as ControllerError, RunnerError};
use serde::de::DeserializeOwned;

use crate::error::report;
use crate::metrics::{ControllerMetrics, Ended};
use crate::shutdown::Shutdown;

/// Runs a controller until the process is to stop, counting and logging how reconciles end.
pub(crate) async fn run<K, Reconcile, Fut, E, Ctx>(
    name: String,
    controller: Controller<K>,
    mut reconcile: Reconcile,
    context: Arc<Ctx>,
    metrics: ControllerMetrics,
    shutdown: Shutdown,
) where
    K: Clone + Resource + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Debug + Eq + Hash + Clone + Unpin,
    Reconcile: FnMut(Arc<K>, Arc<Ctx>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<Action, E>> + Send + 'static,
    E: std::error::Error + Send + 'static,
    Ctx: Send + Sync + 'static,
{
    let measured = metrics.clone();
    let reconcile = move |object, context| {
        let active = measured.start();
        let future = reconcile(object, context);
        async move {
            let result = future.await;
            drop(active);
            result
        }
    };
    let results = controller.graceful_shutdown_on(shutdown.signaled_owned()).run(
        reconcile,
        |_, _, _| Action::requeue_with_backoff(),
        context,
    );
    let mut results = std::pin::pin!(results);
    while let Some(result) = results.next().await {
        match result {
            Ok((object, action)) => {
                let requeue = action != Action::await_change();
                metrics.ended(if requeue {
                    Ended::RequeueAfter
                } else {
                    Ended::Success
                });
                tracing::debug!(controller = name, %object, ?action, "reconciled");
            }
            Err(ControllerError::ReconcilerFailed(error, object)) => {
                metrics.ended(Ended::Error);
                tracing::warn!(controller = name, %object, error = report(&error), "reconcile failed");
            }
            Err(ControllerError::RunnerError(RunnerError::Panicked(object, message))) => {
                metrics.ended(Ended::Panic);
                tracing::error!(controller = name, %object, message, "reconcile panicked");
            }
            Err(ControllerError::ObjectNotFound(object)) => {
                tracing::debug!(controller = name, %object, "nothing to reconcile: the object is gone");
            }
            Err(ControllerError::QueueError(error)) => {
                tracing::warn!(
                    controller = name,
                    error = report(&error),
                    "a watch failed; it is tried again"
                );
            }
            Err(error) => tracing::error!(controller = name, error = report(&error), "the controller failed"),
        }
    }
}
