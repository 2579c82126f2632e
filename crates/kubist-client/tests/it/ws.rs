//! Exec, attach and port-forward, with a server that speaks their protocols.

use std::future::Future;

use futures::{SinkExt, StreamExt, channel::oneshot};
use http::{HeaderValue, Request, Response, header};
use hyper::{body::Incoming, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kubist_client::{
    Api, Client, Error,
    api::{AttachParams, TerminalSize},
    client::UpgradeConnectionError,
};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, frame::coding::CloseCode},
    },
};

use crate::server::{Authority, Body, TestServer, answer};

pub(crate) type Socket = WebSocketStream<TokioIo<Upgraded>>;

pub(crate) const V4: &str = "v4.channel.k8s.io";
pub(crate) const V5: &str = "v5.channel.k8s.io";

/// Pods of a server that upgrades to a protocol, and then does as told.
async fn pods<F, R>(protocol: &'static str, session: F) -> (TestServer, Api<Pod>)
where
    F: Fn(Socket) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let server = TestServer::http(move |request| upgrade(request, protocol, session.clone())).await;
    let client = Client::try_from(server.config()).expect("valid");
    (server, Api::default_namespaced(client))
}

/// Upgrades to a protocol, if it is offered.
pub(crate) async fn upgrade<F, R>(
    mut request: Request<Incoming>,
    protocol: &'static str,
    session: F,
) -> Response<Body>
where
    F: FnOnce(Socket) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let offered = request.headers()[header::SEC_WEBSOCKET_PROTOCOL].to_str();
    if !offered.expect("text").split(", ").any(|offer| offer == protocol) {
        return answer(403, "not offered");
    }
    let response = switch(&request, protocol);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let io = TokioIo::new(upgrade.await.expect("upgrades"));
        session(WebSocketStream::from_raw_socket(io, Role::Server, None).await).await;
    });
    response
}

fn switch(request: &Request<Incoming>, protocol: &'static str) -> Response<Body> {
    let mut response = answer(101, "");
    let accept = derive_accept_key(request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes());
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(
        header::SEC_WEBSOCKET_ACCEPT,
        HeaderValue::try_from(accept).expect("valid"),
    );
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    response
}

fn message(channel: u8, data: impl AsRef<[u8]>) -> Message {
    Message::Binary([&[channel], data.as_ref()].concat().into())
}

/// Sends; clients that are gone are their tests' business.
pub(crate) async fn say(socket: &mut Socket, channel: u8, data: impl AsRef<[u8]>) {
    let _ = socket.send(message(channel, data)).await;
}

