//! What the client logs, and what it does not.

use std::{
    io,
    sync::{Arc, Mutex},
};

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kubist_client::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use crate::server::{Authority, TestServer, answer};

#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// Listens to everything, and remembers it.
    pub(crate) fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + 'static {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(self.clone())
            .with_ansi(false)
            .finish()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("text")
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn neither_credentials_nor_bodies() {
    // With one subscriber only, tracing asks whichever thread comes first whether to log at all.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    let captured = Captured::default();
    let authority = Authority::new();
    let server = TestServer::https(authority.server("127.0.0.1"), |request| async move {
        match request.method().as_str() {
            "GET" => answer(200, r#"{"metadata":{},"data":{"k":["hunter2"]}}"#),
            "POST" => answer(500, "hunter2"),
            _ => answer(200, r#"{"metadata":{},"data":{"k":"aHVudGVyMg=="}}"#),
        }
    })
    .await;
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    config.auth_info.token = Some("hunter2".to_owned().into());
    let secrets: Api<Secret> = Api::default_namespaced(Client::try_from(config).expect("valid"));
    async {
        secrets.get("a").await.expect_err("is no secret");
        let secret = Secret {
            data: Some([("k".to_owned(), ByteString(b"hunter2".to_vec()))].into()),
            string_data: Some([("k".to_owned(), "hunter2".to_owned())].into()),
            ..Secret::default()
        };
        secrets
            .create(&PostParams::default(), &secret)
            .await
            .expect_err("fails");
        let patch = Patch::Merge(&secret);
        secrets
            .patch("a", &PatchParams::default(), &patch)
            .await
            .expect("answers");
    }
    .with_subscriber(captured.subscriber())
    .await;

    let log = captured.text();
    assert!(
        log.contains("http.url=https://127.0.0.1") && log.contains("http.status_code=500"),
        "{log}"
    );
    assert!(log.contains("otel.name=\"patch\""), "{log}");
    for secret in ["hunter2", "aHVudGVyMg"] {
        assert!(!log.contains(secret), "{secret} is logged:\n{log}");
    }
}
