//! Signals, which concern a whole process: each test runs this program once more as a child.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use kubist_operator::{Error, Runtime};

use crate::support::{args, cluster};

/// Says to the child what to do when it is told to stop.
const ROLE: &str = "KUBIST_TEST_WHEN_STOPPED";

/// The child: a runtime with one task, which ends or does not when the process is to stop.
#[tokio::test]
async fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (_server, client) = cluster().await;
    let mut runtime = Runtime::builder("child", args())
        .client(client)
        .build()
        .await
        .unwrap();
    let (readiness, shutdown) = (runtime.readiness(), runtime.shutdown());
    runtime.spawn("a task", async move {
        readiness.ready().await;
        println!("\nready");
        shutdown.signaled().await;
        println!("\nstopping");
        if role == "hang" {
            std::future::pending::<()>().await;
        }
    });
    match runtime.run().await {
        Ok(()) => println!("\nended gracefully"),
        Err(Error::Aborted) => println!("\naborted"),
        Err(error) => println!("\n{error}"),
    }
}

struct Process {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "signals::child", "--nocapture"])
            .env(ROLE, role)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Process { child, output }
    }

    fn wait_for(&mut self, wanted: &str) {
        let said = self
            .output
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line == wanted);
        assert!(said.is_some(), "it never said {wanted:?}");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_signal_stops_gracefully() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start("end");
        process.wait_for("ready");
        process.signal(signal);
        process.wait_for("stopping");
        process.wait_for("ended gracefully");
    }
}

#[test]
fn a_second_signal_aborts() {
    let mut process = Process::start("hang");
    process.wait_for("ready");
    process.signal("-TERM");
    process.wait_for("stopping");
    process.signal("-TERM");
    process.wait_for("aborted");
}
