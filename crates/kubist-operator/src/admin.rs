//! The server for probes and metrics.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::args::AdminArgs;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::shutdown::Shutdown;

/// The admin server, bound to its address:
///
/// | path | answers |
/// |---|---|
/// | `/live` | 200 for as long as the process can answer |
/// | `/ready` | 200 when every cache has its initial list and every other gate is open, else 503 and what is missing |
/// | `/metrics` | the metrics, for Prometheus |
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    addr: SocketAddr,
}

impl Admin {
    /// Binds the server's address; it answers from [`Runtime::run`](crate::Runtime::run) on.
    ///
    /// # Errors
    ///
    /// [`Error::Admin`] when the address is taken or not to be had.
    pub async fn bind(args: &AdminArgs) -> Result<Self, Error> {
        let wrap = |source| Error::Admin {
            addr: args.admin_addr,
            source,
        };
        let listener = TcpListener::bind(args.admin_addr).await.map_err(wrap)?;
        let addr = listener.local_addr().map_err(wrap)?;
        Ok(Admin { listener, addr })
    }

    /// The address, with the port that was taken.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until it is told to stop.
    pub(crate) async fn serve(self, readiness: Readiness, metrics: Metrics, stop: Shutdown) {
        let app = Router::new()
            .route("/live", get(|| async { "live\n" }))
            .route("/ready", get(ready).with_state(readiness))
            .route("/metrics", get(encode).with_state(metrics));
        let stopped = async move { stop.signaled().await };
        if let Err(error) = axum::serve(self.listener, app)
            .with_graceful_shutdown(stopped)
            .await
        {
            tracing::error!(%error, addr = %self.addr, "the admin server failed");
        }
    }
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    let waiting_for = readiness.waiting_for();
    if waiting_for.is_empty() {
        return "ready\n".into_response();
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("waiting for: {}\n", waiting_for.join(", ")),
    )
        .into_response()
}

async fn encode(State(metrics): State<Metrics>) -> Response {
    match metrics.encode() {
        Ok(text) => {
            let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, format)], text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
