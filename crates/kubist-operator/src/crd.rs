//! CustomResourceDefinitions: printing and installing them.

mod command;
mod yaml;

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_client::{Api, Client};
use kubist_core::ResourceExt;
use kubist_core::params::PatchParams;
use kubist_core::schema::NotStructural;
use kubist_runtime::wait::{self, Condition as _, await_condition, conditions};
use thiserror::Error;

pub use command::Command;
pub use yaml::to_yaml;

/// Who installs definitions, as `managedFields` name it.
const MANAGER: &str = "kubist-crd";

/// How long the server may take to establish a CRD.
const ESTABLISH: Duration = Duration::from_secs(60);

/// How often a concurrent change of the CRD is tolerated.
const ATTEMPTS: usize = 5;

/// A CustomResourceDefinition cannot be printed or installed.
#[derive(Debug, Error)]
#[non_exhaustive]
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
    /// Its names are those of another kind.
    #[error("the CRD {name} is not established: {message}")]
    NamesTaken {
        /// The name of the CRD.
        name: String,
        /// Which names, and what has them.
        message: String,
    },
    /// It was accepted, and not established within a minute; its conditions say why.
    #[error("the CRD {name} was not established within {}s", ESTABLISH.as_secs())]
    NotEstablished {
        /// The name of the CRD.
        name: String,
    },
    /// The type of a custom resource has no structural schema.
    #[error("no CRD can be made: {0}")]
    NotStructural(#[from] NotStructural),
    /// It cannot be written as YAML.
    #[error("cannot write the CRD {name} as YAML: {source}")]
    Yaml {
        /// The name of the CRD.
        name: String,
        /// Why.
        source: Box<serde_saphyr::ser_error::Error>,
    },
    /// The output cannot be written to.
    #[error("cannot write to the output: {0}")]
    Write(#[source] std::io::Error),
}

/// Installs a CustomResourceDefinition and waits until its kind is served.
///
/// It is applied server-side, by the manager `kubist-crd` and with force: what is here counts, and what others
/// have added beside it, such as labels or the certificate of a webhook, stays.
///
/// # Errors
///
/// See [`enum@Error`]. A version that the server lists in `status.storedVersions` is never dropped: write each
/// object again, so that it is stored in the storage version, and take the old one out of `storedVersions`
/// first.
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
    apply(&crds, &name, crd, &PatchParams::apply(MANAGER).force()).await?;

    let decided = |crd: Option<&CustomResourceDefinition>| {
        conditions::is_crd_established().matches_object(crd) || crd.and_then(names_taken).is_some()
    };
    match tokio::time::timeout(ESTABLISH, await_condition(crds, &name, decided)).await {
        Ok(Ok(crd)) => match crd.as_ref().and_then(names_taken) {
            Some(message) => Err(Error::NamesTaken { name, message }),
            None => Ok(()),
        },
        Ok(Err(source)) => Err(Error::Await {
            name,
            source: Box::new(source),
        }),
        Err(_) => Err(Error::NotEstablished { name }),
    }
}

/// Why the names of a definition are not its own; nobody but another definition's owner can change that.
fn names_taken(crd: &CustomResourceDefinition) -> Option<String> {
    let conditions = crd.status.as_ref()?.conditions.as_ref()?;
    let names = conditions
        .iter()
        .find(|condition| condition.type_ == "NamesAccepted" && condition.status == "False")?;
    Some(names.message.clone().unwrap_or_default())
}

/// Refuses definitions of which one would drop a version that objects may be stored in.
pub(crate) async fn refuse_to_drop_any(
    client: &Client,
    definitions: &[CustomResourceDefinition],
) -> Result<(), Error> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for wanted in definitions {
        let name = wanted.name_any();
        let present = crds.get_opt(&name).await.map_err(|source| Error::Install {
            name,
            source: Box::new(source),
        })?;
        if let Some(present) = present {
            refuse_to_drop_stored(&present, wanted)?;
        }
    }
    Ok(())
}

/// Tells whether a server would take a definition, and changes nothing.
///
/// # Errors
///
/// Those of [`install`], but for what concerns the wait.
pub async fn check(client: Client, crd: CustomResourceDefinition) -> Result<(), Error> {
    let crds: Api<CustomResourceDefinition> = Api::all(client);
    let name = crd.name_any();
    apply(&crds, &name, crd, &PatchParams::apply(MANAGER).force().dry_run()).await
}

async fn apply(
    crds: &Api<CustomResourceDefinition>,
    name: &str,
    mut crd: CustomResourceDefinition,
    params: &PatchParams,
) -> Result<(), Error> {
    let wrap = |source| Error::Install {
        name: name.to_owned(),
        source: Box::new(source),
    };
    for attempt in 1.. {
        let present = crds.get_opt(name).await.map_err(wrap)?;
        if let Some(present) = &present {
            refuse_to_drop_stored(present, &crd)?;
            // The server's word that no version has come to be stored since.
            crd.metadata.resource_version = present.resource_version();
        }
        match crds.apply(name, params, &crd).await {
            Ok(_) => break,
            // Another replica was faster; what it did counts.
            Err(kubist_client::Error::Api(status)) if status.code == 409 && attempt < ATTEMPTS => {}
            Err(source) => return Err(wrap(source)),
        }
    }
    Ok(())
}

fn refuse_to_drop_stored(
    present: &CustomResourceDefinition,
    wanted: &CustomResourceDefinition,
) -> Result<(), Error> {
    let stored = present
        .status
        .iter()
        .flat_map(|status| status.stored_versions.iter().flatten());
    for version in stored {
        if !wanted.spec.versions.iter().any(|wanted| wanted.name == *version) {
            return Err(Error::DropsStoredVersion {
                name: wanted.name_any(),
                version: version.clone(),
            });
        }
    }
    Ok(())
}
