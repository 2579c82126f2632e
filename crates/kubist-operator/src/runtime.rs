//! The process: everything that runs beside the controllers, and the order in which it starts and stops.

use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kubist_client::{Api, Client};
use kubist_core::crd::CustomResourceExt;
use kubist_core::{NamespaceResourceScope, Resource};
use kubist_runtime::Controller;
use kubist_runtime::controller::Action;
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::admin::Admin;
use crate::args::Args;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::readiness::{Gate, Readiness};
use crate::shutdown::{Shutdown, Signals};
use crate::{controllers, crd, logs};

/// Puts a [`Runtime`] together.
pub struct Builder {
    name: String,
    args: Args,
    client: Option<Client>,
    crds: Vec<CustomResourceDefinition>,
    registry: Registry,
    signals: bool,
}

impl Builder {
    /// The client to use, instead of the one that the arguments name.
    #[must_use]
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Installs the CRD of a kind before anything runs; see [`crd::install`].
    ///
    /// The process needs the right to do so. Where CRDs are installed by other means, leave it out.
    #[must_use]
    pub fn crd<K: CustomResourceExt>(mut self) -> Self {
        self.crds.push(K::crd());
        self
    }

    /// Metrics of one's own, served beside those of the controllers.
    #[must_use]
    pub fn metrics(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Leaves the signals of the process alone: it stops by [`Shutdown::trigger`] only.
    ///
    /// For tests, where many runtimes share a process.
    #[must_use]
    pub fn without_signals(mut self) -> Self {
        self.signals = false;
        self
    }

    /// Sets up the log, finds the cluster, binds the admin server's address and installs the CRDs.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub async fn build(self) -> Result<Runtime, Error> {
        let Builder {
            name,
            args,
            client,
            crds,
            registry,
            signals,
        } = self;
        logs::init(&args.log)?;
        let signals = if signals { Some(Signals::install()?) } else { None };
        let client = match client {
            Some(client) => client,
            None => args.client.client().await?,
        };
        let admin = Admin::bind(&args.admin).await?;
        crd::refuse_to_drop_any(&client, &crds).await?;
        for definition in crds {
            crd::install(client.clone(), definition).await?;
        }
        let readiness = Readiness::default();
        // Not ready before everything that is waited for has been named.
        let started = readiness.gate("start");
        Ok(Runtime {
            name,
            client,
            admin,
            signals,
            metrics: Metrics::new(registry),
            readiness,
            started,
            shutdown: Shutdown::default(),
            tasks: Vec::new(),
        })
    }
}

/// The process around controllers; see the [crate's documentation](crate).
pub struct Runtime {
    name: String,
    client: Client,
    admin: Admin,
    signals: Option<Signals>,
    metrics: Metrics,
    readiness: Readiness,
    started: Gate,
    shutdown: Shutdown,
    tasks: Vec<Task>,
}

/// A part of the process that has not begun.
struct Task {
    name: String,
    /// Whether it is to go on until the process stops.
    endless: bool,
    future: BoxFuture<'static, ()>,
}

impl Runtime {
    /// Begins a runtime of this name, with these arguments.
    ///
    /// The name is the operator's, as it appears in logs.
    pub fn builder(name: impl Into<String>, args: Args) -> Builder {
        Builder {
            name: name.into(),
            args,
            client: None,
            crds: Vec::new(),
            registry: Registry::default(),
            signals: true,
        }
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The API of a kind: in all namespaces, or cluster-wide.
    #[must_use]
    pub fn all<K: Resource>(&self) -> Api<K>
    where
        K::DynamicType: Default,
    {
        Api::all(self.client())
    }

    /// The API of a kind in the namespace that the arguments or the kubeconfig name.
    #[must_use]
    pub fn default_namespaced<K: Resource<Scope = NamespaceResourceScope>>(&self) -> Api<K>
    where
        K::DynamicType: Default,
    {
        Api::default_namespaced(self.client())
    }

    /// Tells when the process is to stop.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Tells when the process is ready, and takes further gates.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// The address of the admin server.
    #[must_use]
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin.addr()
    }

