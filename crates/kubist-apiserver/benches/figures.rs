//! What the server costs, in figures.
//!
//! ```text
//! cargo bench -p kubist-apiserver
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kubist_apiserver::{Server, Service};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const CREATES: u32 = 10_000;
const EVENTS: u32 = 100_000;
const WATCHERS: usize = 1_000;
const TOLD: u32 = 100;

#[tokio::main]
async fn main() {
    start().await;
    creates().await;
    one_watch().await;
    many_watches().await;
}

fn per_second(count: u32, took: Duration) -> f64 {
    f64::from(count) / took.as_secs_f64()
}

/// What the process holds in memory, in MB, where the system says so.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

async fn get(service: Service, path: &str) -> u16 {
    let request = Request::get(path)
        .body(Full::<Bytes>::default())
        .expect("a request");
    let response = service.oneshot(request).await.expect("an answer");
    response.status().as_u16()
}

async fn start() {
    let began = Instant::now();
    let server = Server::start().await.expect("a server");
    assert_eq!(get(server.service(), "/api/v1/namespaces/default").await, 200);
    let first = began.elapsed();
    let memory = resident().map_or_else(|| "?".into(), |memory| format!("{memory:.1}"));
    println!("start to first answer: {first:?}, {memory} MB resident (bar: 50 ms, 20 MB)");
    server.shutdown().await;
}

/// A connection that sends one request after the other.
struct Connection(http1::SendRequest<Full<Bytes>>);

impl Connection {
    async fn open(server: &Server) -> Connection {
        let stream = TcpStream::connect(server.addr()).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        Connection(sender)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> http::Response<Incoming> {
        self.0.ready().await.expect("a connection");
        self.0.send_request(request).await.expect("an answer")
    }

    async fn create(&mut self, name: &str) {
        let object =
            json!({"metadata": {"name": name, "labels": {"app": "bench"}}, "data": {"key": "value"}});
        let request = Request::post(CONFIG_MAPS)
            .header("host", "server")
            .header("content-type", "application/json")
            .body(Full::from(object.to_string()))
            .expect("a request");
        let response = self.send(request).await;
        assert_eq!(response.status(), 201);
        response.into_body().collect().await.expect("a body");
    }
}

async fn creates() {
    let server = Server::start().await.expect("a server");
    let mut connection = Connection::open(&server).await;
    // As a client's task runs, and not on the main thread, which every answer would have to wake.
    let client = tokio::spawn(async move {
        let began = Instant::now();
        for at in 0..CREATES {
            connection.create(&format!("c{at}")).await;
        }
        began.elapsed()
    });
    let rate = per_second(CREATES, client.await.expect("no panic"));
    println!("creates over one connection: {rate:.0} a second (bar: 5,000)");
}

/// Makes events without waiting for the network.
async fn touch(service: &Service, at: u32) {
    let request = if at == 0 {
        Request::post(CONFIG_MAPS)
            .header("content-type", "application/json")
            .body(Full::<Bytes>::from(
                json!({"metadata": {"name": "a"}}).to_string(),
            ))
    } else {
        Request::patch(format!("{CONFIG_MAPS}/a"))
            .header("content-type", "application/merge-patch+json")
            .body(Full::<Bytes>::from(
                json!({"data": {"n": at.to_string()}}).to_string(),
            ))
    };
    let response = service
        .clone()
        .oneshot(request.expect("a request"))
        .await
        .expect("an answer");
    assert!(response.status().is_success());
}

async fn one_watch() {
    let server = Server::builder()
        .controllers(false)
        .history(EVENTS as usize + 1)
        .start()
        .await
        .expect("a server");
    let service = server.service();
    for at in 0..EVENTS {
        touch(&service, at).await;
    }
    let path = format!("{CONFIG_MAPS}?watch=1&resourceVersion=1");
    let request = Request::get(path)
        .body(Full::<Bytes>::default())
        .expect("a request");
    let began = Instant::now();
    let mut body = service.oneshot(request).await.expect("an answer").into_body();
    let mut seen = 0;
    while seen < EVENTS {
        let Some(Ok(frame)) = body.frame().await else {
            panic!("the watch ended after {seen} events");
        };
        let data = frame.into_data().unwrap_or_default();
        let lines = data.iter().filter(|byte| **byte == b'\n').count();
        seen += u32::try_from(lines).unwrap_or(0);
    }
    let rate = per_second(EVENTS, began.elapsed());
    println!("a watch of {EVENTS} events: {rate:.0} a second (bar: 100,000)");
}

async fn many_watches() {
    let server = Server::builder()
        .controllers(false)
        .start()
        .await
        .expect("a server");
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let path = format!("{CONFIG_MAPS}?watch=1&resourceVersion=1");
        let request = Request::get(path)
            .body(Full::<Bytes>::default())
            .expect("a request");
        let body = server
            .service()
            .oneshot(request)
            .await
            .expect("an answer")
            .into_body();
        watchers.push(tokio::spawn(ordered(body)));
    }
    let began = Instant::now();
    let service = server.service();
    for at in 0..TOLD {
        touch(&service, at).await;
    }
    for watcher in watchers {
        watcher.await.expect("a watcher");
    }
    let took = began.elapsed();
    let rate = per_second(TOLD * u32::try_from(WATCHERS).unwrap_or(0), took);
    println!("{WATCHERS} watchers of {TOLD} events: all in order, {rate:.0} events a second in all");
}

/// Sees every event, in order.
async fn ordered<B>(mut body: B)
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let (mut buffer, mut seen, mut last) = (Vec::new(), 0, 0_u64);
    while seen < TOLD {
        let Some(Ok(frame)) = body.frame().await else {
            panic!("a watch ended after {seen} events");
        };
        buffer.extend_from_slice(&frame.into_data().unwrap_or_default());
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            let event: Value = serde_json::from_slice(&line).expect("an event");
            let version = event["object"]["metadata"]["resourceVersion"].as_str();
            let version: u64 = version.and_then(|text| text.parse().ok()).expect("a version");
            assert!(version > last, "out of order");
            last = version;
            seen += 1;
        }
    }
}
