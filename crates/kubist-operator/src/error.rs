//! What can go wrong with the process.

use std::fmt;
use std::net::SocketAddr;

use kubist_core::schema::NotStructural;

use crate::args::ClientError;
use crate::crd;

/// Why the process cannot start or go on.
///
/// It prints its whole story, sources included, both as `Display` and as `Debug`: `main` may return it,
/// and the standard library prints the latter.
#[non_exhaustive]
pub enum Error {
    /// The log filter is not understood.
    LogFilter {
        /// The filter as it was given.
        filter: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// There is no cluster to work with.
    Client(Box<ClientError>),
    /// The admin server cannot listen.
    Admin {
        /// Where it was to listen.
        addr: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// A CustomResourceDefinition cannot be installed.
    Crd(Box<crd::Error>),
    /// The signals that stop the process cannot be listened for.
    Signal(std::io::Error),
    /// A controller ended although nobody told it to.
    ControllerEnded {
        /// Which.
        controller: String,
    },
    /// A task panicked.
    Panicked {
        /// Which.
        task: String,
    },
    /// A second signal came while the process was stopping: what was under way is dropped.
    Aborted,
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::LogFilter { source, .. } => Some(source),
            Error::Client(source) => Some(&**source),
            Error::Admin { source, .. } => Some(source),
            Error::Crd(source) => Some(&**source),
            Error::Signal(source) => Some(source),
            Error::ControllerEnded { .. } | Error::Panicked { .. } | Error::Aborted => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::LogFilter { filter, source } => write!(f, "invalid log level {filter:?}: {source}"),
            Error::Client(source) => source.fmt(f),
            Error::Admin { addr, source } => write!(f, "the admin server cannot listen on {addr}: {source}"),
            Error::Crd(source) => source.fmt(f),
            Error::Signal(source) => write!(f, "cannot listen for signals: {source}"),
            Error::ControllerEnded { controller } => {
                write!(f, "the controller for {controller} ended unexpectedly")
            }
            Error::Panicked { task } => write!(f, "{task} panicked"),
            Error::Aborted => f.write_str("aborted by a second signal"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        Error::Client(Box::new(error))
    }
}

impl From<crd::Error> for Error {
    fn from(error: crd::Error) -> Self {
        Error::Crd(Box::new(error))
    }
}

impl From<NotStructural> for Error {
    fn from(error: NotStructural) -> Self {
        crd::Error::from(error).into()
    }
}

/// An error and its causes in one line, of which each is said once.
///
/// Many messages already end in that of their cause, so printing a whole chain repeats much of it.
///
/// # Example
///
/// ```
/// let cause = std::io::Error::other("disk full");
/// let error = std::io::Error::other(cause);
/// assert_eq!(kubist_operator::report(&error), "disk full");
/// ```
pub fn report(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}
