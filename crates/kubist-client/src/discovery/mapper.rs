//! From names, as people type them, to resources.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kubist_core::{
    discovery::{ApiCapabilities, ApiResource},
    gvk::GroupVersionKind,
};
use parking_lot::RwLock;
use tokio::{sync::Mutex, time::Instant};

use super::catalog::Catalog;
use crate::{Client, Error, Result, error::DiscoveryError};

/// How old what is known must be before a name that is unknown is a reason to ask again.
const AGE: Duration = Duration::from_secs(2);

/// Resolves resources by any of their names, and kinds to resources.
///
/// Asks the server once for everything it has, in two requests where the server has aggregated
/// discovery (Kubernetes 1.26), and keeps the answer. Asks again for what it does not know, as a
/// resource that was defined meanwhile, but at most once in 2 seconds; and after
/// [`invalidate`](RestMapper::invalidate).
///
/// Clones share what is known.
///
/// ```no_run
/// use kubist_client::{Api, Client, api::DynamicObject, discovery::RestMapper};
///
/// # async fn run() -> Result<(), kubist_client::Error> {
/// let client = Client::try_default().await?;
/// let mapper = RestMapper::new(client.clone());
/// for name in ["deploy", "deployment", "deployments.apps", "deployments.v1.apps", "Deployment"] {
///     let (resource, _) = mapper.resolve(name).await?;
///     assert_eq!(resource.plural, "deployments");
/// }
/// let (resource, _) = mapper.resolve("cm").await?;
/// let api: Api<DynamicObject> = Api::default_namespaced_with(client, &resource);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RestMapper(Arc<Shared>);

struct Shared {
    client: Client,
    known: RwLock<Option<Known>>,
    /// How often all was forgotten: what was asked before is not kept.
    forgotten: AtomicU64,
    /// Held by the one who asks.
    asking: Mutex<()>,
}

#[derive(Clone)]
struct Known {
    catalog: Arc<Catalog>,
    since: Instant,
}

impl RestMapper {
    /// A mapper that knows nothing yet.
    ///
    /// ```no_run
    /// use kubist_client::discovery::RestMapper;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let mapper = RestMapper::new(client);
    /// // Whoever has a clone profits of what it learns.
    /// let same = mapper.clone();
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(client: Client) -> Self {
        Self(Arc::new(Shared {
            client,
            known: RwLock::new(None),
            forgotten: AtomicU64::new(0),
            asking: Mutex::new(()),
        }))
    }

    /// The resource of a name: a plural, a singular, a short name or a kind, in any case, which may
    /// be followed by the group, or by the version and the group, as `deployments.v1.apps`.
    ///
    /// Where groups or versions share a name, the server's order of groups and its preferred
    /// version decide, as they do for kubectl.
    ///
    /// ```no_run
    /// use kubist_client::discovery::RestMapper;
    ///
    /// # async fn run(client: kubist_client::Client) -> Result<(), kubist_client::Error> {
    /// let (resource, _) = RestMapper::new(client).resolve("deploy").await?;
    /// assert_eq!(resource.kind, "Deployment");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with [`DiscoveryError::MissingResource`] where there is none, and where the server
    /// does not answer.
    pub async fn resolve(&self, name: &str) -> Result<(ApiResource, ApiCapabilities)> {
        let found = self.find(|catalog| catalog.by_name(name)).await?;
        found.ok_or_else(|| Error::Discovery(DiscoveryError::MissingResource(name.to_owned())))
    }

    /// The resource of a kind; of the version that is preferred, if the version is empty.
    ///
    /// ```no_run
    /// use kubist_client::api::GroupVersionKind;
    ///
    /// # async fn run(mapper: kubist_client::discovery::RestMapper) -> Result<(), kubist_client::Error> {
    /// let (resource, _) = mapper.resolve_kind(&GroupVersionKind::gvk("apps", "", "Deployment")).await?;
    /// assert_eq!(resource.plural, "deployments");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with [`DiscoveryError::MissingKind`] where there is none, and where the server does
    /// not answer.
    pub async fn resolve_kind(&self, kind: &GroupVersionKind) -> Result<(ApiResource, ApiCapabilities)> {
        let found = self.find(|catalog| catalog.by_kind(kind)).await?;
        found.ok_or_else(|| {
            let parts = [&kind.kind, &kind.version, &kind.group].map(String::as_str);
            let named: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            Error::Discovery(DiscoveryError::MissingKind(named.join(".")))
        })
    }

    /// Forgets what is known: the next question is put to the server.
    ///
    /// ```no_run
    /// # async fn run(mapper: kubist_client::discovery::RestMapper) -> Result<(), kubist_client::Error> {
    /// // After a definition was changed.
    /// mapper.invalidate();
    /// let (resource, _) = mapper.resolve("widgets").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate(&self) {
        let mut known = self.0.known.write();
        self.0.forgotten.fetch_add(1, Ordering::Relaxed);
        *known = None;
    }

    async fn find<T>(&self, look: impl Fn(&Catalog) -> Option<T>) -> Result<Option<T>> {
        let known = self.known().await?;
        if let Some(found) = look(&known.catalog) {
            return Ok(Some(found));
        }
        if known.since.elapsed() < AGE {
            return Ok(None);
        }
        let known = self.ask(Some(known.since)).await?;
        Ok(look(&known.catalog))
    }

    async fn known(&self) -> Result<Known> {
        let known = self.0.known.read().clone();
        match known {
            Some(known) => Ok(known),
            None => self.ask(None).await,
        }
    }

    /// Asks, unless somebody else did meanwhile.
    ///
    /// Cancel safe: whoever waits asks in turn.
    async fn ask(&self, outdated: Option<Instant>) -> Result<Known> {
        let _asking = self.0.asking.lock().await;
        if let Some(known) = &*self.0.known.read()
            && Some(known.since) != outdated
        {
            return Ok(known.clone());
        }
        let (since, forgotten) = (Instant::now(), self.0.forgotten.load(Ordering::Relaxed));
        let known = Known {
            catalog: Arc::new(Catalog::ask(&self.0.client).await?),
            since,
        };
        let mut kept = self.0.known.write();
        if self.0.forgotten.load(Ordering::Relaxed) == forgotten {
            *kept = Some(known.clone());
        }
        Ok(known)
    }
}
