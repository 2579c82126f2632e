//! Connections: which versions of HTTP, how many, and what becomes of failures.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::{StreamExt, future::try_join_all, stream};
use http::{Method, Request, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kubist_client::{
    Api, Client, Error,
    api::{DeleteParams, EvictParams, ListParams, ObjectMeta, PostParams, WatchParams},
    client::Body,
};

use crate::server::{self, Authority, TestServer, answer};

fn get(path: &str) -> Request<Vec<u8>> {
    Request::get(path).body(Vec::new()).expect("valid")
}

/// Answers with the version of HTTP.
async fn version(request: Request<hyper::body::Incoming>) -> http::Response<server::Body> {
    answer(200, format!("{:?}", request.version()))
}

#[tokio::test]
async fn http2_is_shared_and_upgrades_go_by_http1() {
    let authority = Authority::new();
    let server = TestServer::https(authority.server("127.0.0.1"), version).await;
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    let client = Client::try_from(config).expect("valid");

    assert_eq!(client.request_text(get("/")).await.expect("answers"), "HTTP/2.0");
    try_join_all((0..20).map(|_| client.request_text(get("/"))))
        .await
        .expect("answers");
    assert_eq!(server.connections(), 1);

    let mut upgrade = get("/");
    upgrade
        .headers_mut()
        .insert(header::UPGRADE, "websocket".parse().expect("valid"));
    assert_eq!(client.request_text(upgrade).await.expect("answers"), "HTTP/1.1");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_server_without_http2() {
    let authority = Authority::new();
    let mut tls = authority.server("127.0.0.1");
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = TestServer::https(tls, version).await;
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    let client = Client::try_from(config).expect("valid");
    for _ in 0..3 {
        assert_eq!(client.request_text(get("/")).await.expect("answers"), "HTTP/1.1");
    }
    // One to find out, one to use.
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn those_who_wait_share_a_failure() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let url = format!("https://{address}").parse().expect("valid");
    let client = Client::try_from(kubist_client::Config::new(url)).expect("valid");
    let requests = (0..50).map(|_| client.request_text(get("/")));
    for result in futures::future::join_all(requests).await {
        let message = result.expect_err("nobody is there").to_string();
        assert!(
            message.contains(&address.to_string()) && message.contains("refused"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn plain_http_is_http1() {
    let server = TestServer::http(version).await;
    let client = Client::try_from(server.config()).expect("valid");
    assert_eq!(client.request_text(get("/")).await.expect("answers"), "HTTP/1.1");
}

async fn silent_watches(request: Request<hyper::body::Incoming>) -> http::Response<server::Body> {
    let query = request.uri().query().unwrap_or_default();
    if query.contains("watch=true") {
        let silence = StreamBody::new(stream::pending::<Result<Frame<bytes::Bytes>, std::io::Error>>());
        return http::Response::new(silence.boxed_unsync());
    }
    answer(200, r#"{"metadata":{},"items":[]}"#)
}

/// A kube-apiserver takes 100 requests at once on a connection; watches stay.
#[tokio::test]
async fn many_watches_leave_room_for_requests() {
    let authority = Authority::new();
    let server = TestServer::https(authority.server("127.0.0.1"), silent_watches).await;
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    let pods: Api<Pod> = Api::all(Client::try_from(config).expect("valid"));
    let watches = (0..250).map(|_| async { pods.watch(&WatchParams::default(), "0").await });
    let watches = try_join_all(watches).await.expect("watches start");
    pods.list(&ListParams::default()).await.expect("there is room");
    assert_eq!(server.connections(), 3);
    drop(watches);
    pods.list(&ListParams::default()).await.expect("there is room");
    assert_eq!(server.connections(), 3);
}

/// What a server takes is known once it has said so, and requests do not wait for that one by one.
#[tokio::test]
async fn watches_at_once_to_a_server_that_takes_few() {
    let authority = Authority::new();
    let server = TestServer::https_of(10, authority.server("127.0.0.1"), silent_watches).await;
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    let pods: Api<Pod> = Api::all(Client::try_from(config).expect("valid"));
    let watches = (0..40).map(|_| async { pods.watch(&WatchParams::default(), "0").await });
    let watches = try_join_all(watches).await.expect("watches start");
    pods.list(&ListParams::default()).await.expect("there is room");
    assert_eq!(server.connections(), 5);
    drop(watches);
}

#[tokio::test]
async fn an_unreachable_server_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let url = format!("http://{address}").parse().expect("valid");
    let client = Client::try_from(kubist_client::Config::new(url)).expect("valid");
    let error = client.apiserver_version().await.expect_err("nobody is there");
    assert!(matches!(error, Error::Service(_)), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains(&address.to_string()) && message.contains("refused"),
        "{message}"
    );
}

#[tokio::test]
async fn a_base_path_goes_before() {
    let server = TestServer::http(|request| async move { answer(200, request.uri().to_string()) }).await;
    let mut config = server.config();
    config.cluster_url = format!("{}k8s/clusters/c-1", server.url())
        .parse()
        .expect("valid");
    let client = Client::try_from(config).expect("valid");
    let path = client.request_text(get("/api?x=1")).await.expect("answers");
    assert_eq!(path, "/k8s/clusters/c-1/api?x=1");
}

#[tokio::test]
async fn repeats_what_may_be_repeated() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let server = TestServer::http(move |request| {
        // Each method fails the first time.
        let first = counter.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            match (first, request.method()) {
                (true, &Method::POST) if request.uri().path().ends_with("eviction") => answer(429, "{}"),
                (true, _) => answer(503, "{}"),
                (false, _) => answer(200, r#"{"metadata":{}}"#),
            }
        }
    })
    .await;
    let api: Api<Pod> = Api::default_namespaced(Client::try_from(server.config()).expect("valid"));
    let calls = || calls.swap(0, Ordering::Relaxed);
    let (pp, dp) = (PostParams::default(), DeleteParams::default());

    api.get("a").await.expect("is repeated");
    assert_eq!(calls(), 2);
    api.delete("a", &dp).await.expect("is repeated");
    assert_eq!(calls(), 2);
    let error = api
        .create(&pp, &Pod::default())
        .await
        .expect_err("is not repeated");
    assert!(
        matches!(&error, Error::Api(status) if status.code == 503),
        "{error:?}"
    );
    assert_eq!(calls(), 1);
    let error = api
        .evict("a", &EvictParams::default())
        .await
        .expect_err("is not repeated");
    assert!(
        matches!(&error, Error::Api(status) if status.code == 429),
        "{error:?}"
    );
    assert_eq!(calls(), 1);

    let mut config = server.config();
    config.default_retry = false;
    let api: Api<Pod> = Api::default_namespaced(Client::try_from(config).expect("valid"));
    api.get("a").await.expect_err("retries are off");
    assert_eq!(calls(), 1);
}

#[tokio::test]
async fn a_broken_connection_is_repeated_if_it_may() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Reads a request and closes without an answer, the first time.
            let mut buffer = [0; 1024];
            let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await;
            if counter.fetch_add(1, Ordering::Relaxed) > 0 {
                let answer =
                    b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\nconnection: close\r\n\r\n{\"metadata\":{}}";
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
            }
        }
    });
    let url = format!("http://{address}").parse().expect("valid");
    let client = Client::try_from(kubist_client::Config::new(url)).expect("valid");
    let api: Api<ConfigMap> = Api::default_namespaced(client);
    api.get("a").await.expect("is repeated");
    assert_eq!(calls.swap(0, Ordering::Relaxed), 2);
    let error = api
        .create(&PostParams::default(), &ConfigMap::default())
        .await
        .expect_err("is not repeated");
    assert!(
        error
            .to_string()
            .contains(&format!("lost the connection to http://{address}")),
        "{error}"
    );
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    task.abort();
}

#[tokio::test]
async fn errors_hold_no_content() {
    let server = TestServer::http(|request| async move {
        match request.uri().path() {
            "/api/v1/namespaces/default/secrets/broken" => answer(200, r#"{"data":{"k":["hunter2"]}}"#),
            "/api/v1/namespaces/default/secrets/page" => answer(502, "<html>hunter2</html>"),
            _ => answer(200, "hunter2"),
        }
    })
    .await;
    let mut config = server.config();
    config.default_retry = false;
    let secrets: Api<Secret> = Api::default_namespaced(Client::try_from(config).expect("valid"));
    for (name, expected) in [
        ("broken", "failed to decode Secret at data.k"),
        ("page", "502 Bad Gateway"),
        ("text", "expected value"),
    ] {
        let error = secrets.get(name).await.expect_err("is no secret");
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(shown.contains(expected) && !shown.contains("hunter2"), "{shown}");
        }
    }
}

#[tokio::test]
async fn futures_and_streams_can_be_spawned() {
    let server = TestServer::http(|_| async { answer(200, r#"{"metadata":{},"items":[]}"#) }).await;
    let client = Client::try_from(server.config()).expect("valid");
    let pods: Api<Pod> = Api::all(client.clone());
    tokio::spawn(async move {
        pods.list(&ListParams::default()).await.expect("answers");
        let mut events = pods
            .watch(&WatchParams::default(), "0")
            .await
            .expect("answers")
            .boxed();
        events.next().await.expect("an item").expect_err("no event");
        let meta = ObjectMeta {
            name: Some("a".into()),
            ..ObjectMeta::default()
        };
        pods.entry("a")
            .await
            .expect("answers")
            .and_modify(|pod| pod.metadata = meta);
        let lines = client.request_stream(get("/log")).await.expect("answers");
        assert_eq!(futures::AsyncBufReadExt::lines(lines).count().await, 1);
    })
    .await
    .expect("runs");
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn compression_is_asked_for_unless_it_is_off() {
    let server = TestServer::http(|request| async move {
        let accepts = request.headers().get(header::ACCEPT_ENCODING);
        answer(
            200,
            accepts.map_or("none".to_owned(), |value| format!("{value:?}")),
        )
    })
    .await;
    let client = Client::try_from(server.config()).expect("valid");
    assert_eq!(client.request_text(get("/")).await.expect("answers"), "\"gzip\"");
    let mut config = server.config();
    config.disable_compression = true;
    let client = Client::try_from(config).expect("valid");
    assert_eq!(client.request_text(get("/")).await.expect("answers"), "none");
}

/// A service that does not clone, and that has to be asked whether it is ready.
#[tokio::test]
async fn any_service_makes_a_client() {
    struct Once(Option<&'static str>);
    impl tower::Service<Request<Body>> for Once {
        type Response = http::Response<Body>;
        type Error = std::io::Error;
        type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
            std::task::Poll::Ready(
                self.0
                    .map(|_| ())
                    .ok_or_else(|| std::io::Error::other("worn out")),
            )
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            let text = self.0.take().expect("is ready");
            std::future::ready(Ok(http::Response::new(Body::from(text.as_bytes().to_vec()))))
        }
    }

    let client = Client::new(Once(Some("one")), "ns");
    assert_eq!(client.default_namespace(), "ns");
    let copy = client.clone();
    assert_eq!(client.request_text(get("/")).await.expect("answers"), "one");
    let error = copy.request_text(get("/")).await.expect_err("is worn out");
    assert!(error.to_string().contains("worn out"), "{error}");
}