/// What the client sends next, if anything.
pub(crate) async fn hear(socket: &mut Socket) -> Option<(u8, Vec<u8>)> {
    loop {
        match socket.next().await?.ok()? {
            Message::Binary(data) => return Some((data[0], data[1..].to_vec())),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}

/// Ends a process, as a kubelet does.
pub(crate) async fn finish(socket: &mut Socket, status: &str) {
    say(socket, 3, status).await;
    close(socket, CloseCode::Normal).await;
}

pub(crate) async fn close(socket: &mut Socket, code: CloseCode) {
    let frame = CloseFrame {
        code,
        reason: "because".into(),
    };
    let _ = socket.close(Some(frame)).await;
    while let Some(Ok(_)) = socket.next().await {}
}

pub(crate) const SUCCESS: &str = r#"{"metadata":{},"status":"Success"}"#;
pub(crate) const FAILURE: &str = r#"{"metadata":{},"status":"Failure","message":"command terminated with exit code 3",
    "reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}"#;

#[tokio::test]
async fn input_is_echoed_until_it_ends() {
    let (_server, pods) = pods(V5, |mut socket| async move {
        // As kubelets that show that the connection is there.
        say(&mut socket, 1, "").await;
        loop {
            match hear(&mut socket).await {
                Some((0, data)) => say(&mut socket, 1, data).await,
                Some((255, closed)) => {
                    assert_eq!(closed, [0]);
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        finish(&mut socket, SUCCESS).await;
    })
    .await;
    let params = AttachParams::default().stdin(true).stderr(false);
    let mut process = pods.exec("a", ["cat"], &params).await.expect("executes");
    assert!(process.stderr().is_none() && process.terminal_size().is_none());
    let mut stdin = process.stdin().expect("asked for");
    let mut stdout = process.stdout().expect("asked for");
    assert!(process.stdin().is_none(), "is taken");
    let status = process.take_status().expect("not taken yet");
    // More than all buffers have room for.
    let sent: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut received = Vec::new();
    let write = async {
        stdin.write_all(&sent).await.expect("writes");
        stdin.shutdown().await.expect("ends");
    };
    let (_, read) = futures::join!(write, stdout.read_to_end(&mut received));
    read.expect("reads");
    assert!(received == sent);
    assert_eq!(status.await.expect("has one").status.as_deref(), Some("Success"));
    process.join().await.expect("ended well");
}

#[tokio::test]
async fn output_and_errors_are_told_apart_and_failure_is_told() {
    let (_server, pods) = pods(V5, |mut socket| async move {
        for round in 0..100 {
            say(&mut socket, 1, format!("out{round}\n")).await;
            say(&mut socket, 2, format!("err{round}\n")).await;
        }
        finish(&mut socket, FAILURE).await;
    })
    .await;
    let mut process = pods
        .attach("a", &AttachParams::default())
        .await
        .expect("attaches");
    let (mut out, mut err) = (String::new(), String::new());
    let mut stdout = process.stdout().expect("asked for");
    let mut stderr = process.stderr().expect("asked for");
    // One after the other: the second waits in its buffer.
    stdout.read_to_string(&mut out).await.expect("reads");
    stderr.read_to_string(&mut err).await.expect("reads");
    let expected: String = (0..100).map(|round| format!("out{round}\n")).collect();
    assert_eq!(out, expected);
    assert_eq!(err, expected.replace("out", "err"));
    let status = process
        .take_status()
        .expect("not taken yet")
        .await
        .expect("has one");
    let causes = status.details.and_then(|details| details.causes).expect("causes");
    assert_eq!(causes[0].message.as_deref(), Some("3"));
    process
        .join()
        .await
        .expect("a process that fails has been followed to its end");
}

#[tokio::test]
async fn streams_need_not_be_taken_or_read() {
    let (_server, pods) = pods(V5, |mut socket| async move {
        for _ in 0..100 {
            say(&mut socket, 1, vec![b'o'; 32 * 1024]).await;
            say(&mut socket, 2, vec![b'e'; 32 * 1024]).await;
        }
        finish(&mut socket, SUCCESS).await;
    })
    .await;
    let params = AttachParams::default();
    let process = pods.exec("a", ["yes"], &params).await.expect("executes");
    process.join().await.expect("nobody wants to read");

    let mut process = pods.exec("a", ["yes"], &params).await.expect("executes");
    let mut stdout = process.stdout().expect("asked for");
    drop(process.stderr());
    let mut start = [0; 10];
    stdout.read_exact(&mut start).await.expect("reads");
    drop(stdout);
    process.join().await.expect("nobody wants to read any more");
}

#[tokio::test]
async fn a_slow_reader_does_not_hold_up_the_other() {
    let (_server, pods) = pods(V5, |mut socket| async move {
        for _ in 0..10 {
            say(&mut socket, 1, vec![b'o'; 32 * 1024]).await;
        }
        say(&mut socket, 2, "here").await;
        finish(&mut socket, SUCCESS).await;
    })
    .await;
    let params = AttachParams::default().max_stdout_buf_size(16);
    let mut process = pods.exec("a", ["x"], &params).await.expect("executes");
    let mut stdout = process.stdout().expect("asked for");
    let mut err = String::new();
    let mut stderr = process.stderr().expect("asked for");
    stderr.read_to_string(&mut err).await.expect("reads");
    assert_eq!(err, "here");
    let mut out = Vec::new();
    stdout.read_to_end(&mut out).await.expect("reads");
    assert_eq!(out.len(), 10 * 32 * 1024, "nothing is lost");
    process.join().await.expect("ended well");
}

#[tokio::test]
async fn a_part_is_not_taken_for_the_whole() {
    let (_server, pods) = pods(V5, |mut socket| async move {
        say(&mut socket, 1, "half of i").await;
        // Without a word.
        drop(socket);
    })
    .await;
    let mut process = pods
        .exec("a", ["x"], &AttachParams::default())
        .await
        .expect("executes");
    let status = process.take_status().expect("not taken yet");
    let mut stdout = process.stdout().expect("asked for");
    let mut out = String::new();
    stdout.read_to_string(&mut out).await.expect_err("was cut");
    assert!(status.await.is_none());
    let error = process.join().await.expect_err("was cut").to_string();
    assert!(
        error.starts_with("failed to receive a WebSocket message"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_fails_says_so() {
    let (_server, pods) = pods(V5, |mut socket| async move {
        close(&mut socket, CloseCode::Error).await;
    })
    .await;
    let process = pods.exec("a", ["x"], &AttachParams::default()).await;
    let error = process.expect("executes").join().await.expect_err("failed");
    assert_eq!(
        error.to_string(),
        "the server closed the connection with code 1011: because"
    );
}

#[tokio::test]
async fn servers_of_before_cannot_be_told_the_end_of_input() {
    let (_server, pods) = pods(V4, |mut socket| async move {
        let (channel, data) = hear(&mut socket).await.expect("is sent");
        assert_eq!(channel, 0);
        say(&mut socket, 1, data).await;
        finish(&mut socket, SUCCESS).await;
    })
    .await;
    let params = AttachParams::default().stdin(true);
    let mut process = pods.exec("a", ["head", "-1"], &params).await.expect("executes");
    let mut stdin = process.stdin().expect("asked for");
    stdin.write_all(b"line\n").await.expect("writes");
    drop(stdin);
    let mut out = String::new();
    let mut stdout = process.stdout().expect("asked for");
    stdout.read_to_string(&mut out).await.expect("reads");
    assert_eq!(out, "line\n");
    process.join().await.expect("ended well");
}

#[tokio::test]
async fn terminals_have_a_size() {
    let (_server, pods) = pods(V5, |mut socket| async move {
        let (channel, size) = hear(&mut socket).await.expect("is sent");
        assert_eq!(channel, 4);
        say(&mut socket, 1, size).await;
        finish(&mut socket, SUCCESS).await;
    })
    .await;
    let params = AttachParams::interactive_tty();
    let mut process = pods.exec("a", ["sh"], &params).await.expect("executes");
    let mut sizes = process.terminal_size().expect("is a terminal");
    let size = TerminalSize {
        width: 80,
        height: 25,
    };
    sizes.send(size).await.expect("sends");
    let mut out = String::new();
    let mut stdout = process.stdout().expect("asked for");
    stdout.read_to_string(&mut out).await.expect("reads");
    assert_eq!(out, r#"{"Width":80,"Height":25}"#);
    process.join().await.expect("ended well");
}

#[tokio::test]
async fn idle_connections_are_pinged() {
    let (_server, pods) = pods(V5, |mut socket| async move {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_ping() {
                return finish(&mut socket, SUCCESS).await;
            }
        }
    })
    .await;
    let process = pods.exec("a", ["x"], &AttachParams::default()).await;
    // Time goes on by itself whenever there is nothing else to do.
    tokio::time::pause();
    process.expect("executes").join().await.expect("ended well");
}

#[tokio::test]
async fn servers_with_http2_are_upgraded_over_http1() {
    let authority = Authority::new();
    let server = TestServer::https(authority.server("127.0.0.1"), |request| {
        upgrade(request, V5, |mut socket| async move {
            say(&mut socket, 1, "x").await;
            finish(&mut socket, SUCCESS).await;
        })
    })
    .await;
    let mut config = server.config();
    config.root_cert = Some(vec![authority.der()]);
    let client = Client::try_from(config).expect("valid");
    let pods: Api<Pod> = Api::default_namespaced(client);
    let params = AttachParams::default();
    let mut process = pods.exec("a", ["x"], &params).await.expect("executes");
    let mut out = String::new();
    let mut stdout = process.stdout().expect("asked for");
    stdout.read_to_string(&mut out).await.expect("reads");
    assert_eq!(out, "x");
    process.join().await.expect("ended well");
}

#[tokio::test]
async fn dropping_a_process_closes_its_connection() {
    let (closed, seen) = oneshot::channel();
    let closed = Arc::new(Mutex::new(Some(closed)));
    let (_server, pods) = pods(V5, move |mut socket| {
        let closed = closed.lock().take().expect("is asked once");
        async move {
            say(&mut socket, 1, "x").await;
            while hear(&mut socket).await.is_some() {}
            closed.send(()).expect("is waited for");
        }
    })
    .await;
    let params = AttachParams::default();
    let mut process = pods.exec("a", ["x"], &params).await.expect("executes");
    let mut stdout = process.stdout().expect("asked for");
    assert_eq!(stdout.read_u8().await.expect("reads"), b'x');
    drop(process);
    stdout.read_u8().await.expect_err("was aborted");
    seen.await.expect("is closed");
}

#[tokio::test]
async fn refusals() {
    let server = TestServer::http(|request: Request<Incoming>| async move {
        match request.uri().path().rsplit('/').nth(1) {
            Some("refused") => answer(403, "no"),
            Some("plain") => {
                let mut response = switch(&request, "base64.channel.k8s.io");
                response.headers_mut().remove(header::UPGRADE);
                response
            }
            Some("other") => {
                let mut response = switch(&request, V5);
                let accept = HeaderValue::from_static("AAAA");
                response
                    .headers_mut()
                    .insert(header::SEC_WEBSOCKET_ACCEPT, accept);
                response
            }
            _ => switch(&request, "base64.channel.k8s.io"),
        }
    })
    .await;
    let client = Client::try_from(server.config()).expect("valid");
    let pods: Api<Pod> = Api::default_namespaced(client);
    let mut errors = Vec::new();
    for pod in ["refused", "plain", "other", "unknown"] {
        match pods.exec(pod, ["x"], &AttachParams::default()).await.err() {
            Some(Error::UpgradeConnection(error)) => errors.push(error),
            other => panic!("{pod}: {other:?}"),
        }
    }
    use UpgradeConnectionError as E;
    assert!(
        matches!(
            errors[..],
            [
                E::ProtocolSwitch(http::StatusCode::FORBIDDEN),
                E::MissingUpgradeWebSocketHeader,
                E::SecWebSocketAcceptKeyMismatch,
                E::SecWebSocketProtocolMismatch
            ]
        ),
        "{errors:?}"
    );
}

/// Says which ports there are, as the first message of every channel.
async fn greet(socket: &mut Socket, ports: &[u16]) {
    for (channel, port) in (0_u8..).step_by(2).zip(ports) {
        say(socket, channel, port.to_le_bytes()).await;
        say(socket, channel + 1, port.to_le_bytes()).await;
    }
}

#[tokio::test]
async fn ports_are_told_apart_and_closed_one_by_one() {
    let (_server, pods) = pods(V4, |mut socket| async move {
        greet(&mut socket, &[80, 443]).await;
        while let Some((channel, data)) = hear(&mut socket).await {
            let answer = [format!("{channel}:").as_bytes(), &data].concat();
            say(&mut socket, channel, answer).await;
        }
        // The client has said goodbye.
    })
    .await;
    let mut forwarder = pods.portforward("a", &[80, 443]).await.expect("forwards");
    let mut first = forwarder.take_stream(80).expect("asked for");
    let mut second = forwarder.take_stream(443).expect("asked for");
    assert!(forwarder.take_stream(80).is_none() && forwarder.take_stream(8080).is_none());
    let error = forwarder.take_error(80).expect("asked for");
    first.write_all(b"hello").await.expect("writes");
    // What comes from the pod stays open.
    first.shutdown().await.expect("shuts down");
    let mut answer = [0; 7];
    first.read_exact(&mut answer).await.expect("reads");
    assert_eq!(&answer, b"0:hello");
    drop(first);
    second.write_all(b"again").await.expect("writes");
    second.read_exact(&mut answer).await.expect("reads");
    assert_eq!(&answer, b"2:again");
    drop(second);
    forwarder.join().await.expect("all streams are dropped");
    assert!(error.await.is_none());
}

#[tokio::test]
async fn the_error_of_a_port_leaves_the_others() {
    let (_server, pods) = pods(V4, |mut socket| async move {
        greet(&mut socket, &[80, 443]).await;
        say(&mut socket, 0, "par").await;
        say(&mut socket, 1, "nobody listens").await;
        say(&mut socket, 2, "whole").await;
        close(&mut socket, CloseCode::Normal).await;
    })
    .await;
    let mut forwarder = pods.portforward("a", &[80, 443]).await.expect("forwards");
    let mut first = forwarder.take_stream(80).expect("asked for");
    let mut second = forwarder.take_stream(443).expect("asked for");
    let error = forwarder.take_error(80).expect("asked for").await;
    assert_eq!(error.as_deref(), Some("nobody listens"));
    let mut read = Vec::new();
    let failure = first.read_to_end(&mut read).await.expect_err("has failed");
    assert_eq!(
        (&*read, failure.to_string().as_str()),
        (&b"par"[..], "nobody listens")
    );
    read.clear();
    second.read_to_end(&mut read).await.expect("is whole");
    assert_eq!(read, b"whole");
    forwarder.join().await.expect("the connection ended well");
}

#[tokio::test]
async fn streams_outlive_their_forwarder() {
    let (_server, pods) = pods(V4, |mut socket| async move {
        greet(&mut socket, &[80]).await;
        let (_, data) = hear(&mut socket).await.expect("is sent");
        say(&mut socket, 0, data).await;
        close(&mut socket, CloseCode::Normal).await;
    })
    .await;
    let mut stream = {
        let mut forwarder = pods.portforward("a", &[80]).await.expect("forwards");
        forwarder.take_stream(80).expect("asked for")
    };
    stream.write_all(b"ping").await.expect("writes");
    let mut read = String::new();
    stream.read_to_string(&mut read).await.expect("reads");
    assert_eq!(read, "ping");
}

#[tokio::test]
async fn servers_that_do_not_keep_to_the_protocol() {
    let (_server, pods) = pods(V4, |mut socket| async move {
        let first = hear(&mut socket).await.expect("is sent").1;
        let reply = match &*first {
            b"port" => message(0, 81_u16.to_le_bytes()),
            b"size" => message(0, "abc"),
            b"channel" => message(7, 80_u16.to_le_bytes()),
            other => panic!("{other:?}"),
        };
        let _ = socket.send(reply).await;
        while hear(&mut socket).await.is_some() {}
    })
    .await;
    for (order, expected) in [
        (
            "port",
            "invalid port mapping in initial frame, got 81, expected 80",
        ),
        ("size", "received initial frame with invalid size"),
        ("channel", "received invalid channel 7"),
    ] {
        let mut forwarder = pods.portforward("a", &[80]).await.expect("forwards");
        let mut stream = forwarder.take_stream(80).expect("asked for");
        stream.write_all(order.as_bytes()).await.expect("writes");
        stream.read_u8().await.expect_err("has failed");
        let error = forwarder.join().await.expect_err("has failed").to_string();
        assert_eq!(error, expected);
    }
}

#[cfg(feature = "kubelet-debug")]
#[tokio::test]
async fn kubelets_are_asked_directly() {
    use kubist_client::core::kubelet_debug::KubeletDebugParams;

    let (server, _) = pods(V5, |mut socket| async move {
        say(&mut socket, 1, "x").await;
        finish(&mut socket, SUCCESS).await;
    })
    .await;
    let client = Client::try_from(server.config()).expect("valid");
    let pod = KubeletDebugParams {
        name: "a",
        namespace: "ns",
        pod_uid: None,
    };
    let params = AttachParams::default();
    let executed = client.kubelet_node_exec(&pod, "c", ["x"], &params).await;
    let attached = client.kubelet_node_attach(&pod, "c", &params).await;
    for process in [executed, attached] {
        let mut process = process.expect("upgrades");
        let mut out = String::new();
        let mut stdout = process.stdout().expect("asked for");
        stdout.read_to_string(&mut out).await.expect("reads");
        assert_eq!(out, "x");
        process.join().await.expect("ended well");
    }
    // This server does not offer the protocol of ports.
    let refused = client.kubelet_node_portforward(&pod, &[80]).await.err();
    let refused = refused.expect("is refused").to_string();
    assert!(refused.contains("403"), "{refused}");
}
