//! Pod security: what the labels of a namespace let in, and what they warn about.

use http::Method;
use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{Http, JSON, MERGE};

const PREFIX: &str = "pod-security.kubernetes.io/";
const PODS: &str = "/api/v1/namespaces/n/pods";

fn labels(of: &[(&str, &str)]) -> Value {
    let labels = of
        .iter()
        .map(|(name, value)| (format!("{PREFIX}{name}"), json!(value)));
    labels.collect::<serde_json::Map<_, _>>().into()
}

async fn start(of: &[(&str, &str)]) -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let namespace = json!({"metadata": {"name": "n", "labels": labels(of)}});
    assert_eq!(http.post("/api/v1/namespaces", namespace).await.0, 201);
    (server, http)
}

/// A pod that is as restricted as can be, with these changes.
fn pod(name: &str, changes: Value) -> Value {
    let mut spec = json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "c", "image": "i", "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
        }}],
    });
    merge(&mut spec, changes);
    json!({"metadata": {"name": name}, "spec": spec})
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(changes)) => {
            for (item, change) in into.iter_mut().zip(changes) {
                merge(item, change);
            }
        }
        (into, changes) => *into = changes,
    }
}

/// The status, the message of a failure, and the warnings.
async fn send(http: &Http, method: Method, path: &str, ty: &str, body: Value) -> (u16, String, Vec<String>) {
    use http_body_util::BodyExt as _;
    let headers = [("content-type", ty)];
    let response = http
        .send(method, path, &headers, body.to_string().into_bytes())
        .await;
    let status = response.status().as_u16();
    let warnings = response.headers().get_all("warning");
    let warnings = warnings.iter().map(|warning| {
        let text = warning.to_str().expect("a text").strip_prefix("299 - \"");
        let text = text.and_then(|text| text.strip_suffix('"')).expect("a warning");
        text.replace("\\\"", "\"")
    });
    let warnings = warnings.collect();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    let answer: Value = serde_json::from_slice(&bytes).expect("an answer");
    let message = answer["message"].as_str().unwrap_or_default();
    (status, message.to_owned(), warnings)
}

async fn create(http: &Http, object: Value) -> (u16, String, Vec<String>) {
    send(http, Method::POST, PODS, JSON, object).await
}

