//! Servers themselves: starting, stopping, restarting, TLS, users.

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kubist_apiserver::{Error, Server};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::client::{CONFIG_MAPS, Http, config_map};

#[tokio::test]
async fn a_restored_server_goes_on_where_it_was() {
    let server = Server::builder().seed(1).start().await.unwrap();
    let http = Http::new(&server);
    let (_, created) = http.post(CONFIG_MAPS, config_map("a")).await;
    let version = created["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    http.post(CONFIG_MAPS, config_map("b")).await;
    let (snapshot, port) = (server.snapshot(), server.addr().port());
    // What is written after the snapshot is lost with the server.
    http.post(CONFIG_MAPS, config_map("lost")).await;
    server.kill().await;

    let server = Server::builder()
        .restore(snapshot)
        .port(port)
        .start()
        .await
        .unwrap();
    assert_eq!(server.addr().port(), port);
    let http = Http::new(&server);
    let (_, read) = http.get(&format!("{CONFIG_MAPS}/a")).await;
    assert_eq!(read, created);
    assert_eq!(http.get(&format!("{CONFIG_MAPS}/lost")).await.0, 404);
    let path = format!("{CONFIG_MAPS}?watch=1&resourceVersion={version}&timeoutSeconds=1");
    let events = http.watch(&path).await.rest().await;
    assert_eq!(events.len(), 1, "the history is there, too");
}

#[tokio::test]
async fn a_restored_server_serves_its_custom_resources() {
    let server = Server::start().await.unwrap();
    let definition = crate::client::crd("Widget", json!({"type": "object"}));
    Http::new(&server).post(crate::client::CRDS, definition).await;
    let again = Server::builder()
        .restore(server.snapshot())
        .start()
        .await
        .unwrap();
    assert_eq!(Http::new(&again).get("/apis/example.com/v1/widgets").await.0, 200);
}

#[tokio::test]
async fn a_shutdown_ends_watches_cleanly_and_frees_the_port() {
    let server = Server::start().await.unwrap();
    let http = Http::new(&server);
    let watch = http.watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    let address = server.addr();
    server.shutdown().await;
    assert_eq!(watch.rest().await, Vec::<Value>::new());
    tokio::net::TcpListener::bind(address)
        .await
        .expect("the port is free");
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let server = Server::start().await.unwrap();
    let address = server.addr();
    let watch = Http::new(&server).watch(&format!("{CONFIG_MAPS}?watch=1")).await;
    drop(server);
    watch.rest().await;
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let server = Server::start().await.unwrap();
    match Server::builder().port(server.addr().port()).start().await {
        Err(Error::Bind { address, .. }) => assert_eq!(address, server.addr()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_service_answers_without_a_socket() {
    let server = Server::start().await.unwrap();
    let request = Request::get("/api/v1/namespaces")
        .body(Empty::<bytes::Bytes>::new())
        .unwrap();
    let response = server.service().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let list: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn users_are_known_by_their_tokens_and_may_what_rbac_says() {
    let server = Server::builder()
        .user("admintoken", "admin", "", ["system:masters"])
        .user("usertoken", "alice", "alice-uid", ["devs"])
        .start()
        .await
        .unwrap();
    let http = Http::new(&server);
    let status = async |token: &str, path: &str| {
        let header = format!("Bearer {token}");
        let headers: &[(&str, &str)] = if token.is_empty() {
            &[]
        } else {
            &[("authorization", header.as_str())]
        };
        http.send(Method::GET, path, headers, Vec::new())
            .await
            .status()
            .as_u16()
    };
    assert_eq!(status("wrong", CONFIG_MAPS).await, 401);
    assert_eq!(status("", CONFIG_MAPS).await, 403);
    assert_eq!(status("", "/readyz").await, 200);
    assert_eq!(status("usertoken", CONFIG_MAPS).await, 403);
    assert_eq!(status("usertoken", "/apis").await, 200);
    assert_eq!(status("admintoken", CONFIG_MAPS).await, 200);
    assert!(server.kubeconfig().contains("admintoken"));

    let admin = [
        ("authorization", "Bearer admintoken"),
        ("content-type", "application/json"),
    ];
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    for (path, body) in [
        (
            "roles",
            json!({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]}),
        ),
        (
            "rolebindings",
            json!({"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "Group", "name": "devs"}]}),
        ),
    ] {
        let response = http
            .send(
                Method::POST,
                &format!("{rbac}/{path}"),
                &admin,
                body.to_string().into_bytes(),
            )
            .await;
        assert_eq!(response.status(), 201, "{path}");
    }
    assert_eq!(status("usertoken", CONFIG_MAPS).await, 200);
    assert_eq!(status("usertoken", "/api/v1/configmaps").await, 403);

    let asked = server.audit();
    let last = asked.last().unwrap();
    assert_eq!(
        (
            last.verb.as_str(),
            last.resource.as_str(),
            last.user.as_str(),
            last.status
        ),
        ("list", "configmaps", "alice", 403)
    );
}

#[tokio::test]
async fn a_server_with_users_speaks_both_on_one_port() {
    let server = Server::builder()
        .user("admintoken", "admin", "", ["system:masters"])
        .start()
        .await
        .unwrap();
    assert!(server.url().starts_with("http://"));
    let http = Http::new(&server).with_token("admintoken");
    assert_eq!(http.get(CONFIG_MAPS).await.0, 200);
    let address = format!("server: \"https://{}\"", server.addr());
    assert!(server.kubeconfig().contains(&address));
    assert_eq!(version_over_tls(&server).await, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_with_tls_alone_says_so_to_plain_http() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Server::builder().tls(true).start().await.unwrap();
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream
        .write_all(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains("HTTP request to an HTTPS server"), "{answer}");
}

#[tokio::test]
async fn tls_is_trusted_by_the_kubeconfig_and_speaks_http2() {
    let server = Server::builder().tls(true).start().await.unwrap();
    assert_eq!(version_over_tls(&server).await, 200);
}

/// Asks for the version over HTTP/2 and TLS, trusting what the kubeconfig trusts.
async fn version_over_tls(server: &Server) -> StatusCode {
    let kubeconfig = server.kubeconfig();
    let data = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("certificate-authority-data: "))
        .expect("TLS");
    let pem = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, data).expect("TLS");
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(&pem).expect("TLS"))
        .expect("TLS");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(server.addr()).await.expect("TLS");
    let name = ServerName::try_from("127.0.0.1").expect("TLS");
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("TLS");
    tokio::spawn(connection);
    let request = Request::get("https://127.0.0.1/version")
        .body(Empty::<bytes::Bytes>::new())
        .expect("TLS");
    sender.send_request(request).await.expect("TLS").status()
}

#[tokio::test]
async fn users_are_known_by_their_certificates() {
    use rustls_pki_types::pem::PemObject as _;
    let server = Server::builder()
        .tls(true)
        .rbac(true)
        .start()
        .await
        .expect("a server");
    let admin = server
        .client_certificate("jane", ["ops", "system:masters"])
        .expect("a certificate");
    let nobody = server
        .client_certificate("joe", Vec::<String>::new())
        .expect("a certificate");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let authority = server.certificate_authority().expect("an authority");
    let mut roots = rustls::RootCertStore::empty();
    let certificate = rustls_pki_types::CertificateDer::from_pem_slice(authority.as_bytes());
    roots.add(certificate.expect("a certificate")).expect("a root");
    let client = |identity: Option<&kubist_apiserver::ClientCertificate>| {
        let builder = rustls::ClientConfig::builder_with_provider(std::sync::Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots.clone());
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = rustls_pki_types::CertificateDer::from_pem_slice(identity.certificate.as_bytes());
                let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
                builder
                    .with_client_auth_cert(vec![chain.expect("a chain")], key.expect("a key"))
                    .expect("an identity")
            }
        };
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .build();
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
            .build::<_, http_body_util::Empty<bytes::Bytes>>(connector)
    };
    let url = format!("{}{CONFIG_MAPS}", server.url());
    for (identity, status) in [(Some(&admin), 200), (Some(&nobody), 403), (None, 403)] {
        let answer = client(identity)
            .get(url.parse().expect("a URL"))
            .await
            .expect("an answer");
        assert_eq!(answer.status(), status);
    }
    assert!(server.kubeconfig_for(&admin).contains("client-key-data"));
    let asked: Vec<String> = server.audit().into_iter().map(|record| record.user).collect();
    assert_eq!(asked, ["jane", "joe", "system:anonymous"]);
}

#[tokio::test]
async fn manifests_are_loaded_as_a_whole() {
    let server = Server::start().await.expect("a server");
    let manifest = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 1}
status: {ready: true}
---
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: ns1}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: ns1}, data: {k: v}}
"#;
    assert_eq!(server.load(manifest).await.expect("loaded"), 4);
    assert_eq!(server.load(manifest).await.expect("loaded again"), 4);
    let http = Http::new(&server);
    let (_, widget) = http
        .get("/apis/example.com/v1/namespaces/default/widgets/w")
        .await;
    assert_eq!(
        (&widget["spec"]["size"], &widget["status"]["ready"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(http.get("/api/v1/namespaces/ns1/configmaps/a").await.0, 200);
    for (manifest, why) in [
        ("a: [", "the manifest is no YAML"),
        ("a: b", "document 1 of the manifest has no apiVersion or kind"),
        (
            "apiVersion: v1\nkind: Nope\nmetadata: {name: x}",
            "document 1 of the manifest: there is no kind Nope in v1",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: gone}",
            "document 1 of the manifest: ConfigMap \"x\" was refused: namespaces \"gone\" not found",
        ),
    ] {
        let error = server.load(manifest).await.expect_err("no manifest").to_string();
        assert!(error.starts_with(why), "{error}");
    }
}

#[tokio::test]
async fn nobody_grants_what_they_do_not_have() {
    let server = Server::builder()
        .user("root", "root", "", ["system:masters"])
        .user("alice", "alice", "", ["devs"])
        .start()
        .await
        .expect("a server");
    let root = Http::new(&server).with_token("root");
    let alice = Http::new(&server).with_token("alice");
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let role = |name: &str, resources: &[&str]| {
        let rule = json!({"apiGroups": [""], "resources": resources, "verbs": ["get", "list"]});
        json!({"metadata": {"name": name}, "rules": [rule]})
    };
    let bind = |name: &str, kind: &str, role: &str| {
        let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role});
        let subject = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"});
        json!({"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]})
    };
    let own = json!({"metadata": {"name": "own"}, "rules": [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create", "update"]},
    ]});
    assert_eq!(root.post(&format!("{rbac}/roles"), own).await.0, 201);
    let bindings = format!("{rbac}/rolebindings");
    assert_eq!(root.post(&bindings, bind("own", "Role", "own")).await.0, 201);
    let (_, failure) = alice.post(&bindings, bind("x", "Role", "gone")).await;
    assert_eq!(
        failure["message"],
        "rolebindings.rbac.authorization.k8s.io \"gone\" not found"
    );
    let (status, failure) = alice
        .post(&format!("{rbac}/roles"), role("more", &["secrets"]))
        .await;
    assert_eq!(
        (status, failure["message"].as_str()),
        (
            403,
            Some(
                "roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"alice\" (groups=[\"devs\" \
                 \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n\
                 {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}"
            )
        )
    );
    assert_eq!(
        alice
            .post(&format!("{rbac}/roles"), role("less", &["configmaps"]))
            .await
            .0,
        201
    );
    assert_eq!(
        alice.post(&bindings, bind("edit", "ClusterRole", "edit")).await.0,
        403
    );
    assert_eq!(alice.post(&bindings, bind("less", "Role", "less")).await.0, 201);

    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "default"},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let (status, answer) = alice.post(path, review).await;
    assert_eq!(status, 201, "{answer}");
    let rules = answer["status"]["resourceRules"].as_array().expect("rules");
    let maps = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]});
    assert!(rules.contains(&maps), "{answer}");
}

#[cfg(feature = "client")]
#[tokio::test]
async fn clients_are_who_they_say() {
    use k8s_openapi::api::authentication::v1::SelfSubjectReview;
    use kubist_client::{Api, Client, api::PostParams};

    let server = Server::builder()
        .user("admintoken", "admin", "admin-uid", ["system:masters"])
        .user("usertoken", "alice", "alice-uid", ["devs"])
        .start()
        .await
        .unwrap();
    let certificate = server.client_certificate("jane", ["devs"]).unwrap();
    let name = async |client: Client| {
        let (reviews, asked) = (Api::all(client), SelfSubjectReview::default());
        let review = reviews.create(&PostParams::default(), &asked).await.unwrap();
        review.status.unwrap().user_info.unwrap().username.unwrap()
    };
    assert_eq!(name(server.client()).await, "admin");
    assert_eq!(name(server.client_of_token("usertoken")).await, "alice");
    assert_eq!(name(server.client_for(&certificate)).await, "jane");
}

#[cfg(feature = "client")]
#[test]
fn a_client_is_made_outside_of_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start()).unwrap();
    let client = server.client();
    let version = runtime.block_on(client.apiserver_version()).unwrap();
    assert_eq!(version.major, "1");
}
