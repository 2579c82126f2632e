//! Requests to those who give tokens.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, Error as SendError},
    rt::TokioExecutor,
};
use tower::BoxError;

use crate::{Config, client::connector};

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of an answer is read.
const LIMIT: usize = 1 << 20;

/// Why there is no answer.
pub(super) enum Failure {
    /// The connection cannot be set up.
    Setup(crate::Error),
    Send(SendError),
    Read(BoxError),
    TimedOut,
}

/// Sends a request, and reads its answer; through the proxy that the environment names.
///
/// Trusts these authorities, each in DER, or else those that everybody trusts.
pub(super) async fn send(
    request: Request<Bytes>,
    root_cert: Option<Vec<Vec<u8>>>,
) -> Result<Response<Bytes>, Failure> {
    let mut config = Config::new(request.uri().clone());
    config.root_cert = root_cert;
    // The platform's certificates are files.
    let opener = tokio::task::spawn_blocking(move || connector::opener(&config));
    let opener = opener.await.map_err(|panicked| Failure::Read(panicked.into()))?;
    let opener = opener.map_err(Failure::Setup)?;
    let client = Client::builder(TokioExecutor::new()).build(opener);
    let answer = async {
        let response = client.request(request.map(Full::new)).await;
        let (head, body) = response.map_err(Failure::Send)?.into_parts();
        let body = Limited::new(body, LIMIT).collect().await.map_err(Failure::Read)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    };
    let answer = tokio::time::timeout(TIMEOUT, answer).await;
    answer.unwrap_or(Err(Failure::TimedOut))
}
