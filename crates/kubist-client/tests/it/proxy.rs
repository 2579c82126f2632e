//! Proxies, each with TLS to the server inside of it.

use std::{
    io,
    net::SocketAddr,
    process::Command,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Request;
use kubist_client::{Client, Config, Error, config::Kubeconfig};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tracing::instrument::WithSubscriber;

use crate::{
    logs::Captured,
    server::{Authority, TestServer, answer},
};

/// The name of the server, which only the proxy can resolve.
const NAME: &str = "kubernetes.example.com";

fn get() -> Request<Vec<u8>> {
    Request::get("/").body(Vec::new()).expect("valid")
}

#[derive(Clone, Copy)]
enum Protocol {
    Connect,
    Socks5,
}

/// A proxy that connects to one server, whichever it is asked for, until it is dropped.
struct Proxy {
    address: SocketAddr,
    /// What it was asked for.
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Wants `credentials`, a name and a password, if there are any.
    async fn start(
        protocol: Protocol,
        tls: Option<TlsAcceptor>,
        credentials: Option<&'static str>,
        server: SocketAddr,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = asked.clone();
        let task = tokio::spawn(async move {
            let mut serving = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, log) = (tls.clone(), log.clone());
                // Clients that go away are the tests' business.
                serving.spawn(async move {
                    match tls {
                        None => serve(stream, protocol, credentials, server, &log).await,
                        Some(tls) => {
                            let stream = tls.accept(stream).await?;
                            serve(stream, protocol, credentials, server, &log).await
                        }
                    }
                });
            }
        });
        Self { address, asked, task }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: S,
    protocol: Protocol,
    credentials: Option<&str>,
    server: SocketAddr,
    log: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let asked = match protocol {
        Protocol::Connect => accept_connect(&mut client, credentials).await?,
        Protocol::Socks5 => accept_socks(&mut client, credentials).await?,
    };
    log.lock().expect("not poisoned").push(asked);
    let mut server = TcpStream::connect(server).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn accept_connect<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut S,
    credentials: Option<&str>,
) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).expect("text");
    let said = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization")
            .then(|| value.to_owned())
    });
    let expected = credentials.map(|credentials| format!("Basic {}", STANDARD.encode(credentials)));
    if said != expected {
        client
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            .await?;
        client.flush().await?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
    client.flush().await?;
    let target = head
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split_once(' '));
    Ok(target.expect("connects").0.to_owned())
}

