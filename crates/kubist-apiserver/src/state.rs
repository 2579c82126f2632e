//! The server's state.

use std::sync::Arc;

use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::users::Users;
use crate::identity::Identity;
use crate::kinds::kind::Registry;
use crate::server::audit::Trail;
use crate::store::Store;

/// Everything that handlers share.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) users: Users,
    pub(crate) trail: Trail,
    registry: RwLock<Arc<Registry>>,
    /// Ends watches.
    pub(crate) closing: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Api {
    pub(crate) fn new(store: Store, identity: Identity, users: Users) -> Api {
        Api {
            store,
            identity,
            users,
            trail: Trail::default(),
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
