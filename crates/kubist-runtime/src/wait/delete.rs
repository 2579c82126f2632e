//! Waiting until an object is gone.

use std::fmt::Debug;

use kubist_client::Api;
use kubist_core::Resource;
use kubist_core::params::DeleteParams;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{await_condition, conditions};

/// An error of [`delete_and_finalize`].
#[derive(Debug, Error)]
pub enum Error {
    /// The server did not name the object that it deletes.
    #[error("deleted object has no UID to wait for")]
    NoUid,
    /// The object could not be deleted.
    #[error("failed to delete object: {0}")]
    Delete(#[source] kubist_client::Error),
    /// The object was deleted, but whether it is gone is not known.
    #[error("failed to wait for object to be deleted: {0}")]
    Await(#[source] super::Error),
}

/// Deletes an object and waits until it is gone: until its finalizers have run.
///
/// Another object of the same name that is created meanwhile is not waited for. When dropped, the object
/// may or may not be deleted.
///
/// # Errors
///
/// See [`enum@Error`]; that there is no such object is an [`Error::Delete`].
pub async fn delete_and_finalize<K: Clone + Debug + Send + DeserializeOwned + Resource + 'static>(
    api: Api<K>,
    name: &str,
    delete_params: &DeleteParams,
) -> Result<(), Error> {
    let uid = match api.delete(name, delete_params).await.map_err(Error::Delete)? {
        either::Either::Left(object) => object.meta().uid.clone(),
        either::Either::Right(status) => status
            .details
            .map(|details| details.uid)
            .filter(|uid| !uid.is_empty()),
    };
    let uid = uid.ok_or(Error::NoUid)?;
    await_condition(api, name, conditions::is_deleted(&uid))
        .await
        .map_err(Error::Await)?;
    Ok(())
}
