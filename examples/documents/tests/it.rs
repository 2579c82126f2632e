//! The operator, as a program and as a library.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

use documents::{Document, DocumentSpec, operator, tour};
use kubist::api::PostParams;
use kubist::operator::{Args, Runtime, Shutdown};
use kubist::runtime::wait::await_condition;
use kubist::{Api, Client};
use kubist_apiserver::Server;

/// Starts the operator, and gives what stops it.
async fn start(client: Client) -> Shutdown {
    let mut args = Args::default();
    args.admin.admin_addr = SocketAddr::from(([127, 0, 0, 1], 0));
    let runtime = operator(
        Runtime::builder("documents", args)
            .client(client)
            .without_signals(),
    )
    .await
    .unwrap();
    let (readiness, shutdown) = (runtime.readiness(), runtime.shutdown());
    tokio::spawn(runtime.run());
    soon(readiness.ready()).await;
    shutdown
}

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("it did not come")
}

fn document(name: &str, title: &str) -> Document {
    Document::new(
        name,
        DocumentSpec {
            title: title.to_owned(),
            ..DocumentSpec::default()
        },
    )
}

async fn ready(documents: &Api<Document>, name: &str) -> Document {
    let ready = |document: Option<&Document>| document.is_some_and(Document::is_ready);
    soon(await_condition(documents.clone(), name, ready))
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn the_tour_is_true_and_then_it_is_quiet() {
    let server = Server::start().await.unwrap();
    let client = server.client();
    let _operator = start(client.clone()).await;
    tour::guide(client).await.unwrap();

    // Whatever it still does comes to rest: two looks with the same number of writes.
    let writes = || {
        let audit = server.audit();
        audit
            .iter()
            .filter(|record| !matches!(&*record.verb, "get" | "list" | "watch"))
            .count()
    };
    soon(async {
        let mut before = writes();
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let after = writes();
            if after == before {
                return;
            }
            before = after;
        }
    })
    .await;
}

#[tokio::test]
async fn goes_on_when_its_server_comes_back() {
    let server = Server::start().await.unwrap();
    let client = server.client();
    let _operator = start(client.clone()).await;
    let documents: Api<Document> = Api::default_namespaced(client);
    documents
        .create(&PostParams::default(), &document("before", "Before"))
        .await
        .unwrap();
    ready(&documents, "before").await;

    let (snapshot, port) = (server.snapshot(), server.addr().port());
    server.kill().await;
    let _server = Server::builder()
        .restore(snapshot)
        .port(port)
        .start()
        .await
        .unwrap();
    documents
        .create(&PostParams::default(), &document("after", "After"))
        .await
        .unwrap();
    ready(&documents, "after").await;
}

#[tokio::test]
async fn the_schema_refuses_what_the_type_refuses() {
    let server = Server::start().await.unwrap();
    let client = server.client();
    let _operator = start(client.clone()).await;
    let documents: Api<Document> = Api::default_namespaced(client);
    let error = documents
        .create(&PostParams::default(), &document("empty", ""))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, kubist::Error::Api(status) if status.is_invalid()),
        "{error}"
    );
    assert!(error.to_string().contains("spec.title"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_the_columns() {
    if Command::new("kubectl")
        .arg("version")
        .arg("--client")
        .output()
        .is_err()
    {
        eprintln!("skipped: there is no kubectl on the PATH");
        return;
    }
    let server = Server::start().await.unwrap();
    let client = server.client();
    let _operator = start(client.clone()).await;
    let documents: Api<Document> = Api::default_namespaced(client);
    documents
        .create(&PostParams::default(), &document("welcome", "Welcome"))
        .await
        .unwrap();
    ready(&documents, "welcome").await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, server.kubeconfig()).unwrap();
    let kubectl = move |args: &'static [&'static str]| {
        let file = file.clone();
        async move {
            let output = tokio::task::spawn_blocking(move || {
                Command::new("kubectl")
                    .arg("--kubeconfig")
                    .arg(file)
                    .args(args)
                    .output()
                    .unwrap()
            });
            let output = output.await.unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            String::from_utf8(output.stdout).unwrap()
        }
    };
    let listed = kubectl(&["get", "doc"]).await;
    let lines: Vec<Vec<&str>> = listed
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["NAME", "TITLE", "READY", "AGE"], "{listed}");
    assert_eq!(lines[1][..3], ["welcome", "Welcome", "True"], "{listed}");
    let described = kubectl(&["describe", "document", "welcome"]).await;
    assert!(
        described.contains("is in the ConfigMap document-welcome"),
        "{described}"
    );
}

/// Runs the program with this kubeconfig, which it cannot work with.
fn fails_with(kubeconfig: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, kubeconfig).unwrap();
    let (output, text) = run(&file);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    text.replace(&file.display().to_string(), "FILE")
}

fn run(kubeconfig: &std::path::Path) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_documents"))
        .args(["--admin-addr", "127.0.0.1:0"])
        .env("KUBECONFIG", kubeconfig)
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, text)
}

fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters: [{{name: test, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: test, user: {{{user}}}}}]\n\
         contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n"
    )
}

#[test]
fn no_cluster_is_one_clear_error() {
    let (output, text) = run(std::path::Path::new("/nowhere/kubeconfig"));
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("no Kubernetes cluster is configured"), "{text}");
    assert!(text.contains("/nowhere/kubeconfig"), "{text}");
    assert!(text.contains("KUBERNETES_SERVICE_HOST"), "{text}");
}

#[test]
fn a_malformed_kubeconfig_names_the_file() {
    let text = fails_with("clusters: [");
    assert!(text.contains("FILE"), "{text}");
    let text = fails_with("apiVersion: v1\nkind: Config\ncurrent-context: gone\n");
    assert!(text.contains("gone"), "{text}");
}

#[test]
fn an_unreachable_server_names_the_host() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let text = fails_with(&kubeconfig(&format!("http://127.0.0.1:{port}"), "token: sesame"));
    assert!(text.contains(&format!("127.0.0.1:{port}")), "{text}");
    assert!(!text.contains("sesame"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_named_without_the_token() {
    let server = Server::builder()
        .user("right", "admin", "1", ["system:masters"])
        .start()
        .await
        .unwrap();
    let config = kubeconfig(server.url(), "token: sesame");
    let text = tokio::task::spawn_blocking(move || fails_with(&config))
        .await
        .unwrap();
    assert!(text.contains("Unauthorized"), "{text}");
    assert!(!text.contains("sesame"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_certificate_names_the_host() {
    let server = Server::builder().tls(true).start().await.unwrap();
    let config = kubeconfig(server.url(), "token: sesame");
    let text = tokio::task::spawn_blocking(move || fails_with(&config))
        .await
        .unwrap();
    assert!(text.contains("127.0.0.1"), "{text}");
    assert!(text.to_lowercase().contains("certificate"), "{text}");
    assert!(!text.contains("sesame"), "{text}");
}
