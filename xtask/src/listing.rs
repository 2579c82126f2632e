//! What a crate has that is public, one item a line.

use std::{path::Path, process::Command};

use anyhow::{Context, ensure};
use public_api::Builder;

/// Lists a crate of this workspace, with all its features.
pub(crate) fn of(root: &Path, package: &str) -> anyhow::Result<String> {
    // A directory of its own: with other flags, everything would be built anew each time.
    let target = root.join("target/contract");
    let mut rustdoc = Command::new(env!("CARGO"));
    rustdoc
        .current_dir(root)
        .args([
            "rustdoc",
            "--quiet",
            "--lib",
            "--all-features",
            "--package",
            package,
        ])
        .args([
            "--",
            "-Zunstable-options",
            "--output-format=json",
            "--cap-lints=allow",
        ])
        // The JSON of rustdoc is not stable; what reads it below is of the same time.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &target);
    let status = rustdoc.status().context("cargo rustdoc")?;
    ensure!(status.success(), "cargo rustdoc failed for {package}");
    let json = target
        .join("doc")
        .join(format!("{}.json", package.replace('-', "_")));
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .with_context(|| format!("listing {package}"))?;
    let lines: Vec<_> = api.items().map(ToString::to_string).collect();
    Ok(lines.join("\n"))
}
