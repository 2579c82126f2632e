//! When a controller stops.

use std::future::poll_fn;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

/// The futures that stop a controller.
#[derive(Default)]
pub(super) struct Shutdown {
    /// Any of them: start nothing new.
    pub(super) graceful: Vec<BoxFuture<'static, ()>>,
    /// Any of them: drop what is under way.
    pub(super) forced: Vec<BoxFuture<'static, ()>>,
}

/// How a controller stops.
pub(super) enum Stop {
    Graceful,
    Forced,
}

impl Shutdown {
    /// Waits until a stop is asked for. Cancel safe; each future counts once.
    pub(super) async fn next(&mut self) -> Stop {
        poll_fn(|cx| {
            if poll_any(&mut self.forced, cx).is_ready() {
                return Poll::Ready(Stop::Forced);
            }
            poll_any(&mut self.graceful, cx).map(|()| Stop::Graceful)
        })
        .await
    }
}

fn poll_any(futures: &mut Vec<BoxFuture<'static, ()>>, cx: &mut Context<'_>) -> Poll<()> {
    if futures.iter_mut().any(|future| future.poll_unpin(cx).is_ready()) {
        // A completed future must not be polled again.
        futures.clear();
        return Poll::Ready(());
    }
    Poll::Pending
}

/// Two futures: one for the first signal, one for the second.
///
/// The handlers are installed when the first of them is polled.
pub(super) fn on_signals() -> (BoxFuture<'static, ()>, BoxFuture<'static, ()>) {
    let second = CancellationToken::new();
    let forced = second.clone();
    let graceful = async move {
        let mut signals = Signals::install();
        signals.next().await;
        tracing::info!("signal received: shutting down when the reconciles under way have ended");
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("second signal received: shutting down at once");
            second.cancel();
        });
    };
    (graceful.boxed(), async move { forced.cancelled().await }.boxed())
}

#[cfg(unix)]
struct Signals {
    terminate: Option<tokio::signal::unix::Signal>,
    interrupt: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn install() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let install = |kind: SignalKind| match signal(kind) {
            Ok(signal) => Some(signal),
            Err(error) => {
                tracing::error!(%error, "cannot listen for a signal; it will end the process");
                None
            }
        };
        Signals {
            terminate: install(SignalKind::terminate()),
            interrupt: install(SignalKind::interrupt()),
        }
    }

    async fn next(&mut self) {
        async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
            if let Some(signal) = signal
                && signal.recv().await.is_some()
            {
                return;
            }
            std::future::pending().await
        }
        tokio::select! {
            () = received(&mut self.terminate) => {}
            () = received(&mut self.interrupt) => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> Self {
        Signals
    }

    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot listen for Ctrl-C; it will end the process");
            std::future::pending::<()>().await;
        }
    }
}
