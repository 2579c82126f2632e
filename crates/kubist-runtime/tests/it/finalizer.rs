use std::convert::Infallible;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use kubist_client::Api;
use kubist_core::ResourceExt;
use kubist_core::params::{DeleteParams, PostParams};
use kubist_runtime::controller::Action;
use kubist_runtime::finalizer::{Error, Event, finalizer};

use crate::support::{cluster, map, maps};

const OURS: &str = "docs.example.com/cleanup";

/// One reconcile: what it was asked to do, if anything.
async fn run(api: &Api<ConfigMap>, object: &ConfigMap) -> Result<&'static str, Error<Infallible>> {
    let mut asked = "nothing";
    let event = |event| {
        asked = match event {
            Event::Apply(_) => "apply",
            Event::Cleanup(_) => "clean up",
        };
        async { Ok(Action::await_change()) }
    };
    finalizer(api, OURS, Arc::new(object.clone()), event).await?;
    Ok(asked)
}

#[tokio::test]
async fn an_object_is_cleaned_up_before_it_goes() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    let object = maps.create(&PostParams::default(), &map("a", "")).await.unwrap();

    assert_eq!(
        run(&maps, &object).await.unwrap(),
        "nothing",
        "the finalizer comes first"
    );
    let object = maps.get("a").await.unwrap();
    assert_eq!(object.finalizers(), [OURS]);
    assert_eq!(run(&maps, &object).await.unwrap(), "apply");

    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let object = maps.get("a").await.unwrap();
    assert!(object.metadata.deletion_timestamp.is_some());
    assert_eq!(run(&maps, &object).await.unwrap(), "clean up");
    assert!(maps.get_opt("a").await.unwrap().is_none());
    assert_eq!(
        run(&maps, &object).await.unwrap(),
        "clean up",
        "again, from a stale cache: no error"
    );
}

#[tokio::test]
async fn other_finalizers_stay() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    let mut object = map("a", "");
    object.finalizers_mut().push("example.com/theirs".into());
    let object = maps.create(&PostParams::default(), &object).await.unwrap();
    run(&maps, &object).await.unwrap();
    assert_eq!(
        maps.get("a").await.unwrap().finalizers(),
        ["example.com/theirs", OURS]
    );

    maps.delete("a", &DeleteParams::default()).await.unwrap();
    run(&maps, &maps.get("a").await.unwrap()).await.unwrap();
    assert_eq!(maps.get("a").await.unwrap().finalizers(), ["example.com/theirs"]);
}

#[tokio::test]
async fn a_stale_view_removes_nothing_that_is_not_ours() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    let mut object = map("a", "");
    object
        .finalizers_mut()
        .extend([OURS.to_owned(), "example.com/theirs".to_owned()]);
    maps.create(&PostParams::default(), &object).await.unwrap();
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let stale = maps.get("a").await.unwrap();

    let mut changed = stale.clone();
    changed.finalizers_mut().remove(0);
    maps.replace("a", &PostParams::default(), &changed).await.unwrap();
    assert!(matches!(run(&maps, &stale).await, Err(Error::RemoveFinalizer(_))));
    assert_eq!(maps.get("a").await.unwrap().finalizers(), ["example.com/theirs"]);
}

#[tokio::test]
async fn an_object_that_is_going_gets_no_finalizer() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    let mut object = map("a", "");
    object.finalizers_mut().push("example.com/theirs".into());
    maps.create(&PostParams::default(), &object).await.unwrap();
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert_eq!(
        run(&maps, &maps.get("a").await.unwrap()).await.unwrap(),
        "nothing"
    );
}
