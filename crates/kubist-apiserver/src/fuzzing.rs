//! Requests that nobody should send, fed to the server's service.
//!
//! Each function takes any bytes. Whatever they are, each request is answered, and not as a failure
//! of the server. `fuzz/` has a target for each; the test here runs them over its corpus and over what
//! small accidents make of it.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::Service as _;

use crate::server::Server;
use crate::server::service::Service;

/// What is between two requests of one input.
const BETWEEN: &[u8] = b"\n====\n";
/// The most requests of one input.
const MOST: usize = 16;
/// How long a client waits: a read may wait for a revision that never comes.
const PATIENCE: Duration = Duration::from_millis(200);
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const JSON: &str = "application/json";
const JSON_PATCH: &str = "application/json-patch+json";

/// What kube-apiserver answers with 500, too, though the request is to blame.
const UPSTREAMS: [&str; 8] = [
    "does not contain declared merge key",
    "cannot merge lists without merge key",
    "unknown patch type: ",
    "strconv.ParseUint: parsing",
    "resourceVersion should not be set on objects to be created",
    "failed to create typed patch object",
    // A binding that names no node, and an object of the wrong kind.
    "target.name: Required value",
    "target.kind: Unsupported value",
];

/// Whole requests: a line with method and target, lines with headers, an empty line, a body.
pub fn requests(data: &[u8]) {
    let host = Host::get();
    host.runtime.block_on(async {
        let mut rest = data;
        for _ in 0..MOST {
            let end = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN);
            let (one, more) = rest.split_at(end.unwrap_or(rest.len()));
            if let Some(request) = parse(one) {
                host.answer(request).await;
            }
            match more.get(BETWEEN.len()..) {
                Some(more) => rest = more,
                None => break,
            }
        }
    });
}

/// A rule of a definition, which then judges an object and a change of it.
pub fn expressions(data: &[u8]) {
    let rule = String::from_utf8_lossy(data);
    let message = format!("({rule}) ? 'yes' : 'no'");
    let rules = json!([{"rule": rule}, {"rule": rule, "messageExpression": message}]);
    let text = json!({"type": "string", "maxLength": 10});
    let schema = json!({"type": "object", "x-kubernetes-validations": rules, "properties": {
        "a": text,
        "b": {"type": "integer"},
        "c": {"type": "array", "maxItems": 5, "items": text},
        "d": {"type": "object", "maxProperties": 5, "additionalProperties": text},
        "e": {"type": "string", "format": "date-time"},
        "f": {"x-kubernetes-int-or-string": true},
        "g": {"type": "number"},
    }});
    let spec = json!({
        "a": "x", "b": 3, "c": ["x", "y"], "d": {"k": "v"}, "e": "2024-01-01T00:00:00Z", "f": "5%", "g": 0.5,
    });
    defined(&schema, &[spec, json!({}), json!({"b": -1, "c": []})]);
}

/// A schema of a definition, as JSON or YAML, and objects of it.
pub fn schemas(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let schema: Value = match serde_saphyr::from_str(&text) {
        Ok(schema) => schema,
        Err(_) => return,
    };
    let spec = json!({"a": {"a": 1, "b": [{"a": "x"}, null]}, "b": ["x"], "c": "c", "d": -1.5, "e": null});
    defined(&schema, &[spec, json!({}), json!("x"), json!([1])]);
}

/// Defines a kind, writes an object once with each of the specs, and deletes the definition.
fn defined(schema: &Value, specs: &[Value]) {
    // Each definition has a group of its own, so that none meets what another left behind.
    static DEFINED: AtomicU64 = AtomicU64::new(0);
    let group = format!("g{}.example.com", DEFINED.fetch_add(1, Ordering::Relaxed));
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {
            "group": group, "scope": "Cluster",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema}}},
            }],
        },
    });
    let host = Host::get();
    host.runtime.block_on(async {
        if host.write(Method::POST, CRDS, &definition).await != Some(201) {
            return;
        }
        let things = format!("/apis/{group}/v1/things");
        let object = |spec: &Value| json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "t"}, "spec": spec});
        for spec in specs {
            host.write(Method::POST, &things, &object(spec)).await;
        }
        for spec in specs {
            let patch = json!([{"op": "add", "path": "/spec", "value": spec}]);
            host.send(Method::PATCH, &format!("{things}/t"), JSON_PATCH, &patch).await;
        }
        let url = format!("{CRDS}/things.{group}");
        let deleted = host.write(Method::DELETE, &url, &json!({})).await;
        assert_eq!(deleted, Some(200), "{url} is deleted");
    });
}

/// A request, if HTTP allows it.
fn parse(data: &[u8]) -> Option<Request<Full<Bytes>>> {
    let end = data.windows(2).position(|window| window == b"\n\n");
    let head = data.get(..end.unwrap_or(data.len()))?;
    let body = end.and_then(|end| data.get(end + 2..)).unwrap_or_default();
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(2, |byte| *byte == b' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next()?, parts.next()?);
        request = request.header(name, value.trim_ascii());
    }
    let request = request.body(Full::from(body.to_vec())).ok()?;
    // Nobody else is asked for anything.
    let asks = request.uri().path().contains("webhookconfigurations");
    (!asks).then_some(request)
}

/// The server of all inputs.
struct Host {
    runtime: Runtime,
    service: Service,
    _server: Server,
}

