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
        versions: None,
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
    managers
        .update(
            context(&reset),
            &live,
            &config(json!({"x": "2"})),
            &Manager::updater("edit", "", "v1"),
        )
        .unwrap();
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
        managers
            .update(
                context(&reset),
                &live,
                &new,
                &Manager::updater(&format!("m{at}"), "", "v1"),
            )
            .unwrap();
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

/// Objects that have their data under another key in each version, and no data at all in v3.
#[derive(Debug)]
struct Renamed;

impl Renamed {
    fn key(version: &str) -> &'static str {
        if version == "v1" { "one" } else { "two" }
    }
}

impl Versions for Renamed {
    fn shape(&self, api_version: &str) -> Option<Shape<'_>> {
        matches!(api_version, "v1" | "v2" | "v3").then(Shape::untyped)
    }

    fn convert(&self, object: &Value, from: &str, to: &str) -> Result<Value, ConversionError> {
        let mut object = object.clone();
        if to == "v3" {
            return Err(ConversionError {
                api_version: to.into(),
                why: "lost".into(),
            });
        }
        object["apiVersion"] = to.into();
        if let Some(data) = object.as_object_mut().and_then(|map| map.remove(Self::key(from))) {
            object[Self::key(to)] = data;
        }
        Ok(object)
    }
}

fn versioned<'a>(reset: &'a FieldSet, api_version: &'a str) -> Context<'a> {
    Context {
        shape: Shape::untyped(),
        api_version,
        versions: Some(&Renamed),
        ..context(reset)
    }
}

fn renamed(version: &str, data: Value) -> Value {
    json!({"apiVersion": version, "kind": "A", "metadata": {"name": "a"}, (Renamed::key(version)): data})
}

#[test]
fn owners_in_another_version_keep_what_did_not_change() {
    let reset = FieldSet::default();
    let mut managers = Managers::default();
    let (one, two) = (Manager::applier("one", ""), Manager::applier("two", ""));
    let v1 = versioned(&reset, "v1");
    let v2 = versioned(&reset, "v2");
    let live = renamed("v1", json!({}));
    let live = managers
        .apply(
            v1,
            &live,
            &renamed("v1", json!({"x": "1", "y": "1"})),
            &one,
            false,
        )
        .unwrap();
    let live = Renamed.convert(&live, "v1", "v2").unwrap();

    // The same value is shared, another one conflicts, under the name it has in the owner's version.
    let config = renamed("v2", json!({"x": "1"}));
    managers.clone().apply(v2, &live, &config, &two, false).unwrap();
    let config = renamed("v2", json!({"x": "2"}));
    match managers.clone().apply(v2, &live, &config, &two, false) {
        Err(ApplyError::Conflicts(conflicts)) => {
            assert_eq!(conflicts[0].path.to_string(), ".one.x");
            assert_eq!(conflicts[0].api_version, "v1");
        }
        other => panic!("{other:?}"),
    }

    // The owner itself goes on in the new version, and loses what it no longer sets.
    let mut moved = managers.clone();
    let config = renamed("v2", json!({"y": "1"}));
    let result = moved.apply(v2, &live, &config, &one, false).unwrap();
    assert_eq!(result["two"], json!({"y": "1"}));
    assert_eq!(
        moved.write().unwrap()[0]["fieldsV1"],
        json!({"f:two": {".": {}, "f:y": {}}})
    );

    // An update in one version takes from an owner in the other.
    let edit = Manager::updater("edit", "", "v2");
    let new = renamed("v2", json!({"x": "2", "y": "1"}));
    managers.update(v2, &live, &new, &edit).unwrap();
    let entries = managers.write().unwrap();
    assert_eq!(entries[0]["fieldsV1"], json!({"f:one": {".": {}, "f:y": {}}}));
    assert_eq!(entries[1]["fieldsV1"], json!({"f:two": {"f:x": {}}}));
}

#[test]
fn owners_in_a_version_that_is_gone_are_forgotten_and_a_failing_conversion_fails() {
    let reset = FieldSet::default();
    let live = renamed("v1", json!({"x": "1"}));
    let owned_in = |version: &str| {
        Managers::read(Some(&json!([{
            "manager": "old", "operation": "Apply", "apiVersion": version, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:one": {"f:x": {}}},
        }])))
        .unwrap()
    };
    let new = renamed("v1", json!({"x": "2"}));
    let edit = Manager::updater("edit", "", "v1");
    let mut managers = owned_in("v0");
    managers
        .update(versioned(&reset, "v1"), &live, &new, &edit)
        .unwrap();
    assert_eq!(managers.write().unwrap().as_array().map(Vec::len), Some(1));

    let mut managers = owned_in("v3");
    let before = managers.clone();
    let error = managers
        .update(versioned(&reset, "v1"), &live, &new, &edit)
        .unwrap_err();
    assert_eq!(error.to_string(), "cannot convert the object to v3: lost");
    assert_eq!(managers, before);
}
