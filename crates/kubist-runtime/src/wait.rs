//! Waiting until an object is as expected.

pub mod conditions;
pub mod delete;

use std::fmt::Debug;

use futures::TryStreamExt;
use kubist_client::Api;
use kubist_core::Resource;
use serde::de::DeserializeOwned;
use thiserror::Error;

pub use conditions::Condition;

use crate::watcher::{self, DefaultBackoff, watch_object};

/// An error of [`await_condition`].
#[derive(Debug, Error)]
pub enum Error {
    /// The object cannot be watched, and trying again would not help.
    #[error("failed to probe for whether the condition is fulfilled yet: {0}")]
    ProbeFailed(#[source] watcher::Error),
}

/// Waits until a condition holds for an object, and gives the object as it was then.
///
/// The condition is first asked for the present state, then after each change; `None` stands for an
/// object that does not exist. A lost connection, a restarting server or a lost watch only delay the
/// answer: put a [`tokio::time::timeout`] around it to limit the time. Cancel safe.
///
/// # Errors
///
/// [`Error::ProbeFailed`] when the server refuses the watch for good, for example because the kind does
/// not exist or access is denied, or when the object does not fit its type.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
/// use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
/// use kubist_client::{Api, Client};
/// use kubist_runtime::wait::{await_condition, conditions};
///
/// # async fn wrapper(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let crds: Api<CustomResourceDefinition> = Api::all(client);
/// let established = await_condition(crds, "documents.docs.example.com", conditions::is_crd_established());
/// tokio::time::timeout(Duration::from_secs(10), established).await??;
/// # Ok(())
/// # }
/// ```
pub async fn await_condition<K>(api: Api<K>, name: &str, cond: impl Condition<K>) -> Result<Option<K>, Error>
where
    K: Clone + Debug + Send + DeserializeOwned + Resource + 'static,
{
    let mut states = std::pin::pin!(watch_object(api, name));
    let mut backoff = DefaultBackoff::default();
    loop {
        match states.try_next().await {
            Ok(Some(object)) => {
                if cond.matches_object(object.as_ref()) {
                    return Ok(object);
                }
            }
            // The stream does not end; if it did, the condition would not be met.
            Ok(None) => return Ok(None),
            Err(error) if is_final(&error) => return Err(Error::ProbeFailed(error)),
            Err(error) => {
                tracing::debug!(%error, "waiting goes on after an error");
                match backoff.next() {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(Error::ProbeFailed(error)),
                }
            }
        }
    }
}

/// Whether another try would meet the same error.
fn is_final(error: &watcher::Error) -> bool {
    use kubist_client::Error as ClientError;
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => match error {
            ClientError::Api(status) => {
                (400..500).contains(&status.code) && !matches!(status.code, 408 | 409 | 410 | 429)
            }
            ClientError::SerdeError(_) => true,
            _ => false,
        },
        watcher::Error::WatchError(_) => false,
        watcher::Error::NoResourceVersion => true,
    }
}
