//! When the process stops.

use std::future::Future;

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::error::Error;

/// Tells that the process is to stop; clones tell the same.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// Waits until the process is to stop. Cancel safe.
    pub async fn signaled(&self) {
        self.token.cancelled().await;
    }

    /// [`signaled`](Shutdown::signaled) as a future that borrows nothing.
    pub fn signaled_owned(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }

    /// Whether the process is to stop.
    #[must_use]
    pub fn is_signaled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Stops the process as a first signal would.
    pub fn trigger(&self) {
        self.token.cancel();
    }

    /// Runs a future until the process is to stop; `None` if it was cut off.
    pub async fn cut_off<F: Future>(&self, future: F) -> Option<F::Output> {
        self.token.run_until_cancelled(future).await
    }
}

/// SIGTERM and SIGINT, or Ctrl-C where there are no signals.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn install() -> Result<Self, Error> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            terminate: signal(SignalKind::terminate()).map_err(Error::Signal)?,
            interrupt: signal(SignalKind::interrupt()).map_err(Error::Signal)?,
        })
    }

    #[cfg(not(unix))]
    pub(crate) fn install() -> Result<Self, Error> {
        Ok(Signals {})
    }

    /// The name of the next signal. Cancel safe.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(error) => {
                tracing::error!(%error, "cannot listen for Ctrl-C");
                std::future::pending().await
            }
        }
    }
}
