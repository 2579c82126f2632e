//! Where a webhook is: a URL, or a service that somebody knows the address of.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use rustls_pki_types::CertificateDer;
use serde_json::Value;

use super::CallError;

/// A service that a webhook configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceReference {
    /// The namespace of the service.
    pub namespace: String,
    /// The name of the service.
    pub name: String,
    /// The port of the service; 443 where the configuration names none.
    pub port: u16,
}

type Address = dyn Fn(&ServiceReference) -> Option<SocketAddr> + Send + Sync;

/// Tells where a service lives.
#[derive(Clone)]
pub(crate) struct Resolve(Arc<Address>);

impl Resolve {
    pub(crate) fn new(
        resolve: impl Fn(&ServiceReference) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Resolve {
        Resolve(Arc::new(resolve))
    }

    pub(crate) fn address(&self, service: &ServiceReference) -> Option<SocketAddr> {
        (self.0)(service)
    }
}

impl fmt::Debug for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolve")
    }
}

/// Where calls go, and which certificates are trusted there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The URL as messages show it, without a query.
    url: String,
    /// The name and port that the server is asked for.
    host: String,
    /// The URL that is requested: a service's port is in the address instead.
    request: String,
    address: Option<SocketAddr>,
    authorities: Option<Arc<[CertificateDer<'static>]>>,
}

impl Endpoint {
    /// Reads a `clientConfig`; `resolve` says where a service lives, or why nobody knows.
    pub(crate) fn read(
        config: &Value,
        timeout: Duration,
        resolve: impl FnOnce(&ServiceReference) -> Result<SocketAddr, String>,
    ) -> Result<Endpoint, CallError> {
        let authorities = match config.get("caBundle").and_then(Value::as_str) {
            None | Some("") => None,
            Some(bundle) => {
                let pem = base64::engine::general_purpose::STANDARD.decode(bundle).ok();
                let authorities = pem.and_then(|pem| super::certificates(&pem));
                Some(authorities.ok_or_else(|| {
                    CallError::Unusable(
                        "unable to load root certificates: unable to parse bytes as PEM block".into(),
                    )
                })?)
            }
        };
        if let Some(url) = config.get("url").and_then(Value::as_str) {
            let uri: http::Uri = url
                .parse()
                .map_err(|error| CallError::Unusable(format!("Unparsable webhook URL: {error}")))?;
            let host = uri.authority().map_or("", |authority| authority.as_str());
            return Ok(Endpoint {
                url: url.to_owned(),
                host: host.to_owned(),
                request: url.to_owned(),
                address: None,
                authorities,
            });
        }
        let service = config.get("service");
        let text = |key: &str| {
            service
                .and_then(|service| service.get(key)?.as_str())
                .unwrap_or("")
        };
        let port = service
            .and_then(|service| service.get("port")?.as_u64())
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(443);
        let reference = ServiceReference {
            namespace: text("namespace").to_owned(),
            name: text("name").to_owned(),
            port,
        };
        let name = format!("{}.{}.svc", reference.name, reference.namespace);
        let path = match text("path") {
            "" => "/",
            path => path,
        };
        let url = format!("https://{name}:{port}{path}");
        let address = resolve(&reference).map_err(|error| CallError::Transport {
            url: with_timeout(&url, timeout),
            error,
        })?;
        Ok(Endpoint {
            url,
            host: format!("{name}:{port}"),
            request: format!("https://{name}{path}"),
            address: Some(address),
            authorities,
        })
    }

    /// What is said when nobody answers in time.
    pub(crate) fn timed_out(&self, timeout: Duration) -> CallError {
        CallError::Transport {
            url: self.url(timeout),
            error: "context deadline exceeded".into(),
        }
    }

    /// The URL as messages show it.
    pub(super) fn url(&self, timeout: Duration) -> String {
        with_timeout(&self.url, timeout)
    }

    pub(super) fn uri(&self, timeout: Duration) -> String {
        with_timeout(&self.request, timeout)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn authorities(&self) -> Option<&Arc<[CertificateDer<'static>]>> {
        self.authorities.as_ref()
    }

    pub(super) fn lookup(&self) -> Lookup {
        match self.address {
            Some(address) => Lookup::Known(address),
            None => Lookup::Dns(GaiResolver::new()),
        }
    }
}

/// Seconds, rounded up, as upstream tells them.
fn with_timeout(url: &str, timeout: Duration) -> String {
    let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}timeout={seconds}s")
}

/// Finds the address of a name.
#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    Known(SocketAddr),
    Dns(GaiResolver),
}

impl tower::Service<Name> for Lookup {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Lookup::Known(_) => Poll::Ready(Ok(())),
            Lookup::Dns(resolver) => tower::Service::poll_ready(resolver, context),
        }
    }

    fn call(&mut self, name: Name) -> Self::Future {
        match self {
            Lookup::Known(address) => {
                let address = *address;
                Box::pin(async move { Ok(vec![address].into_iter()) })
            }
            Lookup::Dns(resolver) => {
                let found = tower::Service::call(resolver, name);
                Box::pin(async move { Ok(found.await?.collect::<Vec<_>>().into_iter()) })
            }
        }
    }
}
