//! Credentials that somebody gives, and gives again before they expire.

use std::{
    sync::{
        Arc, LazyLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use http::HeaderValue;
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use super::{AuthError, exec, gcp};
use crate::config::ExecConfig;

/// How long before they expire credentials are renewed; those that are good for a shorter time only,
/// in the last quarter of it.
const MARGIN: Duration = Duration::from_secs(60);

/// How long credentials are kept at least, even if they are refused.
const RENEW_AFTER: Duration = Duration::from_secs(10);

/// What proves who one is, until it expires.
pub(crate) struct Credentials {
    pub(super) header: Option<HeaderValue>,
    /// A key and a certificate, as one PEM.
    pub(crate) identity: Option<Vec<u8>>,
    renew_at: Option<Timestamp>,
    given_at: Instant,
}

impl Credentials {
    pub(super) fn new(
        header: Option<HeaderValue>,
        identity: Option<Vec<u8>>,
        expires: Option<Timestamp>,
    ) -> Self {
        Self {
            header,
            identity,
            renew_at: expires.map(|expires| expires - margin(Timestamp::now(), expires)),
            given_at: Instant::now(),
        }
    }

    fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|renew_at| Timestamp::now() < renew_at)
    }
}

fn margin(now: Timestamp, expires: Timestamp) -> Duration {
    let left = Duration::try_from(expires.duration_since(now)).unwrap_or_default();
    MARGIN.min(left / 4)
}

/// Who gives credentials.
pub(super) enum Source {
    Plugin(ExecConfig),
    Gcp(gcp::Program),
    #[cfg(feature = "oauth")]
    Google(super::oauth::Google),
    #[cfg(feature = "oidc")]
    Oidc(super::oidc::Session),
}

impl Source {
    async fn obtain(&self) -> Result<Credentials, AuthError> {
        match self {
            Source::Plugin(config) => exec::run(config).await,
            Source::Gcp(program) => program.run().await,
            #[cfg(feature = "oauth")]
            Source::Google(google) => google.token().await.map_err(AuthError::OAuth),
            #[cfg(feature = "oidc")]
            Source::Oidc(session) => session.refresh().await,
        }
    }
}

/// What a source gave last; it is asked again before that expires, and after it was refused.
///
/// All requests that wait for it share one run, over all clients with the same configuration. A
/// run goes on for the others, and for later ones, if a request that waits for it is dropped.
pub(crate) struct Renewed {
    key: String,
    source: Source,
    current: RwLock<Option<Arc<Credentials>>>,
    running: Mutex<Option<Run>>,
    /// How often the client certificate has changed.
    identities: AtomicU64,
}

/// `None` where the runtime that it ran in is gone.
type Run = Shared<BoxFuture<'static, Option<Result<Arc<Credentials>, Arc<AuthError>>>>>;

static SHARED: LazyLock<Mutex<Vec<Weak<Renewed>>>> = LazyLock::new(Mutex::default);

impl Renewed {
    /// The credentials of a plugin, which others may have already.
    pub(crate) fn of_plugin(config: &ExecConfig) -> Result<Arc<Self>, AuthError> {
        exec::check(config)?;
        let key = format!("exec {}", exec::key(config)?);
        Self::shared(key, || Ok((Source::Plugin(config.clone()), None)))
    }

    /// The credentials of a source, and what is known of them at first.
    pub(super) fn shared(
        key: String,
        source: impl FnOnce() -> Result<(Source, Option<Credentials>), AuthError>,
    ) -> Result<Arc<Self>, AuthError> {
        let mut shared = SHARED.lock();
        shared.retain(|known| known.strong_count() > 0);
        if let Some(known) = shared
            .iter()
            .filter_map(Weak::upgrade)
            .find(|known| known.key == key)
        {
            return Ok(known);
        }
        let (source, first) = source()?;
        let new = Arc::new(Self {
            key,
            source,
            current: RwLock::new(first.map(Arc::new)),
            running: Mutex::default(),
            identities: AtomicU64::new(0),
        });
        shared.push(Arc::downgrade(&new));
        Ok(new)
    }

    /// What was given last, fresh or not.
    pub(crate) fn current(&self) -> Option<Arc<Credentials>> {
        self.current.read().clone()
    }

    /// How often the client certificate has changed.
    pub(crate) fn identities(&self) -> u64 {
        self.identities.load(Ordering::Acquire)
    }

    pub(super) async fn header(self: &Arc<Self>) -> Result<Option<HeaderValue>, AuthError> {
        Ok(self.fresh().await?.header.clone())
    }

    /// Forgets credentials that were refused, so that the source is asked again; not more than once
    /// in a while, as its answer may be refused again.
    pub(super) fn refused(&self, header: Option<&HeaderValue>) {
        let mut current = self.current.write();
        let is_refused = |credentials: &Arc<Credentials>| {
            credentials.header.as_ref() == header && credentials.given_at.elapsed() > RENEW_AFTER
        };
        if current.as_ref().is_some_and(is_refused) {
            *current = None;
        }
    }

    /// Cancel safe: who is dropped while it waits takes nothing from the others.
    async fn fresh(self: &Arc<Self>) -> Result<Arc<Credentials>, AuthError> {
        loop {
            let run = match self.join() {
                Ok(credentials) => return Ok(credentials),
                Err(run) => run,
            };
            match run.await {
                Some(Ok(credentials)) => return Ok(credentials),
                Some(Err(error)) => {
                    return Err(Arc::try_unwrap(error).unwrap_or_else(|shared| shared.again()));
                }
                None => {}
            }
        }
    }

    /// Fresh credentials, or else the run that gets them, which is started if it is not.
    fn join(self: &Arc<Self>) -> Result<Arc<Credentials>, Run> {
        let fresh = || self.current().filter(|credentials| credentials.is_fresh());
        if let Some(credentials) = fresh() {
            return Ok(credentials);
        }
        let mut running = self.running.lock();
        // It may have ended meanwhile.
        if let Some(credentials) = fresh() {
            return Ok(credentials);
        }
        if let Some(run) = running.as_ref().filter(|run| run.peek().is_none()) {
            return Err(run.clone());
        }
        let this = self.clone();
        let task = tokio::spawn(async move {
            let result = this.source.obtain().await;
            let mut running = this.running.lock();
            let result = result.map(|credentials| this.set(credentials)).map_err(Arc::new);
            *running = None;
            result
        });
        let run = task.map(Result::ok).boxed().shared();
        *running = Some(run.clone());
        Err(run)
    }

    fn set(&self, credentials: Credentials) -> Arc<Credentials> {
        let new = Arc::new(credentials);
        let old = self.current.write().replace(new.clone());
        let old_identity = old.as_ref().and_then(|old| old.identity.as_ref());
        if old_identity != new.identity.as_ref() {
            self.identities.fetch_add(1, Ordering::Release);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lives_are_used() {
        let now = Timestamp::now();
        let left = |seconds: i64| margin(now, now + jiff::SignedDuration::from_secs(seconds)).as_secs();
        assert_eq!(
            [left(3600), left(240), left(20), left(0), left(-5)],
            [60, 60, 5, 0, 0]
        );
    }
}
