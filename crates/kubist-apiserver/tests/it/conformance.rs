//! What a real kube-apiserver answered, replayed; where the recordings and a Python are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kubist_apiserver::Server;
use tokio::process::Command;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");

/// Steps that are answered in another way, and why.
const KNOWN: [(&str, &str); 2] = [
    (
        "crd-lifecycle / crd-del",
        "the binary that was recorded had another name, which is the field manager of its own writes",
    ),
    (
        "pods / immutable",
        "the message ends with a diff of Go structures; docs/apiserver.md says that it is left out",
    ),
];
/// How many of them are of tier 1.
const KNOWN_OF_TIER_1: usize = 1;

/// What the checker found.
#[derive(Debug, Default)]
struct Report {
    /// Scenario and step, with what differs.
    failed: BTreeMap<String, String>,
    /// How many steps of a tier are answered alike, of how many.
    tiers: BTreeMap<String, (usize, usize)>,
}

impl Report {
    fn read(text: &str) -> Report {
        let mut report = Report::default();
        let mut last = String::new();
        for line in text.lines() {
            if line.starts_with(' ') {
                let differs = report.failed.entry(last.clone()).or_default();
                differs.push('\n');
                differs.push_str(line);
            } else if let Some((tier, count)) =
                line.strip_prefix("tier ").and_then(|line| line.split_once(": "))
            {
                let numbers: Vec<usize> = count.split(' ').filter_map(|word| word.parse().ok()).collect();
                let [alike, all] = numbers[..] else {
                    panic!("a tier's line is {line:?}")
                };
                report.tiers.insert(tier.to_owned(), (alike, all));
            } else if line.contains(" / ")
                && let Some((step, request)) = line.split_once(": ")
            {
                step.clone_into(&mut last);
                report.failed.insert(last.clone(), request.to_owned());
            }
        }
        report
    }

    /// All that failed is known, and all that is known to fail still does.
    fn assert_known(&self, known: &[(&str, &str)]) {
        let failed: BTreeSet<&str> = self.failed.keys().map(String::as_str).collect();
        let known: BTreeSet<&str> = known.iter().map(|(step, _)| *step).collect();
        assert_eq!(failed, known, "{:#?}", self.failed);
    }

    /// How many steps of a tier are answered alike, of how many.
    fn tier(&self, tier: &str) -> (usize, usize) {
        let counted = self.tiers.get(tier).copied().unwrap_or_default();
        assert_ne!(counted.1, 0, "nothing of tier {tier} was replayed");
        counted
    }
}

/// Replays the recordings: all that need controllers, or all that need none.
async fn replay(server: &Server, controllers: bool) -> Option<Report> {
    let checker = Path::new(RECORDINGS).join("conformance.py");
    if !checker.exists() {
        println!("skipped: no recordings at {RECORDINGS}");
        return None;
    }
    let mut command = Command::new("python3");
    command.arg(&checker).arg("check");
    command.args(["--server", server.url(), "--token", "admintoken"]);
    if controllers {
        command.arg("--controllers");
    }
    match command.output().await {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "the checker failed: {errors}");
            Some(Report::read(&String::from_utf8_lossy(&output.stdout)))
        }
        Err(error) => {
            println!("skipped: no python3: {error}");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matched_still_does() {
    let server = Server::builder()
        .controllers(false)
        .user("admintoken", "admin", "admin-uid", ["system:masters"])
        .user("usertoken", "alice", "alice-uid", ["devs"])
        .start()
        .await
        .unwrap();
    if let Some(report) = replay(&server, false).await {
        report.assert_known(&KNOWN);
        let (alike, all) = report.tier("1");
        assert_eq!(alike + KNOWN_OF_TIER_1, all);
        let (alike, all) = report.tier("2");
        assert!(alike * 10 >= all * 9, "{alike} of {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_collected_as_it_is_there() {
    let server = Server::builder()
        .user("admintoken", "admin", "admin-uid", ["system:masters"])
        .start()
        .await
        .unwrap();
    if let Some(report) = replay(&server, true).await {
        report.assert_known(&[]);
        assert_ne!(report.tiers.len(), 0, "nothing was replayed");
    }
}
