//! Input that nobody should send: it gets an answer that says so, and the server lives on.

mod bodies;

use std::io::{Read as _, Write as _};

use http::Method;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kubist_apiserver::Server;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{CONFIG_MAPS, CRDS, Http, crd};

const TYPES: [&str; 7] = [
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

/// Sends a body, and checks that a failure is told as a `Status`.
async fn answered(
    http: &Http,
    method: Method,
    path: &str,
    content_type: &str,
    body: Vec<u8>,
) -> (u16, Value) {
    let response = http
        .send(method, path, &[("content-type", content_type)], body)
        .await;
    let code = response.status().as_u16();
    let body = http_body_util::BodyExt::collect(response.into_body())
        .await
        .expect("a body");
    let body = body.to_bytes();
    let status: Value = serde_json::from_slice(&body).unwrap_or_default();
    // A path that leads nowhere is told so in plain text.
    if code >= 400 && (code != 404 || body.starts_with(b"{")) {
        assert_eq!(
            (&status["kind"], &status["code"]),
            (&json!("Status"), &json!(code))
        );
        assert!(
            status["message"]
                .as_str()
                .is_some_and(|message| message.len() < 10_000),
            "{status}"
        );
    }
    (code, status)
}

async fn refused(http: &Http, method: Method, path: &str, content_type: &str, body: Vec<u8>) -> u16 {
    answered(http, method, path, content_type, body).await.0
}

async fn with_object() -> (Server, Http) {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    http.post(CONFIG_MAPS, json!({"metadata": {"name": "a"}})).await;
    (server, http)
}

#[test]
fn any_body_is_answered() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (_server, http) = runtime.block_on(with_object());
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    // Noise, and noise inside of what looks right.
    let noise = prop::collection::vec(any::<u8>(), 0..300);
    let json = "(\\{|\\}|\\[|\\]|\"[a-z]{0,5}\"|:|,|null|true|-?[0-9]{1,5}|[eE.]){0,40}"
        .prop_map(String::into_bytes);
    let wrapped = prop::collection::vec(any::<u8>(), 0..80).prop_map(|noise| {
        let mut body = b"k8s\0".to_vec();
        body.extend(noise);
        body
    });
    let bodies = prop_oneof![noise, json, wrapped];
    proptest!(config, |(body in bodies, ty in prop::sample::select(TYPES.to_vec()))| {
        runtime.block_on(async {
            let (method, path) = if ty.contains("patch") {
                (Method::PATCH, format!("{CONFIG_MAPS}/a?fieldManager=m"))
            } else {
                (Method::POST, CONFIG_MAPS.to_owned())
            };
            let code = refused(&http, method, &path, ty, body).await;
            assert!(matches!(code, 200 | 201 | 400 | 409 | 413 | 415 | 422), "{code}");
        });
    });
    assert_eq!(runtime.block_on(http.get(CONFIG_MAPS)).0, 200);
}

/// A definition as protobuf, whose schema says `not` this many times.
fn protobuf_definition(depth: usize) -> Vec<u8> {
    /// A field that holds a text or a message.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for mut varint in [usize::from(number) << 3 | 2, content.len()] {
            while varint > 0x7f {
                bytes.push(0x80 | u8::try_from(varint & 0x7f).expect("seven bits"));
                varint >>= 7;
            }
            bytes.push(u8::try_from(varint).expect("seven bits"));
        }
        bytes.extend(content);
        bytes
    }
    // From the innermost out, in the numbers of apiextensions/v1.
    let mut schema = field(5, b"string");
    for _ in 0..depth {
        schema = field(28, &schema);
    }
    let validation = field(4, &field(1, &schema));
    let version = [field(1, b"v1"), validation].concat();
    let spec = [field(1, b"example.com"), field(7, &version)].concat();
    let definition = [field(1, &field(1, b"as.example.com")), field(2, &spec)].concat();
    let kind = [
        field(1, b"apiextensions.k8s.io/v1"),
        field(2, b"CustomResourceDefinition"),
    ]
    .concat();
    [b"k8s\0".to_vec(), field(1, &kind), field(2, &definition)].concat()
}

