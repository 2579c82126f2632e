use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::*;
use crate::watcher::Event;

fn map(name: &str, version: &str) -> Arc<ConfigMap> {
    Arc::new(ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.into()),
            namespace: Some("default".into()),
            resource_version: Some(version.into()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    })
}

fn key(name: &str) -> Key {
    Key::new(Some("default"), name)
}

fn load(writer: &mut Writer<ConfigMap>, objects: impl IntoIterator<Item = Arc<ConfigMap>>) -> Change {
    writer.absorb(Event::Init);
    for object in objects {
        writer.absorb(Event::InitApply(object));
    }
    writer.absorb(Event::InitDone)
}

#[test]
fn a_relist_tells_what_is_new_different_or_gone() {
    let (reader, mut writer) = store::<ConfigMap>();
    load(
        &mut writer,
        [map("same", "1"), map("changed", "1"), map("gone", "1")],
    );
    let same = reader.get(&ObjectRef::new("same").within("default")).unwrap();

    let change = load(
        &mut writer,
        [map("same", "1"), map("changed", "2"), map("new", "3")],
    );
    let Change::Replaced { changed, gone } = change else {
        panic!("{change:?}")
    };
    assert_eq!(changed, [key("changed"), key("new")]);
    assert_eq!(gone, [key("gone")]);
    let still = reader.get(&ObjectRef::new("same").within("default")).unwrap();
    assert!(
        Arc::ptr_eq(&same, &still),
        "an equal object is not replaced by its copy"
    );
}

#[test]
fn a_broken_initial_state_leaves_no_ghost() {
    let (reader, mut writer) = store::<ConfigMap>();
    writer.absorb(Event::Init);
    writer.absorb(Event::InitApply(map("ghost", "1")));
    load(&mut writer, [map("real", "2")]);
    let names: Vec<_> = reader.state().iter().map(|object| object.name_any()).collect();
    assert_eq!(names, ["real"]);
}

#[test]
fn what_is_deleted_while_the_state_is_gathered_stays_deleted() {
    let (reader, mut writer) = store::<ConfigMap>();
    writer.absorb(Event::Init);
    writer.absorb(Event::InitApply(map("short", "1")));
    writer.absorb(Event::Delete(map("short", "2")));
    let change = writer.absorb(Event::InitDone);
    assert_eq!(
        change,
        Change::Replaced {
            changed: vec![],
            gone: vec![]
        }
    );
    assert!(reader.is_empty());
}

#[test]
fn the_old_state_is_readable_until_the_new_one_is_whole() {
    let (reader, mut writer) = store::<ConfigMap>();
    load(&mut writer, [map("a", "1")]);
    writer.absorb(Event::Init);
    writer.absorb(Event::InitApply(map("b", "2")));
    assert!(reader.get(&ObjectRef::new("a").within("default")).is_some());
    assert!(reader.get(&ObjectRef::new("b").within("default")).is_none());
}

#[tokio::test]
async fn readiness_comes_with_the_first_whole_state() {
    let (reader, mut writer) = store::<ConfigMap>();
    writer.absorb(Event::Apply(map("a", "1")));
    assert!(!reader.is_ready());
    load(&mut writer, []);
    reader.wait_until_ready().await.unwrap();

    let (reader, writer) = store::<ConfigMap>();
    drop(writer);
    reader.wait_until_ready().await.unwrap_err();
}

#[test]
fn events_share_one_key_per_object() {
    let (_, mut writer) = store::<ConfigMap>();
    let Change::Applied(first) = writer.absorb(Event::Apply(map("a", "1"))) else {
        panic!()
    };
    let Change::Applied(second) = writer.absorb(Event::Apply(map("a", "2"))) else {
        panic!()
    };
    assert!(first.is_same_allocation(&second));
}
