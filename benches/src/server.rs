//! The servers that both ask: they answer every request with the same document.
//!
//! They are processes of their own, so that their allocations are not counted, of one thread each.

use std::{
    convert::Infallible,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls};

use crate::pods;

const CONFIG_MAP: &[u8] = br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings","namespace":"default","uid":"3f2c1b7e-0000-4000-8000-000000000000","resourceVersion":"1000","creationTimestamp":"2026-01-01T00:00:00Z","labels":{"app":"web"}},"data":{"level":"info","color":"blue"}}"#;

/// What a server speaks.
#[derive(Clone, Copy)]
pub enum Protocol {
    /// HTTP/1.1 without TLS.
    Plain,
    /// HTTP/2 or HTTP/1.1 over TLS, as an API server does; the client has the choice.
    Tls,
}

/// What a server answers.
#[derive(Clone, Copy)]
pub enum Document {
    ConfigMap,
    Pods(usize),
}

/// Serves until it is killed; first prints its port and its certificate.
#[tokio::main(flavor = "current_thread")]
pub async fn serve(protocol: &str, pods: &str) {
    let body = match pods.parse() {
        Ok(0) | Err(_) => Bytes::from_static(CONFIG_MAP),
        Ok(pods) => Bytes::from(pods::list(pods)),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let acceptor = (protocol == "tls").then(|| {
        let (acceptor, certificate) = tls();
        println!("{port} {}", BASE64_STANDARD.encode(certificate));
        acceptor
    });
    if acceptor.is_none() {
        println!("{port}");
    }
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        match acceptor.clone() {
            Some(acceptor) => tokio::spawn(answer_encrypted(acceptor, stream, body.clone())),
            None => tokio::spawn(answer(stream, body.clone())),
        };
    }
}

fn tls() -> (TlsAcceptor, Vec<u8>) {
    let identity = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(identity.signing_key.serialize_der()).expect("a key");
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![identity.cert.der().clone()], key)
        .expect("an identity");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), identity.cert.der().to_vec())
}

/// Answers whatever is asked, at next to no cost, so that the clients' own shows.
///
/// A GET ends with its headers; requests do not overlap on a connection.
async fn answer(mut stream: TcpStream, body: Bytes) {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer = [head.as_bytes(), &body].concat();
    let mut request = vec![0; 16 * 1024];
    let mut filled = 0;
    while let Ok(length @ 1..) = stream.read(&mut request[filled..]).await {
        filled += length;
        if request[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

async fn answer_encrypted(acceptor: TlsAcceptor, stream: TcpStream, body: Bytes) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |_| {
        let mut response = Response::new(Full::new(body.clone()));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        async { Ok::<_, Infallible>(response) }
    });
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// A server as a process.
pub struct Server {
    process: Child,
    pub url: http::Uri,
    /// Whom to trust, as DER.
    pub certificate: Option<Vec<u8>>,
}

impl Server {
    pub fn start(protocol: Protocol, document: Document) -> Self {
        let (scheme, protocol) = match protocol {
            Protocol::Plain => ("http", "plain"),
            Protocol::Tls => ("https", "tls"),
        };
        let pods = match document {
            Document::ConfigMap => 0,
            Document::Pods(pods) => pods,
        };
        let program = std::env::current_exe().expect("this program");
        let mut process = Command::new(program)
            .args(["serve", protocol, &pods.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut hello = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut hello).expect("a port");
        let mut hello = hello.split_whitespace();
        let port = hello.next().expect("a port");
        let url = format!("{scheme}://127.0.0.1:{port}").parse().expect("a URL");
        let certificate = hello
            .next()
            .map(|encoded| BASE64_STANDARD.decode(encoded).expect("a certificate"));
        Self {
            process,
            url,
            certificate,
        }
    }

    pub fn kube(&self) -> kube::Client {
        let mut config = kube::Config::new(self.url.clone());
        config.root_cert = self.certificate.clone().map(|certificate| vec![certificate]);
        kube::Client::try_from(config).expect("a client")
    }

    pub fn kubist(&self) -> kubist::Client {
        let mut config = kubist::Config::new(self.url.clone());
        config.root_cert = self.certificate.clone().map(|certificate| vec![certificate]);
        kubist::Client::try_from(config).expect("a client")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
