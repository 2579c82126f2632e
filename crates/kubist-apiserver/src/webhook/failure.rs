//! What went wrong with a call, in the words of client-go.

use std::error::Error;
use std::fmt;
use std::io;

use serde_json::Value;

/// Why a call gave nothing to work with.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The configuration leads nowhere.
    Unusable(String),
    /// Nobody answered, or not in time.
    Transport { url: String, error: String },
    /// The answer's status is a failure.
    Status(String),
    /// The answer is not JSON.
    Unreadable(String),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Unusable(why) | CallError::Status(why) | CallError::Unreadable(why) => {
                f.write_str(why)
            }
            CallError::Transport { url, error } => write!(f, "Post {url:?}: {error}"),
        }
    }
}

/// What a client says of an answer that is no success.
///
/// The rules are those of `k8s.io/apimachinery/pkg/api/errors.NewGenericServerResponse`.
pub(super) fn of_status(code: u16, content_type: &str, body: &[u8]) -> CallError {
    if let Ok(status) = serde_json::from_slice::<Value>(body)
        && status.get("kind").is_some_and(|kind| kind == "Status")
        && status.get("status").is_some_and(|status| status == "Failure")
        && let Some(message) = status.get("message").and_then(Value::as_str)
    {
        return CallError::Status(message.to_owned());
    }
    let text = if content_type.starts_with("text/") && body.len() <= 2048 {
        String::from_utf8_lossy(body).trim().to_owned()
    } else {
        "unknown".to_owned()
    };
    CallError::Status(match code {
        400 => "the server rejected our request for an unknown reason".into(),
        401 => "the server has asked for the client to provide credentials".into(),
        403 | 406 | 415 => text,
        404 => "the server could not find the requested resource".into(),
        405 => "the server does not allow this method on the requested resource".into(),
        409 => "the server reported a conflict".into(),
        410 => "the server is no longer available to handle the request".into(),
        422 => "the server rejected our request due to an error in our request".into(),
        429 => "the server has received too many requests and has asked us to try again later".into(),
        503 => "the server is currently unable to handle the request".into(),
        504 => "the server was unable to return a response in the time allotted, but may still be processing the request".into(),
        code if code >= 500 => {
            format!("an error on the server ({text:?}) has prevented the request from succeeding")
        }
        code => format!("the server responded with the status code {code} but did not return more information"),
    })
}

/// What Go says of a connection that failed.
pub(super) fn words(error: &(dyn Error + 'static)) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut last = error.to_string();
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return tls_words(tls);
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            if io.kind() == io::ErrorKind::ConnectionRefused {
                return "dial tcp: connect: connection refused".into();
            }
            // An error inside is not in the chain of sources.
            if let Some(tls) = io
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                return tls_words(tls);
            }
        }
        last = error.to_string();
        cause = error.source();
    }
    last
}

fn tls_words(error: &rustls::Error) -> String {
    use rustls::CertificateError as Certificate;
    let why = match error {
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            "x509: certificate signed by unknown authority".to_owned()
        }
        rustls::Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "x509: certificate has expired or is not yet valid".to_owned()
        }
        // One that says that it is an authority, and is not in the bundle.
        rustls::Error::InvalidCertificate(Certificate::Other(_)) => {
            "x509: certificate signed by unknown authority".to_owned()
        }
        rustls::Error::InvalidCertificate(error) => format!("x509: {error}"),
        error => return format!("tls: {error}"),
    };
    format!("tls: failed to verify certificate: {why}")
}
