//! From responses to values and errors.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use kubist_core::Status;
use serde::{Deserialize, de::DeserializeOwned};
use std::borrow::Cow;

use super::Body;
use crate::{Error, Result};

/// How much of an answer that is an error is read.
const ERROR_LIMIT: usize = 1024 * 1024;

/// Passes on what succeeded; makes an error of what did not.
pub(super) async fn check(response: Response<Body>) -> Result<Response<Body>> {
    let code = response.status();
    if !code.is_client_error() && !code.is_server_error() {
        return Ok(response);
    }
    let body = Limited::new(response.into_body(), ERROR_LIMIT).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    Err(Error::Api(status(code, &body).boxed()))
}

/// What the server says about an error, or else what its code says.
fn status(code: StatusCode, body: &[u8]) -> Status {
    match serde_json::from_slice::<Status>(body) {
        Ok(mut status) if status.is_failure() || !status.reason.is_empty() || !status.message.is_empty() => {
            if status.code == 0 {
                status.code = code.as_u16();
            }
            status
        }
        // A proxy's page, or a handler's plain text: the code has to do.
        _ => {
            let message = format!("the server answered {code} without a status");
            Status::failure(&message, "Failed to parse error data").with_code(code.as_u16())
        }
    }
}

/// Decodes a document; errors say where it fails, not what is there.
pub(super) fn decode<T: DeserializeOwned>(body: &Bytes) -> Result<T> {
    kubist_wire::json::from_slice(body).map_err(|error| Error::SerdeError(error.into()))
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
    fn bodies_that_are_no_status_do_not_show() {
        let error = status(StatusCode::BAD_GATEWAY, b"<html>hunter2</html>");
        assert_eq!((error.code, error.is_failure()), (502, true));
        assert_eq!(
            error.message,
            "the server answered 502 Bad Gateway without a status"
        );
        assert_eq!(status(StatusCode::NOT_FOUND, b"{}").code, 404);
    }

    #[test]
    fn a_status_is_taken_as_it_is() {
        let error = status(
            StatusCode::CONFLICT,
            br#"{"kind":"Status","reason":"Conflict","message":"m"}"#,
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