#[tokio::test]
async fn depth_is_bounded_everywhere() {
    let (_server, http) = with_object().await;
    let deep = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    for (ty, body) in [
        ("application/json", deep("{\"a\":", "}", 100_000)),
        ("application/json", deep("[", "]", 100_000)),
        ("application/yaml", deep("{a: ", "}", 20_000)),
        ("application/yaml", deep("- ", "", 20_000)),
        ("application/yaml", deep("[", "]", 20_000)),
    ] {
        assert_eq!(
            refused(&http, Method::POST, CONFIG_MAPS, ty, body.into_bytes()).await,
            400,
            "{ty}"
        );
    }
    let patch = format!("{CONFIG_MAPS}/a?fieldManager=m");
    let operation =
        |op: &str, value: &str| format!("[{{\"op\": \"{op}\", \"path\": \"/data\", \"value\": {value}}}]");
    for (ty, body) in [
        ("application/merge-patch+json", deep("{\"a\":", "}", 100_000)),
        ("application/merge-patch+json", deep("[", "]", 100_000)),
        (
            "application/strategic-merge-patch+json",
            deep("{\"metadata\":", "}", 100_000),
        ),
        (
            "application/strategic-merge-patch+json",
            deep("{\"$patch\":[", "]}", 100_000),
        ),
        ("application/apply-patch+yaml", deep("{\"a\":", "}", 100_000)),
        ("application/apply-patch+yaml", deep("- ", "", 20_000)),
        ("application/json-patch+json", deep("[", "]", 100_000)),
        (
            "application/json-patch+json",
            operation("add", &deep("[", "]", 100_000)),
        ),
        (
            "application/json-patch+json",
            operation("test", &deep("{\"a\":", "}", 100_000)),
        ),
    ] {
        assert_eq!(
            refused(&http, Method::PATCH, &patch, ty, body.into_bytes()).await,
            400,
            "{ty}"
        );
    }
    // The path of a patch may be as deep as it likes: it leads nowhere.
    let pointer = format!(
        "[{{\"op\": \"add\", \"path\": \"{}\", \"value\": 1}}]",
        "/data".repeat(100_000)
    );
    let code = refused(
        &http,
        Method::PATCH,
        &patch,
        "application/json-patch+json",
        pointer.into_bytes(),
    )
    .await;
    assert_eq!(code, 422);
    // Schemas are what nests in protobuf.
    let protobuf = "application/vnd.kubernetes.protobuf";
    for (depth, code) in [(3, 422), (20_000, 400)] {
        let body = protobuf_definition(depth);
        assert_eq!(
            refused(&http, Method::POST, CRDS, protobuf, body).await,
            code,
            "{depth}"
        );
    }
    // A schema that is as deep as a body can be.
    let mut schema = json!({"type": "string"});
    for _ in 0..25 {
        schema = json!({"type": "object", "properties": {"a": schema}});
    }
    let (status, _) = http.post(CRDS, crd("Widget", schema)).await;
    assert!(matches!(status, 201 | 400), "{status}");
}

