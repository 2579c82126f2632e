//! The connections of a configuration, which are opened anew where its certificates change.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::{
    Body,
    auth::Renewed,
    connector,
    transport::{Transport, TransportError, server_of},
};
use crate::{Config, Error, Result};

/// How often the files of certificates are looked at, if there are requests.
const LOOK_AFTER: Duration = Duration::from_secs(10);

/// Sends requests over the connections of a configuration.
#[derive(Clone)]
pub(super) struct Connections {
    kind: Kind,
    /// How long the head of an answer may take.
    header_timeout: Option<Duration>,
}

#[derive(Clone)]
enum Kind {
    /// Nothing of it changes.
    Fixed(Transport),
    /// It has certificates that do.
    Changing(Arc<Changing>),
}

/// The server did not answer in time; it may have begun to do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{server} did not answer within {timeout:?}")]
struct NoAnswer {
    server: String,
    timeout: Duration,
}

impl Connections {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let files = config.certificate_files();
        let plugin = config.auth_info.exec.as_ref().map(Renewed::of_plugin);
        let plugin = plugin.transpose().map_err(Error::Auth)?;
        let kind = if files.is_empty() && plugin.is_none() {
            Kind::Fixed(connector::transport(config)?)
        } else {
            Kind::Changing(Arc::new(Changing::new(config.clone(), files, plugin)?))
        };
        Ok(Self {
            kind,
            header_timeout: config.response_header_timeout,
        })
    }

    fn answer(&mut self, request: Request<Body>) -> BoxFuture<'static, Result<Response<Body>, BoxError>> {
        match &mut self.kind {
            Kind::Fixed(transport) => transport.call(request),
            Kind::Changing(changing) => {
                let changing = changing.clone();
                async move { changing.send(request).await }.boxed()
            }
        }
    }
}

impl Service<Request<Body>> for Connections {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(timeout) = self.header_timeout else {
            return self.answer(request);
        };
        let server = server_of(request.uri());
        let answer = tokio::time::timeout(timeout, self.answer(request));
        let answer = async move {
            match answer.await {
                Ok(answer) => answer,
                Err(_) => Err(NoAnswer { server, timeout }.into()),
            }
        };
        answer.boxed()
    }
}

/// Connections whose certificates change.
///
/// Requests that are under way stay on their connections; later ones get new connections.
pub(super) struct Changing {
    config: Config,
    files: Vec<PathBuf>,
    plugin: Option<Arc<Renewed>>,
    current: Mutex<Current>,
    /// Held by the one who looks.
    looking: tokio::sync::Mutex<()>,
    /// Whether something failed that other certificates might mend.
    suspect: AtomicBool,
}

struct Current {
    transport: Transport,
    looked_at: Instant,
    seen: Seen,
    /// Whether connections could not be made of what was seen.
    is_stale: bool,
}

/// What the connections were made of.
#[derive(PartialEq)]
struct Seen {
    /// What each file holds, if it can be read.
    files: Vec<Option<Vec<u8>>>,
    /// How often the plugin's certificate had changed.
    identities: u64,
}

impl Seen {
    fn now(files: &[PathBuf], plugin: Option<&Arc<Renewed>>) -> Self {
        let read = |path: &PathBuf| std::fs::read(path).ok();
        Self {
            files: files.iter().map(read).collect(),
            identities: plugin.map_or(0, |plugin| plugin.identities()),
        }
    }
}

impl Changing {
    fn new(config: Config, files: Vec<PathBuf>, plugin: Option<Arc<Renewed>>) -> Result<Self> {
        // Looked at before they are read: what changes in between is seen the next time.
        let seen = Seen::now(&files, plugin.as_ref());
        let current = Current {
            transport: transport(&config)?,
            looked_at: Instant::now(),
            seen,
            is_stale: false,
        };
        Ok(Self {
            config,
            files,
            plugin,
            current: Mutex::new(current),
            looking: tokio::sync::Mutex::default(),
            suspect: AtomicBool::new(false),
        })
    }

    async fn send(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let mut transport = self.transport().await;
        let answer = transport.call(request).await;
        let is_suspect = match &answer {
            Ok(response) => response.status() == StatusCode::UNAUTHORIZED,
            Err(error) => error
                .downcast_ref::<TransportError>()
                .is_some_and(|error| !error.is_broken()),
        };
        if is_suspect {
            self.suspect.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// The connections with the certificates of the moment.
    async fn transport(self: &Arc<Self>) -> Transport {
        if self.has_other_identity() {
            // No request goes out with a certificate that the plugin has replaced.
            let _looking = self.looking.lock().await;
            if self.has_other_identity() {
                self.look().await;
            }
        } else if self.is_due()
            && let Ok(_looking) = self.looking.try_lock()
        {
            self.look().await;
        }
        self.current.lock().transport.clone()
    }

    fn has_other_identity(&self) -> bool {
        let plugin = self.plugin.as_ref();
        plugin.is_some_and(|plugin| plugin.identities() != self.current.lock().seen.identities)
    }

    fn is_due(&self) -> bool {
        let is_suspect = self.suspect.load(Ordering::Relaxed);
        let current = self.current.lock();
        (current.is_stale || !self.files.is_empty())
            && (is_suspect || current.looked_at.elapsed() > LOOK_AFTER)
    }

    /// Makes new connections of certificates that changed; away from the runtime's threads, as it
    /// reads files.
    async fn look(self: &Arc<Self>) {
        self.suspect.store(false, Ordering::Relaxed);
        let this = self.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let seen = Seen::now(&this.files, this.plugin.as_ref());
            let is_made = {
                let current = this.current.lock();
                !current.is_stale && current.seen == seen
            };
            (!is_made).then(|| (seen, transport(&this.config)))
        });
        let changed = looked.await.ok().flatten();
        let mut current = self.current.lock();
        current.looked_at = Instant::now();
        match changed {
            None => {}
            Some((seen, Ok(transport))) => {
                tracing::debug!("certificates have changed, connecting anew");
                current.transport = transport;
                current.seen = seen;
                current.is_stale = false;
            }
            // Perhaps half of it is written yet.
            Some((seen, Err(error))) => {
                tracing::warn!(%error, "keeping the certificates that were read before");
                current.seen = seen;
                current.is_stale = true;
            }
        }
    }
}

fn transport(config: &Config) -> Result<Transport> {
    let loaded = config.clone().with_loaded_certificates();
    connector::transport(&loaded.map_err(Error::InferKubeconfig)?)
}
