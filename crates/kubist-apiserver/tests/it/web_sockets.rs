//! Watches over WebSocket.

use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, Response};
use k8s_openapi::api::core::v1::ConfigMap;
use kubist_apiserver::{Effect, Server};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::{CONFIG_MAPS, Http, config_map};

type Opened = (WebSocketStream<TcpStream>, Response<Option<Vec<u8>>>);

/// Opens a watch of config maps.
async fn open(
    server: &Server,
    query: &str,
    headers: &[(&'static str, &'static str)],
) -> Result<Opened, Error> {
    let url = format!("ws://{}{CONFIG_MAPS}?watch=1{query}", server.addr());
    let mut request = url.into_client_request()?;
    let given: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    request.headers_mut().extend(given);
    let stream = TcpStream::connect(server.addr()).await.expect("a connection");
    client_async(request, stream).await
}

async fn refused(server: &Server, query: &str, headers: &[(&'static str, &'static str)]) -> (u16, Value) {
    match open(server, query, headers).await {
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            (
                response.status().as_u16(),
                serde_json::from_slice(body).unwrap_or_default(),
            )
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("opened with {headers:?}"),
    }
}

/// The type and the name of the next event.
async fn told(socket: &mut WebSocketStream<TcpStream>) -> (String, String) {
    let message = socket.next().await.expect("a message").expect("no error");
    let event: Value = serde_json::from_str(message.to_text().expect("text")).expect("an event");
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
}

const ORIGIN: (&str, &str) = ("origin", "http://localhost");

async fn started() -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, config_map("a")).await;
    (server, http)
}

#[tokio::test]
async fn an_event_is_a_message() {
    let (server, http) = started().await;
    let (mut socket, response) = open(&server, "", &[ORIGIN, ("sec-websocket-protocol", "x")])
        .await
        .expect("a watch");
    assert_eq!(response.headers()["sec-websocket-protocol"], "x");
    assert_eq!(told(&mut socket).await, ("ADDED".into(), "a".into()));
    http.post(CONFIG_MAPS, config_map("b")).await;
    http.delete(&format!("{CONFIG_MAPS}/a")).await;
    assert_eq!(told(&mut socket).await, ("ADDED".into(), "b".into()));
    assert_eq!(told(&mut socket).await, ("DELETED".into(), "a".into()));
    // A server that stops says so.
    server.shutdown().await;
    let last = socket.next().await.expect("a message").expect("no error");
    let Message::Close(Some(frame)) = last else {
        panic!("{last:?}")
    };
    assert_eq!(u16::from(frame.code), 1000);
}

#[tokio::test]
async fn protobuf_is_binary() {
    let (server, _http) = started().await;
    let accept = ("accept", "application/vnd.kubernetes.protobuf");
    let (mut socket, _) = open(&server, "", &[ORIGIN, accept]).await.expect("a watch");
    let message = socket.next().await.expect("a message").expect("no error");
    assert!(message.is_binary());
    let bytes = message.into_data();
    assert!(String::from_utf8_lossy(&bytes).contains("k8s\0"), "{bytes:?}");
}

#[tokio::test]
async fn a_watch_that_ends_closes_and_one_that_breaks_does_not() {
    let (server, _http) = started().await;
    let (mut socket, _) = open(&server, "&timeoutSeconds=1", &[ORIGIN])
        .await
        .expect("a watch");
    told(&mut socket).await;
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    server
        .faults()
        .watches::<ConfigMap>()
        .inject(Effect::BreakAfter(1));
    let (mut socket, _) = open(&server, "", &[ORIGIN]).await.expect("a watch");
    told(&mut socket).await;
    assert!(!matches!(socket.next().await, Some(Ok(_))));
    let (mut socket, _) = open(&server, "", &[ORIGIN]).await.expect("a watch");
    told(&mut socket).await;
    assert_eq!(server.faults().watches::<ConfigMap>().cut_now(), 1);
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
}

#[tokio::test]
async fn a_handshake_can_fail() {
    let (server, _http) = started().await;
    assert_eq!(refused(&server, "", &[]).await.0, 403);
    assert_eq!(refused(&server, "", &[("origin", "null")]).await.0, 403);
    let protocols = ("sec-websocket-protocol", "a, b");
    assert_eq!(refused(&server, "", &[ORIGIN, protocols]).await.0, 400);
    assert_eq!(
        refused(&server, "", &[ORIGIN, ("sec-websocket-version", "8")])
            .await
            .0,
        400
    );
    let (status, failure) = refused(&server, "&resourceVersion=x", &[ORIGIN]).await;
    assert_eq!((status, &failure["kind"]), (500, &json!("Status")));
    assert_eq!(
        refused(&server, "", &[ORIGIN, ("accept", "application/yaml")])
            .await
            .0,
        406
    );
    // What is no watch is answered as if it had not been asked.
    let headers = [("connection", "Upgrade"), ("upgrade", "websocket")];
    let http = Http::new(&server);
    let list = http
        .send(http::Method::GET, CONFIG_MAPS, &headers, Vec::new())
        .await;
    assert_eq!(list.status(), 200);
}
