//! The `kubist` command.

mod dev;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The Kubernetes toolkit for Rust
#[derive(Parser)]
#[command(name = "kubist", version)]
struct Command {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Run a Kubernetes API server on a port of this machine, for development
    Dev(dev::Dev),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command { command } = Command::parse();
    let result = match command {
        Subcommands::Dev(dev) => dev.run().await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
