//! An operator that publishes Documents.
//!
//! For each `Document` it keeps a ConfigMap with the text, says in the status what it did, tells the users
//! by an Event, and cleans up when the Document is deleted.

mod api;
mod publish;
pub mod tour;

pub use api::{Document, DocumentSpec, DocumentStatus, READY};
pub use publish::{Context, Error, FINALIZER, reconcile};

use k8s_openapi::api::core::v1::ConfigMap;
use kubist::operator::{Builder, Runtime};
use kubist::runtime::{Controller, watcher};

/// The operator, ready to run: the CRD is installed, the controller is set up.
///
/// # Errors
///
/// When there is no cluster, or it refuses the CRD.
pub async fn operator(builder: Builder) -> Result<Runtime, kubist::operator::Error> {
    let mut runtime = builder.crd::<Document>().build().await?;
    let documents = Controller::new(runtime.all::<Document>(), watcher::Config::default())
        .owns(runtime.all::<ConfigMap>(), watcher::Config::default());
    let context = Context::new(runtime.client());
    runtime.controller(documents, reconcile, context);
    Ok(runtime)
}
