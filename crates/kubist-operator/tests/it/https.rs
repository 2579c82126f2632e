//! A server of HTTPS that serves one service, as the API server finds a webhook.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use k8s_openapi::ByteString;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::WebhookClientConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Runs until the test's runtime ends.
pub(crate) struct Https {
    address: SocketAddr,
    certificate: String,
}

impl Https {
    pub(crate) async fn serve<S, F>(service: S) -> Self
    where
        S: tower::Service<
                Request<hyper::body::Incoming>,
                Response = Response<Full<Bytes>>,
                Error = Infallible,
                Future = F,
            > + Clone
            + Send
            + 'static,
        F: Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send + 'static,
    {
        let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        // It is its own authority.
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, service) = (acceptor.clone(), service.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let service = TowerToHyperService::new(service);
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Https {
            address,
            certificate: certificate.pem(),
        }
    }

    /// What leads an API server here.
    pub(crate) fn client_config(&self) -> WebhookClientConfig {
        WebhookClientConfig {
            url: Some(format!("https://{}/convert", self.address)),
            ca_bundle: Some(ByteString(self.certificate.clone().into_bytes())),
            service: None,
        }
    }
}
