//! Controllers: what changes is reconciled, one object at a time, until it is as wanted.

mod action;
mod applier;
mod config;
mod error;
mod request;
mod runner;
mod shutdown;
mod synced;
mod trigger;

use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, Stream, TryFuture};
use kubist_client::Api;
use kubist_core::Resource;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

pub use action::Action;
pub use applier::{applier, trigger_owners, trigger_self, trigger_with};
pub use config::Config;
pub use error::{Error, RunnerError};
pub use request::{ReconcileReason, ReconcileRequest};
pub use synced::Synced;

use crate::reflector::{ObjectRef, Store, store::Writer};
use crate::utils::Backoff;
use crate::watcher::{self, FullObjects, Session};
use runner::{Runner, Spawn};
use shutdown::Shutdown;
use trigger::{Related, Sink, Trigger};

/// Reconciles the objects of one kind.
///
/// A controller watches its objects and, if told so, others that have to do with them, keeps the former in
/// a cache, and calls a reconciler for each object that changed. One object is never reconciled twice at
/// once; a change that comes while it is reconciled leads to another run; what failed waits alone.
///
/// Each watch is a task of its own with a backoff of its own, so that one that fails, or one with much to
/// decode, delays no other.
///
/// # Example
///
/// ```no_run
/// use std::{convert::Infallible, sync::Arc, time::Duration};
/// use futures::StreamExt;
/// use k8s_openapi::api::core::v1::{ConfigMap, Secret};
/// use kubist_client::{Api, Client};
/// use kubist_runtime::{Controller, controller::Action, watcher};
///
/// async fn reconcile(map: Arc<ConfigMap>, _: Arc<()>) -> Result<Action, Infallible> {
///     // Make the world as the object wants it.
///     Ok(Action::requeue(Duration::from_secs(300)))
/// }
///
/// # async fn wrapper() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::try_default().await?;
/// Controller::new(Api::<ConfigMap>::all(client.clone()), watcher::Config::default())
///     .owns(Api::<Secret>::all(client), watcher::Config::default())
///     .shutdown_on_signal()
///     .run(reconcile, |_, _, _| Action::requeue_with_backoff(), Arc::new(()))
///     .for_each(|result| async move {
///         if let Err(error) = result {
///             eprintln!("{error}");
///         }
///     })
///     .await;
/// # Ok(())
/// # }
/// ```
pub struct Controller<K>
where
    K: Clone + Resource + Debug + 'static,
    K::DynamicType: Eq + Hash,
{
    dyntype: K::DynamicType,
    reader: Store<K>,
    triggers: Vec<Trigger>,
    backoff: Option<Arc<Mutex<dyn Backoff>>>,
    shutdown: Shutdown,
    config: Config,
    synced: Synced,
}

