//! Calls to webhooks: where they are, whom to trust, and what a failed call is called.

mod endpoint;
mod failure;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use parking_lot::Mutex;
use serde_json::Value;

pub use endpoint::ServiceReference;
pub(crate) use endpoint::{Endpoint, Resolve};
pub(crate) use failure::CallError;

use endpoint::Lookup;

/// The largest answer that is read.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// How many connections pools are kept, one for each endpoint.
const POOLS: usize = 64;

type Pool = Client<HttpsConnector<HttpConnector<Lookup>>, Full<Bytes>>;

/// Calls webhooks, and keeps connections to them.
#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    pools: Mutex<Vec<(Endpoint, Pool)>>,
}

impl Webhooks {
    /// Posts a review, and gives the answer's document.
    ///
    /// The time that is left is told to the webhook as upstream tells it, by `?timeout=5s`.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        review: &Value,
        timeout: Duration,
    ) -> Result<Value, CallError> {
        let url = endpoint.url(timeout);
        let context = |error| CallError::Transport {
            url: url.clone(),
            error,
        };
        let pool = self
            .pool(endpoint)
            .map_err(|error| CallError::Unusable(error.to_string()))?;
        let body = serde_json::to_vec(review).map_err(|error| CallError::Unusable(error.to_string()))?;
        let request = Request::post(endpoint.uri(timeout))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, */*")
            .header(USER_AGENT, "kube-apiserver-admission")
            .header(HOST, endpoint.host())
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| CallError::Unusable(error.to_string()))?;
        let exchange = async {
            let response = pool
                .request(request)
                .await
                .map_err(|error| failure::words(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_LIMIT)
                .collect()
                .await
                .map_err(|error| error.to_string())?
                .to_bytes();
            Ok((parts, body))
        };
        let (parts, body) = match tokio::time::timeout(timeout, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(context(error)),
            Err(_) => return Err(context("context deadline exceeded".into())),
        };
        if !parts.status.is_success() {
            let content_type = parts.headers.get(CONTENT_TYPE);
            let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or("");
            return Err(failure::of_status(parts.status.as_u16(), content_type, &body));
        }
        serde_json::from_slice(&body).map_err(|_| {
            CallError::Unreadable(format!(
                "couldn't get version/kind; json parse error: {}",
                crate::http::json::syntax_error(&body)
            ))
        })
    }

    /// The connections to an endpoint; with another certificate authority it is another endpoint.
    fn pool(&self, endpoint: &Endpoint) -> Result<Pool, rustls::Error> {
        let mut pools = self.pools.lock();
        if let Some((_, pool)) = pools.iter().find(|(known, _)| known == endpoint) {
            return Ok(pool.clone());
        }
        let mut http = HttpConnector::new_with_resolver(endpoint.lookup());
        http.enforce_http(false);
        http.set_nodelay(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(endpoint.authorities())?)
            .https_only()
            .enable_http1()
            .wrap_connector(http);
        let pool: Pool = Client::builder(TokioExecutor::new()).build(connector);
        if pools.len() == POOLS {
            pools.remove(0);
        }
        pools.push((endpoint.clone(), pool.clone()));
        Ok(pool)
    }
}

/// Where a `clientConfig` leads.
pub(crate) fn endpoint(
    api: &crate::state::Api,
    config: &Value,
    timeout: Duration,
) -> Result<Endpoint, CallError> {
    Endpoint::read(config, timeout, |service| {
        api.services
            .as_ref()
            .and_then(|resolve: &Resolve| resolve.address(service))
            .ok_or_else(|| {
                let key = crate::store::Key::new(&service.namespace, &service.name);
                let table = crate::kinds::kind::table("", "services");
                match api.store.get(&table, &key) {
                    None => format!("service {:?} not found", service.name),
                    Some(_) => format!("no endpoints available for service {:?}", service.name),
                }
            })
    })
}

/// Parses the PEM of a `caBundle`.
fn certificates(pem: &[u8]) -> Option<Arc<[rustls_pki_types::CertificateDer<'static>]>> {
    use rustls_pki_types::pem::PemObject as _;
    let certificates: Result<Vec<_>, _> = rustls_pki_types::CertificateDer::pem_slice_iter(pem).collect();
    certificates
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .map(Into::into)
}

/// Whether a `caBundle` holds certificates.
pub(crate) fn is_bundle(pem: &[u8]) -> bool {
    certificates(pem).is_some()
}
