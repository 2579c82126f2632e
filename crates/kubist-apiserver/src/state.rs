//! The server's state.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::users::{User, Users};
use crate::admission::Policies;
use crate::crd::cache::Conversions;
use crate::faults::Faults;
use crate::identity::Identity;
use crate::kinds::kind::Registry;
use crate::kinds::plugins::Ledger;
use crate::kinds::service::Reservations;
use crate::server::audit::Trail;
use crate::store::Store;
use crate::webhook::{Resolve, Webhooks};

/// Everything that handlers share.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) users: Users,
    pub(crate) trail: Trail,
    pub(crate) faults: Faults,
    /// How long every request takes at least.
    pub(crate) latency: Duration,
    /// Whose certificates were issued.
    pub(crate) certificates: Mutex<HashMap<Vec<u8>, User>>,
    pub(crate) webhooks: Webhooks,
    /// Admission policies that were compiled.
    pub(crate) policies: Policies,
    pub(crate) conversions: Conversions,
    /// Where services live that webhooks are behind.
    pub(crate) services: Option<Resolve>,
    /// Addresses and ports of services that are being written.
    pub(crate) reservations: Reservations,
    /// Writes that are being charged to quotas.
    pub(crate) quotas: Arc<Ledger>,
    registry: RwLock<Arc<Registry>>,
    /// Ends watches.
    pub(crate) closing: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Api {
    pub(crate) fn new(
        store: Store,
        identity: Identity,
        users: Users,
        services: Option<Resolve>,
        latency: Duration,
    ) -> Api {
        let faults = Faults::new(identity.key());
        Api {
            store,
            identity,
            users,
            trail: Trail::default(),
            faults,
            latency,
            certificates: Mutex::default(),
            webhooks: Webhooks::default(),
            policies: Policies::default(),
            conversions: Conversions::default(),
            services,
            reservations: Reservations::default(),
            quotas: Arc::default(),
            registry: RwLock::new(Arc::new(Registry::new([]))),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read())
    }

    pub(crate) fn set_registry(&self, registry: Registry) {
        *self.registry.write() = Arc::new(registry);
    }
}