/// [RFC 1928](https://www.rfc-editor.org/rfc/rfc1928) and 1929.
async fn accept_socks<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut S,
    credentials: Option<&str>,
) -> io::Result<String> {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    assert_eq!(client.read_u8().await?, 5);
    let methods = read_field(client).await?;
    let method = if credentials.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        client.write_all(&[5, 0xFF]).await?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    client.write_all(&[5, method]).await?;
    if let Some(credentials) = credentials {
        assert_eq!(client.read_u8().await?, 1);
        let user = text(read_field(client).await?);
        let password = text(read_field(client).await?);
        let is_known = format!("{user}:{password}") == credentials;
        client.write_all(&[1, u8::from(!is_known)]).await?;
        if !is_known {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
    }
    let mut head = [0; 4];
    client.read_exact(&mut head).await?;
    assert_eq!(head, [5, 1, 0, 3], "connects to a name");
    let name = text(read_field(client).await?);
    let port = client.read_u16().await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    Ok(format!("{name}:{port}"))
}

/// Bytes, with their number before them.
async fn read_field<S: AsyncRead + Unpin>(client: &mut S) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A server with a name that only proxies know.
async fn server(authority: &Authority) -> TestServer {
    TestServer::https(authority.server(NAME), |request| async move {
        answer(200, format!("{:?}", request.version()))
    })
    .await
}

/// A kubeconfig with a proxy.
fn config(authority: &Authority, proxy_url: &str) -> Config {
    let yaml = format!(
        "current-context: a
contexts: [{{name: a, context: {{cluster: a}}}}]
clusters:
- name: a
  cluster:
    server: 'https://{NAME}:6443'
    proxy-url: '{proxy_url}'
    certificate-authority-data: {}",
        STANDARD.encode(authority.pem()),
    );
    Config::try_from(Kubeconfig::from_yaml(&yaml).expect("valid")).expect("complete")
}

async fn ask(config: Config) -> Result<String, Error> {
    Client::try_from(config)?.request_text(get()).await
}

#[tokio::test]
async fn each_kind_with_and_without_credentials() {
    let authority = Authority::new();
    let server = server(&authority).await;
    let tls = || TlsAcceptor::from(Arc::new(authority.server("127.0.0.1")));
    for (scheme, protocol) in [
        ("http", Protocol::Connect),
        ("https", Protocol::Connect),
        ("socks5", Protocol::Socks5),
    ] {
        for (userinfo, credentials) in [("", None), ("me:p%40ss%3A%2F@", Some("me:p@ss:/"))] {
            let tls = (scheme == "https").then(tls);
            let proxy = Proxy::start(protocol, tls, credentials, server.address()).await;
            let url = format!("{scheme}://{userinfo}{}", proxy.address);
            let version = ask(config(&authority, &url)).await.expect("gets through");
            assert_eq!(version, "HTTP/2.0", "{url}");
            assert_eq!(proxy.asked(), [format!("{NAME}:6443")], "{url}");
        }
    }
}

#[tokio::test]
async fn a_server_without_tls() {
    let server = TestServer::http(|_| async { answer(200, "hello") }).await;
    for (scheme, protocol) in [("http", Protocol::Connect), ("socks5", Protocol::Socks5)] {
        let proxy = Proxy::start(protocol, None, None, server.address()).await;
        let mut config = Config::new(format!("http://{NAME}/").parse().expect("valid"));
        config.proxy_url = Some(format!("{scheme}://{}", proxy.address).parse().expect("valid"));
        assert_eq!(ask(config).await.expect("gets through"), "hello");
        assert_eq!(proxy.asked(), [format!("{NAME}:80")]);
    }
}

#[tokio::test]
async fn a_refusal_names_the_proxy_and_no_credentials() {
    let authority = Authority::new();
    let server = server(&authority).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = gone.local_addr().expect("an address");
    drop(gone);
    let captured = Captured::default();
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    for (scheme, protocol, reason) in [
        ("http", Protocol::Connect, "407"),
        ("socks5", Protocol::Socks5, "not accepted"),
    ] {
        let proxy = Proxy::start(protocol, None, Some("me:right"), server.address()).await;
        for (address, reason) in [(proxy.address, reason), (nobody, "refused")] {
            let mut config = config(&authority, &format!("{scheme}://me:hunter2@{address}"));
            config.default_retry = false;
            assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
            let error = ask(config).with_subscriber(captured.subscriber()).await;
            let error = error.expect_err("is not let through");
            let message = error.to_string();
            for expected in [reason, &format!("{scheme}://{address}"), NAME] {
                assert!(message.contains(expected), "{expected}: {message}");
            }
            assert!(!format!("{message} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
    let log = captured.text();
    let encoded = STANDARD.encode("me:hunter2");
    assert!(
        log.contains(NAME) && !log.contains("hunter2") && !log.contains(&encoded),
        "{log}"
    );

    let error = ask(config(&authority, "ftp://me:hunter2@proxy"))
        .await
        .expect_err("is no proxy");
    assert!(matches!(error, Error::ProxyProtocolUnsupported { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

/// What a client of the environment is asked to do, in a process of its own.
#[tokio::test]
#[ignore = "is run by the test of the environment"]
async fn in_the_environment() {
    let variable = |name| std::env::var(name).expect("is set");
    let mut config = Config::new(variable("TEST_SERVER").parse().expect("valid"));
    config.root_cert_file = Some(variable("TEST_AUTHORITY").into());
    config.default_retry = false;
    match ask(config).await {
        Ok(version) => println!("answer: {version}"),
        Err(error) => println!("error: {error}"),
    }
}

#[tokio::test]
async fn the_environment_names_a_proxy() {
    let authority = Authority::new();
    let server = server(&authority).await;
    let proxy = Proxy::start(Protocol::Connect, None, Some("me:pw"), server.address()).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("ca.crt");
    std::fs::write(&file, authority.pem()).expect("writes");
    let proxy_url = format!("http://me:pw@{}", proxy.address);
    let said = |server: String, variables: &[(&'static str, String)]| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["proxy::in_the_environment", "--exact", "--ignored", "--nocapture"])
            .env("TEST_SERVER", server)
            .env("TEST_AUTHORITY", &file)
            .envs(variables.iter().cloned());
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
            if !variables.iter().any(|(set, _)| *set == name) {
                command.env_remove(name).env_remove(name.to_lowercase());
            }
        }
        async move {
            let output = tokio::task::spawn_blocking(move || command.output()).await;
            let output = output.expect("runs").expect("starts");
            String::from_utf8(output.stdout).expect("text")
        }
    };

    let https = ("HTTPS_PROXY", proxy_url.clone());
    let url = format!("https://{NAME}:6443/");
    let through = said(url.clone(), std::slice::from_ref(&https)).await;
    assert!(through.contains("answer: HTTP/2.0"), "{through}");
    assert_eq!(proxy.asked(), [format!("{NAME}:6443")]);

    // An exception: the name is looked up here, and is not found.
    let excepted = said(
        url,
        &[https.clone(), ("NO_PROXY", ".example.com:6443".to_owned())],
    )
    .await;
    assert!(
        excepted.contains("error: ") && !excepted.contains("proxy http"),
        "{excepted}"
    );
    // This machine: the server's certificate has another name, but it is reached.
    let here = said(server.url().to_string(), &[https]).await;
    assert!(here.contains("error: ") && here.contains("ertificate"), "{here}");
    assert_eq!(proxy.asked().len(), 1);
}
