//! Checks two crates in turns, which differ in whose derive they use, and prints the ratio.
//!
//! `cargo run -p alternate [rounds]` in `benches/derive`; ten rounds without an argument. Dependencies are
//! checked before the clock starts. Exits with an error when ours takes over 25 % longer.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LIMIT: f64 = 1.25;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = match std::env::args().nth(1) {
        Some(rounds) => rounds.parse()?,
        None => 10,
    };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    for package in ["derive-kube", "derive-kubist"] {
        check(workspace, package)?;
    }
    let (mut kube, mut kubist) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        kube.push(check(workspace, "derive-kube")?);
        kubist.push(check(workspace, "derive-kubist")?);
    }
    let (kube, kubist) = (median(kube), median(kubist));
    let ratio = kubist.as_secs_f64() / kube.as_secs_f64();
    println!("kube {kube:.2?}, kubist {kubist:.2?} (medians of {rounds}): ratio {ratio:.2}, limit {LIMIT}");
    if ratio > LIMIT {
        return Err("the derive is too expensive".into());
    }
    Ok(())
}

/// How long it takes to check a package, none of whose dependencies has changed.
fn check(workspace: &Path, package: &str) -> Result<Duration, Box<dyn Error>> {
    let cargo = |arguments: &[&str]| -> Result<(), Box<dyn Error>> {
        let status = Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--quiet", "--package", package])
            .current_dir(workspace)
            .env("CARGO_INCREMENTAL", "0")
            .stdout(Stdio::null())
            .status()?;
        if status.success() { Ok(()) } else { Err(format!("cargo {arguments:?} of {package} failed").into()) }
    };
    cargo(&["clean"])?;
    let start = Instant::now();
    cargo(&["check"])?;
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
