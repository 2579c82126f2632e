//! `kubectl`, where there is one.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Stdio;

use kubist_apiserver::Server;
use tokio::process::Command;

/// A server, and kubectl with a folder for its files.
struct Kubectl {
    _server: Server,
    folder: tempfile::TempDir,
}

impl Kubectl {
    /// Starts a server for kubectl; nothing where there is no kubectl.
    async fn start() -> Option<Kubectl> {
        let server = Server::builder()
            .user("admintoken", "admin", "", ["system:masters"])
            .start()
            .await
            .expect("a server");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("kubeconfig"), server.kubeconfig()).expect("written");
        let kubectl = Kubectl {
            _server: server,
            folder,
        };
        let found = Command::new("kubectl").arg("help").stdout(Stdio::null()).status();
        if found
            .await
            .is_err_and(|error| error.kind() == ErrorKind::NotFound)
        {
            println!("skipped: no kubectl on PATH");
            return None;
        }
        kubectl
            .run("version --client")
            .await
            .expect("a kubectl that works");
        Some(kubectl)
    }

    /// Writes a manifest into the folder where kubectl runs.
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("written");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs kubectl and gives what it printed, or what it complained of.
    async fn run(&self, arguments: &str) -> Result<String, String> {
        let output = Command::new("kubectl")
            .args(arguments.split(' '))
            .current_dir(self.folder.path())
            .env("KUBECONFIG", self.file("kubeconfig"))
            .env("HOME", self.folder.path())
            .env("EDITOR", "sed -i s/one/two/")
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|error| error.to_string())?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(told)
        } else {
            Err(told + &String::from_utf8_lossy(&output.stderr))
        }
    }

    async fn ok(&self, arguments: &str) -> String {
        self.run(arguments)
            .await
            .unwrap_or_else(|error| panic!("kubectl {arguments}: {error}"))
    }

    /// Runs what has to print this.
    async fn says(&self, arguments: &str, expected: &str) {
        let told = self.ok(arguments).await;
        assert!(
            told.contains(expected),
            "kubectl {arguments}: {expected:?} is not in {told}"
        );
    }

    /// Runs what has to fail with this complaint.
    async fn fails(&self, arguments: &str, expected: &str) {
        match self.run(arguments).await {
            Ok(told) => panic!("kubectl {arguments}: {told}"),
            Err(told) => assert!(
                told.contains(expected),
                "kubectl {arguments}: {expected:?} is not in {told}"
            ),
        }
    }
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 80}]}]}
";

const SETTINGS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: one, labels: {app: settings}}
data: {a: b}
";

const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.w.example.com}
spec:
  group: w.example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, description: how large}}}
          status: {type: object, properties: {size: {type: integer}}}
";

