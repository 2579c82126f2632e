//! Requests that did not come to an answer.

use std::{error::Error as StdError, fmt, sync::Arc};

use h2::Reason;
use http::Uri;
use tower::BoxError;

/// A request that did not come to an answer: of which server, and why.
#[derive(Debug, Clone)]
pub(in crate::client) struct TransportError {
    server: String,
    phase: Phase,
    // Those who wait for one connection share its failure.
    source: Arc<dyn StdError + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// There was no connection.
    Connect,
    /// There was one, which broke.
    Broken,
    /// The server did not begin with the request.
    Refused,
}

/// The server of a URI, for errors.
pub(in crate::client) fn server_of(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    format!("{}://{authority}", uri.scheme_str().unwrap_or("http"))
}

/// Whether a server says that it did not look at a request (RFC 9113, 6.8 and 8.7).
fn was_refused(error: &h2::Error) -> bool {
    match error.reason() {
        Some(Reason::REFUSED_STREAM) => error.is_reset() && error.is_remote(),
        Some(Reason::NO_ERROR) => error.is_go_away() && error.is_remote(),
        _ => false,
    }
}

impl TransportError {
    pub(super) fn connect(uri: &Uri, source: BoxError) -> Self {
        Self::new(uri, Phase::Connect, source.into())
    }

    pub(super) fn refused(uri: &Uri, source: impl Into<BoxError>) -> Self {
        Self::new(uri, Phase::Refused, source.into().into())
    }

    pub(super) fn broken(uri: &Uri, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        let refused = source.downcast_ref::<h2::Error>().is_some_and(was_refused);
        let phase = if refused { Phase::Refused } else { Phase::Broken };
        Self::new(uri, phase, source.into())
    }

    fn new(uri: &Uri, phase: Phase, source: Arc<dyn StdError + Send + Sync>) -> Self {
        Self {
            server: server_of(uri),
            phase,
            source,
        }
    }

    /// Whether there was a connection, which broke.
    pub(in crate::client) fn is_broken(&self) -> bool {
        self.phase == Phase::Broken
    }

    /// Whether the server did not begin with the request, so that any may be repeated.
    pub(in crate::client) fn is_refused(&self) -> bool {
        self.phase == Phase::Refused
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.phase {
            Phase::Connect => "failed to connect to",
            Phase::Broken => "lost the connection to",
            Phase::Refused => "was refused by",
        };
        write!(f, "{what} {}", self.server)?;
        // Each cause says a part: that it was TLS, that the certificate has expired.
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&*self.source);
        let mut said: Vec<String> = Vec::new();
        while let Some(error) = cause {
            let text = error.to_string();
            if !said.iter().any(|earlier| earlier.contains(&text)) {
                write!(f, ": {text}")?;
                said.push(text);
            }
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
