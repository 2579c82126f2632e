//! `kubist dev` as a program, with `kubectl` as a client that nobody here wrote.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The running server, and the kubeconfig that it wrote.
struct Dev {
    process: Child,
    kubeconfig: PathBuf,
}

impl Dev {
    fn start(args: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_kubist"))
            .arg("dev")
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        let exported = output
            .map(Result::unwrap)
            .find_map(|line| line.trim().strip_prefix("export KUBECONFIG=").map(PathBuf::from));
        Dev {
            process,
            kubeconfig: exported.expect("it says where the kubeconfig is"),
        }
    }

    /// Stops it as a user would, and gives its exit code.
    fn stop(mut self, signal: &str) -> Option<i32> {
        let id = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        self.process.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn kubectl(kubeconfig: &Path, args: &[&str], input: &str) -> Output {
    let mut process = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

/// What `kubectl` prints, where it has to succeed.
fn says(dev: &Dev, args: &[&str], input: &str) -> String {
    let output = kubectl(&dev.kubeconfig, args, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn has_kubectl() -> bool {
    let found = Command::new("kubectl").args(["version", "--client"]).output();
    let found = match found {
        Ok(output) => {
            assert!(output.status.success(), "a kubectl that does not work");
            true
        }
        Err(_) => false,
    };
    if !found {
        eprintln!("skipped: there is no kubectl on the PATH");
    }
    found
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx}]}
";

fn daily_work(dev: &Dev) {
    assert!(says(dev, &["get", "namespaces"], "").contains("kube-system"));
    assert!(says(dev, &["api-resources"], "").contains("deployments"));
    assert_eq!(
        says(
            dev,
            &["create", "configmap", "settings", "--from-literal=a=b"],
            ""
        ),
        "configmap/settings created\n"
    );
    assert_eq!(
        says(dev, &["get", "cm", "settings", "-o", "jsonpath={.data.a}"], ""),
        "b"
    );

    assert_eq!(
        says(dev, &["apply", "-f", "-"], DEPLOYMENT),
        "deployment.apps/web created\n"
    );
    assert_eq!(
        says(dev, &["apply", "-f", "-"], DEPLOYMENT),
        "deployment.apps/web unchanged\n"
    );
    let scaled = DEPLOYMENT.replace("replicas: 2", "replicas: 3");
    assert_eq!(
        says(dev, &["apply", "-f", "-"], &scaled),
        "deployment.apps/web configured\n"
    );
    let described = says(dev, &["describe", "deployment", "web"], "");
    assert!(described.contains("3 desired"), "{described}");

    assert_eq!(
        says(dev, &["delete", "deployment", "web"], ""),
        "deployment.apps \"web\" deleted\n"
    );
    let gone = kubectl(&dev.kubeconfig, &["get", "deployment", "web"], "");
    assert!(!gone.status.success());
    assert!(String::from_utf8_lossy(&gone.stderr).contains("NotFound"));
}

#[test]
fn kubectl_works_without_flags_and_the_file_goes_with_the_server() {
    let dev = Dev::start(&[]);
    if has_kubectl() {
        daily_work(&dev);
    }
    let kubeconfig = dev.kubeconfig.clone();
    assert!(kubeconfig.exists());
    assert_eq!(dev.stop("-INT"), Some(0));
    assert!(!kubeconfig.exists());
}

#[test]
fn kubectl_works_over_tls_with_a_token_and_the_file_is_where_it_was_asked_for() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    let user = "sesame=admin,1,system:masters";
    let dev = Dev::start(&["--tls", "--user", user, "--kubeconfig", file.to_str().unwrap()]);
    assert_eq!(dev.kubeconfig, file);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds a token");
    if has_kubectl() {
        daily_work(&dev);
        let wrong = std::fs::read_to_string(&file).unwrap().replace("sesame", "guess");
        let other = folder.path().join("wrong");
        std::fs::write(&other, wrong).unwrap();
        let refused = kubectl(&other, &["get", "namespaces"], "");
        let errors = String::from_utf8_lossy(&refused.stderr);
        assert!(
            errors.contains("Unauthorized") || errors.contains("logged in"),
            "{errors}"
        );
    }
    assert_eq!(dev.stop("-TERM"), Some(0));
    assert!(file.exists(), "what was asked for stays");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_kubist"))
        .args(["dev", "--port", &port])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(&format!("127.0.0.1:{port}")), "{errors}");
}

/// The status line and the body of an answer.
fn get(dev: &Dev, path: &str) -> String {
    send(dev, "GET", path, "", "")
}

/// Sends JSON over plain HTTP, with a token unless that is empty.
fn send(dev: &Dev, method: &str, path: &str, token: &str, body: &str) -> String {
    let kubeconfig = std::fs::read_to_string(&dev.kubeconfig).unwrap();
    let server = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("server: \"")?.strip_suffix('"'))
        .unwrap();
    let (_, address) = server.split_once("://").unwrap();
    let authorization = match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{authorization}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    answer
}

