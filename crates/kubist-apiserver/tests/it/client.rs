//! A small HTTP client that speaks JSON.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kubist_apiserver::Server;
use serde_json::{Value, json};

pub(crate) const JSON: &str = "application/json";
pub(crate) const MERGE: &str = "application/merge-patch+json";
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A client of one server.
pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    token: String,
}

/// The status and the body of an answer.
pub(crate) type Answer = (u16, Value);

impl Http {
    pub(crate) fn new(server: &Server) -> Http {
        Http {
            client: Client::builder(TokioExecutor::new()).build_http(),
            url: server.url().to_owned(),
            token: String::new(),
        }
    }

    /// The same client, with a token in all of its requests.
    pub(crate) fn with_token(mut self, token: &str) -> Http {
        self.token = format!("Bearer {token}");
        self
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> http::Response<Incoming> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.token.is_empty() {
            request = request.header("authorization", &self.token);
        }
        let request = request.body(Full::from(body)).expect("a request");
        self.client.request(request).await.expect("an answer")
    }

    /// Sends what may stay without an answer.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<http::Response<Incoming>, hyper_util::client::legacy::Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("content-type", JSON)
            .body(Full::from(body.to_string()))
            .expect("a request");
        self.client.request(request).await
    }

    async fn json(&self, method: Method, path: &str, content_type: &str, body: Option<Value>) -> Answer {
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let response = self
            .send(method, path, &[("content-type", content_type)], bytes)
            .await;
        read(response).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.json(Method::GET, path, JSON, None).await
    }

    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Answer {
        read(
            self.send(Method::GET, path, &[("accept", accept)], Vec::new())
                .await,
        )
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.json(Method::POST, path, JSON, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.json(Method::PUT, path, JSON, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, content_type: &str, body: Value) -> Answer {
        self.json(Method::PATCH, path, content_type, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.json(Method::DELETE, path, JSON, None).await
    }

    /// Opens a watch.
    pub(crate) async fn watch(&self, path: &str) -> Events {
        let response = self.send(Method::GET, path, &[], Vec::new()).await;
        assert_eq!(response.status(), 200, "{path}");
        Events {
            body: response.into_body(),
            buffer: Vec::new(),
        }
    }
}

async fn read(response: http::Response<Incoming>) -> Answer {
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    let value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
    (status, value)
}

/// The events of a watch.
pub(crate) struct Events {
    body: Incoming,
    buffer: Vec<u8>,
}

impl Events {
    /// The next event; nothing when the watch ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("an event"));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The type and the name of the next event.
    pub(crate) async fn told(&mut self) -> Option<(String, String)> {
        let event = self.next().await?;
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        Some((text(&event["type"]), text(&event["object"]["metadata"]["name"])))
    }

    pub(crate) async fn rest(mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// Why something was forbidden.
pub(crate) fn why_forbidden((status, answer): (u16, Value)) -> String {
    assert_eq!(
        (status, &answer["reason"]),
        (403, &json!("Forbidden")),
        "{answer}"
    );
    let message = answer["message"].as_str().expect("a message");
    let (_, why) = message.split_once(" is forbidden: ").expect("a reason");
    why.to_owned()
}

/// A server whose controllers do not run.
pub(crate) async fn without_controllers() -> (Server, Http) {
    let server = Server::builder().controllers(false).start().await;
    let server = server.expect("a server");
    let http = Http::new(&server);
    (server, http)
}

/// A server with an administrator, and with alice, who may nothing yet.
pub(crate) async fn with_alice() -> (Server, Http, Http) {
    let server = Server::builder()
        .user("admintoken", "admin", "", ["system:masters"])
        .user("alicetoken", "alice", "", ["devs"])
        .start()
        .await
        .expect("a server");
    let admin = Http::new(&server).with_token("admintoken");
    let alice = Http::new(&server).with_token("alicetoken");
    (server, admin, alice)
}

pub(crate) fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}})
}

/// A definition whose version has this schema for `spec`.
pub(crate) fn crd(kind: &str, spec: Value) -> Value {
    let singular = kind.to_lowercase();
    let plural = format!("{singular}s");
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.example.com")},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": singular, "kind": kind},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": spec,
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                }}},
            }],
        },
    })
}

pub(crate) const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
