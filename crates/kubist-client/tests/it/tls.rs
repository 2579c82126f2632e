//! TLS: whom to trust, and with which certificate to go there.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Request;
use hyper_util::{
    client::legacy::{Client as HyperClient, connect::Connection},
    rt::TokioExecutor,
};
use kubist_client::{
    Client, Config, Error,
    client::ConfigExt,
    config::{ExecConfig, ExecInteractiveMode, Kubeconfig},
};
use tower::{BoxError, Service, ServiceBuilder};

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
        message.contains(&host)
            && (message.contains("UnknownIssuer") || message.contains("unable to get local issuer")),
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
        ["not valid for name", "NotValidForName", "mismatch"]
            .iter()
            .any(|text| message.contains(text)),
        "{message}"
    );

    config.tls_server_name = Some("kubernetes.example.com".into());
    assert_eq!(ask(config.clone()).await.expect("has that name"), "hello");

    #[cfg(feature = "rustls-tls")]
    {
        config.tls_server_name = Some("not a name".into());
        let error = ask(config).await.expect_err("is no name");
        let is_named = matches!(
            error,
            Error::RustlsTls(kubist_client::client::RustlsTlsError::InvalidServerName(_))
        );
        assert!(is_named, "{error:?}");
    }
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

/// A stack of one's own over a connector, which says how it was asked and by whom.
async fn own_stack<C>(config: &Config, https: C) -> String
where
    C: Service<http::Uri> + Clone + Send + Sync + 'static,
    C::Response: hyper::rt::Read + hyper::rt::Write + Connection + Send + Unpin,
    C::Future: Send + Unpin,
    C::Error: Into<BoxError>,
{
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().expect("valid"))
        .layer(config.extra_headers_layer().expect("valid"))
        .map_err(BoxError::from)
        .service(HyperClient::builder(TokioExecutor::new()).build(https));
    let client = Client::new(service, config.default_namespace.clone());
    client.request_text(get()).await.expect("is let in")
}

#[tokio::test]
async fn a_stack_of_ones_own() {
    let authority = Authority::new();
    let tls = authority.server_for_clients_of("127.0.0.1", &authority);
    let server = TestServer::https(tls, |request| async move {
        let authorization = request.headers()["authorization"].to_str().expect("text");
        answer(200, format!("{:?} {authorization}", request.version()))
    })
    .await;
    let identity = authority.identity("me");
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    config.auth_info.token = Some("t".to_owned().into());
    config.auth_info.client_certificate_data = Some(STANDARD.encode(identity.certificate_pem()));
    config.auth_info.client_key_data = Some(STANDARD.encode(identity.key_pem()).into());
    #[cfg(feature = "rustls-tls")]
    {
        let https = config.rustls_https_connector().expect("valid");
        assert_eq!(own_stack(&config, https).await, "HTTP/1.1 Bearer t");
        let tls = config.rustls_client_config().expect("valid");
        assert!(tls.alpn_protocols.is_empty());
    }
    #[cfg(feature = "openssl-tls")]
    {
        let https = config.openssl_https_connector().expect("valid");
        assert_eq!(own_stack(&config, https).await, "HTTP/1.1 Bearer t");
    }
}

/// What OpenSSL does not take.
#[cfg(feature = "openssl-tls")]
#[test]
fn openssl_says_what_it_does_not_take() {
    let build = |change: &dyn Fn(&mut Config)| {
        let mut config = Config::new("https://127.0.0.1".parse().expect("valid"));
        change(&mut config);
        let error = config.openssl_ssl_connector_builder().err().expect("is refused");
        assert!(matches!(error, Error::OpensslTls(_)), "{error:?}");
        error.to_string()
    };
    let authority = Authority::new();
    let [one, other] = [authority.identity("one"), authority.identity("other")];
    let root = build(&|config| config.root_cert = Some(vec![b"hunter2".to_vec()]));
    assert!(root.contains("root certificate"), "{root}");
    let user = |certificate: String, key: String| {
        build(&move |config| {
            config.auth_info.client_certificate_data = Some(STANDARD.encode(&certificate));
            config.auth_info.client_key_data = Some(STANDARD.encode(&key).into());
        })
    };
    let mixed = user(one.certificate_pem(), other.key_pem());
    assert!(mixed.contains("client certificate"), "{mixed}");
    let no_key = user(one.certificate_pem(), String::new());
    assert!(no_key.contains("private key"), "{no_key}");
    let no_certificate = user(String::new(), one.key_pem());
    assert!(no_certificate.contains("missing certificate"), "{no_certificate}");
}

/// `--no-default-features --features client,rustls-tls`: nobody chose what rustls computes with.
#[cfg(all(feature = "rustls-tls", not(any(feature = "ring", feature = "aws-lc-rs"))))]
#[tokio::test]
async fn without_cryptography_there_is_only_http() {
    let server = TestServer::http(|_| async { answer(200, "hello") }).await;
    assert_eq!(ask(server.config()).await.expect("answers"), "hello");
    let config = Config::new("https://127.0.0.1".parse().expect("valid"));
    let error = ask(config).await.expect_err("has no cryptography");
    assert!(matches!(error, Error::TlsRequired), "{error:?}");
}
