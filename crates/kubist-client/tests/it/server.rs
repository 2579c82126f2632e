//! A server that answers what a test says, over real connections.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use kubist_client::Config;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ResolvesServerCert, WebPkiClientVerifier},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// How many requests at once a kube-apiserver takes on a connection.
const STREAMS: u32 = 100;

pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A response with a body of JSON, or of anything else.
pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into())
        .map_err(|never| match never {})
        .boxed_unsync();
    Response::builder()
        .status(status)
        .body(body)
        .expect("valid response")
}

/// The client's certificate, in an extension of each request.
#[derive(Clone)]
pub(crate) struct Peer(pub(crate) Option<Vec<u8>>);

/// A server on a port of its own, until it is dropped.
pub(crate) struct TestServer {
    address: SocketAddr,
    scheme: &'static str,
    connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl TestServer {
    /// A server without TLS.
    pub(crate) async fn http<F, R>(handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::start(None, STREAMS, handler).await
    }

    /// A server with TLS.
    pub(crate) async fn https<F, R>(tls: ServerConfig, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::https_of(STREAMS, tls, handler).await
    }

    /// A server with TLS that takes so many requests at once on a connection.
    pub(crate) async fn https_of<F, R>(streams: u32, tls: ServerConfig, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::start(Some(TlsAcceptor::from(Arc::new(tls))), streams, handler).await
    }

    async fn start<F, R>(tls: Option<TlsAcceptor>, streams: u32, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::<AtomicUsize>::default();
        let accepted = connections.clone();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(async move {
            let mut serving = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::Relaxed);
                let (tls, handler) = (tls.clone(), handler.clone());
                serving.spawn(async move {
                    match tls {
                        None => serve(stream, streams, handler).await,
                        // Handshakes that fail are the tests' business.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let chain = stream.get_ref().1.peer_certificates();
                                let peer = Peer(chain.and_then(|chain| Some(chain.first()?.to_vec())));
                                let handler = move |mut request: Request<Incoming>| {
                                    request.extensions_mut().insert(peer.clone());
                                    handler(request)
                                };
                                serve(stream, streams, handler).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            scheme,
            connections,
            task,
        }
    }

    pub(crate) fn url(&self) -> Uri {
        format!("{}://{}/", self.scheme, self.address())
            .parse()
            .expect("valid")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn config(&self) -> Config {
        Config::new(self.url())
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S, F, R>(stream: S, streams: u32, handler: F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let response = handler(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(streams);
    // Connections that a client closes are no concern of a test.
    let _ = builder
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

/// A certificate authority, and certificates by it.
pub(crate) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Identity {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        // Authorities of one name would be told apart by their signatures only.
        let name = format!("authority {:?}", key.public_key_raw().last_chunk::<8>());
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            certificate: params.self_signed(&key).expect("a certificate"),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn identity(&self, name: &str) -> Identity {
        self.identity_of(name, KeyPair::generate().expect("a key"))
    }

    pub(crate) fn identity_of(&self, name: &str, key: KeyPair) -> Identity {
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        Identity {
            certificate: params.signed_by(&key, &self.issuer).expect("a certificate"),
            key,
        }
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// TLS for a server of this name, with HTTP/2 and HTTP/1.1.
    pub(crate) fn server(&self, name: &str) -> ServerConfig {
        self.server_with(name, None)
    }

    /// The same; clients need a certificate of this authority.
    pub(crate) fn server_for_clients_of(&self, name: &str, clients: &Authority) -> ServerConfig {
        self.server_with(name, Some(clients))
    }

    fn server_with(&self, name: &str, clients: Option<&Authority>) -> ServerConfig {
        let identity = self.identity(name);
        let key = identity.certified();
        self.server_as(Arc::new(rustls::sign::SingleCertAndKey::from(key)), clients)
    }

    /// The same, with certificates that are chosen for each connection.
    pub(crate) fn server_as(
        &self,
        identity: Arc<dyn ResolvesServerCert>,
        clients: Option<&Authority>,
    ) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from(clients.der())).expect("a root");
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let mut config = builder.with_cert_resolver(identity);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

impl Identity {
    pub(crate) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn certificate_der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    /// The same for a server.
    pub(crate) fn certified(&self) -> CertifiedKey {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key");
        let chain = vec![self.certificate.der().clone()];
        CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).expect("an identity")
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}
