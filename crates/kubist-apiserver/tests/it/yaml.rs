//! Objects in YAML.

use http::Method;
use http_body_util::BodyExt as _;
use kubist_apiserver::Server;
use serde_json::Value;

use crate::client::{CONFIG_MAPS, Http};

const TWICE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: one\n  a: two\n";
const WARNING: &str = "299 - \"line 7: key \\\"a\\\" already set in map\"";

/// The status, the warnings, and the body of an answer.
async fn send(http: &Http, method: Method, path: &str, ty: &str) -> (u16, Vec<String>, Value) {
    let headers = [("content-type", ty)];
    let response = http.send(method, path, &headers, TWICE.into()).await;
    let warnings = response.headers().get_all("warning").iter();
    let warnings = warnings
        .map(|warning| warning.to_str().expect("a text").to_owned())
        .collect();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, warnings, serde_json::from_slice(&body).expect("JSON"))
}

#[tokio::test]
async fn a_key_that_comes_twice_is_told_of() {
    let server = Server::start().await.expect("a server");
    let http = Http::new(&server);
    let create = async |query: &str| {
        send(
            &http,
            Method::POST,
            &format!("{CONFIG_MAPS}?{query}"),
            "application/yaml",
        )
        .await
    };
    let (status, _, refused) = create("fieldValidation=Strict").await;
    assert_eq!(status, 400);
    assert_eq!(
        refused["message"],
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal \
         errors:\n  line 7: key \"a\" already set in map"
    );
    let (status, warnings, created) = create("").await;
    assert_eq!((status, warnings.as_slice()), (201, &[WARNING.to_owned()][..]));
    assert_eq!(created["data"]["a"], "two");

    let apply = async |query: &str| {
        let path = format!("{CONFIG_MAPS}/b?fieldManager=m{query}");
        let body = TWICE.replace("name: a", "name: b");
        let headers = [("content-type", "application/apply-patch+yaml")];
        http.send(Method::PATCH, &path, &headers, body.into()).await
    };
    assert_eq!(apply("&fieldValidation=Strict").await.status(), 400);
    let applied = apply("").await;
    assert_eq!(applied.status(), 201);
    assert_eq!(applied.headers()["warning"], WARNING);
    let quiet = apply("&fieldValidation=Ignore").await;
    assert!(quiet.headers().get("warning").is_none());
}
