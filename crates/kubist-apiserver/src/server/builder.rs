//! How a server is set up.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::access::users::{User, Users};
use crate::faults::Fault;
use crate::identity::{Clock, Identity, Seed};
use crate::server::{Error, Server};
use crate::state::Api;
use crate::store::{DEFAULT_HISTORY, Snapshot, Store};
use crate::webhook::{Resolve, ServiceReference};

/// Sets up a [`Server`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), kubist_apiserver::Error> {
/// use kubist_apiserver::Server;
///
/// let server = Server::builder()
///     .tls(true)
///     .seed(7)
///     .user("admintoken", "admin", "admin-uid", ["system:masters"])
///     .controllers(false)
///     .start()
///     .await?;
/// assert!(server.url().starts_with("https://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    address: IpAddr,
    port: u16,
    tls: bool,
    seed: Option<Seed>,
    clock: Clock,
    users: Users,
    controllers: bool,
    history: usize,
    snapshot: Option<Snapshot>,
    services: Option<Resolve>,
    latency: Duration,
    faults: Vec<Fault>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            tls: false,
            seed: None,
            clock: Clock::system(),
            users: Users::default(),
            controllers: true,
            history: DEFAULT_HISTORY,
            snapshot: None,
            services: None,
            latency: Duration::ZERO,
            faults: Vec::new(),
        }
    }
}

impl Builder {
    /// Listens on this address; the default is 127.0.0.1.
    pub fn address(mut self, address: impl Into<IpAddr>) -> Builder {
        self.address = address.into();
        self
    }

    /// Listens on this port; 0, the default, takes a free one.
    pub fn port(mut self, port: u16) -> Builder {
        self.port = port;
        self
    }

    /// Serves HTTPS with a certificate of its own, which the kubeconfig trusts.
    pub fn tls(mut self, tls: bool) -> Builder {
        self.tls = tls;
        self
    }

    /// Makes uids and generated names the same in every run.
    pub fn seed(mut self, seed: u64) -> Builder {
        self.seed = Some(Seed::new(seed));
        self
    }

    /// Takes the time from `now` rather than from the system.
    pub fn clock(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Builder {
        self.clock = Clock::new(now);
        self
    }

    /// Adds a user that is known by a token.
    ///
    /// Without users everybody may do everything. With users a wrong token is answered by
    /// 401, no token makes `system:anonymous`, and RBAC decides who may do what; the group
    /// `system:masters` may do everything. The first user's token is in the kubeconfig, which
    /// leads to HTTPS: a server with users speaks HTTP and HTTPS on its port, unless
    /// [`tls`](Builder::tls) leaves HTTPS alone.
    pub fn user<G>(
        mut self,
        token: impl Into<String>,
        name: impl Into<String>,
        uid: impl Into<String>,
        groups: impl IntoIterator<Item = G>,
    ) -> Builder
    where
        G: Into<String>,
    {
        let groups = groups.into_iter().map(Into::into).collect();
        self.users.add(
            token.into(),
            User {
                name: name.into(),
                uid: uid.into(),
                groups,
                extra: BTreeMap::new(),
            },
        );
        self
    }

    /// Whether RBAC decides who may do what; with users it always does.
    ///
    /// It is for servers whose users have certificates
    /// ([`Server::client_certificate`]) or are service accounts.
    pub fn rbac(mut self, rbac: bool) -> Builder {
        self.users.set_rbac(rbac);
        self
    }

    /// Whether controllers run: the garbage collector, and those of namespaces, quotas and aggregated roles; they do
    /// by default. Without them a quota has no status and limits nothing.
    ///
    /// Without them nothing deletes dependents or empties a namespace that is deleted, as
    /// with a kube-apiserver that stands alone.
    pub fn controllers(mut self, controllers: bool) -> Builder {
        self.controllers = controllers;
        self
    }

    /// How many events each resource remembers for watches and old lists.
    pub fn history(mut self, events: usize) -> Builder {
        self.history = events.max(1);
        self
    }

    /// Makes every request take this long at least.
    pub fn latency(mut self, latency: Duration) -> Builder {
        self.latency = latency;
        self
    }

    /// Starts with a fault; [`Server::faults`] adds more.
    pub fn fault(mut self, fault: Fault) -> Builder {
        self.faults.push(fault);
        self
    }

    /// Tells where the services live that webhooks are behind.
    ///
    /// Nothing routes to services here: a webhook whose `clientConfig` names one is called at
    /// the address that `resolve` gives, under the name `<service>.<namespace>.svc`. Without
    /// an address the call fails, as it does without endpoints.
    ///
    /// ```
    /// use kubist_apiserver::Server;
    ///
    /// let hook = std::net::SocketAddr::from(([127, 0, 0, 1], 8443));
    /// let builder = Server::builder()
    ///     .resolve_service(move |service| (service.name == "my-operator").then_some(hook));
    /// ```
    pub fn resolve_service(
        mut self,
        resolve: impl Fn(&ServiceReference) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Builder {
        self.services = Some(Resolve::new(resolve));
        self
    }

    /// Starts with the state of another server: its objects, their history, and its seed.
    pub fn restore(mut self, snapshot: Snapshot) -> Builder {
        self.snapshot = Some(snapshot);
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// [`Error::Bind`] if the port is taken, [`Error::Certificate`] or [`Error::Tls`] if no
    /// certificate can be made.
    pub async fn start(self) -> Result<Server, Error> {
        let store = match &self.snapshot {
            Some(snapshot) => Store::restore(snapshot, self.history),
            None => Store::new(self.history),
        };
        let seed = match (self.seed, &self.snapshot) {
            (Some(seed), _) => seed,
            (None, Some(snapshot)) => snapshot.seed,
            (None, None) => Seed::random(),
        };
        let fresh = self.snapshot.is_none();
        let api = Arc::new(Api::new(
            store,
            Identity::new(seed, self.clock),
            self.users,
            self.services,
            self.latency,
        ));
        for fault in self.faults {
            api.faults.inject(fault);
        }
        crate::controllers::lay(&api, fresh, self.controllers);
        if self.controllers {
            crate::controllers::start(&api);
        }
        Server::listen(api, SocketAddr::new(self.address, self.port), self.tls).await
    }
}
