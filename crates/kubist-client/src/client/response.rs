//! From responses to values and errors.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use kubist_core::Status;
use kubist_wire::json::DecodeError;
use serde::{Deserialize, de::DeserializeOwned};
use std::{borrow::Cow, fmt};

use super::Body;
use crate::{Error, Result};

/// How much of an answer that is an error is read.
const ERROR_LIMIT: usize = 1024 * 1024;

/// What was asked, for errors whose answer does not say.
pub(super) struct Asked {
    method: Method,
    uri: Uri,
}

impl Asked {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.uri.path())
    }
}

/// Passes on what succeeded; makes an error of what did not.
pub(super) async fn check(response: Response<Body>, asked: &Asked) -> Result<Response<Body>> {
    let code = response.status();
    if !code.is_client_error() && !code.is_server_error() {
        return Ok(response);
    }
    let body = Limited::new(response.into_body(), ERROR_LIMIT).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    Err(Error::Api(status(code, &body, asked).boxed()))
}

/// How a server of TLS answers plain HTTP.
const PLAIN_TO_TLS: &[u8] = b"Client sent an HTTP request to an HTTPS server";

/// What the server says about an error, or else what its code says.
fn status(code: StatusCode, body: &[u8], asked: &Asked) -> Status {
    match serde_json::from_slice::<Status>(body) {
        Ok(mut status) if status.is_failure() || !status.reason.is_empty() || !status.message.is_empty() => {
            if status.code == 0 {
                status.code = code.as_u16();
            }
            status
        }
        // A proxy's page, or a handler's plain text: the code has to do.
        _ => {
            let message = match code {
                // What a server says of a kind that it does not have.
                StatusCode::NOT_FOUND => format!("the server has nothing at {asked}; is the kind installed?"),
                // Go's servers speak both on one port, but say no more than this without TLS.
                StatusCode::BAD_REQUEST if body.starts_with(PLAIN_TO_TLS) => {
                    format!(
                        "the server speaks HTTPS, and {asked} was sent over HTTP; its URL begins with https://"
                    )
                }
                _ => format!("the server answered {code} to {asked}"),
            };
            Status::failure(&message, "Failed to parse error data").with_code(code.as_u16())
        }
    }
}

/// Decodes a document; errors say where it fails, not what is there.
pub(super) fn decode<T: DeserializeOwned>(body: &Bytes) -> Result<T> {
    kubist_wire::json::from_slice(body).map_err(decode_error)
}

pub(super) fn decode_error(error: DecodeError) -> Error {
    Error::SerdeError(error.into())
}

/// Whether a document is a `Status`.
pub(super) fn is_status(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow)]
        kind: Option<Cow<'a, str>>,
    }

    serde_json::from_slice::<Kind<'_>>(body).is_ok_and(|document| document.kind.as_deref() == Some("Status"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_to_a_port_of_tls_is_named() {
        let told = status(
            StatusCode::BAD_REQUEST,
            b"Client sent an HTTP request to an HTTPS server.\n",
            &asked(),
        );
        assert!(
            told.message.starts_with("the server speaks HTTPS"),
            "{}",
            told.message
        );
    }

    fn asked() -> Asked {
        Asked::of(
            &Request::get("/apis/a/v1/b?labelSelector=c")
                .body(())
                .expect("valid"),
        )
    }

    #[test]
    fn bodies_that_are_no_status_do_not_show() {
        let error = status(StatusCode::BAD_GATEWAY, b"<html>hunter2</html>", &asked());
        assert_eq!((error.code, error.is_failure()), (502, true));
        assert_eq!(
            error.message,
            "the server answered 502 Bad Gateway to GET /apis/a/v1/b"
        );
        let error = status(StatusCode::NOT_FOUND, b"404 page not found", &asked());
        assert_eq!(error.code, 404);
        assert!(error.message.contains("GET /apis/a/v1/b"), "{}", error.message);
    }

    #[test]
    fn a_status_is_taken_as_it_is() {
        let error = status(
            StatusCode::CONFLICT,
            br#"{"kind":"Status","reason":"Conflict","message":"m"}"#,
            &asked(),
        );
        assert!(error.is_conflict() && error.code == 409 && error.message == "m");
    }

    #[test]
    fn documents_are_told_apart() {
        assert!(is_status(br#"{"a":[{"kind":"Pod"}],"kind":"Status"}"#));
        assert!(!is_status(br#"{"kind":"Pod","status":{}}"#));
        assert!(!is_status(b"[]"));
    }
}
