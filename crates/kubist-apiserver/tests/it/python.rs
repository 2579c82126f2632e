//! The Python client `kubernetes`, where there is one.

use std::process::Stdio;

use kubist_apiserver::Server;
use tokio::process::Command;

/// A Python that has the client: `KUBIST_PYTHON`, or the one on the `PATH`.
async fn python() -> Option<String> {
    for program in [std::env::var("KUBIST_PYTHON").ok(), Some("python3".to_owned())]
        .into_iter()
        .flatten()
    {
        let found = Command::new(&program)
            .args(["-c", "import kubernetes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if found.is_ok_and(|status| status.success()) {
            return Some(program);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_works() {
    let Some(python) = python().await else {
        println!("skipped: no Python that has the package kubernetes");
        return;
    };
    let server = Server::builder()
        .user("admintoken", "admin", "", ["system:masters"])
        .user("usertoken", "alice", "", ["devs"])
        .start()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, server.kubeconfig()).unwrap();
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/python/client.py"))
        .env("KUBECONFIG", &kubeconfig)
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("\nOK"), "{told}");
}