    /// Adds a controller, which runs from [`run`](Runtime::run) on.
    ///
    /// The process is not ready before every watch of the controller has its initial list. What fails is
    /// logged, counted, and tried again after the object's own backoff.
    pub fn controller<K, Reconcile, Fut, E, Ctx>(
        &mut self,
        controller: Controller<K>,
        reconcile: Reconcile,
        context: Arc<Ctx>,
    ) where
        K: Clone + Resource + DeserializeOwned + Debug + Send + Sync + 'static,
        K::DynamicType: Debug + Default + Eq + Hash + Clone + Unpin,
        Reconcile: FnMut(Arc<K>, Arc<Ctx>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Action, E>> + Send + 'static,
        E: std::error::Error + Send + 'static,
        Ctx: Send + Sync + 'static,
    {
        let kind = K::kind(&K::DynamicType::default()).into_owned();
        let gate = self.readiness.gate(format!("the caches of {kind}"));
        let synced = controller.synced();
        let metrics = self.metrics.controller(kind.to_lowercase());
        let running = controllers::run(
            kind.clone(),
            controller,
            reconcile,
            context,
            metrics,
            self.shutdown(),
        );
        self.add(kind, true, async move {
            let mut running = std::pin::pin!(running);
            tokio::select! {
                () = &mut running => return,
                () = synced.wait() => gate.open(),
            }
            running.await;
        });
    }

    /// Adds a task of one's own, which runs from [`run`](Runtime::run) on and may end at any time.
    ///
    /// It should end soon after [`shutdown`](Runtime::shutdown) is signaled: the process waits for it.
    pub fn spawn(&mut self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        self.add(name.into(), false, task);
    }

    fn add(&mut self, name: String, endless: bool, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(Task {
            name,
            endless,
            future: Box::pin(task),
        });
    }

    /// Runs until the process is told to stop and everything has stopped.
    ///
    /// SIGTERM or SIGINT stops it gracefully: it is no longer ready, controllers start nothing new, and
    /// what is under way may end; the admin server answers until then. A second signal aborts what is
    /// left.
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] after a second signal; [`Error::ControllerEnded`] or [`Error::Panicked`] when a
    /// part has ended that should not have, after the others were stopped gracefully.
    pub async fn run(self) -> Result<(), Error> {
        let Runtime {
            name,
            admin,
            mut signals,
            metrics,
            readiness,
            started,
            shutdown,
            tasks,
            ..
        } = self;
        let addr = admin.addr();
        let admin_stop = Shutdown::default();
        let admin = tokio::spawn(admin.serve(readiness.clone(), metrics, admin_stop.clone()));

        let mut running = JoinSet::new();
        for Task {
            name,
            endless,
            future,
        } in tasks
        {
            let task = AbortOnDropHandle::new(tokio::spawn(future));
            running.spawn(async move { (name, endless, task.await) });
        }
        started.open();
        tracing::info!(operator = name, admin = %addr, "started");

        let mut failure = None;
        while !(shutdown.is_signaled() && running.is_empty()) {
            tokio::select! {
                signal = next_signal(&mut signals) => {
                    if shutdown.is_signaled() {
                        tracing::warn!(operator = name, signal, "aborting");
                        return Err(Error::Aborted);
                    }
                    tracing::info!(operator = name, signal, "stopping; a second signal aborts");
                    shutdown.trigger();
                }
                () = shutdown.signaled(), if !readiness.is_stopping() => readiness.stop(),
                Some(Ok((task, endless, result))) = running.join_next() => {
                    if result.is_err() {
                        tracing::error!(operator = name, task, "a task panicked; stopping");
                        failure.get_or_insert(Error::Panicked { task });
                        shutdown.trigger();
                    } else if endless && !shutdown.is_signaled() {
                        tracing::error!(operator = name, task, "a controller ended; stopping");
                        failure.get_or_insert(Error::ControllerEnded { controller: task });
                        shutdown.trigger();
                    }
                }
            }
        }
        readiness.stop();
        admin_stop.trigger();
        // It ends at once but for requests under way, which are short.
        let _ = admin.await;
        tracing::info!(operator = name, "stopped");
        failure.map_or(Ok(()), Err)
    }
}

async fn next_signal(signals: &mut Option<Signals>) -> &'static str {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}
