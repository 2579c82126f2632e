//! What clients are warned about when they write.

use http::Method;
use kubist_apiserver::Server;
use serde_json::{Value, json};

use crate::client::{Http, JSON, MERGE};

const PODS: &str = "/api/v1/namespaces/default/pods";

async fn warned(http: &Http, method: Method, path: &str, body: Value) -> Vec<String> {
    let ty = if method == Method::PATCH { MERGE } else { JSON };
    let headers = [("content-type", ty)];
    let response = http
        .send(method, path, &headers, body.to_string().into_bytes())
        .await;
    assert!(response.status().is_success(), "{}", response.status());
    let told = response.headers().get_all("warning");
    let told = told.iter().map(|warning| {
        let text = warning.to_str().expect("a text").strip_prefix("299 - \"");
        let text = text.and_then(|text| text.strip_suffix('"')).expect("a warning");
        text.replace("\\\"", "\"")
    });
    told.collect()
}

fn container(name: &str, more: Value) -> Value {
    let mut container = json!({"name": name, "image": "i"});
    for (key, value) in more.as_object().expect("an object") {
        container[key] = value.clone();
    }
    container
}

#[tokio::test]
async fn odd_pods_are_warned_about() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let mut pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [
        container("a", json!({
            "ports": [{"containerPort": 80, "name": "http"}], "resources": {"limits": {"memory": "500m"}},
        })),
        container("b", json!({"ports": [{"containerPort": 80, "name": "http"}]})),
    ]}});
    pod["spec"]["affinity"] =
        json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}});
    pod["metadata"]["annotations"] = json!({"seccomp.security.alpha.kubernetes.io/pod": "runtime/default"});
    assert_eq!(
        warned(&http, Method::POST, PODS, pod).await,
        [
            "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the \
             \"seccompProfile\" field instead",
            "spec.containers[0].resources.limits[memory]: fractional byte value \"500m\" is invalid, must be an integer",
            "spec.containers[0].resources.requests[memory]: fractional byte value \"500m\" is invalid, must be an integer",
            "spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]",
            "spec.containers[1].ports[0]: duplicate port name \"http\" with spec.containers[0].ports[0], services and \
             probes that select ports by name will use spec.containers[0].ports[0]",
            "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null \
             labelSelector results in matching no pod"
        ]
    );
    // Who changes it later is not told again.
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    let path = format!("{PODS}/p");
    assert_eq!(
        warned(&http, Method::PATCH, &path, label).await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn templates_are_looked_at_again_when_they_change() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let template = json!({
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [container("c", json!({}))], "nodeSelector": {"beta.kubernetes.io/os": "linux"}},
    });
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let deployment = json!({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    let told = "spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \
                \"kubernetes.io/os\" instead";
    assert_eq!(warned(&http, Method::POST, deployments, deployment).await, [told]);
    let path = format!("{deployments}/d");
    let label = json!({"metadata": {"labels": {"x": "y"}}});
    assert_eq!(
        warned(&http, Method::PATCH, &path, label).await,
        Vec::<String>::new()
    );
    let more = json!({"spec": {"replicas": 3}});
    assert_eq!(warned(&http, Method::PATCH, &path, more).await, [told]);
}

#[tokio::test]
async fn other_kinds_have_their_warnings() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let claim = json!({"metadata": {"name": "c"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}},
    }});
    assert_eq!(
        warned(&http, Method::POST, claims, claim).await,
        ["spec.resources.requests[storage]: fractional byte value \"1500m\" is invalid, must be an integer"]
    );
    let ingresses = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
    let mut ingress = json!({"metadata": {"name": "i"}, "spec": {
        "defaultBackend": {"service": {"name": "s", "port": {"number": 80}}},
    }});
    ingress["metadata"]["annotations"] = json!({"kubernetes.io/ingress.class": "x"});
    assert_eq!(
        warned(&http, Method::POST, ingresses, ingress).await,
        [
            "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
        ]
    );
}

#[tokio::test]
async fn a_pod_of_nothing_but_the_same_port_is_answered() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let ports = vec![json!({"containerPort": 80}); 10_000];
    let spec = json!({"containers": [{"name": "c", "image": "i", "ports": ports}]});
    let pod = json!({"metadata": {"name": "a"}, "spec": spec});
    let (status, answer) = http.post("/api/v1/namespaces/default/pods", pod).await;
    assert_eq!(status, 201, "{}", answer["message"]);
}

