use k8s_openapi::api::core::v1::ConfigMap;
use kubist_client::Api;
use kubist_core::ResourceExt;
use kubist_core::params::{DeleteParams, PostParams};
use kubist_runtime::wait::delete::delete_and_finalize;
use kubist_runtime::wait::{Error, await_condition, conditions};

use crate::support::{cluster, map, maps, soon, text};

#[tokio::test]
async fn waits_for_a_change() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    let waiting = tokio::spawn({
        let maps = maps.clone();
        let done = |map: Option<&ConfigMap>| map.is_some_and(|map| text(map) == "2");
        async move { await_condition(maps, "a", done).await.unwrap().unwrap() }
    });
    let mut object = maps.create(&PostParams::default(), &map("a", "1")).await.unwrap();
    object.data = map("a", "2").data;
    maps.replace("a", &PostParams::default(), &object).await.unwrap();
    assert_eq!(soon(waiting).await.unwrap().name_any(), "a");
}

#[tokio::test]
async fn another_object_of_the_name_is_not_the_one_that_was_deleted() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    let first = maps.create(&PostParams::default(), &map("a", "")).await.unwrap();
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    maps.create(&PostParams::default(), &map("a", "")).await.unwrap();
    let uid = first.uid().unwrap();
    soon(await_condition(maps, "a", conditions::is_deleted(&uid)))
        .await
        .unwrap();
}

#[tokio::test]
async fn waits_until_the_finalizers_have_run() {
    let (_server, client) = cluster().await;
    let maps = maps(&client);
    let mut object = map("a", "");
    object.finalizers_mut().push("example.com/hold".into());
    maps.create(&PostParams::default(), &object).await.unwrap();
    let deleting = tokio::spawn({
        let maps = maps.clone();
        async move { delete_and_finalize(maps, "a", &DeleteParams::default()).await }
    });
    soon(async {
        loop {
            let mut object = maps.get("a").await.unwrap();
            if object.metadata.deletion_timestamp.is_some() {
                assert!(!deleting.is_finished());
                object.finalizers_mut().clear();
                maps.replace("a", &PostParams::default(), &object).await.unwrap();
                return;
            }
        }
    })
    .await;
    soon(deleting).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_kind_that_does_not_exist_is_an_error() {
    use kubist_core::discovery::ApiResource;
    use kubist_core::dynamic::DynamicObject;
    use kubist_core::gvk::GroupVersionKind;

    let (_server, client) = cluster().await;
    let missing = ApiResource::from_gvk(&GroupVersionKind::gvk("nowhere.example.com", "v1", "Missing"));
    let api = Api::<DynamicObject>::default_namespaced_with(client, &missing);
    let Err(Error::ProbeFailed(error)) = soon(await_condition(api, "a", conditions::is_created())).await
    else {
        panic!("it cannot be there")
    };
    assert!(
        error
            .to_string()
            .contains("failed to perform initial object list"),
        "{error}"
    );
}