/// What each rule says about a pod that breaks it, and the strictest level that lets it in.
#[tokio::test]
async fn each_rule_says_what_it_forbids() {
    let context = |context: Value| json!({"containers": [{"securityContext": context}]});
    let cases = [
        (
            json!({"hostNetwork": true, "hostPID": true}),
            "baseline",
            "host namespaces (hostNetwork=true, hostPID=true)",
        ),
        (
            context(json!({"privileged": true, "allowPrivilegeEscalation": null})),
            "baseline",
            "privileged (container \"c\" must not set securityContext.privileged=true)",
        ),
        (
            context(json!({"capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}})),
            "baseline",
            "non-default capabilities (container \"c\" must not include \"SYS_ADMIN\" in \
             securityContext.capabilities.add)",
        ),
        (
            json!({"volumes": [{"name": "h", "hostPath": {"path": "/h"}}]}),
            "baseline",
            "hostPath volumes (volume \"h\")",
        ),
        (
            json!({"containers": [{"ports": [{"containerPort": 80, "hostPort": 80}]}]}),
            "baseline",
            "hostPort (container \"c\" uses hostPort 80)",
        ),
        (
            json!({"containers": [{"livenessProbe": {"tcpSocket": {"port": 80, "host": "example.com"}}}]}),
            "baseline",
            "probe or lifecycle host (container \"c\" uses probe or lifecycle host \"example.com\")",
        ),
        (
            context(json!({"seLinuxOptions": {"type": "spc_t", "user": "u"}})),
            "baseline",
            "seLinuxOptions (container \"c\" set forbidden securityContext.seLinuxOptions: type \"spc_t\"; user may \
             not be set)",
        ),
        (
            json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
            "baseline",
            "seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\")",
        ),
        (
            json!({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}),
            "baseline",
            "forbidden sysctls (kernel.msgmax)",
        ),
        (
            context(json!({"appArmorProfile": {"type": "Unconfined"}})),
            "baseline",
            "forbidden AppArmor profile (container \"c\" must not set AppArmor profile type to \"Unconfined\")",
        ),
        (
            context(json!({"allowPrivilegeEscalation": null})),
            "restricted",
            "allowPrivilegeEscalation != false (container \"c\" must set \
             securityContext.allowPrivilegeEscalation=false)",
        ),
        (
            context(json!({"capabilities": {"drop": ["CHOWN"], "add": ["KILL"]}})),
            "restricted",
            "unrestricted capabilities (container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]; container \
             \"c\" must not include \"KILL\" in securityContext.capabilities.add)",
        ),
        (
            json!({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/p"}}]}),
            "restricted",
            "restricted volume types (volume \"v\" uses restricted volume type \"nfs\")",
        ),
        (
            json!({"securityContext": {"runAsNonRoot": null}}),
            "restricted",
            "runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true)",
        ),
        (
            context(json!({"runAsUser": 0})),
            "restricted",
            "runAsUser=0 (container \"c\" must not set runAsUser=0)",
        ),
        (
            json!({"securityContext": {"seccompProfile": null}}),
            "restricted",
            "seccompProfile (pod or container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \
             \"Localhost\")",
        ),
    ];
    let (_server, http) = start(&[]).await;
    for (at, (changes, level, why)) in cases.into_iter().enumerate() {
        let relaxed = if level == "baseline" {
            "privileged"
        } else {
            "baseline"
        };
        for (level, is_allowed) in [(level, false), (relaxed, true)] {
            let labels = json!({"metadata": {"labels": labels(&[("enforce", level)])}});
            assert_eq!(http.patch("/api/v1/namespaces/n", MERGE, labels).await.0, 200);
            let name = format!("p-{at}");
            let (status, message, _) = create(&http, pod(&name, changes.clone())).await;
            if is_allowed {
                assert_eq!((status, message), (201, String::new()), "{level}: {changes}");
            } else {
                let told =
                    format!("pods \"{name}\" is forbidden: violates PodSecurity \"{level}:latest\": {why}");
                assert_eq!((status, message), (403, told));
            }
        }
    }
    let labels = json!({"metadata": {"labels": labels(&[("enforce", "restricted")])}});
    http.patch("/api/v1/namespaces/n", MERGE, labels).await;
    assert_eq!(create(&http, pod("fine", json!({}))).await.0, 201);
}

#[tokio::test]
async fn releases_had_other_rules() {
    let (_server, http) = start(&[("enforce", "restricted"), ("enforce-version", "v1.21")]).await;
    let keeps = json!({"containers": [{"securityContext": {"capabilities": null}}]});
    assert_eq!(create(&http, pod("old", keeps.clone())).await.0, 201);
    let newer = json!({"metadata": {"labels": labels(&[("enforce-version", "v1.22")])}});
    http.patch("/api/v1/namespaces/n", MERGE, newer).await;
    let (status, message, _) = create(&http, pod("new", keeps)).await;
    assert_eq!(status, 403);
    assert!(
        message.contains("violates PodSecurity \"restricted:v1.22\": unrestricted capabilities"),
        "{message}"
    );
}

#[tokio::test]
async fn what_is_let_in_is_warned_about() {
    let (_server, http) = start(&[("enforce", "baseline"), ("warn", "restricted")]).await;
    let bare = json!({"securityContext": {"runAsNonRoot": null}});
    let warning = "would violate PodSecurity \"restricted:latest\": runAsNonRoot != true (pod or container \"c\" must set \
                   securityContext.runAsNonRoot=true)";
    let (status, _, warnings) = create(&http, pod("p", bare.clone())).await;
    assert_eq!((status, warnings), (201, vec![warning.to_owned()]));
    // Templates are never refused.
    let mut template = pod("", json!({"hostNetwork": true}));
    template["metadata"] = json!({"labels": {"a": "b"}});
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let deployments = "/apis/apps/v1/namespaces/n/deployments";
    let (status, _, warnings) = send(&http, Method::POST, deployments, JSON, deployment).await;
    let warning = "would violate PodSecurity \"restricted:latest\": host namespaces (hostNetwork=true)";
    assert_eq!((status, warnings), (201, vec![warning.to_owned()]));
    let scale = format!("{deployments}/d/scale");
    let (status, _, warnings) = send(
        &http,
        Method::PATCH,
        &scale,
        MERGE,
        json!({"spec": {"replicas": 2}}),
    )
    .await;
    assert_eq!((status, warnings), (200, Vec::new()));
}

#[tokio::test]
async fn only_what_a_pod_runs_is_looked_at_again() {
    let (_server, http) = start(&[]).await;
    assert_eq!(create(&http, pod("p", json!({"hostNetwork": true}))).await.0, 201);
    let strict = json!({"metadata": {"labels": labels(&[("enforce", "baseline")])}});
    http.patch("/api/v1/namespaces/n", MERGE, strict).await;
    let path = format!("{PODS}/p");
    let strategic = "application/strategic-merge-patch+json";
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    assert_eq!(http.patch(&path, strategic, label).await.0, 200);
    let image = json!({"spec": {"containers": [{"name": "c", "image": "j"}]}});
    assert_eq!(http.patch(&path, strategic, image).await.0, 403);
    let debug = json!({"spec": {"ephemeralContainers": [{"name": "e", "image": "i"}]}});
    let ephemeral = format!("{path}/ephemeralcontainers");
    assert_eq!(http.patch(&ephemeral, strategic, debug).await.0, 403);
}

#[tokio::test]
async fn labels_must_be_right() {
    let (_server, http) = start(&[]).await;
    let wrong = [("enforce", "nope"), ("warn-version", "v1.07")];
    let namespace = json!({"metadata": {"name": "m", "labels": labels(&wrong)}});
    let (status, answer) = http.post("/api/v1/namespaces", namespace).await;
    let told = "Namespace \"m\" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \
                \"nope\": must be one of privileged, baseline, restricted, \
                metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \"v1.07\": must be \"latest\" or \
                \"v1.x\"]";
    assert_eq!((status, answer["message"].as_str()), (422, Some(told)));
    let wrong = json!({"metadata": {"labels": labels(&[("audit", "x")])}});
    assert_eq!(http.patch("/api/v1/namespaces/n", MERGE, wrong).await.0, 422);
}

#[tokio::test]
async fn a_stricter_namespace_warns_about_its_pods() {
    let (_server, http) = start(&[]).await;
    for (name, changes) in [
        ("b", json!({"hostNetwork": true})),
        ("a", json!({"hostNetwork": true})),
        ("c", json!({"securityContext": {"runAsNonRoot": null}})),
        ("d", json!({})),
    ] {
        assert_eq!(create(&http, pod(name, changes)).await.0, 201);
    }
    let path = "/api/v1/namespaces/n";
    let strict = |level: &str| json!({"metadata": {"labels": labels(&[("enforce", level)])}});
    let (status, _, warnings) = send(&http, Method::PATCH, path, MERGE, strict("restricted")).await;
    let told = [
        "existing pods in namespace \"n\" violate the new PodSecurity enforce level \"restricted:latest\"",
        "a (and 1 other pod): host namespaces",
        "c: runAsNonRoot != true",
    ];
    assert_eq!((status, warnings), (200, told.map(str::to_owned).to_vec()));
    // Less than before is no news.
    let (status, _, warnings) = send(&http, Method::PATCH, path, MERGE, strict("baseline")).await;
    assert_eq!((status, warnings), (200, Vec::new()));
}
