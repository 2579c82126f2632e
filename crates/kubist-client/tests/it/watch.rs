//! Watches: how they go on, and how they end.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use k8s_openapi::api::core::v1::ConfigMap;
use kubist_client::{
    Api, Client, Error,
    api::{PartialObjectMeta, WatchEvent, WatchParams},
    core::DeserializeGuard,
};

use crate::server::{Body, TestServer, answer};

/// A response in chunks; `None` breaks the connection.
fn chunks(chunks: impl IntoIterator<Item = Option<&'static str>>) -> Response<Body> {
    let frames: Vec<_> = chunks
        .into_iter()
        .map(|chunk| match chunk {
            Some(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            None => Err(std::io::Error::other("cut")),
        })
        .collect();
    // Each chunk goes out by itself.
    let frames = stream::iter(frames).then(|frame| async {
        tokio::task::yield_now().await;
        frame
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}

async fn server(answers: fn() -> Response<Body>) -> (TestServer, Api<ConfigMap>) {
    let server = TestServer::http(move |_| async move { answers() }).await;
    let client = Client::try_from(server.config()).expect("valid");
    (server, Api::default_namespaced(client))
}

async fn events(api: &Api<ConfigMap>) -> Vec<Result<WatchEvent<ConfigMap>, Error>> {
    let events = api.watch(&WatchParams::default(), "0").await.expect("starts");
    events.collect().await
}

#[tokio::test]
async fn events_come_whole_however_they_are_cut() {
    let (_server, api) = server(|| {
        chunks([
            Some("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"na"),
            Some("me\":\"a\"}}}\n{\"type\":\"BOOKMARK\",\"object\":{\"apiVersion\":\"v1\","),
            Some("\"kind\":\"ConfigMap\",\"metadata\":{\"resourceVersion\":\"7\"}}}\n\n"),
            Some("{\"type\":\"DELETED\",\"object\":{}}"),
        ])
    })
    .await;
    let watch = api.watch(&WatchParams::default(), "0").await.expect("starts");
    let events: Vec<_> = watch.try_collect().await.expect("all are events");
    assert!(matches!(
        &events[..],
        [WatchEvent::Added(added), WatchEvent::Bookmark(bookmark), WatchEvent::Deleted(_)]
            if added.metadata.name.as_deref() == Some("a") && bookmark.metadata.resource_version == "7"
    ));
}

#[tokio::test]
async fn a_connection_that_breaks_between_events_ends_the_watch() {
    let (_server, api) = server(|| chunks([Some("{\"type\":\"ADDED\",\"object\":{}}\n"), None])).await;
    let events = events(&api).await;
    assert!(matches!(&events[..], [Ok(WatchEvent::Added(_))]), "{events:?}");
}

#[tokio::test]
async fn half_an_event_at_the_end_is_an_error() {
    let (_server, api) =
        server(|| chunks([Some("{\"type\":\"ADDED\",\"object\":{}}\n{\"type\":\"ADD")])).await;
    let events = events(&api).await;
    assert!(
        matches!(&events[..], [Ok(_), Err(Error::SerdeError(_))]),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_bad_event_does_not_end_the_watch() {
    let (_server, api) = server(|| {
        chunks([Some(
            "{\"type\":\"ADDED\",\"object\":{\"data\":[\"hunter2\"]}}\n{\"type\":\"ADDED\",\"object\":{}}\n",
        )])
    })
    .await;
    let events = events(&api).await;
    let [Err(error), Ok(WatchEvent::Added(_))] = &events[..] else {
        panic!("an error and an event: {events:?}")
    };
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("object.data") && !shown.contains("hunter2"),
        "{shown}"
    );

    // The same object, for somebody who wants to know of it.
    let guarded: Api<DeserializeGuard<ConfigMap>> = Api::default_namespaced(api.into_client());
    let watch = guarded.watch(&WatchParams::default(), "0").await.expect("starts");
    let events: Vec<_> = watch.try_collect().await.expect("all are events");
    assert!(matches!(&events[..], [WatchEvent::Added(bad), WatchEvent::Added(_)] if bad.0.is_err()));
}

#[tokio::test]
async fn what_the_server_says_in_place_of_events() {
    let (_server, api) = server(|| {
        chunks([Some(
            "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n",
        )])
    })
    .await;
    let events = events(&api).await;
    assert!(
        matches!(&events[..], [Ok(WatchEvent::Error(status))] if status.code == 410),
        "{events:?}"
    );

    let (_server, api) = server(|| answer(410, r#"{"kind":"Status","code":410,"reason":"Expired"}"#)).await;
    let result = api.watch(&WatchParams::default(), "0").await.map(|_| ());
    assert!(
        matches!(&result, Err(Error::Api(status)) if status.reason == "Expired"),
        "{result:?}"
    );
}

#[tokio::test]
async fn metadata_only_says_so_by_itself() {
    let server = TestServer::http(|request| async move {
        let accept = request.headers()["accept"].to_str().expect("text").to_owned();
        let event = serde_json::json!({"type": "ADDED", "object": {"metadata": {"name": accept}}});
        answer(200, event.to_string())
    })
    .await;
    let api: Api<PartialObjectMeta<ConfigMap>> =
        Api::default_namespaced(Client::try_from(server.config()).expect("valid"));
    let watch = api.watch(&WatchParams::default(), "0").await.expect("starts");
    let events: Vec<_> = watch.try_collect().await.expect("all are events");
    let [WatchEvent::Added(object)] = &events[..] else {
        panic!("one event: {events:?}")
    };
    let accept = object.metadata.name.as_deref();
    assert_eq!(
        accept,
        Some("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
    );
}
