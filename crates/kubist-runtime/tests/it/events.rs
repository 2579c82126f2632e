use k8s_openapi::api::events::v1::Event as K8sEvent;
use kubist_client::Api;
use kubist_core::params::{DeleteParams, ListParams, PostParams};
use kubist_core::{Resource, ResourceExt};
use kubist_runtime::events::{Event, EventType, Recorder};

use crate::support::{cluster, map, maps};

fn published(note: &str) -> Event {
    Event {
        type_: EventType::Normal,
        reason: "Published".into(),
        note: Some(note.into()),
        action: "Publish".into(),
        secondary: None,
    }
}

#[tokio::test]
async fn the_same_event_again_is_a_series() {
    let (_server, client) = cluster().await;
    let object = maps(&client)
        .create(&PostParams::default(), &map("a", ""))
        .await
        .unwrap();
    let reference = object.object_ref(&());
    let recorder = Recorder::new(client.clone(), "docs.example.com/test".into());
    for _ in 0..3 {
        recorder.publish(&published("one"), &reference).await.unwrap();
    }
    recorder.publish(&published("two"), &reference).await.unwrap();

    let events = Api::<K8sEvent>::default_namespaced(client);
    let about = ListParams::default().fields("regarding.name=a");
    let mut listed = events.list(&about).await.unwrap().items;
    listed.sort_by(|a, b| a.note.cmp(&b.note));
    let [one, two] = &listed[..] else {
        panic!("{} events", listed.len())
    };
    assert_eq!(one.series.as_ref().unwrap().count, 3);
    assert!(two.series.is_none());
    assert_eq!(one.reporting_controller.as_deref(), Some("docs.example.com/test"));
    assert_eq!(one.regarding.as_ref().unwrap().uid, object.metadata.uid);

    // The server has let it expire: it begins anew.
    events
        .delete(&one.name_any(), &DeleteParams::default())
        .await
        .unwrap();
    recorder.publish(&published("one"), &reference).await.unwrap();
    assert_eq!(events.list(&about).await.unwrap().items.len(), 2);
}
