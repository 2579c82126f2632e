//! Installing CustomResourceDefinitions.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_client::{Api, Client};
use kubist_core::ResourceExt;
use kubist_core::params::PostParams;
use kubist_runtime::wait::{self, await_condition, conditions};
use thiserror::Error;

/// How long the server may take to establish a CRD.
const ESTABLISH: Duration = Duration::from_secs(60);

/// How often a concurrent change of the CRD is tolerated.
const ATTEMPTS: usize = 5;

/// A CustomResourceDefinition cannot be installed.
#[derive(Debug, Error)]
pub enum Error {
    /// The API server refused it.
    #[error("cannot install the CRD {name}: {source}")]
    Install {
        /// The name of the CRD.
        name: String,
        /// What the server said.
        source: Box<kubist_client::Error>,
    },
    /// It would drop a version that objects may be stored in.
    #[error("refusing to install the CRD {name}: objects may be stored as {version}, which it no longer has")]
    DropsStoredVersion {
        /// The name of the CRD.
        name: String,
        /// The version.
        version: String,
    },
    /// Whether it is established cannot be told.
    #[error("cannot tell whether the CRD {name} is established: {source}")]
    Await {
        /// The name of the CRD.
        name: String,
        /// Why.
        source: Box<wait::Error>,
    },
    /// It was accepted, and not established within a minute; its conditions say why.
    #[error("the CRD {name} was not established within {}s", ESTABLISH.as_secs())]
    NotEstablished {
        /// The name of the CRD.
        name: String,
    },
}

/// Installs a CustomResourceDefinition and waits until its kind is served.
///
/// One that is already there gets this spec, and keeps what others have added to its metadata.
///
/// # Errors
///
/// See [`enum@Error`]. A version in which objects may be stored is never dropped.
///
/// # Example
///
/// ```no_run
/// use kubist_client::Client;
/// use kubist_core::crd::CustomResourceExt;
///
/// # async fn install<Document: CustomResourceExt>(client: Client) -> Result<(), kubist_operator::crd::Error> {
/// kubist_operator::crd::install(client, Document::crd()).await
/// # }
/// ```
pub async fn install(client: Client, crd: CustomResourceDefinition) -> Result<(), Error> {
    let crds: Api<CustomResourceDefinition> = Api::all(client);
    let name = crd.name_any();
    apply(&crds, &name, crd).await?;

    let established = await_condition(crds, &name, conditions::is_crd_established());
    match tokio::time::timeout(ESTABLISH, established).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(source)) => Err(Error::Await {
            name,
            source: Box::new(source),
        }),
        Err(_) => Err(Error::NotEstablished { name }),
    }
}

async fn apply(
    crds: &Api<CustomResourceDefinition>,
    name: &str,
    crd: CustomResourceDefinition,
) -> Result<(), Error> {
    let wrap = |source| Error::Install {
        name: name.to_owned(),
        source: Box::new(source),
    };
    let params = PostParams::default();
    for attempt in 1.. {
        let result = match crds.get_opt(name).await.map_err(wrap)? {
            None => crds.create(&params, &crd).await,
            Some(present) => {
                let updated = merge(present.clone(), &crd)?;
                if updated == present {
                    return Ok(());
                }
                crds.replace(name, &params, &updated).await
            }
        };
        match result {
            Ok(_) => break,
            // Another replica was faster; what it did counts.
            Err(kubist_client::Error::Api(status)) if status.code == 409 && attempt < ATTEMPTS => {}
            Err(source) => return Err(wrap(source)),
        }
    }
    Ok(())
}

/// The CRD as it is on the server, with the spec that is wanted.
fn merge(
    mut present: CustomResourceDefinition,
    wanted: &CustomResourceDefinition,
) -> Result<CustomResourceDefinition, Error> {
    let stored = present
        .status
        .iter()
        .flat_map(|status| status.stored_versions.iter().flatten());
    for version in stored {
        if !wanted.spec.versions.iter().any(|wanted| wanted.name == *version) {
            let name = wanted.name_any();
            return Err(Error::DropsStoredVersion {
                name,
                version: version.clone(),
            });
        }
    }
    present.labels_mut().extend(wanted.labels().clone());
    present.annotations_mut().extend(wanted.annotations().clone());
    present.spec = wanted.spec.clone();
    Ok(present)
}
