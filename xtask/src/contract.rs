//! Compares what is public here with what is public in kube, item by item.
//!
//! What kube has is kept beside this repository; where it is not found, there is nothing to compare.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{
    item::{Item, items},
    listing,
};

/// How much of each crate has to be here, in percent.
const GOAL: f64 = 97.0;

/// Where an exception is explained.
const EXPLANATIONS: &str = "docs/differences.md";

pub(crate) fn run(args: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut signatures = false;
    let mut names = Vec::new();
    for arg in args {
        match arg.as_str() {
            "--signatures" => signatures = true,
            "core" | "client" | "runtime" => names.push(arg),
            _ => bail!("neither an option nor a crate with a contract: {arg}"),
        }
    }
    if names.is_empty() {
        names = ["core", "client"].map(str::to_owned).into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.parent().context("xtask is in the workspace")?;
    let contracts = contracts(root);
    let Some(contracts) = contracts.iter().find(|path| path.is_dir()) else {
        println!("skipped: there is no contract at {}", show(&contracts));
        return Ok(());
    };
    let explanations = fs::read_to_string(root.join(EXPLANATIONS)).context(EXPLANATIONS)?;
    let mut is_met = true;
    for name in names {
        let file = contracts.join(format!("{name}.txt"));
        let theirs = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let ours = listing::of(root, &format!("kubist-{name}"))?;
        let comparison = Comparison::of(&theirs, &ours);
        comparison.print(&name, &explanations, signatures);
        is_met &= comparison.is_met(&explanations);
    }
    if !is_met {
        bail!(
            "less than {GOAL} % of a crate is here, or an item is missing that {EXPLANATIONS} does not name"
        );
    }
    Ok(())
}

/// Where the contract may be: where `KUBIST_CONTRACT` says, or beside the repository.
fn contracts(root: &Path) -> Vec<PathBuf> {
    let beside = root.join("../shared/contract");
    let named = std::env::var_os("KUBIST_CONTRACT").map(PathBuf::from);
    named.into_iter().chain([beside]).collect()
}

fn show(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(" or ")
}

struct Comparison {
    /// What kube has, each once.
    theirs: BTreeMap<String, Item>,
    /// What of it is not here.
    missing: BTreeSet<String>,
    /// What is here with another signature: theirs, and ours.
    different: Vec<(String, String)>,
}

impl Comparison {
    fn of(theirs: &str, ours: &str) -> Self {
        let theirs: BTreeMap<_, _> = items(theirs).map(|item| (item.key.clone(), item)).collect();
        let mut here: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for item in items(ours) {
            here.entry(item.key).or_default().push(item.signature);
        }
        let mut missing = BTreeSet::new();
        let mut different = Vec::new();
        for (key, item) in &theirs {
            match here.get(key) {
                None => {
                    missing.insert(key.clone());
                }
                Some(signatures) if signatures.contains(&item.signature) => {}
                Some(signatures) => different.push((item.signature.clone(), signatures.join(" | "))),
            }
        }
        Self {
            theirs,
            missing,
            different,
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn percent_without(&self, gone: usize) -> f64 {
        let all = self.theirs.len();
        100.0 * (all - gone) as f64 / all.max(1) as f64
    }

    fn unexplained(&self, explanations: &str) -> Vec<&Item> {
        let missing = self.missing.iter().filter_map(|key| self.theirs.get(key));
        missing
            .filter(|item| !explanations.contains(&format!("`{}`", item.short())))
            .collect()
    }

    fn is_met(&self, explanations: &str) -> bool {
        self.percent_without(self.missing.len()) >= GOAL && self.unexplained(explanations).is_empty()
    }

    fn print(&self, name: &str, explanations: &str, signatures: bool) {
        let missing = self.missing.len();
        println!(
            "{name}: {:.1} % of {} items are here, {:.1} % with the same signature",
            self.percent_without(missing),
            self.theirs.len(),
            self.percent_without(missing + self.different.len()),
        );
        let unexplained: BTreeSet<_> = self
            .unexplained(explanations)
            .iter()
            .map(|item| &item.key)
            .collect();
        for key in &self.missing {
            let note = if unexplained.contains(key) {
                ""
            } else {
                " (explained)"
            };
            println!("  missing: {key}{note}");
        }
        if signatures {
            for (theirs, ours) in &self.different {
                println!("  theirs: {theirs}\n    ours: {ours}");
            }
        }
    }
}
