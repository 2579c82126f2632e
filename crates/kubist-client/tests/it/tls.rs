//! TLS: whom to trust, and with which certificate to go there.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Request;
use kubist_client::{
    Client, Config, Error,
    client::{ConfigExt, RustlsTlsError},
    config::{ExecConfig, ExecInteractiveMode, Kubeconfig},
};

use crate::server::{Authority, TestServer, answer};

fn get() -> Request<Vec<u8>> {
    Request::get("/").body(Vec::new()).expect("valid")
}

async fn server(authority: &Authority) -> TestServer {
    TestServer::https(authority.server("127.0.0.1"), |_| async { answer(200, "hello") }).await
}

async fn ask(config: Config) -> Result<String, Error> {
    Client::try_from(config)?.request_text(get()).await
}

#[tokio::test]
async fn an_untrusted_certificate_says_whose_and_why() {
    let authority = Authority::new();
    let server = server(&authority).await;
    let mut config = server.config();
    config.root_cert = Some(vec![Authority::new().der()]);
    let message = ask(config).await.expect_err("is not trusted").to_string();
    let host = server.url().authority().expect("has one").to_string();
    assert!(
        message.contains(&host) && message.contains("UnknownIssuer"),
        "{message}"
    );

    let mut config = server.config();
    config.accept_invalid_certs = true;
    assert_eq!(ask(config).await.expect("trusts anybody"), "hello");
}

#[tokio::test]
async fn another_name_can_be_expected() {
    let authority = Authority::new();
    let tls = authority.server("kubernetes.example.com");
    let server = TestServer::https(tls, |_| async { answer(200, "hello") }).await;
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    let message = ask(config.clone())
        .await
        .expect_err("has another name")
        .to_string();
    assert!(
        message.contains("not valid for name") || message.contains("NotValidForName"),
        "{message}"
    );

    config.tls_server_name = Some("kubernetes.example.com".into());
    assert_eq!(ask(config.clone()).await.expect("has that name"), "hello");

    config.tls_server_name = Some("not a name".into());
    let error = ask(config).await.expect_err("is no name");
    assert!(
        matches!(error, Error::RustlsTls(RustlsTlsError::InvalidServerName(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_client_certificate_from_a_kubeconfig() {
    let authority = Authority::new();
    let tls = authority.server_for_clients_of("127.0.0.1", &authority);
    let server = TestServer::https(tls, |_| async { answer(200, "hello") }).await;
    let identity = authority.identity("me");
    let yaml = format!(
        "current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
clusters: [{{name: a, cluster: {{server: '{}', certificate-authority-data: {}}}}}]
users: [{{name: a, user: {{client-certificate-data: {}, client-key-data: {}}}}}]",
        server.url(),
        STANDARD.encode(authority.pem()),
        STANDARD.encode(identity.certificate_pem()),
        STANDARD.encode(identity.key_pem()),
    );
    let kubeconfig = Kubeconfig::from_yaml(&yaml).expect("valid");
    let client = Client::try_from(kubeconfig.clone()).expect("complete");
    assert_eq!(client.request_text(get()).await.expect("is let in"), "hello");

    let mut config = Config::try_from(kubeconfig).expect("complete");
    config.auth_info.client_key_data = None;
    let error = Client::try_from(config.clone()).err().expect("half an identity");
    assert!(error.to_string().contains("client key"), "{error}");
    config.auth_info.client_certificate_data = None;
    ask(config).await.expect_err("is not let in");
}

#[cfg(unix)]
#[tokio::test]
async fn a_client_certificate_from_a_plugin() {
    let authority = Authority::new();
    let tls = authority.server_for_clients_of("127.0.0.1", &authority);
    let server = TestServer::https(tls, |_| async { answer(200, "hello") }).await;
    let identity = authority.identity("me");
    let credential = serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {
            "clientCertificateData": identity.certificate_pem(),
            "clientKeyData": identity.key_pem(),
        },
    });
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    config.auth_info.exec = Some(ExecConfig {
        api_version: Some("client.authentication.k8s.io/v1".into()),
        command: Some("/bin/echo".into()),
        args: Some(vec![credential.to_string()]),
        interactive_mode: Some(ExecInteractiveMode::Never),
        ..ExecConfig::default()
    });
    assert_eq!(ask(config).await.expect("is let in"), "hello");
}

#[tokio::test]
async fn authorities_from_a_file() {
    let authority = Authority::new();
    let server = server(&authority).await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("ca.crt");
    let mut config = server.config();
    config.root_cert_file = Some(path.clone());
    let error = Client::try_from(config.clone()).err().expect("is not there");
    assert!(error.to_string().contains("ca.crt"), "{error}");
    std::fs::write(&path, authority.pem()).expect("writes");
    assert_eq!(ask(config).await.expect("is trusted"), "hello");
}

#[tokio::test]
async fn a_stack_of_ones_own() {
    use hyper_util::{client::legacy::Client as HyperClient, rt::TokioExecutor};
    use tower::{BoxError, ServiceBuilder};

    let authority = Authority::new();
    let server = TestServer::https(authority.server("127.0.0.1"), |request| async move {
        let authorization = request.headers()["authorization"].to_str().expect("text");
        answer(200, format!("{:?} {authorization}", request.version()))
    })
    .await;
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    config.auth_info.token = Some("t".to_owned().into());
    let https = config.rustls_https_connector().expect("valid");
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().expect("valid"))
        .layer(config.extra_headers_layer().expect("valid"))
        .map_err(BoxError::from)
        .service(HyperClient::builder(TokioExecutor::new()).build(https));
    let client = Client::new(service, config.default_namespace.clone());
    assert_eq!(
        client.request_text(get()).await.expect("is let in"),
        "HTTP/1.1 Bearer t"
    );
    assert!(
        config
            .rustls_client_config()
            .expect("valid")
            .alpn_protocols
            .is_empty()
    );
}
