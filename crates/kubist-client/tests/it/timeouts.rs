//! What takes too long, and connections that are dead.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use k8s_openapi::api::core::v1::Pod;
use kubist_client::{Api, Client, Config, Error, api::WatchParams};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::server::{Authority, TestServer, answer};

/// Short for a test, and for nothing else.
const SHORT: Duration = Duration::from_millis(150);

fn get() -> Request<Vec<u8>> {
    Request::get("/").body(Vec::new()).expect("valid")
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address.to_string())
}

#[tokio::test]
async fn an_answer_that_does_not_begin() {
    let authority = Authority::new();
    for tls in [None, Some(authority.server("127.0.0.1"))] {
        let requests = Arc::<AtomicUsize>::default();
        let counter = requests.clone();
        let handler = move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            std::future::pending()
        };
        let server = match tls {
            None => TestServer::http(handler).await,
            Some(tls) => TestServer::https(tls, handler).await,
        };
        let mut config = server.config();
        config.root_cert = Some(vec![authority.der()]);
        config.response_header_timeout = Some(SHORT);
        let client = Client::try_from(config).expect("valid");
        let error = client.request_text(get()).await.expect_err("there is no answer");
        let message = error.to_string();
        assert!(matches!(error, Error::Service(_)), "{error:?}");
        let expected = format!(
            "{} did not answer",
            server.url().to_string().trim_end_matches('/')
        );
        assert!(message.contains(&expected), "{message}");
        assert_eq!(requests.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn an_answer_that_goes_on() {
    let server = TestServer::http(|_| async {
        let pieces = stream::unfold(0, |sent| async move {
            tokio::time::sleep(SHORT * 2).await;
            (sent < 4).then(|| (Ok(Frame::data("x".into())), sent + 1))
        });
        http::Response::new(StreamBody::new(pieces).boxed_unsync())
    })
    .await;
    let mut config = server.config();
    config.response_header_timeout = Some(SHORT * 7);
    let client = Client::try_from(config).expect("valid");
    assert_eq!(client.request_text(get()).await.expect("comes"), "xxxx");
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing() {
    let (listener, address) = listener().await;
    let mut config = Config::new(format!("https://{address}").parse().expect("valid"));
    config.connect_timeout = Some(SHORT);
    config.default_retry = false;
    let client = Client::try_from(config).expect("valid");
    let error = client
        .request_text(get())
        .await
        .expect_err("there is no handshake");
    let message = error.to_string();
    assert!(
        message.contains(&address) && message.contains("elapsed"),
        "{message}"
    );
    drop(listener);
}

/// What is awaited is an answer, not the next request.
#[tokio::test]
async fn a_connection_that_waits_for_requests_is_not_late() {
    let server = TestServer::http(|_| async {
        tokio::time::sleep(2 * SHORT).await;
        answer(200, "hi")
    })
    .await;
    let mut config = server.config();
    config.read_timeout = Some(4 * SHORT);
    config.default_retry = false;
    let client = Client::try_from(config).expect("valid");
    for _ in 0..2 {
        assert_eq!(client.request_text(get()).await.expect("answers"), "hi");
        tokio::time::sleep(3 * SHORT).await;
    }
    let post = || http::Request::post("/").body(Vec::new()).expect("valid");
    assert_eq!(client.request_text(post()).await.expect("answers"), "hi");
    assert_eq!(server.connections(), 1);
    tokio::time::sleep(6 * SHORT).await;
    assert_eq!(client.request_text(post()).await.expect("answers"), "hi");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let (listener, address) = listener().await;
    let mut config = Config::new(format!("http://{address}").parse().expect("valid"));
    config.idle_timeout = Some(SHORT);
    let client = Client::try_from(config).expect("valid");
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let mut buffer = [0; 4096];
        assert!(stream.read(&mut buffer).await.expect("reads") > 0);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        stream.write_all(answer).await.expect("writes");
        // Ends when the client closes the connection.
        stream.read(&mut buffer).await.expect("reads")
    });
    assert_eq!(client.request_text(get()).await.expect("answers"), "hi");
    assert_eq!(serving.await.expect("ends"), 0);
    drop(client);
}

/// Passes bytes on until it is told that the wire is cut; then it takes them, and that is all.
async fn wire(to: std::net::SocketAddr, cut: watch::Receiver<bool>) -> String {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let mut cut = cut.clone();
            tokio::spawn(async move {
                let server = TcpStream::connect(to).await.expect("connects");
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let is_cut = async { drop(cut.wait_for(|cut| *cut).await) };
                tokio::select! {
                    _ = copy(&mut from_client, &mut to_server) => {}
                    _ = copy(&mut from_server, &mut to_client) => {}
                    () = is_cut => {
                        let _ = copy(&mut from_client, &mut tokio::io::sink()).await;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_quiet_watch_on_a_dead_connection_ends() {
    let authority = Authority::new();
    let server = TestServer::https(authority.server("127.0.0.1"), |request| async move {
        if request.uri().query().is_some_and(|query| query.contains("watch")) {
            let silence = stream::pending::<Result<Frame<bytes::Bytes>, std::io::Error>>();
            return http::Response::new(StreamBody::new(silence).boxed_unsync());
        }
        answer(200, r#"{"metadata":{},"items":[]}"#)
    })
    .await;
    let (cut, is_cut) = watch::channel(false);
    let address = wire(server.address(), is_cut).await;
    let mut config = Config::new(format!("https://{address}").parse().expect("valid"));
    config.root_cert = Some(vec![authority.der()]);
    config.dead_connection_timeout = Some(SHORT * 6);
    let pods: Api<Pod> = Api::all(Client::try_from(config).expect("valid"));
    let events = pods.watch(&WatchParams::default(), "0").await.expect("starts");
    let mut events = events.into_stream().boxed();
    // Longer than it takes to notice that a connection is dead: this one is not.
    let quiet = tokio::time::timeout(SHORT * 9, events.next()).await;
    assert!(quiet.is_err(), "a quiet watch stays: {quiet:?}");
    cut.send(true).expect("is there");
    // A watch that is interrupted ends, and whoever wants to know more watches again.
    let ended = events.next().await;
    assert!(!matches!(ended, Some(Ok(_))), "{ended:?}");
}
