//! A webhook server: HTTPS with a certificate of its own, and answers from a function.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

type Calls = Arc<Mutex<Vec<(String, Value)>>>;

/// Runs until it is dropped with the test's runtime.
pub(crate) struct Hooks {
    pub(crate) address: SocketAddr,
    /// The certificate, as a `caBundle` has it.
    pub(crate) bundle: String,
    calls: Calls,
}

impl Hooks {
    /// Answers reviews at any path with what `answer` makes of the path and the request.
    pub(crate) async fn start(answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> Hooks {
        let names = ["127.0.0.1", "localhost", "hook.default.svc"].map(str::to_owned);
        let mut params = rcgen::CertificateParams::new(names.to_vec()).expect("parameters");
        // As tests in the wild have it: the certificate is its own authority.
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let calls = Calls::default();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&calls));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answer, seen) = (acceptor.clone(), Arc::clone(&answer), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                        async move {
                            let path = request.uri().path().to_owned();
                            let body = request.into_body().collect().await?.to_bytes();
                            let review: Value = serde_json::from_slice(&body).expect("a review");
                            seen.lock().expect("a lock").push((path.clone(), review.clone()));
                            let mut response = answer(&path, &review["request"]);
                            response["uid"] = review["request"]["uid"].clone();
                            let review = json!({
                                "apiVersion": review["apiVersion"], "kind": review["kind"], "response": response,
                            });
                            Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from(review.to_string()))))
                        }
                    });
                    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Hooks {
            address,
            bundle: base64::engine::general_purpose::STANDARD.encode(certificate.pem()),
            calls,
        }
    }

    /// A `clientConfig` that leads to a path here.
    pub(crate) fn at(&self, path: &str) -> Value {
        json!({"url": format!("https://{}{path}", self.address), "caBundle": self.bundle})
    }

    /// The paths that were called, and the requests.
    pub(crate) fn take(&self) -> Vec<(String, Value)> {
        let calls = std::mem::take(&mut *self.calls.lock().expect("a lock"));
        calls
            .into_iter()
            .map(|(path, review)| (path, review["request"].clone()))
            .collect()
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.take().into_iter().map(|(path, _)| path).collect()
    }
}

/// An answer that allows and changes.
pub(crate) fn patched(patch: Value) -> Value {
    let patch = base64::engine::general_purpose::STANDARD.encode(patch.to_string());
    json!({"allowed": true, "patchType": "JSONPatch", "patch": patch})
}
