//! `documents`: the operator, against the configured cluster or an embedded one.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use documents::{operator, tour};
use kubist::operator::{Args, Runtime, Shutdown, report};
use kubist_apiserver::Server;

/// Publishes Documents as ConfigMaps.
#[derive(Parser)]
#[command(version)]
struct Command {
    /// Start an embedded API server, and show the operator at work in it
    #[arg(long)]
    embedded: bool,
    /// End after the tour
    #[arg(long, requires = "embedded")]
    demo_only: bool,
    #[command(flatten)]
    operator: Args,
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Command::parse();
    let result = if command.embedded {
        embedded(command).await
    } else {
        cluster(command.operator).await
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", report(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Runs against whatever cluster is configured, until a signal.
async fn cluster(args: Args) -> Result<()> {
    operator(Runtime::builder("documents", args)).await?.run().await?;
    Ok(())
}

/// Runs against an embedded API server, shows what the operator does, and goes on until a signal.
async fn embedded(command: Command) -> Result<()> {
    let server = Server::start()
        .await
        .context("the embedded API server cannot start")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, server.kubeconfig()).with_context(|| format!("cannot write {}", file.display()))?;
    println!("an API server at {}; to look around meanwhile:", server.url());
    println!("  export KUBECONFIG={}", file.display());
    println!("  kubectl get documents,configmaps,events");

    let client = server.client();
    let mut args = command.operator;
    if args.admin.admin_addr == Args::default().admin.admin_addr {
        // A tour should not fail because the usual port is taken.
        args.admin.admin_addr = SocketAddr::from(([127, 0, 0, 1], 0));
    }
    let mut runtime = operator(Runtime::builder("documents", args).client(client.clone())).await?;
    println!(
        "the operator's probes and metrics at http://{}/ready, /live, /metrics",
        runtime.admin_addr()
    );

    let (readiness, shutdown) = (runtime.readiness(), runtime.shutdown());
    let outcome = tokio::sync::oneshot::channel();
    runtime.spawn("the tour", async move {
        let tour = async {
            readiness.ready().await;
            tour::guide(client).await
        };
        let result = shutdown.cut_off(tour).await;
        finish(
            result.as_ref().is_some_and(Result::is_err),
            command.demo_only,
            &shutdown,
        );
        // The one who waits for it is gone only when the process is being aborted.
        let _ = outcome.0.send(result);
    });
    runtime.run().await?;
    server.shutdown().await;
    println!("\nshut down");
    match outcome.1.await {
        Ok(Some(result)) => result.context("the tour failed"),
        // Stopped before the end.
        _ => Ok(()),
    }
}

/// After the tour: stop, or go on serving.
fn finish(failed: bool, demo_only: bool, shutdown: &Shutdown) {
    if failed || demo_only {
        shutdown.trigger();
    } else if !shutdown.is_signaled() {
        println!("\nthe operator goes on; Ctrl-C ends it");
    }
}
