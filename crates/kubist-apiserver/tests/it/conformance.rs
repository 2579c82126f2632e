//! What a real kube-apiserver answered, replayed; where the recordings and a Python are.

use std::path::Path;

use kubist_apiserver::Server;
use tokio::process::Command;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");

/// Runs the checker over scenarios; gives its report.
async fn check(server: &Server, scenarios: &[&str], controllers: bool) -> Option<String> {
    let checker = Path::new(RECORDINGS).join("conformance.py");
    if !checker.exists() {
        println!("skipped: no recordings at {RECORDINGS}");
        return None;
    }
    let mut command = Command::new("python3");
    command.arg(&checker).arg("check");
    for scenario in scenarios {
        command.arg(
            Path::new(RECORDINGS)
                .join("golden")
                .join(format!("{scenario}.json")),
        );
    }
    command.args(["--server", server.url(), "--token", "admintoken"]);
    if controllers {
        command.arg("--controllers");
    }
    match command.output().await {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
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
    let scenarios = [
        "access",
        "admission-validating",
        "apply",
        "apply-crd",
        "conversion",
        "create-invalid",
        "crud",
        "delete",
        "discovery",
        "field-validation",
        "http-errors",
        "leases",
        "list",
        "namespaces",
        "patch",
        "protobuf",
        "secrets",
        "status",
        "strategic-merge",
        "table",
        "watch",
        "workload-defaults",
    ];
    if let Some(report) = check(&server, &scenarios, false).await {
        assert!(report.trim_end().ends_with(" 0 failed"), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_collected_as_it_is_there() {
    let server = Server::builder()
        .user("admintoken", "admin", "admin-uid", ["system:masters"])
        .start()
        .await
        .unwrap();
    if let Some(report) = check(&server, &["gc"], true).await {
        assert!(report.trim_end().ends_with(" 0 failed"), "{report}");
    }
}
