//! t
use http::Request;
use http_body_util::{BodyExt as _, Full};
use bytes::Bytes;
use tower::ServiceExt as _;
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = kubist_apiserver::Server::builder().controllers(false).start().await.unwrap();
    for round in 0..4 {
        let t = std::time::Instant::now();
        for i in 0..10000 {
            let body = serde_json::json!({"metadata": {"name": format!("c{round}-{i}"), "labels": {"app": "bench"}}, "data": {"key": "value"}}).to_string();
            let r = Request::post("/api/v1/namespaces/default/configmaps").header("content-type","application/json").body(Full::<Bytes>::from(body)).unwrap();
            let a = server.service().oneshot(r).await.unwrap();
            assert_eq!(a.status(), 201);
            a.into_body().collect().await.unwrap();
        }
        println!("{:?} per create", t.elapsed()/10000);
    }
}