#[tokio::test]
async fn aliases_do_not_multiply() {
    let (_server, http) = with_object().await;
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let before = level - 1;
        let items = vec![format!("*a{before}"); 9].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert_eq!(
        refused(
            &http,
            Method::POST,
            CONFIG_MAPS,
            "application/yaml",
            bomb.into_bytes()
        )
        .await,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_are_cut_off() {
    let (server, http) = with_object().await;
    // A client that sends all of it before it reads gets the answer, too.
    let length = 100 * 1024 * 1024;
    let mut request = format!(
        "POST {CONFIG_MAPS} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.resize(request.len() + length, b'[');
    let (line, status) = raw(&server, request).await;
    assert_eq!(line, "HTTP/1.1 413 Payload Too Large");
    assert_eq!(status["reason"], "RequestEntityTooLarge");
    assert_eq!(http.get(CONFIG_MAPS).await.0, 200);
}

#[tokio::test]
async fn selectors_and_paths_may_be_long_and_strange() {
    let (_server, http) = with_object().await;
    let terms: Vec<String> = (0..4_000).map(|at| format!("k{at}!=v")).collect();
    let many = format!("{CONFIG_MAPS}?labelSelector={}", terms.join(","));
    assert_eq!(http.get(&many).await.0, 200);
    let set = format!("{CONFIG_MAPS}?labelSelector=a%20in%20({})", "x,".repeat(10_000));
    assert!(matches!(http.get(&set).await.0, 200 | 400));
    for query in [
        "labelSelector=%FF%FE",
        "labelSelector=((((((((((",
        "fieldSelector=metadata.name%3D%00",
        "fieldSelector=%3D%3D%3D",
        "limit=99999999999999999999",
        "resourceVersion=-1",
        "continue=%FF",
        "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTksInN0YXJ0IjoiIn0",
        "timeoutSeconds=x",
    ] {
        let code = refused(
            &http,
            Method::GET,
            &format!("{CONFIG_MAPS}?{query}"),
            "",
            Vec::new(),
        )
        .await;
        assert!(matches!(code, 200 | 400 | 410 | 422), "{query}: {code}");
    }
    for path in [
        "/api/v1/namespaces/%FF/configmaps",
        "/api/v1/namespaces/default/configmaps/%2e%2e%2f",
        "/apis/%00/v1/x",
        "//api//v1//",
    ] {
        let (code, _) = http.get(path).await;
        assert!(matches!(code, 200 | 400 | 404), "{path}: {code}");
    }
}

/// What the server says to bytes that no HTTP library would send.
async fn raw(server: &Server, request: Vec<u8>) -> (String, Value) {
    let address = server.addr();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).expect("a connection");
        stream.write_all(&request).expect("the server reads on");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    });
    let answer = answer.await.expect("a thread");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.lines().next().unwrap_or_default().to_owned();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_may_not_flood() {
    let (server, http) = with_object().await;
    let get = |headers: &str| format!("GET {CONFIG_MAPS} HTTP/1.1\r\nHost: a\r\n{headers}\r\n").into_bytes();
    for flood in [
        "X-A: b\r\n".repeat(2_000),
        "X-A: b\r\n".repeat(1_000_000),
        format!("X-A: {}\r\n", "b".repeat(2 * 1024 * 1024)),
        format!("X-A: {}\r\n", "b".repeat(10_000)).repeat(800),
    ] {
        let (line, status) = raw(&server, get(&flood)).await;
        assert_eq!(line, "HTTP/1.1 431 Request Header Fields Too Large");
        assert_eq!(
            (&status["kind"], &status["code"]),
            (&json!("Status"), &json!(431))
        );
    }
    let close = "Connection: close\r\n";
    let many = format!("{close}{}", "X-A: b\r\n".repeat(900));
    assert_eq!(raw(&server, get(&many)).await.0, "HTTP/1.1 200 OK");
    let large = format!("{close}X-A: {}\r\n", "b".repeat(500 * 1024));
    assert_eq!(raw(&server, get(&large)).await.0, "HTTP/1.1 200 OK");
    assert_eq!(http.get(CONFIG_MAPS).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_may_not_flood_over_http2() {
    let (server, http) = with_object().await;
    let stream = tokio::net::TcpStream::connect(server.addr())
        .await
        .expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await
        .expect("a handshake");
    tokio::spawn(connection);
    for (count, length, code) in [
        (1, 500 * 1024, 200),
        (1, 2 * 1024 * 1024, 431),
        (3_000, 1_000, 431),
    ] {
        let mut request = http::Request::get(format!("{}{CONFIG_MAPS}", server.url()));
        for at in 0..count {
            request = request.header(format!("x-{at}"), "b".repeat(length));
        }
        let request = request
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), code, "{count} headers of {length}");
        let body = http_body_util::BodyExt::collect(response.into_body())
            .await
            .expect("a body");
        let answer: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
        let kind = if code == 200 { "ConfigMapList" } else { "Status" };
        assert_eq!(answer["kind"], kind);
    }
    assert_eq!(http.get(CONFIG_MAPS).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_told_so() {
    let (server, http) = with_object().await;
    let uri = "a".repeat(100_000);
    for (request, line, code) in [
        ("nonsense\r\n\r\n".to_owned(), "HTTP/1.1 400 Bad Request", 400),
        (
            "GET / HTTP/1.1\r\n: empty\r\n\r\n".to_owned(),
            "HTTP/1.1 400 Bad Request",
            400,
        ),
        (
            format!("GET /{uri} HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 414 URI Too Long",
            414,
        ),
    ] {
        let (said, status) = raw(&server, request.into_bytes()).await;
        assert_eq!(said, line);
        assert_eq!(
            (&status["kind"], &status["code"]),
            (&json!("Status"), &json!(code))
        );
    }
    assert_eq!(http.get(CONFIG_MAPS).await.0, 200);
}

#[test]
fn any_schema_and_any_rule_is_answered() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (_server, http) = runtime.block_on(with_object());
    let token = prop::sample::select(vec![
        "self",
        "oldSelf",
        ".a",
        ".b",
        "[0]",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "?",
        ":",
        ",",
        "+",
        "-",
        "!",
        "&&",
        "||",
        "==",
        " in ",
        "1",
        "-9223372036854775808",
        "1.5",
        "'x'",
        "\"",
        "b'x'",
        "r'\\'",
        "true",
        "null",
        ".all(x, ",
        ".map(x, x",
        ".exists_one(",
        "has(",
        "size(",
        ".matches('(a+)+$')",
        "timestamp('x')",
        "duration('1h')",
        "quantity('1')",
        ".?a",
        ".orValue(",
        "optional.of(",
        "cel.bind(",
        "\u{1F600}",
        "\n",
        "//",
        "%",
        "/0",
    ]);
    let rule = prop::collection::vec(token, 0..25).prop_map(|tokens| tokens.concat());
    let leaf = prop_oneof![
        Just(json!({"type": "string"})),
        Just(json!({"type": "integer", "minimum": 3, "maximum": 1})),
        Just(json!({"x-kubernetes-int-or-string": true})),
        Just(json!({"type": "string", "pattern": "(["})),
        Just(json!({"type": "array"})),
        Just(json!({"type": "nope"})),
        Just(json!([])),
        Just(json!(null)),
    ];
    let schema = leaf.prop_recursive(4, 24, 4, |inner| {
        let of = prop::collection::btree_map("[ab]", inner.clone(), 0..3);
        prop_oneof![
            of.clone()
                .prop_map(|properties| json!({"type": "object", "properties": properties})),
            inner
                .clone()
                .prop_map(|items| json!({"type": "array", "items": items, "x-kubernetes-list-type": "map"})),
            inner
                .clone()
                .prop_map(|values| json!({"type": "object", "additionalProperties": values})),
            (inner.clone(), inner)
                .prop_map(|(one, two)| json!({"type": "object", "anyOf": [one, two], "default": 3})),
        ]
    });
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    let object = json!({
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"a": {"a": 1, "b": [{"a": "x"}, null]}, "b": ["x"]},
    });
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = prop_oneof![Just(open), schema];
    proptest!(config, |(mut schema in schema, rule in rule)| {
        runtime.block_on(async {
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("x-kubernetes-validations".into(), json!([{"rule": rule, "messageExpression": rule}]));
            }
            let (status, answer) = http.post(CRDS, crd("Widget", schema)).await;
            assert!(matches!(status, 201 | 400 | 422), "{answer}");
            if status == 201 {
                let (status, answer) = http.post(widgets, object.clone()).await;
                assert!(matches!(status, 201 | 400 | 422), "{answer}");
                http.delete(&format!("{widgets}/w")).await;
                http.delete(&format!("{CRDS}/widgets.example.com")).await;
            }
        });
    });
    assert_eq!(runtime.block_on(http.get(CONFIG_MAPS)).0, 200);
}
