//! Faults on demand: what goes wrong, for which requests, how often.
//!
//! A [`Fault`] says which requests it meets and what happens to them. Faults that leave
//! something to chance take it from a generator of their own that a seed starts, so that the
//! same requests meet the same faults in every run.
//!
//! No fault breaks a promise of the API: events are never lost, doubled or out of order. A
//! client that gets them wrong after a fault has a bug that a real server would find, too.

mod fault;
mod parse;
mod plan;
mod watches;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kubist_core::Resource;
use parking_lot::Mutex;

use crate::http::request::Target;
pub use fault::{Effect, Fault};
pub use parse::ParseFaultError;
pub(crate) use plan::Plan;
pub(crate) use watches::{Ending, Entered, Running};

/// The faults of a server; clones are of the same server.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), kubist_apiserver::Error> {
/// use k8s_openapi::api::core::v1::ConfigMap;
/// use kubist_apiserver::{Effect, Fault, Server};
///
/// let server = Server::builder().seed(7).start().await?;
/// // The next watch of config maps ends after three events, and the one after it is told 410.
/// server.faults().watches::<ConfigMap>().cut_after(3).then(Effect::Gone);
/// // Of all writes of secrets one in ten fails.
/// server.faults().inject(
///     Fault::new(Effect::Status(503)).verbs(["create", "update", "patch"]).resource("secrets").chance(0.1).forever(),
/// );
/// server.faults().clear();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
    running: Running,
}

#[derive(Default)]
struct Inner {
    rules: Vec<(u64, Fault)>,
    /// Names rules, and starts the generators of those that leave something to chance.
    next: u64,
    seed: u64,
    hits: u64,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Faults {
        Faults {
            inner: Arc::new(Mutex::new(Inner {
                seed,
                ..Inner::default()
            })),
            running: Running::default(),
        }
    }

    /// Adds a fault; it goes once it happened as often as it should.
    ///
    /// # Panics
    ///
    /// If it could never happen as it is written: a verb that there is none of, a status that
    /// is no failure, a chance that is not between 0 and 1, an effect 0 times. The message names
    /// the part. A fault that is read from text says so as an error.
    #[track_caller]
    pub fn inject(&self, fault: Fault) -> Injected {
        let fault = checked(fault);
        let mut inner = self.inner.lock();
        let id = inner.next;
        inner.next += 1;
        let seed = inner.seed ^ id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        inner.rules.push((id, fault.seeded(seed)));
        Injected {
            faults: self.clone(),
            id,
        }
    }

    /// Faults for requests of a verb: `get`, `list`, `watch`, `create`, `update`, `patch`,
    /// `delete`, `deletecollection`, or `webhook` for calls that the server makes.
    ///
    /// Another verb makes [`Aim::inject`] panic.
    pub fn requests(&self, verb: &str) -> Aim {
        Aim {
            faults: self.clone(),
            fault: Fault::none().verbs([verb]),
        }
    }

    /// Faults for watches of a kind.
    pub fn watches<K>(&self) -> Aim
    where
        K: Resource<DynamicType = ()>,
    {
        Aim {
            faults: self.clone(),
            fault: Fault::none().verbs(["watch"]).of::<K>(),
        }
    }

    /// Faults for what writes a kind: creates, updates, patches and deletions.
    pub fn writes<K>(&self) -> Aim
    where
        K: Resource<DynamicType = ()>,
    {
        Aim {
            faults: self.clone(),
            fault: Fault::none()
                .verbs(["create", "update", "patch", "delete", "deletecollection"])
                .of::<K>(),
        }
    }

    /// Starts the generators of faults that are injected from now on.
    pub fn seed(&self, seed: u64) {
        self.inner.lock().seed = seed;
    }

    /// Ends all watches that run now, as a restart of a server's frontend does; tells how many.
    pub fn cut_watches(&self) -> usize {
        self.running.cut(|_| true)
    }

    /// How often a fault happened.
    pub fn hits(&self) -> u64 {
        self.inner.lock().hits
    }

    /// Forgets all faults.
    pub fn clear(&self) {
        self.inner.lock().rules.clear();
    }

    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    /// What is to happen to a request.
    pub(crate) fn meet(&self, target: &Target, user_agent: &str) -> Plan {
        self.plan(|fault| fault.aims_at(target, user_agent))
    }

    /// What is to happen to a create, now that what it creates has a name.
    pub(crate) fn meet_created(&self, target: &Target, name: &str, user_agent: &str) -> Plan {
        self.plan(|fault| fault.aims_at_created(target, name, user_agent))
    }

