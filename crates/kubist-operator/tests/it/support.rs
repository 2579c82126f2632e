use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use kubist_apiserver::Server;
use kubist_client::Client;
use kubist_operator::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) async fn cluster() -> (Server, Client) {
    let server = Server::start().await.unwrap();
    let client = server.client();
    (server, client)
}

/// Arguments with an admin server on a free port of this machine.
pub(crate) fn args() -> Args {
    let mut args = Args::default();
    args.admin.admin_addr = SocketAddr::from(([127, 0, 0, 1], 0));
    args
}

/// What the admin server answers, as a status code and a body.
pub(crate) async fn get(addr: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Fails a test that waits for what does not come.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("it did not come")
}
