//! What the client logs, and what it does not.

use std::{
    env, io,
    process::Command,
    sync::{Arc, Mutex},
};

use futures::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kubist_client::{
    Api, Client,
    api::{ListParams, Patch, PatchParams, PostParams, WatchParams},
};
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use crate::server::{self, Authority, TestServer, answer};

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

/// Every way in which a secret passes, or fails to; what failed is printed.
async fn pass_secrets(client: Client) {
    let secrets: Api<Secret> = Api::default_namespaced(client);
    let secret = Secret {
        data: Some([("k".to_owned(), ByteString(b"hunter2".to_vec()))].into()),
        string_data: Some([("k".to_owned(), "hunter2".to_owned())].into()),
        ..Secret::default()
    };
    let (post, patch, list) = (
        PostParams::default(),
        PatchParams::apply("me"),
        ListParams::default(),
    );
    let mut failures = Vec::new();
    secrets.get("good").await.expect("is a secret");
    failures.extend(secrets.get("bad").await.err());
    failures.extend(secrets.get("refused").await.err());
    failures.extend(secrets.get("page").await.err());
    failures.extend(secrets.get("cut").await.err());
    failures.extend(secrets.create(&post, &secret).await.err());
    failures.extend(secrets.replace("bad", &post, &secret).await.err());
    failures.extend(secrets.patch("bad", &patch, &Patch::Apply(&secret)).await.err());
    assert_eq!(
        secrets
            .list(&list.clone().labels("good"))
            .await
            .expect("is a list")
            .items
            .len(),
        1
    );
    failures.extend(secrets.list(&list).await.err());
    failures.extend(secrets.list_stream(&list).try_next().await.err());
    for labels in ["good", "bad"] {
        let events = secrets
            .watch(&WatchParams::default().labels(labels), "0")
            .await
            .expect("begins");
        let events: Vec<_> = events.collect().await;
        assert!(!events.is_empty());
        failures.extend(events.into_iter().filter_map(Result::err));
    }
    assert_eq!(failures.len(), 10);
    for failure in failures {
        println!("{}", with_causes(&failure));
    }
}

/// An error with all that caused it.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(|error| format!("{error} {error:?}"))
        .collect::<Vec<_>>()
        .join(": ")
}

async fn answer_secrets(request: http::Request<hyper::body::Incoming>) -> http::Response<server::Body> {
    const GOOD: &str = r#"{"metadata":{"name":"good"},"data":{"k":"aHVudGVyMg=="}}"#;
    const BAD: &str = r#"{"metadata":{"name":"bad"},"data":{"k":["hunter2","aHVudGVyMg=="]}}"#;
    let query = request.uri().query().unwrap_or_default();
    let name = request.uri().path().rsplit('/').next().unwrap_or_default();
    let wants_good = query.contains("labelSelector=good");
    match (request.method().as_str(), name) {
        ("GET", "secrets") if query.contains("watch=true") => {
            let object = if wants_good { GOOD } else { BAD };
            answer(200, format!(r#"{{"type":"ADDED","object":{object}}}"#))
        }
        ("GET", "secrets") => {
            let more = if wants_good { "" } else { BAD };
            answer(
                200,
                format!(
                    r#"{{"metadata":{{}},"items":[{GOOD}{}{more}]}}"#,
                    if wants_good { "" } else { "," }
                ),
            )
        }
        ("GET", "good") => answer(200, GOOD),
        ("GET", "refused") => answer(
            403,
            r#"{"kind":"Status","status":"Failure","code":403,"reason":"Forbidden"}"#,
        ),
        ("GET", "page") => answer(502, "<html>hunter2</html>"),
        ("GET", "cut") => {
            let pieces = [Ok(Frame::data(GOOD.into())), Err(io::Error::other("cut"))];
            http::Response::new(StreamBody::new(futures::stream::iter(pieces)).boxed_unsync())
        }
        ("POST", _) => answer(500, BAD),
        _ => answer(200, BAD),
    }
}

#[tokio::test]
#[ignore = "is run by the test of what is traced"]
async fn secrets_pass_while_all_is_traced() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(io::stderr)
        .init();
    let authority = Authority::new();
    let servers = [
        TestServer::https(authority.server("127.0.0.1"), answer_secrets).await,
        TestServer::http(answer_secrets).await,
    ];
    for server in servers {
        let mut config = server.config();
        config.root_cert = Some(vec![authority.der()]);
        config.auth_info.token = Some("hunter2".to_owned().into());
        println!("{config:?}");
        pass_secrets(Client::try_from(config).expect("valid")).await;
    }
    println!("all passed");
}

/// A process of its own, so that all of it is heard: the tasks of connections and the libraries too.
#[test]
fn nothing_that_is_traced_shows_a_secret() {
    let test = "logs::secrets_pass_while_all_is_traced";
    let mut command = Command::new(env::current_exe().expect("this program"));
    let output = command
        .args([test, "--exact", "--ignored", "--nocapture"])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let traced = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("all passed"),
        "{said}\n{traced}"
    );
    for heard in ["TRACE", " h2::", " kubist_client::"] {
        assert!(traced.contains(heard), "{heard} is not heard");
    }
    for secret in ["hunter2", "aHVudGVyMg"] {
        for line in said.lines().chain(traced.lines()) {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
