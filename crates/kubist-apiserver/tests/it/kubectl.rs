//! `kubectl`, where there is one.

use std::path::Path;
use std::process::Stdio;

use kubist_apiserver::Server;
use tokio::process::Command;

struct Kubectl<'a> {
    folder: &'a Path,
}

impl Kubectl<'_> {
    /// Runs kubectl and gives what it printed.
    async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("kubectl")
            .args(arguments)
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .env("HOME", self.folder)
            .env("EDITOR", "sed -i s/one/two/")
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(text)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    async fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments)
            .await
            .unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error}"))
    }
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: nginx}]}
";

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.w.example.com}
spec:
  group: w.example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer, description: how large}}}}
";

const WIDGET: &str = "
apiVersion: w.example.com/v1
kind: Widget
metadata: {name: one}
spec: {size: 3}
";

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_works() {
    let server = Server::builder()
        .user("admintoken", "admin", "", ["system:masters"])
        .start()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("kubeconfig", server.kubeconfig().as_str()),
        ("web.yaml", DEPLOYMENT),
        ("crd.yaml", CRD),
        ("one.yaml", WIDGET),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let kubectl = Kubectl {
        folder: folder.path(),
    };
    if kubectl.run(&["version", "--client"]).await.is_err() {
        println!("skipped: no kubectl on PATH");
        return;
    }

    assert!(kubectl.ok(&["get", "namespaces"]).await.contains("kube-system"));
    kubectl
        .ok(&["create", "configmap", "a", "--from-literal=x=one"])
        .await;
    kubectl.ok(&["edit", "configmap", "a"]).await;
    assert!(
        kubectl
            .ok(&["get", "configmap", "a", "-o", "yaml"])
            .await
            .contains("x: two")
    );

    let web = file("web.yaml");
    assert!(kubectl.ok(&["apply", "-f", &web]).await.contains("created"));
    assert!(kubectl.ok(&["apply", "-f", &web]).await.contains("unchanged"));
    std::fs::write(&web, DEPLOYMENT.replace("nginx", "nginx:2")).unwrap();
    assert!(kubectl.ok(&["apply", "-f", &web]).await.contains("configured"));
    kubectl
        .ok(&["apply", "--server-side", "--force-conflicts", "-f", &web])
        .await;
    kubectl.ok(&["scale", "deployment", "web", "--replicas=5"]).await;
    assert!(
        kubectl
            .ok(&["get", "deployments", "-o", "wide"])
            .await
            .contains("0/5")
    );
    assert!(
        kubectl
            .ok(&["describe", "deployment", "web"])
            .await
            .contains("nginx:2")
    );
    assert!(
        kubectl
            .ok(&["explain", "deployment.spec.strategy"])
            .await
            .contains("rollingUpdate")
    );

    kubectl.ok(&["apply", "-f", &file("crd.yaml")]).await;
    kubectl
        .ok(&[
            "wait",
            "--for",
            "condition=established",
            "crd/widgets.w.example.com",
            "--timeout=30s",
        ])
        .await;
    kubectl.ok(&["apply", "-f", &file("one.yaml")]).await;
    assert!(kubectl.ok(&["get", "wd"]).await.contains("SIZE"));
    assert!(
        kubectl
            .ok(&["explain", "widget.spec"])
            .await
            .contains("how large")
    );
    assert!(kubectl.ok(&["api-resources"]).await.contains("w.example.com/v1"));

    assert_eq!(
        kubectl.ok(&["auth", "can-i", "create", "pods"]).await.trim(),
        "yes"
    );
    kubectl.ok(&["create", "namespace", "n"]).await;
    kubectl
        .ok(&["delete", "namespace", "n", "--wait=true", "--timeout=30s"])
        .await;
    kubectl.ok(&["delete", "-f", &web]).await;
    assert!(
        kubectl
            .run(&["get", "deployment", "web"])
            .await
            .unwrap_err()
            .contains("NotFound")
    );
}
