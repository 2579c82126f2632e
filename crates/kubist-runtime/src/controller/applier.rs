//! The parts of a controller, for those who put one together by hand.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use futures::{Stream, StreamExt, TryFuture, TryStream, TryStreamExt, stream};
use kubist_core::Resource;

use super::request::{Reason, ReconcileReason, ReconcileRequest};
use super::runner::{InPlace, Runner};
use super::shutdown::Shutdown;
use super::{Action, Config, Error};
use crate::queue::{PRIORITY_NORMAL, Request};
use crate::reflector::{Lookup, ObjectRef, Store};

/// Reconciles the objects that a stream of requests asks for.
///
/// This is what a [`Controller`](super::Controller) does with what its watches ask for, with two
/// differences: the reconciles are polled where the result is polled, and the requests are taken from a
/// stream of the caller's. Nothing is reconciled before `store` is ready. The result ends when `queue`
/// has ended and the reconciles under way have ended too.
///
/// # Panics
///
/// When the reconciler panics.
#[allow(clippy::type_complexity)]
pub fn applier<K, QueueStream, ReconcilerFut, Ctx>(
    reconciler: impl FnMut(Arc<K>, Arc<Ctx>) -> ReconcilerFut,
    error_policy: impl Fn(Arc<K>, &ReconcilerFut::Error, Arc<Ctx>) -> Action,
    context: Arc<Ctx>,
    store: Store<K>,
    queue: QueueStream,
    config: Config,
) -> impl Stream<Item = Result<(ObjectRef<K>, Action), Error<ReconcilerFut::Error, QueueStream::Error>>>
where
    K: Clone + Resource + 'static,
    K::DynamicType: Debug + Eq + Hash + Clone + Unpin,
    ReconcilerFut: TryFuture<Ok = Action> + Unpin,
    ReconcilerFut::Error: std::error::Error + 'static,
    QueueStream: TryStream,
    QueueStream::Ok: Into<ReconcileRequest<K>>,
    QueueStream::Error: std::error::Error + 'static,
{
    let dyntype = store.dyntype();
    let runner = Runner::new(
        store,
        dyntype,
        &config,
        reconciler,
        error_policy,
        context,
        InPlace,
    );
    let work = runner.queue();
    let sources = queue.into_stream().map_ok(move |request| {
        let ReconcileRequest { obj_ref, reason }: ReconcileRequest<K> = request.into();
        let request = Request {
            after: Some(config.debounce),
            priority: PRIORITY_NORMAL,
            reason: Reason::Given(Arc::new(reason)),
        };
        work.add(obj_ref.key().intern(), request);
    });
    runner.run(Shutdown::default(), sources)
}

/// Requests a reconcile of each object of a stream.
pub fn trigger_self<K, S>(
    stream: S,
    dyntype: K::DynamicType,
) -> impl Stream<Item = Result<ReconcileRequest<K>, S::Error>>
where
    S: TryStream<Ok = K>,
    K: Resource,
    K::DynamicType: Clone,
{
    stream.into_stream().map_ok(move |object| ReconcileRequest {
        obj_ref: object.to_object_ref(dyntype.clone()),
        reason: ReconcileReason::ObjectUpdated,
    })
}

/// Requests a reconcile of the owners of kind `KOwner` of each object of a stream.
pub fn trigger_owners<KOwner, S>(
    stream: S,
    owner_type: KOwner::DynamicType,
    child_type: <S::Ok as Resource>::DynamicType,
) -> impl Stream<Item = Result<ReconcileRequest<KOwner>, S::Error>>
where
    S: TryStream,
    S::Ok: Resource,
    <S::Ok as Resource>::DynamicType: Clone,
    KOwner: Resource,
    KOwner::DynamicType: Clone,
{
    trigger_with(stream, move |child: S::Ok| {
        let meta = child.meta();
        let child_ref = child.to_object_ref(child_type.clone()).erase();
        let owners: Vec<_> = meta
            .owner_references
            .iter()
            .flatten()
            .filter_map(|owner| {
                ObjectRef::<KOwner>::from_owner_ref(meta.namespace.as_deref(), owner, owner_type.clone())
            })
            .map(|obj_ref| ReconcileRequest {
                obj_ref,
                reason: ReconcileReason::RelatedObjectUpdated {
                    obj_ref: Box::new(child_ref.clone()),
                },
            })
            .collect();
        owners
    })
}

/// Requests the reconciles that `mapper` names for each item of a stream.
pub fn trigger_with<T, K, I, S>(
    stream: S,
    mapper: impl Fn(T) -> I,
) -> impl Stream<Item = Result<ReconcileRequest<K>, S::Error>>
where
    S: TryStream<Ok = T>,
    I: IntoIterator,
    I::Item: Into<ReconcileRequest<K>>,
    K: Resource,
{
    stream.into_stream().flat_map(move |item| {
        let requests: Vec<_> = match item {
            Ok(item) => mapper(item)
                .into_iter()
                .map(|request| Ok(request.into()))
                .collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(requests)
    })
}
