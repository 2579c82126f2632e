//! How much memory a list takes while it is read.
//!
//! A program of its own, as it counts what all of it allocates.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kubist_client::{Api, Client, Config, api::ListParams};
use peak_alloc::PeakAlloc;
use tokio::net::TcpListener;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Fewer than a vector has room for at a power of two.
const OBJECTS: usize = 4_000;

/// Of 8 kB each: what they hold is nearly all of the document.
fn document() -> Bytes {
    let text = "x".repeat(8_000);
    let items: Vec<String> = (0..OBJECTS)
        .map(|number| format!(r#"{{"metadata":{{"name":"map-{number}"}},"data":{{"text":"{text}"}}}}"#))
        .collect();
    format!(
        r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{}]}}"#,
        items.join(",")
    )
    .into()
}

#[tokio::test]
async fn at_its_peak_a_list_takes_its_objects_and_not_the_document_as_well() {
    const MIB: usize = 1024 * 1024;
    let document = document();
    let length = document.len();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = tokio::spawn(async move {
        let answer = service_fn(move |_| {
            let response = Response::new(Full::new(document.clone()));
            async { Ok::<_, std::convert::Infallible>(response) }
        });
        let (stream, _) = listener.accept().await.expect("accepts");
        let server = auto::Builder::new(TokioExecutor::new());
        // Ends with the client.
        let _ = server.serve_connection(TokioIo::new(stream), answer).await;
    });
    let url = format!("http://{address}").parse().expect("valid");
    let maps: Api<ConfigMap> = Api::all(Client::try_from(Config::new(url)).expect("valid"));

    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let list = maps.list(&ListParams::default()).await.expect("a list");
    let (peak, objects) = (MEMORY.peak_usage() - before, MEMORY.current_usage() - before);
    assert_eq!(list.items.len(), OBJECTS);
    assert!(length > 30 * MIB && objects > 30 * MIB, "{length} {objects}");
    assert!(
        peak < objects + 4 * MIB,
        "{peak} bytes at the peak, for {objects} of objects"
    );
    serving.abort();
}