impl<K> Controller<K>
where
    K: Clone + Resource + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    /// A controller for the objects of `api` that match `config`.
    ///
    /// Their managedFields are left out of the cache; see [`Config::keep_managed_fields`].
    #[must_use]
    pub fn new(api: Api<K>, config: watcher::Config) -> Self
    where
        K::DynamicType: Default,
    {
        Self::new_with(api, config, Default::default())
    }

    /// A controller for a kind that is known at run time only.
    #[must_use]
    pub fn new_with(api: Api<K>, config: watcher::Config, dyntype: K::DynamicType) -> Self {
        let writer = Writer::<K>::new(dyntype.clone());
        let mut controller = Self::with_store(writer.as_reader(), dyntype);
        let synced = controller.synced.expect_one();
        controller.trigger(move |sink| {
            trigger::cache(Session::new(FullObjects(api), config), writer, sink, synced).boxed()
        });
        controller
    }

    /// A controller for the objects of a stream, which feeds the given cache.
    ///
    /// The stream is what a watch and a [`reflector`](crate::reflector()) leave after
    /// [`applied_objects`](crate::WatchStreamExt::applied_objects): it has to write to the cache before
    /// it yields an object.
    pub fn for_stream(
        trigger: impl Stream<Item = Result<K, watcher::Error>> + Send + 'static,
        reader: Store<K>,
    ) -> Self
    where
        K::DynamicType: Default,
    {
        Self::for_stream_with(trigger, reader, Default::default())
    }

    /// [`for_stream`](Controller::for_stream) for a kind that is known at run time only.
    pub fn for_stream_with(
        stream: impl Stream<Item = Result<K, watcher::Error>> + Send + 'static,
        reader: Store<K>,
        dyntype: K::DynamicType,
    ) -> Self {
        let mut controller = Self::with_store(reader, dyntype);
        controller.trigger(move |sink| trigger::objects(stream, sink).boxed());
        controller
    }

    /// A controller for the objects of a shared stream, usually a
    /// [`ReflectHandle`](crate::reflector::ReflectHandle), and the cache that it belongs to.
    pub fn for_shared_stream(trigger: impl Stream<Item = Arc<K>> + Send + 'static, reader: Store<K>) -> Self
    where
        K::DynamicType: Default,
    {
        Self::for_shared_stream_with(trigger, reader, Default::default())
    }

    /// [`for_shared_stream`](Controller::for_shared_stream) for a kind that is known at run time only.
    pub fn for_shared_stream_with(
        stream: impl Stream<Item = Arc<K>> + Send + 'static,
        reader: Store<K>,
        dyntype: K::DynamicType,
    ) -> Self {
        let mut controller = Self::with_store(reader.clone(), dyntype);
        controller.trigger(move |sink| trigger::shared(stream, reader, sink).boxed());
        controller
    }

    fn with_store(reader: Store<K>, dyntype: K::DynamicType) -> Self {
        Controller {
            dyntype,
            reader,
            triggers: Vec::new(),
            backoff: None,
            shutdown: Shutdown::default(),
            config: Config::default(),
            synced: Synced::default(),
        }
    }

    fn trigger(&mut self, start: impl FnOnce(Sink) -> BoxFuture<'static, ()> + Send + 'static) {
        self.triggers.push(Box::new(start));
    }

    /// The settings of the queue and the runner.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// How long a watch waits after an error; default: [`watcher::DefaultBackoff`] for each.
    ///
    /// The waits come from one sequence, but each watch waits for itself.
    #[must_use]
    pub fn trigger_backoff(mut self, backoff: impl Backoff + 'static) -> Self {
        self.backoff = Some(Arc::new(Mutex::new(backoff)));
        self
    }

    /// A reader of the cache.
    pub fn store(&self) -> Store<K> {
        self.reader.clone()
    }

    /// Tells when every watch of this controller has its initial list.
    pub fn synced(&self) -> Synced {
        self.synced.clone()
    }

    /// Also reconciles an object when something that it owns changes or is deleted.
    ///
    /// `Child` objects name their owner in `metadata.ownerReferences`; see
    /// [`controller_owner_ref`](Resource::controller_owner_ref).
    #[must_use]
    pub fn owns<Child: Clone + Resource<DynamicType = ()> + DeserializeOwned + Debug + Send + 'static>(
        self,
        api: Api<Child>,
        config: watcher::Config,
    ) -> Self {
        self.owns_with(api, (), config)
    }

    /// [`owns`](Controller::owns) for a kind that is known at run time only.
    #[must_use]
    pub fn owns_with<Child: Clone + Resource + DeserializeOwned + Debug + Send + 'static>(
        self,
        api: Api<Child>,
        dyntype: Child::DynamicType,
        config: watcher::Config,
    ) -> Self
    where
        Child::DynamicType: Debug + Eq + Hash + Clone,
    {
        let owner = self.dyntype.clone();
        self.relate(api, dyntype, config, move |child: Child| {
            trigger::owners::<K, Child>(&child, &owner)
        })
    }

    /// Also reconciles when a stream of owned objects yields one.
    #[must_use]
    pub fn owns_stream<Child: Resource<DynamicType = ()> + Send + 'static>(
        self,
        trigger: impl Stream<Item = Result<Child, watcher::Error>> + Send + 'static,
    ) -> Self {
        self.owns_stream_with(trigger, ())
    }

    /// [`owns_stream`](Controller::owns_stream) for a kind that is known at run time only.
    #[must_use]
    pub fn owns_stream_with<Child: Resource + Send + 'static>(
        mut self,
        stream: impl Stream<Item = Result<Child, watcher::Error>> + Send + 'static,
        dyntype: Child::DynamicType,
    ) -> Self
    where
        Child::DynamicType: Debug + Eq + Hash + Clone,
    {
        let owner = self.dyntype.clone();
        let related = Related::new::<Child>(&dyntype);
        self.trigger(move |sink| {
            let owners = move |child: Child| trigger::owners::<K, Child>(&child, &owner);
            trigger::related_stream(stream, owners, related, sink).boxed()
        });
        self
    }

    /// Also reconciles when a shared stream of owned objects yields one.
    #[must_use]
    pub fn owns_shared_stream<Child: Resource<DynamicType = ()> + Send + 'static>(
        self,
        trigger: impl Stream<Item = Arc<Child>> + Send + 'static,
    ) -> Self {
        self.owns_shared_stream_with(trigger, ())
    }

    /// [`owns_shared_stream`](Controller::owns_shared_stream) for a kind that is known at run time only.
    #[must_use]
    pub fn owns_shared_stream_with<Child: Resource<DynamicType = ()> + Send + 'static>(
        mut self,
        stream: impl Stream<Item = Arc<Child>> + Send + 'static,
        dyntype: Child::DynamicType,
    ) -> Self
    where
        Child::DynamicType: Debug + Eq + Hash + Clone,
    {
        let owner = self.dyntype.clone();
        let related = Related::new::<Child>(&dyntype);
        self.trigger(move |sink| {
            let owners = move |child: Arc<Child>| trigger::owners::<K, Child>(&child, &owner);
            trigger::related_shared(stream, owners, related, sink).boxed()
        });
        self
    }

    /// Also reconciles the objects that `mapper` names when an object of another kind changes or is
    /// deleted.
    ///
    /// When an object stops naming another, the other is reconciled once more.
    #[must_use]
    pub fn watches<Other, I>(
        self,
        api: Api<Other>,
        config: watcher::Config,
        mapper: impl Fn(Other) -> I + Sync + Send + 'static,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + Debug + Send + 'static,
        Other::DynamicType: Default + Debug + Clone + Eq + Hash,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
    {
        self.watches_with(api, Default::default(), config, mapper)
    }

    /// [`watches`](Controller::watches) for a kind that is known at run time only.
    #[must_use]
    pub fn watches_with<Other, I>(
        self,
        api: Api<Other>,
        dyntype: Other::DynamicType,
        config: watcher::Config,
        mapper: impl Fn(Other) -> I + Sync + Send + 'static,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + Debug + Send + 'static,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
        Other::DynamicType: Debug + Clone + Eq + Hash,
    {
        self.relate(api, dyntype, config, move |other| trigger::keys(mapper(other)))
    }

    /// Also reconciles the objects that `mapper` names when a stream yields an object of another kind.
    #[must_use]
    pub fn watches_stream<Other, I>(
        self,
        trigger: impl Stream<Item = Result<Other, watcher::Error>> + Send + 'static,
        mapper: impl Fn(Other) -> I + Sync + Send + 'static,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + Debug + Send + 'static,
        Other::DynamicType: Default + Debug + Clone,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
    {
        self.watches_stream_with(trigger, mapper, Default::default())
    }

    /// [`watches_stream`](Controller::watches_stream) for a kind that is known at run time only.
    #[must_use]
    pub fn watches_stream_with<Other, I>(
        mut self,
        stream: impl Stream<Item = Result<Other, watcher::Error>> + Send + 'static,
        mapper: impl Fn(Other) -> I + Sync + Send + 'static,
        dyntype: Other::DynamicType,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + Debug + Send + 'static,
        Other::DynamicType: Debug + Clone,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
    {
        let related = Related::new::<Other>(&dyntype);
        self.trigger(move |sink| {
            trigger::related_stream(stream, move |other| trigger::keys(mapper(other)), related, sink).boxed()
        });
        self
    }

    /// Also reconciles the objects that `mapper` names when a shared stream yields an object of another
    /// kind.
    #[must_use]
    pub fn watches_shared_stream<Other, I>(
        self,
        trigger: impl Stream<Item = Arc<Other>> + Send + 'static,
        mapper: impl Fn(Arc<Other>) -> I + Sync + Send + 'static,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + Debug + Send + 'static,
        Other::DynamicType: Default + Debug + Clone,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
    {
        self.watches_shared_stream_with(trigger, mapper, Default::default())
    }

    /// [`watches_shared_stream`](Controller::watches_shared_stream) for a kind that is known at run time
    /// only.
    #[must_use]
    pub fn watches_shared_stream_with<Other, I>(
        mut self,
        stream: impl Stream<Item = Arc<Other>> + Send + 'static,
        mapper: impl Fn(Arc<Other>) -> I + Sync + Send + 'static,
        dyntype: Other::DynamicType,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + Debug + Send + 'static,
        Other::DynamicType: Debug + Clone,
        I: 'static + IntoIterator<Item = ObjectRef<K>>,
        I::IntoIter: Send,
    {
        let related = Related::new::<Other>(&dyntype);
        self.trigger(move |sink| {
            trigger::related_shared(stream, move |other| trigger::keys(mapper(other)), related, sink).boxed()
        });
        self
    }

    fn relate<Other>(
        mut self,
        api: Api<Other>,
        dyntype: Other::DynamicType,
        config: watcher::Config,
        targets: impl Fn(Other) -> Vec<crate::key::Key> + Send + Sync + 'static,
    ) -> Self
    where
        Other: Clone + Resource + DeserializeOwned + Debug + Send + 'static,
    {
        let synced = self.synced.expect_one();
        let related = Related::new::<Other>(&dyntype);
        self.trigger(move |sink| {
            let session = Session::new(FullObjects(api), config);
            trigger::related(session, targets, related, sink, synced).boxed()
        });
        self
    }

    /// Reconciles every object in the cache whenever a stream yields.
    ///
    /// For what concerns them all, for example a reloaded configuration.
    #[must_use]
    pub fn reconcile_all_on(mut self, trigger: impl Stream<Item = ()> + Send + 'static) -> Self {
        let reader = self.reader.clone();
        self.trigger(move |sink| trigger::all_on(trigger, reader, sink).boxed());
        self
    }

    /// Reconciles the objects that a stream names.
    ///
    /// For what happens outside of Kubernetes.
    #[must_use]
    pub fn reconcile_on(mut self, trigger: impl Stream<Item = ObjectRef<K>> + Send + 'static) -> Self {
        self.trigger(move |sink| trigger::on(trigger, sink).boxed());
        self
    }

    /// Stops gracefully when a future completes: nothing new is started, and the stream of
    /// [`run`](Controller::run) ends when the reconciles under way have ended.
    #[must_use]
    pub fn graceful_shutdown_on(mut self, trigger: impl Future<Output = ()> + Send + Sync + 'static) -> Self {
        self.shutdown.graceful.push(trigger.boxed());
        self
    }

    /// Stops gracefully at SIGTERM or SIGINT (Ctrl-C elsewhere); at a second signal, the reconciles under
    /// way are dropped.
    ///
    /// From then on these signals do not end the process by themselves.
    #[must_use]
    pub fn shutdown_on_signal(mut self) -> Self {
        let (graceful, forced) = shutdown::on_signals();
        self.shutdown.graceful.push(graceful);
        self.shutdown.forced.push(forced);
        self
    }

    /// Runs the controller: a stream of what was reconciled and how it ended.
    ///
    /// Reconciles begin when the cache has its initial list. They run as tasks of the current tokio
    /// runtime, as many at once as [`Config::concurrency`] allows. `error_policy` says what to do about
    /// an error of `reconciler`; [`Action::requeue_with_backoff`] is a good answer. A reconciler that
    /// panics fails that object alone: the error is [`Error::RunnerError`], and the object is tried again
    /// after its backoff.
    ///
    /// The stream does nothing unless polled, and ends after a shutdown. Dropping it aborts everything.
    ///
    /// # Panics
    ///
    /// When polled outside of a tokio runtime, or when a mapper or a stream that was given to the
    /// controller panics.
    pub fn run<ReconcilerFut, Ctx>(
        self,
        reconciler: impl FnMut(Arc<K>, Arc<Ctx>) -> ReconcilerFut,
        error_policy: impl Fn(Arc<K>, &ReconcilerFut::Error, Arc<Ctx>) -> Action,
        context: Arc<Ctx>,
    ) -> impl Stream<Item = Result<(ObjectRef<K>, Action), Error<ReconcilerFut::Error, watcher::Error>>>
    where
        K::DynamicType: Debug + Unpin,
        ReconcilerFut: TryFuture<Ok = Action> + Send + 'static,
        ReconcilerFut::Error: std::error::Error + Send + 'static,
    {
        let Controller {
            dyntype,
            reader,
            triggers,
            backoff,
            shutdown,
            config,
            synced: _,
        } = self;
        let runner = Runner::new(reader, dyntype, &config, reconciler, error_policy, context, Spawn);
        let sources = trigger::tasks(triggers, runner.queue(), backoff, config);
        runner.run(shutdown, sources)
    }
}

impl<K> Debug for Controller<K>
where
    K: Clone + Resource + Debug + 'static,
    K::DynamicType: Eq + Hash,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller")
            .field("kind", &K::kind(&self.dyntype))
            .field("triggers", &self.triggers.len())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