const WIDGET: &str = "
apiVersion: w.example.com/v1
kind: Widget
metadata: {name: one}
spec: {size: 3}
";

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_shows_what_is_there() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl.says("get namespaces", "kube-system").await;
    kubectl
        .says("create deployment web --image=nginx --replicas=2", "created")
        .await;
    kubectl.says("expose deployment web --port=80", "exposed").await;
    let all = kubectl.ok("get all").await;
    for part in ["service/kubernetes", "service/web", "deployment.apps/web"] {
        assert!(all.contains(part), "{all}");
    }
    let wide = kubectl.ok("get deployments -o wide").await;
    for part in ["CONTAINERS", "SELECTOR", "0/2", "app=web"] {
        assert!(wide.contains(part), "{wide}");
    }
    kubectl.says("get deployments --show-labels -A", "app=web").await;
    kubectl
        .says("get deployment web -o jsonpath={.spec.replicas}", "2")
        .await;
    kubectl
        .says("get deployments -o custom-columns=WHO:.metadata.name", "WHO")
        .await;
    kubectl.says("describe deployment web", "2 desired").await;
    kubectl.says("describe service web", "80/TCP").await;
    kubectl
        .says("explain deployment.spec.strategy", "rollingUpdate")
        .await;
    kubectl
        .says("explain pod --recursive", "terminationGracePeriodSeconds")
        .await;
    let resources = kubectl.ok("api-resources -o wide").await;
    let deployments = resources.lines().find(|line| line.starts_with("deployments "));
    let deployments = deployments.expect("deployments");
    for part in ["deploy", "apps/v1", "Deployment", "deletecollection", "watch"] {
        assert!(deployments.contains(part), "{deployments}");
    }
    kubectl.says("api-versions", "networking.k8s.io/v1").await;
    kubectl.says("cluster-info", "running").await;
    kubectl.says("version", "Server Version: v1.36").await;
    kubectl
        .fails("get nothings", "doesn't have a resource type")
        .await;
    kubectl.fails("get pod none", "(NotFound)").await;
    // It prints what a watch gives until its time is up.
    kubectl
        .says(
            "get services --watch --request-timeout=1s",
            "kubernetes   ClusterIP",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_applies_edits_and_patches() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl.write("web.yaml", DEPLOYMENT);
    kubectl.write("next.yaml", &DEPLOYMENT.replace("nginx", "nginx:2"));
    kubectl.says("apply -f web.yaml", "created").await;
    kubectl.says("apply -f web.yaml", "unchanged").await;
    assert_eq!(kubectl.ok("diff -f web.yaml").await, "");
    kubectl
        .fails("diff -f next.yaml", "+      - image: nginx:2")
        .await;
    kubectl
        .says("apply -f next.yaml --dry-run=server", "(server dry run)")
        .await;
    kubectl.says("apply -f next.yaml", "configured").await;
    kubectl
        .fails(
            "apply --server-side --field-manager=other -f web.yaml",
            "conflict with \"kubectl-client-side-apply\"",
        )
        .await;
    kubectl
        .says(
            "apply --server-side --force-conflicts -f web.yaml",
            "serverside-applied",
        )
        .await;
    kubectl
        .says("apply --server-side -f web.yaml", "serverside-applied")
        .await;
    assert_eq!(kubectl.ok("diff --server-side -f web.yaml").await, "");

    kubectl.says("scale deployment web --replicas=5", "scaled").await;
    kubectl
        .fails(
            "scale deployment web --current-replicas=9 --replicas=1",
            "Expected replicas to be 9, was 5",
        )
        .await;
    kubectl
        .says("set image deployment/web web=nginx:3", "image updated")
        .await;
    kubectl.says("label deployment web tier=front", "labeled").await;
    kubectl
        .fails("label deployment web tier=back", "already has a value")
        .await;
    kubectl
        .says("annotate deployment web why=because", "annotated")
        .await;
    for (kind, patch) in [
        ("strategic", r#"{"spec":{"replicas":6}}"#),
        ("merge", r#"{"spec":{"replicas":7}}"#),
        ("json", r#"[{"op":"replace","path":"/spec/replicas","value":8}]"#),
    ] {
        kubectl
            .says(
                &format!("patch deployment web --type={kind} -p {patch}"),
                "patched",
            )
            .await;
    }
    kubectl
        .says(
            "patch deployment web --subresource=status -p {\"status\":{\"replicas\":4}}",
            "patched",
        )
        .await;
    kubectl
        .says(
            "get deployment web -o jsonpath={.spec.replicas}-{.status.replicas}-{.metadata.labels.tier}",
            "8-4-front",
        )
        .await;
    kubectl.says("rollout restart deployment/web", "restarted").await;
    kubectl.says("replace -f web.yaml", "replaced").await;
    kubectl.says("replace --force -f web.yaml", "replaced").await;

    kubectl.ok("create configmap a --from-literal=x=one").await;
    kubectl.says("edit configmap a", "edited").await;
    kubectl.says("get configmap a -o jsonpath={.data.x}", "two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_prunes_deletes_and_waits() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    let other = SETTINGS.replace("name: one", "name: two");
    kubectl.write("one.yaml", SETTINGS);
    kubectl.write("both.yaml", &format!("{SETTINGS}---{other}"));
    let prune = "--prune -l app=settings --prune-allowlist=core/v1/ConfigMap";
    kubectl
        .says(&format!("apply -f both.yaml {prune}"), "configmap/two created")
        .await;
    kubectl
        .says(&format!("apply -f one.yaml {prune}"), "configmap/two pruned")
        .await;
    kubectl
        .says("wait --for=jsonpath={.data.a}=b configmap/one", "condition met")
        .await;
    kubectl
        .fails(
            "wait --for=jsonpath={.data.a}=c configmap/one --timeout=1s",
            "timed out",
        )
        .await;

    kubectl.write("web.yaml", DEPLOYMENT);
    kubectl.ok("apply -f web.yaml").await;
    kubectl
        .fails("rollout status deployment/web --timeout=1s", "timed out")
        .await;
    let rolled = r#"{"status":{"observedGeneration":1,"replicas":2,"updatedReplicas":2,"readyReplicas":2,"availableReplicas":2}}"#;
    kubectl
        .ok(&format!("patch deployment web --subresource=status -p {rolled}"))
        .await;
    kubectl
        .says("rollout status deployment/web", "successfully rolled out")
        .await;
    kubectl.says("get deployment web", "2/2").await;
    for cascade in ["background", "foreground", "orphan"] {
        kubectl.ok("apply -f web.yaml").await;
        kubectl
            .says(
                &format!("delete deployment web --cascade={cascade} --wait --timeout=30s"),
                "deleted",
            )
            .await;
        kubectl.fails("get deployment web", "(NotFound)").await;
    }
    kubectl.says("run p --image=nginx", "created").await;
    kubectl.says("delete pod p --now --timeout=30s", "deleted").await;

    kubectl.ok("create namespace n").await;
    kubectl.ok("create configmap a -n n").await;
    kubectl
        .says("delete namespace n --wait=true --timeout=30s", "deleted")
        .await;
    kubectl.fails("get namespace n", "(NotFound)").await;
    kubectl.says("delete configmaps --all", "\"one\" deleted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_knows_custom_resources() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl.write("crd.yaml", CRD);
    kubectl.write("one.yaml", WIDGET);
    kubectl.ok("apply -f crd.yaml").await;
    kubectl
        .says(
            "wait --for condition=established crd/widgets.w.example.com --timeout=30s",
            "condition met",
        )
        .await;
    kubectl.says("apply -f one.yaml", "created").await;
    kubectl
        .says("apply --server-side --force-conflicts -f one.yaml", "applied")
        .await;
    kubectl.says("get wd", "SIZE").await;
    kubectl.says("get all", "widget.w.example.com/one").await;
    kubectl.says("explain widget.spec", "how large").await;
    kubectl.says("api-resources", "w.example.com/v1").await;
    kubectl.says("scale widget one --replicas=7", "scaled").await;
    kubectl.says("get widget one -o jsonpath={.spec.size}", "7").await;
    kubectl.write("wrong.yaml", &WIDGET.replace("size: 3", "colour: red"));
    kubectl
        .fails("apply -f wrong.yaml", "unknown field \"spec.colour\"")
        .await;
    kubectl.write("wrong.yaml", &WIDGET.replace("size: 3", "size: large"));
    kubectl
        .fails("apply -f wrong.yaml", "must be of type integer")
        .await;
    kubectl.says("delete -f crd.yaml --timeout=30s", "deleted").await;
    kubectl
        .fails("get wd", "could not find the requested resource")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_asks_who_may_do_what() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl.says("auth whoami", "admin").await;
    assert_eq!(kubectl.ok("auth can-i create pods").await.trim(), "yes");
    kubectl
        .ok("create role reader --verb=get,list --resource=pods")
        .await;
    kubectl
        .ok("create rolebinding readers --role=reader --serviceaccount=default:robot")
        .await;
    kubectl.ok("create serviceaccount robot").await;
    let robot = "--as=system:serviceaccount:default:robot";
    kubectl
        .says(&format!("auth can-i list pods {robot}"), "yes")
        .await;
    kubectl
        .fails(&format!("auth can-i delete pods {robot}"), "no")
        .await;
    kubectl
        .says(&format!("auth can-i --list {robot}"), "[get list]")
        .await;
    let token = kubectl.ok("create token robot --duration=10m").await;
    kubectl
        .ok(&format!("config set-credentials robot --token={}", token.trim()))
        .await;
    kubectl
        .says("auth whoami --user=robot", "system:serviceaccount:default:robot")
        .await;
    kubectl.fails("get secrets --user=robot", "(Forbidden)").await;
    kubectl.ok("get pods --user=robot").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_is_told_what_is_wrong_and_what_is_not_there() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl.write("wrong.yaml", &SETTINGS.replace("\ndata:", "\ndats:"));
    for check in ["strict", "true"] {
        kubectl
            .fails(
                &format!("apply -f wrong.yaml --validate={check}"),
                "strict decoding error: unknown field \"dats\"",
            )
            .await;
    }
    kubectl
        .says("apply -f wrong.yaml --validate=warn", "created")
        .await;
    kubectl.write(
        "wrong.yaml",
        &DEPLOYMENT.replace("{app: web}}\n    spec", "{app: other}}\n    spec"),
    );
    kubectl
        .fails(
            "apply -f wrong.yaml",
            "`selector` does not match template `labels`",
        )
        .await;
    kubectl.ok("run p --image=nginx").await;
    for command in ["logs p", "exec p -- ls", "attach p"] {
        kubectl.fails(command, "(NotImplemented)").await;
    }
}