    /// Waits before a webhook is called, if that is to be slow, or fails it.
    pub(crate) async fn before_webhook(&self, name: &str) -> Result<(), String> {
        let plan = self.plan(|fault| fault.aims_at_webhook(name));
        plan.wait().await;
        match plan.failure(&Target::default()) {
            Some(failure) => Err(failure.message),
            None => Ok(()),
        }
    }

    fn plan(&self, aims: impl Fn(&Fault) -> bool) -> Plan {
        let mut inner = self.inner.lock();
        let mut effects = Vec::new();
        for (_, fault) in &mut inner.rules {
            if aims(fault) {
                effects.extend(fault.strike());
            }
        }
        inner.rules.retain(|(_, fault)| !fault.is_over());
        inner.hits += effects.len() as u64;
        Plan::new(effects)
    }
}

/// A fault that can happen.
#[track_caller]
fn checked(fault: Fault) -> Fault {
    match fault.check() {
        Ok(()) => fault,
        Err(error) => panic!("{error}"),
    }
}

/// A fault in the making: which requests it meets is said, what happens to them is not.
#[derive(Debug)]
#[must_use = "nothing happens until an effect is chosen"]
pub struct Aim {
    faults: Faults,
    fault: Fault,
}

impl Aim {
    /// Only for objects of this name: the one in the path, the one that a create makes, or the
    /// one that a list or a watch selects by `metadata.name`.
    pub fn named(mut self, name: &str) -> Aim {
        self.fault = self.fault.name(name);
        self
    }

    /// Only in this namespace.
    pub fn in_namespace(mut self, namespace: &str) -> Aim {
        self.fault = self.fault.namespace(namespace);
        self
    }

    /// Only for resources of this name, such as `configmaps`.
    pub fn resource(mut self, resource: &str) -> Aim {
        self.fault = self.fault.resource(resource);
        self
    }

    /// Lets this many requests pass first: the n-th write is `skip(n - 1)`.
    pub fn skip(mut self, requests: u64) -> Aim {
        self.fault = self.fault.skip(requests);
        self
    }

    /// Leaves it to chance, for each request anew.
    pub fn chance(mut self, probability: f64) -> Aim {
        self.fault = self.fault.chance(probability);
        self
    }

    /// Adds the fault with this effect.
    ///
    /// # Panics
    ///
    /// As [`Faults::inject`].
    #[track_caller]
    pub fn inject(self, effect: Effect) -> Injected {
        self.faults.inject(self.fault.then(effect))
    }

    /// Ends a watch cleanly after this many events.
    #[track_caller]
    pub fn cut_after(self, events: u64) -> Injected {
        self.inject(Effect::CutAfter(events))
    }

    /// Ends the running watches that it meets at once; tells how many.
    pub fn cut_now(self) -> usize {
        self.faults.running.cut(|target| self.fault.aims_at(target, ""))
    }

    /// Answers with this status, which is one of a failure.
    ///
    /// # Panics
    ///
    /// As [`Faults::inject`].
    #[track_caller]
    pub fn answer(self, code: u16) -> Injected {
        self.inject(Effect::Status(code))
    }

    /// Waits before the request is handled.
    #[track_caller]
    pub fn delay(self, delay: Duration) -> Injected {
        self.inject(Effect::Delay(delay))
    }
}

/// A fault that was added.
#[derive(Debug)]
pub struct Injected {
    faults: Faults,
    id: u64,
}

impl Injected {
    #[track_caller]
    fn change(self, change: impl FnOnce(Fault) -> Fault) -> Injected {
        {
            let mut inner = self.faults.inner.lock();
            if let Some((_, fault)) = inner.rules.iter_mut().find(|(id, _)| *id == self.id) {
                *fault = checked(change(fault.clone()));
            }
        }
        self
    }

    /// Goes on with another effect once the one before happened as often as it should.
    ///
    /// # Panics
    ///
    /// As [`Faults::inject`].
    #[track_caller]
    pub fn then(self, effect: Effect) -> Injected {
        self.change(|fault| fault.then(effect))
    }

    /// The last effect happens this often, once at least.
    ///
    /// # Panics
    ///
    /// As [`Faults::inject`].
    #[track_caller]
    pub fn times(self, times: u64) -> Injected {
        self.change(|fault| fault.times(times))
    }

    /// The last effect happens again and again.
    pub fn forever(self) -> Injected {
        self.change(Fault::forever)
    }

    /// Whether it did not happen as often as it should yet.
    pub fn is_pending(&self) -> bool {
        let inner = self.faults.inner.lock();
        inner.rules.iter().any(|(id, _)| *id == self.id)
    }

    /// Takes it back.
    pub fn remove(self) {
        self.faults.inner.lock().rules.retain(|(id, _)| *id != self.id);
    }
}
