//! What work on this workspace needs beside cargo: `cargo xtask <task>`.

mod contract;
mod item;
mod listing;

use std::process::ExitCode;

use anyhow::bail;

const USAGE: &str = "\
cargo xtask contract [--signatures] [core|client|runtime]...
    Compares what is public here with what is public in kube.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("contract") => contract::run(args),
        _ => bail!("no such task\n\n{USAGE}"),
    }
}
