//! How much memory those take who send too much, and those who read too little.
//!
//! A program of its own with one test, as it looks at the memory of the whole process.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use http::Request;
use kubist_apiserver::Server;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const MIB: usize = 1024 * 1024;

/// The most memory that was resident since the last call, in bytes; nothing where that cannot be known.
fn peak() -> Option<usize> {
    let peak = status("VmHWM:")?;
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    Some(peak)
}

/// What the kernel says of this process, in bytes.
fn status(field: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_more_than_their_share() {
    if peak().is_none() {
        println!("skipped: nothing tells how much memory is used");
        return;
    }
    too_much_is_sent().await;
    too_little_is_read().await;
}

/// A body of 100 MB that does not say how long it is.
async fn too_much_is_sent() {
    let server = Server::start().await.expect("a server");
    let address = server.addr();
    let before = peak().expect("known");
    let answer = tokio::task::spawn_blocking(move || send_chunks(address)).await;
    let answer = answer.expect("a thread");
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large"), "{answer}");
    let grown = peak().expect("known").saturating_sub(before);
    // The limit of a body is 3 MiB; what is read is copied once.
    assert!(grown < 24 * MIB, "{grown} bytes");
}

fn send_chunks(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let head = format!(
        "POST {CONFIG_MAPS} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the server reads");
    let chunk = [b"10000\r\n".as_slice(), &[b'['; 0x10000], b"\r\n"].concat();
    for _ in 0..100 * MIB / 0x10000 {
        // A server may have heard enough.
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Watchers who never read, while a large object changes again and again.
async fn too_little_is_read() {
    const WATCHERS: usize = 30;
    const SIZE: usize = 100_000;
    const CHANGES: usize = 200;
    let server = Server::builder().controllers(false).start().await;
    let server = server.expect("a server");
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let mut stream = TcpStream::connect(server.addr()).expect("a connection");
        let request = format!("GET {CONFIG_MAPS}?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("the server reads");
        // Its head says that it has begun.
        let mut head = [0; 16];
        stream.read_exact(&mut head).expect("an answer");
        assert_eq!(&head, b"HTTP/1.1 200 OK\r");
        watchers.push(stream);
    }
    let before = peak().expect("known");
    let text = "x".repeat(SIZE);
    let object = |at: usize| json!({"metadata": {"name": "a"}, "data": {"k": text, "at": at.to_string()}});
    write(&server, "POST", CONFIG_MAPS, &object(0)).await;
    for at in 1..CHANGES {
        write(&server, "PUT", &format!("{CONFIG_MAPS}/a"), &object(at)).await;
    }
    // Until what can be told was told.
    let (mut resident, mut still) = (0, 0);
    while still < 10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = status("VmRSS:").expect("known");
        still = if now > resident { 0 } else { still + 1 };
        resident = resident.max(now);
    }
    let grown = peak().expect("known").saturating_sub(before);
    // The log, and for each who watches: a quarter of a MiB, what the connection holds, and an event
    // that is being written; a buffer may be twice as large as what is in it.
    let log = CHANGES * SIZE * 2;
    let share = 2 * MIB;
    assert!(grown < log + WATCHERS * share, "{grown} bytes");
    drop(watchers);
}

async fn write(server: &Server, method: &str, path: &str, object: &Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(http_body_util::Full::<bytes::Bytes>::from(object.to_string()))
        .expect("a request");
    let answer = server.service().oneshot(request).await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
}