#[tokio::test]
async fn warnings_come_in_the_order_of_the_text_and_with_a_failure_too() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let path = "/api/v1/namespaces/default/endpoints";
    let body = r#"{"subsets": [{"zz": [], "addresses": [{"ip": "x", "b": null}], "aa": {}}], "metadata": {"name": "e"}, "a": 1}"#;
    let headers = [("content-type", JSON)];
    let response = http
        .send(Method::POST, path, &headers, body.as_bytes().to_vec())
        .await;
    assert_eq!(response.status(), 422);
    let told = response.headers().get_all("warning").iter();
    let told: Vec<&str> = told.map(|value| value.to_str().expect("a text")).collect();
    let unknown = |field: &str| format!("299 - \"unknown field \\\"{field}\\\"\"");
    assert_eq!(
        told,
        [
            "299 - \"v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\""
                .to_owned(),
            unknown("subsets[0].zz"),
            unknown("subsets[0].addresses[0].b"),
            unknown("subsets[0].aa"),
            unknown("a"),
        ]
    );
}

#[tokio::test]
async fn many_warnings_are_cut() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let maps = "/api/v1/namespaces/default/configmaps";
    let mut map = json!({"metadata": {"name": "few"}});
    map["x".repeat(3000)] = 1.into();
    let few = warned(&http, Method::POST, maps, map.clone()).await;
    assert_eq!(few, [format!("unknown field \"{}\"", "x".repeat(3000))]);
    map["metadata"]["name"] = "many".into();
    for letter in 'a'..='z' {
        map[letter.to_string().repeat(2000)] = 1.into();
    }
    let many = warned(&http, Method::POST, maps, map).await;
    assert_eq!(many.len(), 16);
    assert_eq!(many[0], format!("unknown field \"{}", "a".repeat(241)));
}

#[tokio::test]
async fn what_json_patches_do_not_know_is_warned_about() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let maps = "/api/v1/namespaces/default/configmaps";
    http.post(maps, json!({"metadata": {"name": "m", "selfLink": "x"}}))
        .await;
    let path = format!("{maps}/m");
    let operation = json!([{"op": "add", "path": "/metadata/selfLink", "value": "y", "extra": true}]);
    let patch = async |query: &str| {
        let headers = [("content-type", "application/json-patch+json")];
        let path = format!("{path}{query}");
        http.send(Method::PATCH, &path, &headers, operation.to_string().into_bytes())
            .await
    };
    let response = patch("").await;
    assert_eq!(response.status(), 200);
    let told = response.headers().get("warning").expect("a warning");
    assert_eq!(told, "299 - \"json patch unknown field \\\"[0].extra\\\"\"");
    assert_eq!(patch("?fieldValidation=Strict").await.status(), 422);
    // Links are of former days.
    assert_eq!(http.get(&path).await.1["metadata"]["selfLink"], Value::Null);
}

#[tokio::test]
async fn app_armor_profiles_of_annotations_are_carried_to_fields() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let annotation = "container.apparmor.security.beta.kubernetes.io/a";
    let pod = |name: &str, profile: &str, context: Value| {
        json!({"metadata": {"name": name, "annotations": {annotation: profile}},
            "spec": {"containers": [container("a", json!({"securityContext": context}))]}})
    };
    let told = warned(&http, Method::POST, PODS, pod("a", "localhost/x", json!({}))).await;
    let deprecated = format!(
        "metadata.annotations[{annotation}]: deprecated since v1.30; use the \"appArmorProfile\" field instead"
    );
    assert_eq!(told, [deprecated]);
    let (_, carried) = http.get(&format!("{PODS}/a")).await;
    assert_eq!(
        carried["spec"]["containers"][0]["securityContext"]["appArmorProfile"],
        json!({"type": "Localhost", "localhostProfile": "x"})
    );
    let both = pod(
        "b",
        "unconfined",
        json!({"appArmorProfile": {"type": "Unconfined"}}),
    );
    assert!(warned(&http, Method::POST, PODS, both).await.is_empty());
    for (bad, why) in [
        (
            pod("c", "nope", json!({})),
            "invalid AppArmor profile name: \"nope\"",
        ),
        (
            pod(
                "c",
                "unconfined",
                json!({"appArmorProfile": {"type": "RuntimeDefault"}}),
            ),
            "apparmor type in annotation and field must match",
        ),
        (
            pod(
                "c",
                "localhost/x",
                json!({"appArmorProfile": {"type": "Localhost", "localhostProfile": "y"}}),
            ),
            "apparmor profile in annotation and field must match",
        ),
    ] {
        let (status, refused) = http.post(PODS, bad).await;
        assert_eq!(status, 422);
        let message = refused["message"].as_str().expect("a message");
        assert!(message.ends_with(why), "{message}");
    }
}