impl Host {
    fn get() -> &'static Host {
        static HOST: OnceLock<Host> = OnceLock::new();
        HOST.get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            let server = Server::builder().controllers(false).history(64);
            let server = runtime.block_on(server.start()).expect("a server");
            Host {
                service: server.service(),
                runtime,
                _server: server,
            }
        })
    }

    async fn write(&self, method: Method, target: &str, body: &Value) -> Option<u16> {
        self.send(method, target, JSON, body).await
    }

    async fn send(&self, method: Method, target: &str, content_type: &str, body: &Value) -> Option<u16> {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("content-type", content_type)
            .body(Full::from(body.to_string()))
            .expect("a request");
        self.answer(request).await
    }

    /// Sends a request, and looks at the answer if it comes in time.
    async fn answer(&self, request: Request<Full<Bytes>>) -> Option<u16> {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = self.service.clone().call(request);
        let Ok(answer) = tokio::time::timeout(PATIENCE, answer).await else {
            return None;
        };
        let response = answer.unwrap_or_else(|never: Infallible| match never {});
        let code = response.status().as_u16();
        // A stream ends when nobody listens.
        let body = match response.body().size_hint().exact() {
            Some(_) => response.into_body().collect().await.map(|body| body.to_bytes()),
            None => Ok(Bytes::new()),
        };
        let body = body.unwrap_or_else(|never: Infallible| match never {});
        let said = String::from_utf8_lossy(&body);
        let expected = match code {
            500 => UPSTREAMS.iter().any(|words| said.contains(words)),
            _ => code < 500 || matches!(code, 501 | 503 | 504),
        };
        assert!(expected, "{what}: {code} {said}");
        if code >= 400 && body.starts_with(b"{") {
            let status: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(status["code"], code, "{what}: {status}");
        }
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// How many accidents happen to each file, unless `KUBIST_ACCIDENTS` has another number.
    const ACCIDENTS: usize = 60;

    fn run(name: &str, target: fn(&[u8])) {
        static PANICS: AtomicU64 = AtomicU64::new(0);
        static COUNTED: OnceLock<()> = OnceLock::new();
        // What panics in a task of the server ends that task, and no test.
        COUNTED.get_or_init(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if std::thread::current()
                    .name()
                    .is_some_and(|name| name.starts_with("tokio"))
                {
                    PANICS.fetch_add(1, Ordering::Relaxed);
                }
                before(panic);
            }));
        });
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/corpus")
            .join(name);
        let accidents = std::env::var("KUBIST_ACCIDENTS").ok();
        let accidents = accidents
            .and_then(|number| number.parse().ok())
            .unwrap_or(ACCIDENTS);
        let mut runner = TestRunner::deterministic();
        let mut files = 0;
        for file in fs::read_dir(corpus).expect("a corpus") {
            let content = fs::read(file.expect("a file").path()).expect("a file");
            target(&content);
            for _ in 0..accidents {
                let happened = vec(accident(), 1..5).new_tree(&mut runner).expect("accidents");
                let mut content = content.clone();
                for accident in happened.current() {
                    accident.happen(&mut content);
                }
                target(&content);
            }
            files += 1;
        }
        assert!(files > 1, "{name} has no corpus");
        assert_eq!(PANICS.load(Ordering::Relaxed), 0, "something panicked");
    }

    #[derive(Clone, Debug)]
    enum Change {
        Truncate,
        Insert(&'static str),
        Remove(usize),
        Set(u8),
        Repeat(usize),
    }

    /// What happens to some bytes, at a place between the first (0) and the last (1).
    #[derive(Clone, Debug)]
    struct Accident(f64, Change);

    fn accident() -> impl Strategy<Value = Accident> {
        let change = prop_oneof![
            1 => Just(Change::Truncate),
            4 => prop::sample::select(PIECES.to_vec()).prop_map(Change::Insert),
            3 => (1..12_usize).prop_map(Change::Remove),
            2 => any::<u8>().prop_map(Change::Set),
            2 => (1..40_usize).prop_map(Change::Repeat),
        ];
        (0.0..1.0, change).prop_map(|(at, change)| Accident(at, change))
    }

    const PIECES: [&str; 24] = [
        "\"",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\\",
        "\n",
        " ",
        "%",
        "%2F",
        "&",
        "/",
        "0",
        "-",
        "e9",
        "null",
        "\u{fffd}",
        "9223372036854775808",
        "\"metadata\":",
        "self.",
        "type: ",
        ".all(x, x)",
    ];

    impl Accident {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a small file"
        )]
        fn happen(self, content: &mut Vec<u8>) {
            let at = (content.len() as f64 * self.0) as usize;
            match self.1 {
                Change::Truncate => content.truncate(at),
                Change::Insert(piece) => {
                    content.splice(at..at, piece.bytes());
                }
                Change::Remove(count) => {
                    content.drain(at..content.len().min(at + count));
                }
                Change::Set(byte) => {
                    if let Some(place) = content.get_mut(at) {
                        *place = byte;
                    }
                }
                Change::Repeat(count) => {
                    let piece = content[at..content.len().min(at + count)].to_vec();
                    content.splice(at..at, piece);
                }
            }
        }
    }

    #[test]
    fn any_request() {
        run("requests", requests);
    }

    #[test]
    fn any_expression() {
        run("expressions", expressions);
    }

    #[test]
    fn any_schema() {
        run("schemas", schemas);
    }
}
