//! Managers, one step at a time.

use serde_json::json;

use super::*;

fn shape() -> Shape<'static> {
    Shape::message(kubist_schema::kind("", "v1", "ConfigMap").expect("ConfigMap"))
}

fn context<'a>(reset: &'a FieldSet) -> Context<'a> {
    Context {
        shape: shape(),
        api_version: "v1",
        reset,
        now: "2026-01-01T00:00:00Z",
    }
}

fn config(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

#[test]
fn an_applier_owns_what_it_sets_and_loses_what_it_drops() {
    let reset = FieldSet::default();
    let mut managers = Managers::default();
    let one = Manager::applier("one", "");
    let live = config(json!({}));
    let live = managers
        .apply(
            context(&reset),
            &live,
            &config(json!({"x": "1", "y": "1"})),
            &one,
            false,
        )
        .unwrap();
    assert_eq!(live["data"], json!({"x": "1", "y": "1"}));
    let live = managers
        .apply(context(&reset), &live, &config(json!({"y": "1"})), &one, false)
        .unwrap();
    assert_eq!(live["data"], json!({"y": "1"}));
    assert_eq!(
        managers.write().unwrap()[0]["fieldsV1"],
        json!({"f:data": {"f:y": {}}})
    );
}

#[test]
fn another_value_conflicts_unless_forced_and_an_equal_one_is_shared() {
    let reset = FieldSet::default();
    let mut managers = Managers::default();
    let (one, two) = (Manager::applier("one", ""), Manager::applier("two", ""));
    let live = managers
        .apply(
            context(&reset),
            &config(json!({})),
            &config(json!({"x": "1"})),
            &one,
            false,
        )
        .unwrap();
    let mut attempt = managers.clone();
    match attempt.apply(context(&reset), &live, &config(json!({"x": "2"})), &two, false) {
        Err(ApplyError::Conflicts(conflicts)) => {
            assert_eq!(conflicts[0].path.to_string(), ".data.x");
            assert_eq!(conflicts[0].manager, one);
        }
        other => panic!("{other:?}"),
    }
    let mut shared = managers.clone();
    shared
        .apply(context(&reset), &live, &config(json!({"x": "1"})), &two, false)
        .unwrap();
    // One leaves, and the field stays for the other.
    let left = shared
        .apply(context(&reset), &live, &config(json!({"z": "1"})), &one, false)
        .unwrap();
    assert_eq!(left["data"], json!({"x": "1", "z": "1"}));
    let forced = managers
        .apply(context(&reset), &live, &config(json!({"x": "2"})), &two, true)
        .unwrap();
    assert_eq!(forced["data"], json!({"x": "2"}));
}

#[test]
fn an_update_takes_what_it_changes() {
    let reset = FieldSet::default();
    let mut managers = Managers::default();
    let one = Manager::applier("one", "");
    let live = managers
        .apply(
            context(&reset),
            &config(json!({})),
            &config(json!({"x": "1"})),
            &one,
            false,
        )
        .unwrap();
    managers.update(
        context(&reset),
        &live,
        &config(json!({"x": "2"})),
        &Manager::updater("edit", "", "v1"),
    );
    let entries = managers.write().unwrap();
    assert_eq!(entries.as_array().map(Vec::len), Some(1));
    assert_eq!(entries[0]["manager"], "edit");
}

#[test]
fn old_updaters_are_merged() {
    let reset = FieldSet::default();
    let mut managers = Managers::default();
    let mut live = config(json!({}));
    for at in 0..20 {
        let mut new = live.clone();
        new["data"][format!("k{at}")] = "v".into();
        managers.update(
            context(&reset),
            &live,
            &new,
            &Manager::updater(&format!("m{at}"), "", "v1"),
        );
        live = new;
    }
    let entries = managers.write().unwrap();
    assert_eq!(entries.as_array().map(Vec::len), Some(MOST_UPDATERS));
    assert!(
        entries
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["manager"] == ANCIENT)
    );
}
