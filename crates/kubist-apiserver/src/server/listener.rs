//! The port, and the connections that come through it.

use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::request::Connection;
use crate::server::connection::{Transport, serve};
use crate::server::service::Service;

/// How long a graceful end waits for clients that do not go.
const PATIENCE: Duration = Duration::from_secs(5);

/// A port that is listened on.
pub(crate) struct Listener {
    pub(crate) listener: TcpListener,
    pub(crate) transport: Transport,
    pub(crate) service: Service,
    /// Stops accepting, and ends connections once they are idle.
    pub(crate) drain: CancellationToken,
    /// Ends connections at once.
    pub(crate) abort: CancellationToken,
}

impl Listener {
    /// Accepts until it is told to stop, then waits for the connections to end.
    pub(crate) async fn run(self) {
        let Listener {
            listener,
            transport,
            service,
            drain,
            abort,
        } = self;
        let graceful = GracefulShutdown::new();
        let tasks = TaskTracker::new();
        loop {
            let stream = tokio::select! {
                biased;
                () = abort.cancelled() => break,
                () = drain.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of descriptors, most likely: give others time to close some.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        continue;
                    }
                },
            };
            let _ = stream.set_nodelay(true);
            let cut = Connection::default();
            let service = service.clone().of_connection(cut.clone());
            let connection = serve(
                stream,
                transport.clone(),
                service,
                graceful.watcher(),
                drain.clone(),
            );
            let abort = abort.clone();
            tasks.spawn(async move {
                tokio::select! {
                    biased;
                    () = abort.cancelled() => {}
                    () = cut.broken() => {}
                    () = connection => {}
                }
            });
        }
        drop(listener);
        tasks.close();
        if !abort.is_cancelled() {
            tokio::select! {
                biased;
                () = abort.cancelled() => {}
                () = graceful.shutdown() => {}
                () = tokio::time::sleep(PATIENCE) => abort.cancel(),
            }
        }
        tasks.wait().await;
    }
}