#[test]
fn definitions_objects_and_faults_come_from_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("widgets.yaml"),
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\n\
         spec: {group: example.com, scope: Namespaced, names: {plural: widgets, kind: Widget}, versions: [{name: v1, \
         served: true, storage: true, schema: {openAPIV3Schema: {type: object, \
         x-kubernetes-preserve-unknown-fields: true}}}]}\n",
    )
    .unwrap();
    let objects = directory.path().join("objects.txt");
    std::fs::write(
        &objects,
        "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}",
    )
    .unwrap();
    let dev = Dev::start(&[
        "--crds",
        directory.path().to_str().unwrap(),
        "--load",
        objects.to_str().unwrap(),
        "--seed",
        "7",
        "--fault",
        "verb=list,resource=widgets,status=503",
    ]);
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    assert!(get(&dev, widgets).starts_with("HTTP/1.1 503"));
    assert!(get(&dev, widgets).contains("\"name\":\"w\""));
    assert_eq!(dev.stop("-TERM"), Some(0));

    let refused = Command::new(env!("CARGO_BIN_EXE_kubist"))
        .args(["dev", "--fault", "nope"])
        .output()
        .unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("a fault has no part \"nope\""));
}

#[test]
fn every_user_and_every_file_counts() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let first = file(
        "first.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: first}}",
    );
    let second = file(
        "second.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: second}}",
    );
    let users = [
        "admintoken=admin,1,system:masters",
        "usertoken=alice,2,devs,testers",
    ];
    let dev = Dev::start(&[
        "--user", users[0], "--user", users[1], "--load", &first, "--load", &second,
    ]);
    let maps = "/api/v1/namespaces/default/configmaps";
    for name in ["first", "second"] {
        let path = format!("{maps}/{name}");
        assert!(send(&dev, "GET", &path, "admintoken", "").starts_with("HTTP/1.1 200"));
        assert!(send(&dev, "GET", &path, "usertoken", "").starts_with("HTTP/1.1 403"));
        assert!(send(&dev, "GET", &path, "guess", "").starts_with("HTTP/1.1 401"));
    }
    let kubeconfig = std::fs::read_to_string(&dev.kubeconfig).unwrap();
    assert!(kubeconfig.contains("current-context: kubist"));
    assert!(
        kubeconfig.contains("- name: \"alice\"\n  user:\n    token: \"usertoken\""),
        "{kubeconfig}"
    );
    let review = r#"{"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}"#;
    let reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let known = send(&dev, "POST", reviews, "usertoken", review);
    assert!(
        known.contains(r#""groups":["devs","testers","system:authenticated"]"#),
        "{known}"
    );
}

#[test]
fn without_controllers_a_deleted_namespace_stays() {
    let namespace = r#"{"metadata": {"name": "n"}}"#;
    let phase_after_delete = |dev: &Dev| {
        let created = send(dev, "POST", "/api/v1/namespaces", "", namespace);
        assert!(created.starts_with("HTTP/1.1 201"), "{created}");
        let deleted = send(dev, "DELETE", "/api/v1/namespaces/n", "", "");
        assert!(deleted.contains("Terminating"), "{deleted}");
    };
    let dev = Dev::start(&["--no-controllers"]);
    phase_after_delete(&dev);
    assert!(get(&dev, "/api/v1/namespaces/n").starts_with("HTTP/1.1 200"));

    let dev = Dev::start(&[]);
    phase_after_delete(&dev);
    // It goes; how soon is nobody's promise.
    while get(&dev, "/api/v1/namespaces/n").starts_with("HTTP/1.1 200") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn every_request_takes_as_long_as_was_asked_for() {
    let dev = Dev::start(&["--latency", "0.15s"]);
    let began = std::time::Instant::now();
    assert!(get(&dev, "/readyz").starts_with("HTTP/1.1 200"));
    assert!(began.elapsed() >= std::time::Duration::from_millis(150));
}
